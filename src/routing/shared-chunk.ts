// Output for several receivers, of which each holds slices: one chunk after the other. A chunk is filled further when
// the turn is over: a slow receiver of a few bytes keeps all of it.

import { BLOCK_SLACK, CHUNK_BYTES } from '../base/constants.ts'
import type { Chunk, ChunkPool } from '../memory/chunk-pool.ts'

export class SharedChunk {
  private readonly pool: ChunkPool
  private chunk: Chunk | undefined
  /** Bytes of it that are in use. */
  used = 0

  constructor(pool: ChunkPool) {
    this.pool = pool
  }

  /** The chunk, with room for at least `bytes` behind `used`. */
  withRoom(bytes: number): Chunk {
    let { chunk } = this
    if (chunk === undefined || chunk.block.capacity - this.used < bytes) {
      chunk?.release()
      chunk = this.pool.acquire(Math.max(bytes, CHUNK_BYTES - BLOCK_SLACK))
      this.chunk = chunk
      this.used = 0
    }
    return chunk
  }
}
