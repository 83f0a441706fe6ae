// Stores whose files are damaged while they are closed: bits flipped, ends cut off, pieces zeroed. No wrong byte is
// ever served, what is not damaged is, and what is lost is named.

import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { FileStore } from '../../../src/jetstream/storage/file-store.ts'
import { chooseSeed, Random } from '../../support/random.ts'
import { until } from '../../support/until.ts'
import { crashMessage } from './crash-run.ts'
import { FLAVOURS, StoreFolder } from './file-stores.ts'

const MESSAGES = 600
const seed = chooseSeed('damage.test.ts')

/** A closed store of so many messages, in some ten blocks; the last is not sealed. */
async function filled(flavour: string): Promise<StoreFolder> {
  const folder = new StoreFolder({ ...FLAVOURS[flavour], blockBytes: 16 * 1024 })
  const store = await folder.open()
  for (let seq = 1; seq <= MESSAGES; seq++) {
    const { timeUs, subject, headers, payload } = crashMessage(seq)
    store.append(timeUs, Buffer.from(subject), Buffer.from(headers), Buffer.from(payload))
    if (seq % 40 === 0) await store.flush()
  }
  await store.close()
  const again = await folder.open()
  const blocks = numbersIn(folder.folder).slice(0, -1)
  const isSealed = (number: number): boolean =>
    readFileSync(join(folder.folder, `${number}.blk`))
      .subarray(-8)
      .equals(Buffer.from('HEDLSUM3'))
  await until('summaries', () => blocks.every(isSealed))
  await again.close()
  return folder
}

function numbersIn(folder: string): number[] {
  return readdirSync(folder)
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b)
}

/** Checks every message that is served, and that all others are named as lost. Answers how many are lost. */
async function check(store: FileStore, mayLose: number): Promise<number> {
  let lost = 0
  for (let seq = 1; seq <= MESSAGES; seq++) {
    const message = await store.load(seq)
    if (message === undefined) {
      lost++
      if (seq > store.last) continue
      expect(
        store.losses.some(({ first, last }) => first <= seq && seq <= last),
        `loss of ${seq}`,
      ).toBe(true)
      continue
    }
    const { timeUs, subject, headers, payload } = message
    const seen = { timeUs, subject: String(subject), headers: String(headers), payload: String(payload) }
    expect(seen).toEqual(crashMessage(seq))
  }
  expect(lost).toBeLessThanOrEqual(mayLose)
  return lost
}

for (const flavour of ['plain', 'compressed', 'chacha', 'aes and compressed']) {
  test(`flipped bits cost what they hit, and no more (${flavour})`, async () => {
    const random = new Random(seed)
    const folder = await filled(flavour)
    try {
      const names = readdirSync(folder.folder).filter((name) => name.endsWith('.blk'))
      for (let round = 0; round < 40; round++) {
        const path = join(folder.folder, random.pick(names))
        const before = readFileSync(path)
        const bytes = Buffer.from(before)
        bytes[random.below(bytes.length)] ^= 1 << random.below(8)
        writeFileSync(path, bytes)
        const store = await folder.open()
        // One message; of a compressed block one page, which may be all of it.
        await check(store, flavour.includes('compressed') ? 150 : 1)
        await store.close()
        writeFileSync(path, before)
      }
      const whole = await folder.open()
      expect(await check(whole, 0)).toBe(0)
      await whole.close()
      expect(folder.bugs).toEqual([])
    } finally {
      folder.remove()
    }
  })
}

test('a summary that is damaged is made of the records again', async () => {
  const folder = await filled('plain')
  try {
    for (const name of readdirSync(folder.folder)) {
      const path = join(folder.folder, name)
      const bytes = readFileSync(path)
      bytes[bytes.length - 50] ^= 1
      writeFileSync(path, bytes)
    }
    const store = await folder.open()
    expect(folder.notes.some((note) => note.includes('the summary of block 1 is damaged'))).toBe(true)
    // The last block has none: there a record was hit.
    await check(store, 1)
    await store.close()
  } finally {
    folder.remove()
  }
})

test('an end that is cut off anywhere costs what was cut, and the store goes on behind it', async () => {
  const random = new Random(seed)
  const folder = await filled('plain')
  try {
    const last = `${numbersIn(folder.folder).at(-1)}.blk`
    const { length } = readFileSync(join(folder.folder, last))
    for (let round = 0; round < 20; round++) {
      const copy = new StoreFolder()
      try {
        cpSync(folder.folder, copy.folder, { recursive: true })
        truncateSync(join(copy.folder, last), random.below(length))
        const store = await copy.open()
        const { last: left } = store
        await check(store, MESSAGES)
        expect(store.append(1, Buffer.from('next'), Buffer.alloc(0), Buffer.from('payload'))).toBe(left + 1)
        await store.close()
        const again = await copy.open()
        expect([again.last, again.losses]).toEqual([left + 1, []])
        expect(String((await again.load(left + 1))?.payload)).toBe('payload')
        await again.close()
      } finally {
        copy.remove()
      }
    }
  } finally {
    folder.remove()
  }
})

test('what is left of a block that was being written anew is removed', async () => {
  const folder = await filled('plain')
  try {
    const names = readdirSync(folder.folder)
    writeFileSync(join(folder.folder, '1.blk.new'), 'half of it')
    const store = await folder.open()
    expect(await check(store, 0)).toBe(0)
    await store.close()
    expect(readdirSync(folder.folder).sort()).toEqual(names.sort())
  } finally {
    folder.remove()
  }
})

test('a damaged message is named, though what follows it is a removal', async () => {
  const folder = new StoreFolder()
  try {
    const store = await folder.open()
    for (let seq = 1; seq <= 5; seq++) store.append(1, Buffer.from('s'), Buffer.alloc(0), Buffer.from(`payload ${seq}`))
    await store.flush()
    store.remove(2, false)
    await store.close()
    const path = join(folder.folder, '1.blk')
    const bytes = readFileSync(path)
    bytes[bytes.indexOf('payload 5')] ^= 1
    writeFileSync(path, bytes)
    const again = await folder.open()
    expect(again.losses.map(({ first, last }) => [first, last])).toEqual([[5, 5]])
    expect([1, 2, 3, 4, 5].filter((seq) => again.has(seq))).toEqual([1, 3, 4])
    expect(again.last).toBe(5)
    await again.close()
  } finally {
    folder.remove()
  }
})

for (const flavour of ['plain', 'compressed']) {
  test(`a block stays on the disk though none of its messages can be read (${flavour})`, async () => {
    const folder = await filled(flavour)
    try {
      const path = join(folder.folder, '2.blk')
      const store = await folder.open()
      const bytes = readFileSync(path)
      // Behind the headers, up to the summary: nothing of it can be read when it is read.
      bytes.fill(0xff, 128, bytes.length - bytes.readDoubleLE(bytes.length - 24) - 32)
      writeFileSync(path, bytes)
      for (let seq = 1; seq <= MESSAGES; seq++) await store.load(seq)
      const lost = store.losses.map(({ first }) => first)
      expect(lost.length).toBeGreaterThan(10)
      // What looks for blocks without messages, and what is done about them.
      store.remove(1, false)
      store.append(1, Buffer.from('s'), Buffer.alloc(0), Buffer.alloc(20_000))
      store.append(1, Buffer.from('s'), Buffer.alloc(0), Buffer.alloc(20_000))
      await store.flush()
      await until('the upkeep', () => store.unsealedBlocks === 0)
      await store.close()
      expect(readFileSync(path).equals(bytes)).toBe(true)
      if (flavour === 'compressed') return
      // Now the summary is gone, too: the block is scanned, and sealed again.
      writeFileSync(path, bytes.subarray(0, bytes.length - 40))
      const again = await folder.open()
      expect(lost.filter((seq) => again.has(seq))).toEqual([])
      await until('the upkeep', () => again.unsealedBlocks === 0)
      await again.close()
      expect(readFileSync(path).subarray(0, bytes.length - 40)).toEqual(bytes.subarray(0, bytes.length - 40))
      const last = await folder.open()
      expect(lost.every((seq) => last.losses.some(({ first, last }) => first <= seq && seq <= last))).toBe(true)
      await last.close()
    } finally {
      folder.remove()
    }
  })
}
