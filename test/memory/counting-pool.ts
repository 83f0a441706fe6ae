import { type Chunk, ChunkPool } from '../../src/memory/chunk-pool.ts'

/** A pool that knows how many of its chunks are out, and how often one was asked for. */
export class CountingPool extends ChunkPool {
  outstanding = 0
  acquired = 0

  override acquire(bytes: number): Chunk {
    this.outstanding++
    this.acquired++
    return super.acquire(bytes)
  }

  override giveBack(chunk: Chunk, sizeClass: number): void {
    this.outstanding--
    super.giveBack(chunk, sizeClass)
  }
}
