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

test('a store is abandoned while it writes, and more was to be written', async () => {
  const folder = new StoreFolder()
  try {
    const store = await folder.open()
    const subject = Buffer.from('a')
    for (let i = 1; i <= 3; i++) store.append(i, subject, Buffer.alloc(0), subject)
    const written = store.flush()
    // Writing has begun with what was there; this comes behind it.
    await Promise.resolve()
    store.remove(1, false)
    store.append(4, subject, Buffer.alloc(0), subject)
    await store.abandon()
    await written
    expect(folder.bugs).toEqual([])
  } finally {
    folder.remove()
  }
})
