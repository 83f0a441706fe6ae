// The entry of a worker thread: like src/boot.ts, it has Node keep what it makes of the sources.

import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

enableCompileCache(fileURLToPath(new URL('../.cache', import.meta.url)))
await import('./shard-thread.ts')
flushCompileCache()
