// Stands in for src/base/program-files.ts in tests (vitest.config.ts): threads run the built files.

export function threadEntry(name: string): URL {
  return new URL(`../../dist/workers/${name}.js`, import.meta.url)
}

export function dashboardFile(name: string): URL {
  return new URL(`../../src/monitor/dashboard/${name}`, import.meta.url)
}
