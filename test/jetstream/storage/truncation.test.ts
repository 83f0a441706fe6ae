// What a truncation of a file store cut off does not come back, whatever becomes of the block that was begun then. Its
// header alone says what earlier blocks have that does not count.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { blockWork } from '../../../src/jetstream/storage/block-work.ts'
import type { FileStore } from '../../../src/jetstream/storage/file-store.ts'
import { until } from '../../support/until.ts'
import { StoreFolder } from './file-stores.ts'

const EMPTY = Buffer.alloc(0)

function append(store: FileStore, count: number, subject = 'a'): void {
  for (let i = 0; i < count; i++) store.append(1_000_000, Buffer.from(subject), EMPTY, Buffer.alloc(100))
}

/** The sequences of the messages that are there after the store has been closed and opened again. */
async function reopened(folder: StoreFolder, store: FileStore): Promise<number[]> {
  await store.close()
  const again = await folder.open()
  const found = Array.from({ length: 20 }, (_, i) => i + 1).filter((seq) => again.has(seq))
  await again.close()
  expect([folder.bugs, folder.troubles, folder.losses, folder.notes]).toEqual([[], [], [], []])
  return found
}

/** A store with ten messages on the disk, cut off behind the fifth: block 2 begins at sequence 6. */
async function truncated(folder: StoreFolder): Promise<FileStore> {
  const store = await folder.open()
  append(store, 10)
  await store.flush()
  store.truncate(5)
  return store
}

test('a skip too far for the numbers of one block does not displace the block that was begun', async () => {
  const folder = new StoreFolder()
  try {
    const store = await truncated(folder)
    store.skipTo(2 ** 33, 0)
    append(store, 1)
    expect(await reopened(folder, store)).toEqual([1, 2, 3, 4, 5])
  } finally {
    folder.remove()
  }
})

test('the block that was begun is not removed before those that it cuts off are written anew', async () => {
  const folder = new StoreFolder()
  try {
    const store = await truncated(folder)
    append(store, 1)
    await store.flush()
    store.skipTo(50, 0)
    // Block 3 begins at sequence 50. Without its one message block 2 is removed.
    store.truncate(49)
    store.remove(6, false)
    await store.flush()
    await until('the removal of block 2', () => !existsSync(join(folder.folder, '2.blk')))
    expect(await reopened(folder, store)).toEqual([1, 2, 3, 4, 5])
  } finally {
    folder.remove()
  }
})

test('what is cut off while its block is written anew is cut off by the next copy', async () => {
  const folder = new StoreFolder()
  const written = Promise.withResolvers<void>()
  let copies = 0
  const mayEnd = Promise.withResolvers<void>()
  const compact: typeof blockWork.compact = async (task) => {
    const done = await blockWork.compact(task)
    copies++
    written.resolve()
    await mayEnd.promise
    return done
  }
  Object.assign(folder.host, { work: { ...blockWork, compact } })
  try {
    const store = await truncated(folder)
    await written.promise
    // Block 1 has been written with messages 1 to 5. Block 3 begins at sequence 4.
    store.truncate(3)
    // Another message gets sequence 4 before the store learns where the first one lies in the new file.
    append(store, 1, 'b')
    mayEnd.resolve()
    await until('the second copy', () => copies === 2)
    expect(String((await store.load(4))?.subject)).toBe('b')
    await store.flush()
    store.skipTo(50, 0)
    store.truncate(49)
    store.remove(4, false)
    await store.flush()
    await until('the removal of block 3', () => !existsSync(join(folder.folder, '3.blk')))
    expect(await reopened(folder, store)).toEqual([1, 2, 3])
  } finally {
    folder.remove()
  }
})
