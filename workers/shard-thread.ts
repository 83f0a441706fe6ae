// A worker thread: one shard. Wiring only.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Packr } from 'msgpackr'
import { SHUTDOWN_GRACE_MS } from '../src/constants.ts'
import type { FromShard, Query, ShardSetup, ToShard } from '../src/messages.ts'
import { Shard } from '../src/shard.ts'

const primary = parentPort as MessagePort

function tell(message: FromShard): void {
  primary.postMessage(message)
}

let packr: Packr | undefined

async function answer(id: number, query: Query): Promise<void> {
  // Loaded when first wanted: a start has no time for it.
  const { Packr } = await import('msgpackr')
  packr ??= new Packr()
  tell({ kind: 'report', id, report: packr.pack(shard.report(query)) })
}

const shard = new Shard(workerData as ShardSetup, tell)

primary.on('message', (message: ToShard) => {
  switch (message.kind) {
    case 'connections':
      for (const arrival of message.arrivals) shard.accept(arrival)
      return
    case 'identity':
      shard.setIdentity(message.identity)
      return
    case 'options':
      void shard.setOptions(message.options, message.tls).then(() => tell({ kind: 'applied' }))
      return
    case 'evict':
      shard.evict(message.count, message.eviction)
      return
    case 'answer':
      shard.questions.receive(message)
      return
    case 'peer':
      shard.addPeer(message.peer)
      tell({ kind: 'joined', index: message.peer.index })
      return
    case 'peerGone':
      shard.removePeer(message.index)
      return
    case 'query':
      void answer(message.id, message.query)
      return
    case 'claims':
      void shard.identities.claimsChanged(message.accounts)
      return
    case 'tell':
      shard.system?.tell(message.messages)
      return
    case 'stop':
      shard.stop(SHUTDOWN_GRACE_MS, () => process.exit(0))
      return
  }
})

// A thread that ends by an error has counted until now.
process.on('exit', () => shard.records.addUpTraffic())

tell({ kind: 'ready' })
