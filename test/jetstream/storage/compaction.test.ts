// Blocks that are written anew, and those who read them meanwhile and afterwards.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { StoreFolder } from './file-stores.ts'

const BLOCK_BYTES = 1024 * 1024

test('a message that begins in one page and ends in the next is read from a block that was written anew', async () => {
  const folder = new StoreFolder({ blockBytes: BLOCK_BYTES, cacheBytes: 128 * 1024 })
  try {
    const store = await folder.open()
    const append = (bytes: number): number => {
      return store.append(1, Buffer.from('S.x'), Buffer.alloc(0), Buffer.alloc(bytes, 'x'))
    }
    const [kept, dropped]: [number[], number[]] = [[], []]
    for (let bytes = 0; bytes < BLOCK_BYTES + 64 * 1024; bytes += 4200) {
      kept.push(append(600), append(600))
      dropped.push(append(3000))
      if (kept.length % 64 === 0) await store.flush()
    }
    await store.flush()
    const path = join(folder.folder, '1.blk')
    await until('the first block to be full', () => store.unsealedBlocks === 0 && statSync(path).size >= BLOCK_BYTES)
    // Fewer messages go than stay: the index keeps their slots.
    for (const seq of dropped) store.remove(seq, false)
    await until('it to be written anew', () => statSync(path).size < BLOCK_BYTES / 2)
    await store.flush()
    for (const seq of kept) expect((await store.load(seq))?.payload.length, `message ${seq}`).toBe(600)
    expect(folder.losses).toEqual([])
    await store.close()
  } finally {
    folder.remove()
  }
})
