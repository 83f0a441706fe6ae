// A worker's entry for tests only: the first shard starts, the others fail.

import { threadName } from 'node:worker_threads'

if (threadName !== 'heddle shard 0') throw new Error('this shard cannot start')
await import('./built-shard.ts')
