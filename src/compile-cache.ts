// Has Node keep what it makes of the sources (types taken out, code compiled) from one start to the next, beside the
// sources. Loaded so, the program is there in a third of the time. Where that folder cannot be written, each start does
// all the work again. Imported by the entry of each thread, before anything else; the rest is imported dynamically.

import { existsSync } from 'node:fs'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

/** By then clients are served; later, and a program that is killed would never have written it. */
const FLUSH_AFTER_MS = 500

const folder = fileURLToPath(new URL('../.cache', import.meta.url))
const isFirst = !existsSync(folder)
enableCompileCache(folder)
// Later starts write what is new when they end: it costs each thread 50 ms that clients would feel.
if (isFirst) setTimeout(flushCompileCache, FLUSH_AFTER_MS).unref()
