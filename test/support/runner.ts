// How vitest's workers load tests: by Node itself, which strips the types and keeps what it compiled for the next file
// and the next run (NODE_COMPILE_CACHE). Vite would transform the sources anew for each run, for half a second a file.

import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { TestRunner } from 'vitest'

const BUILT_FILES = new URL('./built-files.ts', import.meta.url).href
const QUICK_NACL = new URL('./quick-nacl.ts', import.meta.url).href

// Our sources name their imports by file, so nobody needs to look for them, nor tell vitest, which watches none.
registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier === 'tweetnacl') return { url: QUICK_NACL, shortCircuit: true }
    if (!specifier.startsWith('.') || !specifier.endsWith('.ts')) return nextResolve(specifier, context)
    const url = specifier.endsWith('/program-files.ts') ? BUILT_FILES : new URL(specifier, context.parentURL).href
    return { url, shortCircuit: true }
  },
})

export default class extends TestRunner {
  /** vitest's own would put the time into the name, so that Node would compile the file anew each time. */
  override importFile(path: string): Promise<unknown> {
    return import(pathToFileURL(path).href)
  }
}
