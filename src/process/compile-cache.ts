// Node caches its work on the sources (types removed, code compiled) between starts, in the folder that node.sh names
// by NODE_COMPILE_CACHE. By itself it writes the cache only at an orderly end of the process.

import nodeModule from 'node:module'

/**
 * By then clients are served. An orderly end writes too, but a program that is killed never would have. It takes 50 ms
 * where all is new and 0.3 where nothing is.
 */
const FLUSH_AFTER_MS = 500

/** Has the calling thread write what it has compiled, a little later. Does nothing where there is no such folder. */
export function keepCompiled(): void {
  setTimeout(nodeModule.flushCompileCache, FLUSH_AFTER_MS).unref()
}
