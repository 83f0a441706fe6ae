// Another shard as a test wants it: what it publishes lies in its ring, and it does not wake the shard under test, so
// that the test decides what makes that one look.

import assert from 'node:assert/strict'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import type { Block } from '../../src/memory/block.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import { createRing, RingConsumer, RingProducer } from '../../src/memory/ring.ts'
import { attachRun, emptyFrame, type Frame, FrameKind, readFrame } from '../../src/mesh/frame.ts'
import { Link, type LinkOwner } from '../../src/mesh/link.ts'
import { type PeerMessage, WAKE } from '../../src/mesh/messages.ts'
import type { ShardPeer } from '../../src/mesh/shard-peer.ts'
import type { Primary } from '../../src/primary/primary.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import { PACKED_RUN_BYTES, packedNumber, unpackRun } from '../../src/protocol/packed-run.ts'
import { Run } from '../../src/protocol/run.ts'
import type { Routing } from '../../src/routing/routing.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { PLAIN, payloadsOf } from '../routing/parts.ts'
import { hostOf } from './shards.ts'

/** The shard of a server without worker threads. */
export function localShard(primary: Primary): Shard {
  return (hostOf(primary, 0) as unknown as { readonly shard: Shard }).shard
}

/** Of a link that a test looks after by itself. */
export const NO_OWNER: LinkOwner = {
  work: 0,
  wake: () => undefined,
  mark: () => undefined,
  fellBehind: () => undefined,
  dropped: () => undefined,
  bugMet: (error) => {
    throw error
  },
}

/**
 * Reads the frame at `at` of a ring, and calls back with each run of it, and with the number of its subject in a batch.
 * Fragments and fences have none.
 */
export function readRuns(ring: Block, at: number, frame: Frame, each: (run: Run, number: number) => void): void {
  const run = new Run()
  readFrame(ring, at, frame, run)
  if (frame.kind === FrameKind.run) {
    attachRun(run, ring, frame.rawStart)
    each(run, 0)
  }
  if (frame.kind !== FrameKind.batch) return
  let start = frame.rawStart
  for (let i = 0; i < frame.runs; i++) {
    const packedAt = frame.packedStart + i * PACKED_RUN_BYTES
    unpackRun(ring, packedAt, run, ring, start)
    each(run, packedNumber(ring, packedAt))
    start += run.count * run.stride
  }
  assert.equal(start - frame.rawStart, frame.rawBytes)
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
  /** This one, as the shard under test sees it. */
  private readonly peer: ShardPeer
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
    this.link = new Link(new RingProducer(ringIn), this.pool, {
      ...NO_OWNER,
      get work() {
        shard.order.begin()
        return shard.order.current
      },
    })
    shard.addPeer({ index, region, ringOut, ringIn, port: port1 })
    this.peer = shard.peers[shard.peers.length - 1]
  }

  /** Takes from the ring what the shard under test has sent so far and what still waits; answers the payloads. */
  async drain(): Promise<string[]> {
    const { consumer } = this
    const [frame, payloads] = [emptyFrame(), [] as string[]]
    for (;;) {
      const at = consumer.next()
      if (at < 0) {
        if (this.sent().waitingBytes === 0 && consumer.sleep()) return payloads
        await new Promise((next) => setImmediate(next))
        continue
      }
      readRuns(consumer.block, at, frame, (run) => payloads.push(...payloadsOf(run)))
      if (frame.kind === FrameKind.firstFragment) payloads.push('')
      consumer.advance(frame.bytes)
      if (consumer.release()) this.port.postMessage(WAKE)
    }
  }

  /** What the shard under test has sent, and what of it waits for room. */
  sent(): ReturnType<Link['report']> {
    return this.peer.link.report()
  }

  /** Publishes a message to the shard under test. */
  publish(subject: string, payload: string, routing: Partial<Routing> = {}): void {
    const message = { subject, reply: '', headers: {}, payload: Buffer.from(payload) }
    composeRun(this.pool, message, (run) => this.link.send(run, { ...PLAIN, publisher: 1_000_000, ...routing }, 0, 1))
    this.link.publish()
  }
}
