// The entry of a worker thread. What it does stands in shard-thread.ts; this only sees to it that it is there quickly.

import '../src/compile-cache.ts'

await import('./shard-thread.ts')
