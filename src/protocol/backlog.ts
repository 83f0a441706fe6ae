// Bytes that came while the parser was suspended, in one chunk of the pool. They are read in place, one piece per turn;
// only later bytes behind them are copied.

import { type Block, copyBytes } from '../memory/block.ts'
import type { Chunk, ChunkPool } from '../memory/chunk-pool.ts'

export class Backlog {
  private readonly pool: ChunkPool
  private chunk: Chunk
  /** The rest is in [start, end) of `block`. The reader moves `start`. */
  start = 0
  end: number

  /** Begins with a copy of block[start, end). */
  constructor(pool: ChunkPool, block: Block, start: number, end: number) {
    this.pool = pool
    this.chunk = pool.acquire(end - start)
    this.end = end - start
    copyBytes(this.chunk.block, 0, block, start, this.end)
  }

  get block(): Block {
    return this.chunk.block
  }

  get isEmpty(): boolean {
    return this.start === this.end
  }

  append(block: Block, start: number, end: number): void {
    const bytes = end - start
    if (this.end + bytes > this.block.capacity) this.moveUp(bytes)
    copyBytes(this.block, this.end, block, start, bytes)
    this.end += bytes
  }

  /** Makes twice the room that is needed: what comes in many pieces is not copied again for each of them. */
  private moveUp(more: number): void {
    const { chunk, start, end } = this
    this.chunk = this.pool.acquire(2 * (end - start + more))
    copyBytes(this.block, 0, chunk.block, start, end - start)
    chunk.release()
    this.start = 0
    this.end = end - start
  }

  release(): void {
    this.chunk.release()
  }
}
