// The way out to one other shard: runs become frames in its ring. Nothing is dropped and nothing blocks: where the ring
// is full, frames wait here in order, and the publishers of waiting messages are not read further. Only messages of the
// server itself are dropped, and only when very much waits.

import assert from 'node:assert/strict'
import {
  BATCH_RUNS_MAX,
  BLOCK_SLACK,
  CHUNK_BYTES,
  FRAME_ROOM_MIN,
  LINK_BEHIND_MAX,
  LINK_WAITING_MAX,
} from '../base/constants.ts'
import { attempt, type OnBug } from '../base/guarded.ts'
import { type Block, copyBytes } from '../memory/block.ts'
import type { Chunk, ChunkPool } from '../memory/chunk-pool.ts'
import type { RingConsumer, RingProducer } from '../memory/ring.ts'
import { PACKED_RUN_BYTES } from '../protocol/packed-run.ts'
import type { Run } from '../protocol/run.ts'
import type { Batch, PackedRuns } from '../routing/batch.ts'
import type { Routing } from '../routing/routing.ts'
import { SERVER_ID } from '../routing/server-publisher.ts'
import {
  batchBytes,
  FENCE_BYTES,
  FrameKind,
  frameBytes,
  messagesIn,
  writeBatch,
  writeFence,
  writeFrame,
} from './frame.ts'

/** A chunk of frames, of which those in [start, end) still wait. */
interface WaitingFrames {
  readonly chunk: Chunk
  start: number
  end: number
}

/** What a link asks of the peer that it leads to. */
export interface LinkOwner {
  /** The number of the current work (publish-order.ts). */
  readonly work: number
  /** Wakes the other shard. */
  wake(): void
  /** Asks for publish() at the end of the turn. */
  mark(): void
  /** LINK_BEHIND_MAX bytes wait: no publisher should be read whose messages could join them. */
  fellBehind(): void
  /** A bug was met in something that was held for the ring's sake. */
  readonly bugMet: OnBug
  /** So many messages of the server itself were dropped. */
  dropped(messages: number): void
}

/** What an operator may want to know of a link. */
export interface LinkReport {
  /** Bytes that the ring holds, that are in it and not dealt with, and that wait for room in it. */
  readonly sizeBytes: number
  readonly usedBytes: number
  readonly waitingBytes: number
  /** Since the ring was made. */
  readonly sentBytes: number
  readonly sentMessages: number
}

/** `behind`: publishers are held; `full`: too much waits for messages of the server itself. */
type State = 'open' | 'behind' | 'full' | 'closed'

export class Link {
  private readonly ring: RingProducer
  private readonly pool: ChunkPool
  private readonly owner: LinkOwner
  /** Frames for which the ring had no room, oldest first, packed in chunks. */
  private waiting: WaitingFrames[] = []
  private waitingBytes = 0
  /** Called when no frame waits any more: publishers may be read again. */
  private reliefs: (() => void)[] = []
  private state: State = 'open'
  /** Where the latest place() is. */
  private block: Block
  private sentBytes = 0
  private sentMessages = 0
  /** Runs for this shard that are not in a frame yet, by their places in the outbox that they are from. */
  private readonly picks = new Uint16Array(BATCH_RUNS_MAX)
  private picked = 0
  private pickedFrom: PackedRuns | undefined

  constructor(ring: RingProducer, pool: ChunkPool, owner: LinkOwner) {
    this.ring = ring
    this.block = ring.block
    this.pool = pool
    this.owner = owner
  }

  /** Frames wait: publishers through this link should not be read for now. */
  get congested(): boolean {
    return this.waiting.length > 0
  }

  get isFull(): boolean {
    return this.state === 'full'
  }

  /** Calls back when no frame waits any more. */
  whenRelieved(callback: () => void): void {
    if (this.congested) this.reliefs.push(callback)
    else callback()
  }

  pick(runs: PackedRuns, place: number): void {
    if (this.state === 'closed') return
    this.pickedFrom = runs
    this.picks[this.picked++] = place
  }

  sendPicked(batch: Batch): boolean {
    const { picks, picked, ring } = this
    if (picked === 0) return false
    this.dropPicked()
    const { lengths } = batch.runs
    const room = ring.frameMax - batchBytes(batch, 0, 0) - BLOCK_SLACK
    for (let from = 0, until = 0; from < picked; from = until) {
      let rawBytes = 0
      // One fits at least: an outbox takes no run that is longer than what a frame has room for.
      while (until < picked && (until - from + 1) * PACKED_RUN_BYTES + rawBytes + lengths[picks[until]] <= room) {
        rawBytes += lengths[picks[until++]]
      }
      assert(until > from, 'a run that was picked fits no frame')
      const at = this.place(batchBytes(batch, until - from, rawBytes))
      this.sentMessages += writeBatch(this.block, at, batch, picks, from, until, rawBytes, this.owner.work)
    }
    if (ring.unpublishedBytes >= CHUNK_BYTES) this.publish()
    return true
  }

  dropPicked(): void {
    this.picked = 0
    this.pickedFrom = undefined
  }

  /** What was picked goes before what comes now. */
  private settle(): void {
    this.pickedFrom?.empty()
  }

  /** Sends messages [from, from + count) of `run`. */
  send(run: Run, routing: Routing, from: number, count: number): void {
    this.settle()
    if (this.state !== 'open' && this.refuses(routing, count)) return
    this.sentMessages += count
    const room = this.ring.frameMax - frameBytes(routing, run.cluster, 0) - BLOCK_SLACK
    assert(room >= FRAME_ROOM_MIN, 'the names in a frame leave no room for messages')
    const perFrame = Math.floor(room / run.stride)
    if (perFrame === 0) {
      for (let i = 0; i < count; i++) this.sendFragments(run, routing, from + i, room)
      return
    }
    for (let sent = 0; sent < count; sent += perFrame) {
      const part = Math.min(perFrame, count - sent)
      this.put(FrameKind.run, run, routing, from + sent, part, 0, part * run.stride)
    }
  }

  private refuses({ publisher }: Routing, count: number): boolean {
    if (this.state === 'closed') return true
    if (publisher !== SERVER_ID || this.state !== 'full') return false
    this.owner.dropped(count)
    return true
  }

  /** Sends one message that is larger than a frame, in pieces that the other side joins. */
  private sendFragments(run: Run, routing: Routing, index: number, room: number): void {
    for (let start = 0; start < run.stride; start += room) {
      const bytes = Math.min(room, run.stride - start)
      this.put(start === 0 ? FrameKind.firstFragment : FrameKind.fragment, run, routing, index, 1, start, bytes)
    }
  }

  private put(
    kind: FrameKind,
    run: Run,
    routing: Routing,
    from: number,
    count: number,
    rawStart: number,
    rawBytes: number,
  ): void {
    const at = this.place(frameBytes(routing, run.cluster, rawBytes))
    writeFrame(this.block, at, kind, run, routing, from, count, rawStart, rawBytes, this.owner.work)
    if (this.ring.unpublishedBytes >= CHUNK_BYTES) this.publish()
  }

  /** Sends a frame that bears no message, behind all that was sent before. */
  sendFence(number: number): void {
    this.settle()
    if (this.state === 'closed') return
    const at = this.place(FENCE_BYTES)
    writeFence(this.block, at, number, this.owner.work)
  }

  /** The place of the next frame, of `need` bytes: in the ring, or behind those that wait. It is in `block`. */
  private place(need: number): number {
    this.sentBytes += need
    if (!this.congested) {
      let at = this.ring.reserve(need)
      if (at < 0) {
        this.publish()
        if (this.ring.starve(need)) at = this.ring.reserve(need)
      }
      if (at >= 0) {
        this.block = this.ring.block
        this.owner.mark()
        this.ring.commit(need)
        return at
      }
    }
    let last = this.waiting.at(-1)
    if (last === undefined || last.chunk.block.capacity - last.end < need) {
      last = { chunk: this.pool.acquire(Math.max(need, CHUNK_BYTES - BLOCK_SLACK)), start: 0, end: 0 }
      this.waiting.push(last)
    }
    const at = last.end
    this.block = last.chunk.block
    last.end += need
    this.waitingBytes += need
    if (this.waitingBytes >= LINK_BEHIND_MAX && this.state === 'open') {
      this.state = 'behind'
      this.owner.fellBehind()
    }
    if (this.waitingBytes >= LINK_WAITING_MAX) this.state = 'full'
    return at
  }

  /** Makes what was sent visible to the other shard, and wakes it if it sleeps. Once a turn, and when much waits. */
  publish(): void {
    this.settle()
    if (this.state !== 'closed' && this.ring.publish()) this.owner.wake()
  }

  /** The other shard has given back room. */
  pump(): void {
    if (this.state === 'closed') return
    let [first] = this.waiting
    while (first !== undefined) {
      const bytes = first.chunk.block.view.getInt32(first.start, true)
      const at = this.ring.reserve(bytes)
      if (at < 0) {
        this.publish()
        if (this.ring.starve(bytes)) continue
        return
      }
      copyBytes(this.ring.block, at, first.chunk.block, first.start, bytes)
      this.ring.commit(bytes)
      first.start += bytes
      this.waitingBytes -= bytes
      if (first.start < first.end) continue
      first.chunk.release()
      this.waiting.shift()
      first = this.waiting[0]
    }
    this.state = 'open'
    this.publish()
    this.relieve()
  }

  report(): LinkReport {
    const { ring, waitingBytes, sentBytes, sentMessages } = this
    return { sizeBytes: ring.size, usedBytes: ring.usedBytes, waitingBytes, sentBytes, sentMessages }
  }

  /**
   * The messages that the dead shard has not processed: those in the ring, which `consumer` reads in its place, and
   * those that wait here. The one that it was processing is among them.
   */
  countUnread(consumer: RingConsumer): number {
    this.publish()
    let messages = 0
    for (let at = consumer.next(); at >= 0; at = consumer.next()) {
      messages += messagesIn(consumer.block, at)
      consumer.advance(consumer.block.view.getInt32(at, true))
    }
    for (const { chunk, start, end } of this.waiting) {
      const { block } = chunk
      for (let at = start; at < end; at += block.view.getInt32(at, true)) messages += messagesIn(block, at)
    }
    return messages
  }

  /** The other shard is gone: what waits for it is released, and so are the publishers that it held. */
  close(): void {
    this.settle()
    this.state = 'closed'
    for (const { chunk } of this.waiting) chunk.release()
    this.waiting = []
    this.waitingBytes = 0
    this.relieve()
  }

  private relieve(): void {
    const { reliefs } = this
    this.reliefs = []
    for (const relief of reliefs) attempt(this.owner.bugMet, relief)
  }
}

/** Calls back when all that has been sent by these links so far is visible to the other shards. */
export function whenVisible(links: readonly Link[], then: () => void): void {
  let awaited = 1
  const done = (): void => {
    if (--awaited === 0) then()
  }
  for (const link of links) {
    link.publish()
    awaited++
    link.whenRelieved(done)
  }
  done()
}
