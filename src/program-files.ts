// Where the files of the program lie that are not imported: the entries of threads, and the dashboard. They are named
// from here, one folder below the root of the program, whether it runs from its sources or as it was built (dist/).

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/** The entry of a kind of thread: a file of workers/, by its name without extension. */
export function threadEntry(name: string): URL {
  return new URL(`../workers/${name}.${EXTENSION}`, import.meta.url)
}

/** A file that a browser gets. */
export function dashboardFile(name: string): URL {
  return new URL(`../src/monitor/dashboard/${name}`, import.meta.url)
}
