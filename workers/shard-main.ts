// The entry of a worker thread: one shard, once it has its setup. Wiring only.

import { type MessagePort, parentPort } from 'node:worker_threads'
import type { Packr } from 'msgpackr'
import { PROGRAM, SHUTDOWN_GRACE_MS } from '../src/base/constants.ts'
import { attempt } from '../src/base/guarded.ts'
import { StoreClient } from '../src/jetstream/storage/store-client.ts'
import { openPipe } from '../src/net/port-pipe.ts'
import { keepCompiled } from '../src/process/compile-cache.ts'
import { shrinkWhenIdle } from '../src/process/idle-heap.ts'
import type { Query } from '../src/reports/query.ts'
import { createShard } from '../src/shard/create-shard.ts'
import type { Shard } from '../src/shard/shard.ts'
import type { FromShard, ShardSetup, ToShard } from '../src/threads/messages.ts'

type Order = Exclude<ToShard, { kind: 'spare' | 'setup' | 'store' }>

const primary = parentPort as MessagePort

function tell(message: FromShard): void {
  primary.postMessage(message)
}

let shard: Shard | undefined
let wasSpare = false
/** A shard that begins needs it for its streams. */
const store = new StoreClient((error) => (shard === undefined ? die(error) : shard.bugMet(error)))
/** What came before the shard was there. */
const early: Order[] = []

primary.on('message', (message: ToShard) => {
  if (message.kind === 'spare') attempt(die, beSpare)
  else if (message.kind === 'setup') attempt(die, () => begin(message.setup))
  else if (message.kind === 'store') store.connected(message.port, message.stuckCall)
  else if (shard === undefined) early.push(message)
  else obey(shard, message)
})

/** Loads what a shard with streams needs, and waits. */
async function beSpare(): Promise<void> {
  wasSpare = true
  await import('../src/jetstream/jetstream.ts')
  if (process.title === PROGRAM) shrinkWhenIdle()
}

async function begin(setup: ShardSetup): Promise<void> {
  const begun = await createShard(setup, tell, store.service)
  shard = begun
  // A thread that ends by an error has counted until now.
  process.on('exit', () => begun.records.addUpTraffic())
  tell({ kind: 'ready' })
  // Flags of V8 are the process's: an embedding program's are its own.
  if (process.title === PROGRAM && !wasSpare) shrinkWhenIdle()
  for (const message of early.splice(0)) obey(begun, message)
}

/** A thread that cannot become a shard, or cannot know another one, is of no use: the primary replaces it. */
function die(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}

function obey(shard: Shard, message: Order): void {
  attempt(message.kind === 'peer' ? die : shard.bugMet, () => carryOut(shard, message))
}

function carryOut(shard: Shard, message: Order): unknown {
  switch (message.kind) {
    case 'connections':
      for (const arrival of message.arrivals) shard.arrivals.add(arrival)
      return
    case 'pipe': {
      const { arrival, port, counters } = message
      shard.connections.takePipe(arrival, (readBuffer, onRead) => openPipe(port, counters, readBuffer, onRead))
      return
    }
    case 'identity':
      shard.setIdentity(message.identity)
      return
    case 'options':
      return shard.setOptions(message.options, message.tls).then(() => tell({ kind: 'applied' }))
    case 'evict':
      shard.connections.evict(message.count, message.eviction)
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
      return answer(shard, message.id, message.query)
    case 'claims':
      shard.claimsChanged(message.accounts)
      return
    case 'tell':
      shard.tellSystem(message.messages)
      return
    case 'link':
      shard.links.tell(message.link, message.told)
      return
    case 'stop':
      shard.stop(SHUTDOWN_GRACE_MS, () => process.exit(0))
      return
  }
}

let packr: Packr | undefined

async function answer(shard: Shard, id: number, query: Query): Promise<void> {
  const end = (complete: boolean): void => tell({ kind: 'reportEnd', id, complete })
  try {
    // Loaded when first wanted: a start has no time for it.
    const { Packr } = await import('msgpackr')
    packr ??= new Packr()
    const pack = packr.pack.bind(packr)
    shard.answer(query, { part: (part) => tell({ kind: 'reportPart', id, part: pack(part) }), end })
  } catch (error) {
    shard.bugMet(error)
    end(false)
  }
}

keepCompiled()
