// Another shard as a test wants it: what it publishes lies in its ring, and it does not wake the shard under test, so
// that the test decides what makes that one look.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Routing } from '../../src/frame.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import { Link } from '../../src/link.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import type { PeerMessage } from '../../src/messages.ts'
import type { Primary } from '../../src/primary.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import { createRing, RingConsumer, RingProducer } from '../../src/ring.ts'
import type { Shard } from '../../src/shard.ts'
import { hostOf } from './shards.ts'

/** The shard of a server without worker threads. */
export function localShard(primary: Primary): Shard {
  return (hostOf(primary, 0) as unknown as { readonly shard: Shard }).shard
}

const PLAIN: Routing = {
  account: '$G',
  plain: true,
  queue: '',
  hops: 0,
  publisher: 1_000_000,
  trace: 0,
  isOnlyTraced: false,
}

export class StagedPeer {
  /** What it is interested in. */
  readonly interest: InterestWriter
  /** What the shard under test has sent. */
  readonly consumer: RingConsumer
  readonly link: Link
  /** What the shard under test has said by the port. */
  readonly said: PeerMessage[] = []
  readonly port: MessagePort
  private readonly pool = new ChunkPool()

  constructor(shard: Shard, index: number) {
    const region = createRegion()
    const [ringIn, ringOut] = [createRing(4), createRing(4)]
    const { port1, port2 } = new MessageChannel()
    this.port = port2
    this.port.on('message', (message: PeerMessage) => this.said.push(message))
    this.port.unref()
    this.interest = new InterestWriter(region, shard.generations, shard.seed)
    this.consumer = new RingConsumer(ringOut)
    this.link = new Link(
      new RingProducer(ringIn),
      this.pool,
      () => undefined,
      () => undefined,
    )
    shard.addPeer({ index, region, ringOut, ringIn, port: port1 })
  }

  /** Publishes a message to the shard under test. */
  publish(subject: string, payload: string, routing: Partial<Routing> = {}): void {
    const message = { subject, reply: '', headers: {}, payload: Buffer.from(payload) }
    composeRun(this.pool, message, (run) => this.link.send(run, { ...PLAIN, ...routing }, 0, 1))
    this.link.publish()
  }
}
