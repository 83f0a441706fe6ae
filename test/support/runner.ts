// How vitest's workers load tests: by Node itself, which strips the types and keeps what it compiled for the next file
// and the next run (NODE_COMPILE_CACHE). Vite would transform the sources anew for each run, for half a second a file.

import { pathToFileURL } from 'node:url'
import { TestRunner } from 'vitest'
import './loading.ts'

export default class extends TestRunner {
  /** vitest's own would put the time into the name, so that Node would compile the file anew each time. */
  override importFile(path: string): Promise<unknown> {
    return import(pathToFileURL(path).href)
  }
}
