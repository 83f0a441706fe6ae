// How programs of the tests find the sources: by name, and what is to run on threads as it was built. Whoever imports
// this imports the sources later (import()).

import { registerHooks } from 'node:module'

const BUILT_FILES = new URL('./built-files.ts', import.meta.url).href
const QUICK_NACL = new URL('./quick-nacl.ts', import.meta.url).href

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier === 'tweetnacl') return { url: QUICK_NACL, shortCircuit: true }
    // Our sources name their imports by file, so nobody needs to look for them, nor tell vitest, which watches none.
    if (!specifier.startsWith('.') || !specifier.endsWith('.ts')) return nextResolve(specifier, context)
    const url = specifier.endsWith('/program-files.ts') ? BUILT_FILES : new URL(specifier, context.parentURL).href
    return { url, shortCircuit: true }
  },
})
