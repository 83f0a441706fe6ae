// File stores, against the model.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { summaryPlace, TRAILER_BYTES } from '../../../src/jetstream/storage/block-summary.ts'
import { checksum } from '../../../src/jetstream/storage/checksum.ts'
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

test('a summary that does not say whether there are headers is read: there may be some', async () => {
  const folder = new StoreFolder()
  try {
    await filled(folder)
    const names = readdirSync(folder.folder).filter((name) => name.endsWith('.blk'))
    for (const name of names) makeOlder(join(folder.folder, name))
    const store = await folder.open()
    expect(folder.notes).toEqual([])
    expect([store.messages, store.first, store.last]).toEqual([2_000, 1, 2_000])
    expect(store.nextWithHeaders(1)).toBe(1)
    expect((await store.load(1_000))?.headers.toString()).toContain('Nats-Msg-Id')
    await store.close()
  } finally {
    folder.remove()
  }
})

/** Puts the summary of a block, if it has one, in the form of before: without the thirteenth number. */
function makeOlder(path: string): void {
  const file = readFileSync(path)
  const place = summaryPlace(file.subarray(-TRAILER_BYTES), file.length)
  if (place === undefined) return
  const body = file.subarray(place.offset, place.offset + place.length)
  const older = Buffer.concat([body.subarray(0, 12 * 8), body.subarray(13 * 8)])
  const trailer = Buffer.from(file.subarray(-TRAILER_BYTES))
  trailer.writeDoubleLE(older.length, 8)
  trailer.writeUInt32LE(checksum(older, 0, older.length, 0), 16)
  trailer.write('HEDLSUM1', 24, 'latin1')
  writeFileSync(path, Buffer.concat([file.subarray(0, place.offset), older, trailer]))
}
