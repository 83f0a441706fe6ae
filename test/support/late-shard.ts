// A worker's entry for tests only: the first shard starts at once, the others when the test lets them.

import { BroadcastChannel, threadName } from 'node:worker_threads'
import { LATE_SHARDS } from './late-shard-channel.ts'

if (threadName !== 'heddle shard 0') {
  const channel = new BroadcastChannel(LATE_SHARDS)
  await new Promise<void>((resolve) => {
    channel.onmessage = () => resolve()
  })
  channel.close()
}
await import('./built-shard.ts')
