// Output memory: reference-counted chunks from a pool, in size classes that double.
//
// A chunk is taken when bytes must outlive the current turn and given back when the last socket that was to write them
// has done so. Each holder of a chunk has one reference. Chunks of the same class are used again at once, so that a
// busy shard works in the same few warm pages; free chunks beyond POOL_FREE_MAX go to the collector, and so do those
// that have not been needed for a while.

import assert from 'node:assert/strict'
import { BLOCK_SLACK, POOL_FREE_MAX, POOL_IDLE_MAX, SMALL_CHUNK_BYTES } from '../base/constants.ts'
import { allocateBlock, type Block } from './block.ts'

const CLASS_SHIFT = Math.log2(SMALL_CHUNK_BYTES)
/** Largest class that is pooled: 4 MiB. Larger ones are made and dropped. */
const CLASS_COUNT = 11

export class Chunk {
  readonly block: Block
  private readonly pool: ChunkPool
  private readonly sizeClass: number
  private references = 1
  private lastView: Buffer | undefined
  private lastStart = -1
  private lastEnd = -1

  constructor(block: Block, pool: ChunkPool, sizeClass: number) {
    this.block = block
    this.pool = pool
    this.sizeClass = sizeClass
  }

  retain(): void {
    this.references++
  }

  release(): void {
    assert(this.references > 0, 'a chunk was given back twice')
    if (--this.references === 0) this.pool.giveBack(this, this.sizeClass)
  }

  /** Called by the pool when the chunk is handed out again. */
  reuse(): void {
    this.references = 1
    // A view always refers to the same bytes.
    this.lastView = undefined
  }

  /** A Buffer over part of the chunk. Receivers of the same slice get the same object: making one costs 150 ns. */
  slice(start: number, end: number): Buffer {
    if (this.lastView === undefined || start !== this.lastStart || end !== this.lastEnd) {
      this.lastView = this.block.bytes.subarray(start, end)
      this.lastStart = start
      this.lastEnd = end
    }
    return this.lastView
  }
}

export class ChunkPool {
  private readonly free: Chunk[][] = Array.from({ length: CLASS_COUNT }, () => [])
  private freeBytes = 0
  /** Of each class the free chunks that have not been needed since the latest trim(). */
  private readonly idle = new Uint32Array(CLASS_COUNT)

  /** A chunk of at least `bytes` capacity, with one reference that the caller holds. */
  acquire(bytes: number): Chunk {
    const sizeClass = classOf(bytes)
    if (sizeClass >= CLASS_COUNT) return new Chunk(allocateBlock(bytes), this, sizeClass)
    const free = this.free[sizeClass]
    const chunk = free.pop()
    if (free.length < this.idle[sizeClass]) this.idle[sizeClass] = free.length
    const size = SMALL_CHUNK_BYTES << sizeClass
    if (chunk === undefined) return new Chunk(allocateBlock(size - BLOCK_SLACK), this, sizeClass)
    this.freeBytes -= size
    chunk.reuse()
    return chunk
  }

  giveBack(chunk: Chunk, sizeClass: number): void {
    const size = SMALL_CHUNK_BYTES << sizeClass
    if (sizeClass >= CLASS_COUNT || this.freeBytes + size > POOL_FREE_MAX) return
    this.freeBytes += size
    this.free[sizeClass].push(chunk)
  }

  /** Lets go of chunks that have not been needed since the latest call, but for POOL_IDLE_MAX bytes. */
  trim(): void {
    for (let sizeClass = CLASS_COUNT - 1; sizeClass >= 0; sizeClass--) {
      const free = this.free[sizeClass]
      const size = SMALL_CHUNK_BYTES << sizeClass
      const excess = Math.ceil((this.freeBytes - POOL_IDLE_MAX) / size)
      // The latest are used again first.
      const dropped = free.splice(0, Math.min(this.idle[sizeClass], Math.max(0, excess)))
      this.freeBytes -= dropped.length * size
      this.idle[sizeClass] = free.length
    }
  }
}

function classOf(bytes: number): number {
  const whole = bytes + BLOCK_SLACK
  return whole <= SMALL_CHUNK_BYTES ? 0 : 32 - Math.clz32(whole - 1) - CLASS_SHIFT
}
