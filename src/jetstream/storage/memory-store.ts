// The store of a memory stream: messages in blocks of memory, one segment of the index for each.
//
//     block   │ subject length │ header length │ subject │ headers │ payload │ next message ‥
//               4 bytes          4 bytes
//
// A block is never changed, only appended to, so that messages which were handed out stay as they are. One of which
// more than half is gone is copied without the removed messages, and left to the collector.

import assert from 'node:assert/strict'
import { allocateBlock, type Block, copyBytes } from '../../memory/block.ts'
import { IndexedStore } from './indexed-store.ts'
import type { Segment } from './segment.ts'
import { type PlainMessages, StoredMessage } from './store.ts'

/** The first block of a store; each further one is twice as large, up to a bound. A larger message has its own. */
const BLOCK_BYTES_MIN = 4 * 1024
const BLOCK_BYTES_MAX = 1024 * 1024
const HEAD_BYTES = 8
/** What nats-server counts for a message besides its subject, headers and payload. */
const SIZE_OVERHEAD = 16

interface MemoryBlock {
  readonly block: Block
  /** Bytes of it that were given to messages. */
  used: number
}

export class MemoryStore extends IndexedStore {
  /** By the numbers that segments have for them. */
  private readonly blocks = new Map<number, MemoryBlock>()
  private nextNumber = 1
  private blockBytes = BLOCK_BYTES_MIN

  get durable(): number {
    return this.index.last
  }

  append(timeUs: number, subject: Uint8Array, headers: Uint8Array, payload: Uint8Array): number {
    const { index } = this
    const seq = index.last + 1
    const memory = this.blockFor(seq, HEAD_BYTES + subject.length + headers.length + payload.length)
    const { block, used: offset } = memory
    block.view.setUint32(offset, subject.length, true)
    block.view.setUint32(offset + 4, headers.length, true)
    const headersStart = offset + HEAD_BYTES + subject.length
    const payloadStart = headersStart + headers.length
    block.bytes.set(subject, offset + HEAD_BYTES)
    if (headers.length > 0) block.bytes.set(headers, headersStart)
    block.bytes.set(payload, payloadStart)
    memory.used = payloadStart + payload.length
    const size = this.sizeOf(subject.length, headers.length, payload.length)
    index.add(seq, timeUs, size, offset, headers.length > 0, subject)
    return seq
  }

  appendPlain(timeUs: number, messages: PlainMessages, number: number): number {
    const { index } = this
    const { line, size, subjectEnd, subjectStart } = messages
    const subjectBytes = subjectEnd - subjectStart
    const seq = index.last + 1
    const memory = this.blockFor(seq, HEAD_BYTES + subjectBytes + size)
    const { block, used: offset } = memory
    const payloadStart = offset + HEAD_BYTES + subjectBytes
    block.view.setUint32(offset, subjectBytes, true)
    block.view.setUint32(offset + 4, 0, true)
    copyBytes(block, offset + HEAD_BYTES, line, subjectStart, subjectBytes)
    copyBytes(block, payloadStart, messages.block, messages.first + number * messages.stride, size)
    memory.used = payloadStart + size
    index.add(seq, timeUs, this.sizeOf(subjectBytes, 0, size), offset, false, line.bytes, subjectStart, subjectEnd)
    return seq
  }

  sizeOf(subjectBytes: number, headerBytes: number, payloadBytes: number): number {
    return subjectBytes + headerBytes + payloadBytes + SIZE_OVERHEAD
  }

  /** The block of the last segment, if it has room for so many bytes of this sequence, or a new one. */
  private blockFor(seq: number, bytes: number): MemoryBlock {
    const segment = this.index.segments.at(-1)
    const current = segment && this.blocks.get(segment.block)
    if (current !== undefined && current.block.capacity - current.used >= bytes && segment?.hasRoomFor(seq)) {
      return current
    }
    const memory = { block: allocateBlock(Math.max(bytes, this.blockBytes)), used: 0 }
    this.blockBytes = Math.min(this.blockBytes * 2, BLOCK_BYTES_MAX)
    this.blocks.set(this.index.open(this.nextNumber).block, memory)
    this.nextNumber++
    if (segment?.live === 0) this.index.dropEmpty((empty) => this.dropped(empty))
    return memory
  }

  skipTo(next: number, timeUs: number): void {
    this.index.skipTo(next, timeUs)
  }

  load(seq: number): StoredMessage | undefined {
    const { index } = this
    if (!index.find(seq)) return undefined
    const { segment, slot } = index
    const { block } = this.blockOf(segment)
    const offset = segment.offsetAt(slot)
    const subjectStart = offset + HEAD_BYTES
    const headersStart = subjectStart + block.view.getUint32(offset, true)
    const payloadStart = headersStart + block.view.getUint32(offset + 4, true)
    const end = offset + recordBytes(segment, slot)
    return new StoredMessage(seq, segment.timeAt(slot), block, subjectStart, headersStart, payloadStart, end)
  }

  private blockOf(segment: Segment): MemoryBlock {
    const memory = this.blocks.get(segment.block)
    assert(memory !== undefined, 'a segment has lost its block')
    return memory
  }

  // ── Removing ──────────────────────────────────────────────────────────────────────────────────────────

  protected leaving(): void {}

  protected dropped(segment: Segment): void {
    this.blocks.delete(segment.block)
  }

  protected thinned(segment: Segment): void {
    const { used } = this.blockOf(segment)
    const needed = segment.liveBytes - segment.live * (SIZE_OVERHEAD - HEAD_BYTES)
    if (used > BLOCK_BYTES_MIN && needed < used / 2) this.copyWithoutRemoved(segment, needed)
  }

  private copyWithoutRemoved(segment: Segment, bytes: number): void {
    const { block: from } = this.blockOf(segment)
    // The last block goes on to be appended to.
    const isLast = segment === this.index.segments.at(-1)
    const to = allocateBlock(isLast ? Math.max(bytes * 2, BLOCK_BYTES_MIN) : bytes)
    let used = 0
    for (let slot = 0; slot < segment.slots; slot++) {
      if (!segment.has(slot)) continue
      const length = recordBytes(segment, slot)
      from.bytes.copy(to.bytes, used, segment.offsetAt(slot), segment.offsetAt(slot) + length)
      segment.move(slot, used)
      used += length
    }
    this.blocks.set(segment.block, { block: to, used })
  }

  rollback(): void {
    const last = this.batchFirst - 1
    this.commit()
    this.cutIndex(last)
    this.index.lastTimeUs = this.batchBeganUs
    const kept = new Set(this.index.segments.map(({ block }) => block))
    for (const number of this.blocks.keys()) if (!kept.has(number)) this.blocks.delete(number)
    // What was handed out must not be overwritten: the next message begins a block.
    const segment = this.index.segments.at(-1)
    if (segment !== undefined) this.blockOf(segment).used = this.blockOf(segment).block.capacity
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  flush(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  abandon(): Promise<void> {
    this.blocks.clear()
    return Promise.resolve()
  }
}

function recordBytes(segment: Segment, slot: number): number {
  return segment.sizeAt(slot) - SIZE_OVERHEAD + HEAD_BYTES
}
