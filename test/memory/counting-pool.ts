import { type Chunk, ChunkPool } from '../../src/memory/chunk-pool.ts'

/** A pool that knows how many of its chunks are out. */
export class CountingPool extends ChunkPool {
  outstanding = 0

  override acquire(bytes: number): Chunk {
    this.outstanding++
    return super.acquire(bytes)
  }

  override giveBack(chunk: Chunk, sizeClass: number): void {
    this.outstanding--
    super.giveBack(chunk, sizeClass)
  }
}
