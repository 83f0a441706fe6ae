// File stores, against the model.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chooseSeed, Random } from '../../support/random.ts'
import { until } from '../../support/until.ts'
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

/** A store of 2,000 messages in small blocks, of which only message 1,000 has headers. */
async function filled(folder: StoreFolder): Promise<void> {
  const store = await folder.open()
  const subject = Buffer.from('a')
  for (let seq = 1; seq <= 2_000; seq++) {
    const headers = seq === 1_000 ? 'NATS/1.0\r\nNats-Msg-Id: a\r\n\r\n' : ''
    store.append(seq, subject, Buffer.from(headers), Buffer.alloc(100))
    if (seq % 100 === 0) await store.flush()
  }
  await until('summaries', () => store.unsealedBlocks === 0)
  await store.close()
}

test('which messages may have headers is known without reading them, after it was opened again too', async () => {
  const folder = new StoreFolder()
  try {
    await filled(folder)
    const store = await folder.open()
    const first = store.nextWithHeaders(1)
    expect(first).toBeGreaterThan(500)
    expect(first).toBeLessThanOrEqual(1_000)
    expect(store.nextWithHeaders(1_000)).toBe(1_000)
    expect(store.nextWithHeaders(1_500)).toBe(0)
    await store.close()
  } finally {
    folder.remove()
  }
})

test('a summary in a form that is not known is made again, of the records', async () => {
  const folder = new StoreFolder()
  try {
    await filled(folder)
    const first = join(folder.folder, '1.blk')
    const before = readFileSync(first)
    const other = Buffer.from(before)
    other.write('HEDLSUM1', other.length - 8, 'latin1')
    writeFileSync(first, other)
    const store = await folder.open()
    expect([store.messages, store.first, store.last, store.losses]).toEqual([2_000, 1, 2_000, []])
    expect(store.nextWithHeaders(1_500)).toBe(0)
    await until('a summary', () => readFileSync(first).subarray(-8).equals(before.subarray(-8)))
    await store.close()
    expect(folder.losses).toEqual([])
  } finally {
    folder.remove()
  }
})
