// The entry of a worker thread: one shard. Wiring only.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { Packr } from 'msgpackr'
import { SHUTDOWN_GRACE_MS } from '../src/constants.ts'
import type { FromShard, ShardSetup, ToShard } from '../src/messages.ts'
import { Shard } from '../src/shard.ts'

const primary = parentPort as MessagePort
const shard = new Shard(workerData as ShardSetup)
const packr = new Packr()

function tell(message: FromShard): void {
  primary.postMessage(message)
}

primary.on('message', (message: ToShard) => {
  switch (message.kind) {
    case 'connections':
      for (const arrival of message.arrivals) shard.accept(arrival)
      return
    case 'identity':
      shard.identity = message.identity
      return
    case 'peer':
      shard.addPeer(message.peer)
      tell({ kind: 'joined', index: message.peer.index })
      return
    case 'peerGone':
      shard.removePeer(message.index)
      return
    case 'query':
      tell({ kind: 'report', id: message.id, report: packr.pack(shard.report(message.query)) })
      return
    case 'stop':
      shard.stop(SHUTDOWN_GRACE_MS, () => process.exit(0))
      return
  }
})

// A thread that ends by an error has counted until now.
process.on('exit', () => shard.addUpTraffic())

tell({ kind: 'ready' })
