// The entry of the command: has Node keep what it makes of the sources (types taken out, code compiled) from one start
// to the next, beside the sources, and goes on with main.ts. Loaded so, the program is there in a third of the time.
// Where that folder cannot be written, each start does all the work again.

import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

enableCompileCache(fileURLToPath(new URL('../.cache', import.meta.url)))
await import('./main.ts')
// Now, as not every program is ended so that it could do it then.
flushCompileCache()
