// The paths of program files that are not imported: the entries of threads, and the dashboard.

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
/** The root of the program. In dist/ this file is part of one in src/ itself. */
const ROOT = new URL(EXTENSION === 'ts' ? '../../' : '../', import.meta.url)

/** The entry of a kind of thread: a file of workers/, by its name without extension. */
export function threadEntry(name: string): URL {
  return new URL(`workers/${name}.${EXTENSION}`, ROOT)
}

/** A file that a browser gets. */
export function dashboardFile(name: string): URL {
  return new URL(`src/monitor/dashboard/${name}`, ROOT)
}
