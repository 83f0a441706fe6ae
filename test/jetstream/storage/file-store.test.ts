// File stores, against the model.

import { expect, test } from 'vitest'
import { chooseSeed, Random } from '../../support/random.ts'
import { FLAVOURS, StoreFolder } from './file-stores.ts'
import { StoreRun } from './store-model.ts'

const seed = chooseSeed('file-store.test.ts')

for (const [name, flavour] of Object.entries(FLAVOURS)) {
  test(`a store (${name}) does what the model does, and after it was opened again`, async () => {
    const folder = new StoreFolder(flavour)
    try {
      const run = new StoreRun(await folder.open(), new Random(seed), folder.sizeOf, async (store) => {
        await store.close()
        return folder.open()
      })
      await run.play(2_000)
      await run.store.close()
      expect(folder.bugs).toEqual([])
      expect(folder.losses).toEqual([])
      expect(folder.troubles).toEqual([])
      expect(folder.notes).toEqual([])
    } finally {
      folder.remove()
    }
  })
}
