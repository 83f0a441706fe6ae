// Bytes that wait for one socket: queued here in slices, written once per turn, counted as they queue.
//
// A connection with nothing queued owns no memory here. Small output for it alone is appended to its own tail chunk;
// output that other receivers share is queued as slices. A slice holds one reference to its chunk until the socket has
// taken it.
//
//     queued:  [ tail ‥ ][ shared ‥‥‥‥ ][ tail ‥ ][ shared ‥ ]  ──flush──▶  in flight  ──taken──▶  released

import assert from 'node:assert/strict'
import {
  BLOCK_SLACK,
  BY_REFERENCE_MIN,
  CHUNK_BYTES,
  DROP_STEP,
  HOLD_MS,
  HOLD_PENDING,
  HOLD_READ_BYTES,
  LINES_PENDING_MAX,
  NEARLY_FULL,
  SHARE_MIN,
  SMALL_CHUNK_BYTES,
  STUCK_AFTER_MS,
  STUCK_AFTER_SMALL_MS,
  WRITE_BATCH_MAX,
  WRITE_BATCH_SLOW_MAX,
  WRITE_SLICES_MAX,
} from '../base/constants.ts'
import { guarded } from '../base/guarded.ts'
import type { LoopClock } from '../base/loop-clock.ts'
import { type Block, copyBytes } from '../memory/block.ts'
import type { Chunk, ChunkPool } from '../memory/chunk-pool.ts'
import type { DropPolicy } from './drop-policy.ts'
import { LINES, SliceQueue } from './slice-queue.ts'
import type { Transport } from './transport.ts'

/** What a connection's output needs of its shard. */
export interface OutboundOwner {
  readonly pool: ChunkPool
  /** Milliseconds, monotonic, as of this turn. */
  readonly nowMs: number
  readonly clock: Pick<LoopClock, 'nowMs'>
  /** Makes frames for other shards visible: before anything is written that may speak of them. */
  publish(): void
  /** Asks for flush() at the end of the turn. */
  mark(outbound: Outbound): void
}

/** Whose output it is. */
export interface OutboundHandler {
  /** More waits than may: the connection is a slow consumer. */
  overflowed(): void
  /** A bug was met. */
  failed(error: unknown): void
}

const EMPTY = Buffer.alloc(0)
/** So much of a chunk is queued as it is. Less is copied: for a slow receiver it would pin the whole chunk. */
export const PUT_WHOLE_MIN = CHUNK_BYTES / 4

/** How long a publisher is held after a read of so many bytes, where nothing is known of its receiver. Milliseconds. */
export function holdMsFor(bytes: number): number {
  return HOLD_MS * Math.max(1, bytes / HOLD_READ_BYTES)
}

export class Outbound {
  private readonly owner: OutboundOwner
  private socket: Transport
  private readonly pendingMax: number
  /** Publishers are held beyond this, and the connection is cut beyond that; see setDropPolicy(). */
  private behindMark: number
  private overflowMark: number
  private readonly handler: OutboundHandler
  private queued: SliceQueue | undefined
  private inFlight: SliceQueue | undefined
  private inFlightBytes = 0
  /** Bytes of the latest write. */
  private writtenBytes = 0
  private tail: Chunk | undefined
  private tailUsed = 0
  /** The latest write was not taken at once. */
  private slow = false
  private closed = false
  /** Already asked for a flush in this turn. */
  private marked = false
  /** Bytes queued or in flight. */
  pendingBytes = 0
  /** When the socket last took bytes while some were in flight, on the loop's clock; 0 = nothing in flight. */
  private waitingSinceMs = 0
  /** Called once, when everything pending has been taken. */
  private onDrained: (() => void) | undefined
  /** The publishers' holds until this receiver has caught up. */
  private waiters: Set<() => void> | undefined
  /** What becomes of messages for which there is no room; undefined: the connection is cut. */
  private dropPolicy: DropPolicy | undefined
  /** Has messages for it that are not queued yet: it ends before anything else is (routing/fan-out.ts). */
  fanOut: { end(): void } | undefined

  constructor(owner: OutboundOwner, socket: Transport, pendingMax: number, handler: OutboundHandler) {
    this.owner = owner
    this.socket = socket
    this.pendingMax = pendingMax
    this.behindMark = Math.min(HOLD_PENDING, pendingMax / 2)
    this.overflowMark = pendingMax
    this.handler = handler
  }

  /**
   * From now on messages for which there is no room are dropped, or, with undefined, the connection is cut. One that
   * drops messages holds no publisher back: its operator prefers losing messages to slowing publishers down. Lines are
   * never dropped and have some room of their own.
   */
  setDropPolicy(dropPolicy: DropPolicy | undefined): void {
    const { pendingMax } = this
    this.fanOut?.end()
    this.dropPolicy = dropPolicy
    this.behindMark = dropPolicy === undefined ? Math.min(HOLD_PENDING, pendingMax / 2) : Number.POSITIVE_INFINITY
    this.overflowMark = dropPolicy === undefined ? pendingMax : pendingMax + LINES_PENDING_MAX
    this.queued?.setDropping(dropPolicy !== undefined)
    this.relieveWaiters()
  }

  get dropsMessages(): boolean {
    return this.dropPolicy !== undefined
  }

  /** What is queued from here on goes out by another socket: TLS has come over the one before. */
  moveTo(socket: Transport): void {
    this.socket = socket
  }

  /** Milliseconds, on the loop's clock, that the socket has not taken what was written; 0 if nothing is in flight. */
  get waitingMs(): number {
    return this.waitingSinceMs === 0 ? 0 : Math.max(0, this.owner.clock.nowMs - this.waitingSinceMs)
  }

  /** So much waits that publishers should be held back. */
  get isBehind(): boolean {
    return this.pendingBytes > this.behindMark
  }

  /** As many more bytes may wait before it is cut, or loses messages. */
  get room(): number {
    return this.overflowMark - this.pendingBytes
  }

  /** It is about to be cut as a slow consumer. */
  get isNearlyFull(): boolean {
    return this.pendingBytes > (this.isSmall ? this.behindMark : this.pendingMax * NEARLY_FULL)
  }

  private get isSmall(): boolean {
    return this.behindMark < HOLD_PENDING
  }

  /** How long the publisher of the latest `bytes` is held: the more it sent, the longer. Milliseconds. */
  holdMs(bytes: number): number {
    return this.isSmall ? STUCK_AFTER_SMALL_MS : holdMsFor(bytes)
  }

  /** The socket takes nothing: there is no use in waiting for it. */
  get isStuck(): boolean {
    return this.waitingMs > (this.isSmall ? STUCK_AFTER_SMALL_MS : STUCK_AFTER_MS)
  }

  // ── Queueing ──────────────────────────────────────────────────────────────────────────────────────────

  /** Queues fixed bytes. */
  appendBuffer(bytes: Buffer): void {
    let from = 0
    while (from < bytes.length && !this.closed) {
      const room = this.reserve(1)
      const take = Math.min(room, bytes.length - from)
      bytes.copy((this.tail as Chunk).block.bytes, this.tailUsed, from, from + take)
      this.commit(take)
      from += take
    }
  }

  /**
   * Makes room for at least `least` contiguous bytes at the tail; returns how many there are. The caller writes into
   * tailBlock from tailEnd on and then calls commit(), before anything else is queued.
   */
  reserve(least: number): number {
    this.fanOut?.end()
    let { tail } = this
    if (tail !== undefined && tail.block.capacity - this.tailUsed >= least) return tail.block.capacity - this.tailUsed
    // A first piece is small: most connections get a line or two in a turn. One that got much is about to get more.
    const want = tail === undefined && this.writtenBytes < CHUNK_BYTES / 4 ? SMALL_CHUNK_BYTES : CHUNK_BYTES
    tail?.release()
    tail = this.owner.pool.acquire(Math.max(least, want - BLOCK_SLACK))
    this.tail = tail
    this.tailUsed = 0
    return tail.block.capacity
  }

  get tailBlock(): Block {
    return (this.tail as Chunk).block
  }

  get tailEnd(): number {
    return this.tailUsed
  }

  /** `unit` says what was written, here and below: see SliceQueue.units. */
  commit(length: number, unit = LINES): void {
    const start = this.tailUsed
    this.tailUsed += length
    this.queue(this.tail as Chunk, start, this.tailUsed, unit)
  }

  /** Queues block[start, end) by copy. */
  appendBlock(block: Block, start: number, end: number, unit = LINES): void {
    this.reserve(end - start)
    copyBytes(this.tailBlock, this.tailUsed, block, start, end - start)
    this.commit(end - start, unit)
  }

  /** Queues part of a chunk that others may be writing as well. */
  share(chunk: Chunk, start: number, end: number, unit = LINES): void {
    this.fanOut?.end()
    this.queue(chunk, start, end, unit)
  }

  /**
   * Takes the first `end` bytes of a chunk, where no messages are dropped; with `now` they are written, if nothing
   * waits before them that has not been taken. Returns whether the chunk may be changed: false means that it is part of
   * the output until the socket has taken it.
   */
  put(chunk: Chunk, end: number, now: boolean): boolean {
    if (this.closed) return true
    // What waits for the end of the turn and is short goes out together with it.
    if (end < PUT_WHOLE_MIN && (!now || this.queued !== undefined || this.inFlight !== undefined)) {
      this.appendBlock(chunk.block, 0, end)
      // As much goes out while it is in the processor's cache.
      if (this.pendingBytes >= CHUNK_BYTES && this.inFlight === undefined) {
        this.owner.publish()
        this.flush()
      }
      return true
    }
    if (now) this.owner.publish()
    if (now && this.queued !== undefined) this.flush()
    if (!now || this.queued !== undefined || this.inFlight !== undefined) {
      this.queue(chunk, 0, end, LINES)
      return false
    }
    this.socket.write(chunk.slice(0, end))
    this.slow = this.socket.writableLength > 0
    if (!this.slow) {
      this.relieveWaiters()
      return true
    }
    const written = new SliceQueue(false)
    written.add(chunk, 0, end)
    this.inFlight = written
    this.pendingBytes += end
    this.awaitTaken(end)
    if (this.pendingBytes > this.overflowMark) this.handler.overflowed()
    return false
  }

  /** Queues messages of `size` bytes each that others may get as well; as many as there is room for. */
  shareMessages(chunk: Chunk, start: number, end: number, size: number): void {
    this.fanOut?.end()
    let shareMin = SHARE_MIN
    if (this.dropPolicy !== undefined) {
      const kept = this.makeRoom((end - start) / size, size)
      if (this.dropPolicy.policy === 'drop_oldest') start = end - kept * size
      else end = start + kept * size
      // Its queue is full for long: a few bytes are not to keep a whole chunk of what others got.
      shareMin = BY_REFERENCE_MIN
    }
    if (end - start >= shareMin) this.queue(chunk, start, end, size)
    else if (end > start) this.appendBlock(chunk.block, start, end, size)
  }

  /**
   * With a drop policy: makes room for `count` messages of `size` bytes. Returns for how many there is room; the
   * others, its oldest or its newest, are dropped. One message fits whenever nothing waits.
   */
  makeRoom(count: number, size: number): number {
    this.fanOut?.end()
    const { dropPolicy } = this
    if (dropPolicy === undefined || this.pendingBytes + count * size <= this.pendingMax) return count
    if (this.inFlight === undefined && this.queued !== undefined) {
      // Perhaps it only waits for the end of this turn.
      this.owner.publish()
      this.flush()
    }
    const lacking = this.pendingBytes + count * size - this.pendingMax
    if (lacking <= 0) return count
    let dropped = 0
    if (dropPolicy.policy === 'drop_oldest' && this.queued !== undefined) {
      // Some more than is needed, so that the queue is not moved up for each message.
      const { messages, bytes } = this.queued.dropOldest(lacking + this.pendingMax * DROP_STEP)
      this.pendingBytes -= bytes
      dropped += messages
    }
    const least = this.pendingBytes === 0 ? 1 : 0
    const room = Math.floor((this.pendingMax - this.pendingBytes) / size)
    const kept = Math.min(count, Math.max(least, room))
    dropPolicy.dropped(dropped + count - kept, this.owner.nowMs)
    return kept
  }

  private queue(chunk: Chunk, start: number, end: number, unit: number): void {
    if (this.closed) return
    let { queued } = this
    if (queued === undefined) {
      queued = new SliceQueue(this.dropPolicy !== undefined)
      this.queued = queued
    }
    const last = queued.chunks.length - 1
    const follows = last >= 0 && queued.chunks[last] === chunk && queued.ends[last] === start
    if (follows && queued.joins(last, end - start, unit)) queued.ends[last] = end
    else {
      queued.add(chunk, start, end, unit)
    }
    this.pendingBytes += end - start
    if (!this.marked) {
      this.marked = true
      this.owner.mark(this)
    }
    if (this.pendingBytes > this.overflowMark) {
      // Perhaps it only waits for the end of this turn.
      this.owner.publish()
      this.flush()
      if (this.pendingBytes > this.overflowMark) this.handler.overflowed()
    }
  }

  // ── Writing ───────────────────────────────────────────────────────────────────────────────────────────

  /** Writes what is queued, unless an earlier write has not been taken yet. */
  flush(): void {
    this.fanOut?.end()
    this.marked = false
    const { queued } = this
    if (this.inFlight !== undefined || queued === undefined || this.closed) return
    const bytes = this.writeBatch(queued)
    this.writtenBytes = bytes
    // Node says so at once if the kernel took everything, as it nearly always does.
    this.slow = this.socket.writableLength > 0
    if (!this.slow) {
      this.taken(bytes)
      return
    }
    this.awaitTaken(bytes)
  }

  /** `bytes` are in flight that the socket has not taken at once. */
  private awaitTaken(bytes: number): void {
    this.waitingSinceMs = this.owner.clock.nowMs
    this.inFlightBytes = bytes
    // An empty write follows the others: its callback confirms that they were taken.
    this.socket.write(
      EMPTY,
      guarded(this.handler.failed, () => {
        this.waitingSinceMs = 0
        // What is queued behind goes out at the end of the turn, after the frames that a PONG in it may speak of.
        this.taken(this.inFlightBytes)
      }),
    )
  }

  /** Hands a batch to the socket and moves it from queued to in flight; returns its bytes. */
  private writeBatch(queued: SliceQueue): number {
    const { socket } = this
    const { chunks, starts, ends } = queued
    const bytesMax = this.slow ? WRITE_BATCH_SLOW_MAX : WRITE_BATCH_MAX
    let count = 0
    let bytes = 0
    while (count < chunks.length && count < WRITE_SLICES_MAX && bytes < bytesMax) {
      bytes += ends[count] - starts[count]
      count++
    }
    if (count > 1) socket.cork()
    for (let i = 0; i < count; i++) socket.write(chunks[i].slice(starts[i], ends[i]))
    if (count > 1) socket.uncork()
    if (count === chunks.length) {
      this.inFlight = queued
      this.queued = undefined
      if (this.tail !== undefined) {
        this.tail.release()
        this.tail = undefined
      }
    } else this.inFlight = queued.take(count)
    return bytes
  }

  private taken(bytes: number): void {
    const { inFlight } = this
    if (inFlight === undefined) return // closed meanwhile
    for (const chunk of inFlight.chunks) chunk.release()
    this.inFlight = undefined
    this.pendingBytes -= bytes
    assert(this.pendingBytes >= 0)
    this.relieveWaiters()
    if (this.queued !== undefined) {
      if (!this.marked) {
        this.marked = true
        this.owner.mark(this)
      }
    } else if (this.onDrained !== undefined) {
      const { onDrained } = this
      this.onDrained = undefined
      onDrained()
    }
  }

  /** Calls back once, when all that is pending has been taken, or at once if nothing is. */
  whenDrained(callback: () => void): void {
    if (this.pendingBytes === 0) callback()
    else this.onDrained = callback
  }

  /** Calls back once, when it has caught up, or when it is closed. The same callback is kept but once. */
  whenRelieved(callback: () => void): void {
    this.waiters ??= new Set()
    this.waiters.add(callback)
  }

  private relieveWaiters(): void {
    if (this.waiters === undefined || (this.pendingBytes >= this.behindMark / 2 && !this.closed)) return
    const { waiters } = this
    this.waiters = undefined
    for (const callback of waiters) callback()
  }

  /** A bug was met while it was flushed. */
  failed(error: unknown): void {
    this.handler.failed(error)
  }

  get isClosed(): boolean {
    return this.closed
  }

  /** Lets go of everything; nothing more is queued or written. */
  close(): void {
    this.closed = true
    // What is in flight belongs to the runtime until the socket is gone: its memory must not be used again.
    this.inFlight = undefined
    this.queued?.release()
    this.queued = undefined
    this.tail?.release()
    this.tail = undefined
    this.pendingBytes = 0
    this.onDrained = undefined
    this.relieveWaiters()
  }
}
