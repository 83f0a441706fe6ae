// Appends that could not be written do not come back: publishers were told so. What was written with one write goes
// as a whole, whatever part of it reached the disk.

import { expect, test } from 'vitest'
import type { FileStore } from '../../../src/jetstream/storage/file-store.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { StoreFolder } from './file-stores.ts'

const EMPTY = Buffer.alloc(0)

function append(store: FileStore, count: number): void {
  for (let i = 0; i < count; i++) store.append(1_000_000, Buffer.from('a'), EMPTY, Buffer.alloc(100))
}

/** The sequences of the messages that are there after the store has been closed and opened again. */
async function reopened(folder: StoreFolder, store: FileStore): Promise<{ seqs: number[]; last: number }> {
  await store.close()
  const again = await folder.open()
  const { last } = again
  const seqs = Array.from({ length: 200 }, (_, i) => i + 1).filter((seq) => again.has(seq))
  await again.close()
  expect([folder.bugs, folder.losses, folder.notes]).toEqual([[], [], []])
  return { seqs, last }
}

/**
 * A store with ten messages on the disk, and eighty more that were to follow over several blocks: all but the first
 * block of the write were refused.
 */
async function refusedInPart(disk: FaultyDisk, folder: StoreFolder): Promise<FileStore> {
  const store = await folder.open()
  append(store, 10)
  await store.flush()
  let writes = 0
  disk.fault = (call) => (call === 'write' && ++writes > 1 ? 'EIO' : undefined)
  append(store, 80)
  await store.flush()
  disk.fault = () => undefined
  expect(folder.failures.map(({ first, last }) => [first, last])).toEqual([[11, 90]])
  expect([store.last, store.messages]).toEqual([10, 10])
  return store
}

const TEN = Array.from({ length: 10 }, (_, i) => i + 1)

for (const blockBytes of [1000, 2000]) {
  test(`what a write over several blocks (${blockBytes}) began does not come back after a close`, async () => {
    const disk = new FaultyDisk()
    const folder = new StoreFolder({ disk, blockBytes })
    try {
      const store = await refusedInPart(disk, folder)
      expect(await reopened(folder, store)).toEqual({ seqs: TEN, last: 10 })
    } finally {
      folder.remove()
    }
  })

  test(`nor behind messages that have come and gone since (${blockBytes})`, async () => {
    const disk = new FaultyDisk()
    const folder = new StoreFolder({ disk, blockBytes })
    try {
      const store = await refusedInPart(disk, folder)
      append(store, 1)
      await store.flush()
      store.skipTo(150, 0)
      append(store, 1)
      store.remove(11, false)
      await store.flush()
      append(store, 20)
      store.remove(150, false)
      await store.flush()
      const kept = [...TEN, ...Array.from({ length: 20 }, (_, i) => i + 151)]
      expect(await reopened(folder, store)).toEqual({ seqs: kept, last: 170 })
    } finally {
      folder.remove()
    }
  })
}

/** Calls at most that follow a write that failed, up to the end of a close. */
const CALLS_MAX = 12

test('nor where nothing can be cut off', async () => {
  const disk = new FaultyDisk()
  const folder = new StoreFolder({ disk })
  try {
    const store = await folder.open()
    append(store, 10)
    await store.flush()
    let writes = 0
    disk.fault = (call) => (call === 'truncate' || (call === 'write' && ++writes === 1) ? 'EIO' : undefined)
    append(store, 10)
    await store.flush()
    expect(store.messages).toBe(10)
    expect(await reopened(folder, store)).toEqual({ seqs: TEN, last: 10 })
  } finally {
    folder.remove()
  }
})

for (const blockBytes of [1000, 100_000]) {
  for (const isFirst of [true, false]) {
    const where = isFirst ? 'that begins a block' : 'to a block that is there'
    test(`any one call may fail after a write ${where} (${blockBytes}) has failed, up to the close`, async () => {
      for (let nth = 1; nth <= CALLS_MAX; nth++) {
        const disk = new FaultyDisk()
        const folder = new StoreFolder({ disk, blockBytes })
        try {
          const store = await folder.open()
          if (!isFirst) append(store, 3)
          await store.flush()
          let calls = -1
          disk.fault = (call) => {
            if (calls < 0 && call !== 'write') return undefined
            calls++
            return calls === 0 || calls === nth ? 'EIO' : undefined
          }
          append(store, 5)
          await store.flush()
          const seqs = isFirst ? [] : [1, 2, 3]
          expect(store.messages, `call ${nth}`).toBe(seqs.length)
          expect(await reopened(folder, store), `call ${nth}`).toEqual({ seqs, last: seqs.length })
        } finally {
          folder.remove()
        }
      }
    })
  }
}
