// Stores on disks that fail: nothing that was durable is lost, what was not is undone and said so, and the store works
// again as soon as the disk does.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { FileStore } from '../../../src/jetstream/storage/file-store.ts'
import { ALL } from '../../../src/jetstream/storage/subject-filter.ts'
import { until } from '../../support/until.ts'
import { crashMessage } from './crash-run.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { StoreFolder } from './file-stores.ts'

const NONE = Buffer.alloc(0)

function append(store: FileStore): number {
  const { timeUs, subject, headers, payload } = crashMessage(store.last + 1)
  return store.append(timeUs, Buffer.from(subject), Buffer.from(headers), Buffer.from(payload))
}

function sequencesOf(store: FileStore): number[] {
  const all: number[] = []
  for (let seq = store.next(ALL, 1); seq > 0; seq = store.next(ALL, seq + 1)) all.push(seq)
  return all
}

async function checkContent(store: FileStore): Promise<void> {
  for (const seq of sequencesOf(store)) {
    expect(String((await store.load(seq))?.payload), `message ${seq}`).toBe(crashMessage(seq).payload)
  }
}

test('any call may fail once', async () => {
  // So many that calls of all kinds are among them.
  for (let nth = 1; nth <= 60; nth++) {
    const disk = new FaultyDisk()
    const folder = new StoreFolder({ disk, blockBytes: 4 * 1024 })
    try {
      const store = await folder.open()
      disk.fault = () => (disk.calls === nth ? 'EIO' : undefined)
      const durable = new Set<number>()
      for (let round = 0; round < 25; round++) {
        for (let i = 0; i < 8; i++) append(store)
        await store.flush()
        for (let seq = 1; seq <= store.durable; seq++) if (store.has(seq)) durable.add(seq)
        for (const seq of sequencesOf(store).slice(0, 6)) {
          store.remove(seq, round % 2 === 0)
          durable.delete(seq)
        }
      }
      await store.flush()
      await checkContent(store)
      const left = sequencesOf(store)
      const { last } = store
      expect(left, `call ${nth}`).toEqual([...durable])
      for (const failure of folder.failures) expect(failure.failure.kind).toBe('io')
      await store.close()
      const again = await folder.open()
      expect([sequencesOf(again), again.last, again.losses], `call ${nth}`).toEqual([left, last, []])
      await checkContent(again)
      await again.close()
      expect(folder.bugs).toEqual([])
    } finally {
      folder.remove()
    }
  }
})

test('a message that was overwritten in part is no loss, and is overwritten when the disk works again', async () => {
  const disk = new FaultyDisk()
  const folder = new StoreFolder({ disk })
  const copy = new StoreFolder()
  const now = performance.now.bind(performance)
  const clock = vi.spyOn(performance, 'now')
  try {
    const store = await folder.open()
    const payload = Buffer.from('secret '.repeat(20))
    for (let i = 0; i < 3; i++) store.append(1, Buffer.from('s'), NONE, payload)
    await store.flush()
    // The removal is written first, then the message is overwritten.
    let writes = 0
    disk.fault = (call) => (call === 'write' && ++writes === 2 ? 'EIO' : undefined)
    store.remove(3, true)
    await until('the failure', () => folder.troubles.length > 0)
    cpSync(folder.folder, copy.folder, { recursive: true })
    const other = await copy.open()
    expect([sequencesOf(other), other.last, other.losses]).toEqual([[1, 2], 3, []])
    await other.close()
    clock.mockImplementation(() => now() + 60_000)
    store.remove(2, true)
    const path = join(folder.folder, '1.blk')
    await until('the messages to be overwritten', () => readFileSync(path).toString().split('secret').length <= 21)
    await store.close()
    const again = await folder.open()
    expect([sequencesOf(again), again.last, again.losses]).toEqual([[1], 3, []])
    await again.close()
  } finally {
    clock.mockRestore()
    folder.remove()
    copy.remove()
  }
})

test('while the disk is full, appends are undone and said so; then it goes on', async () => {
  const disk = new FaultyDisk()
  const folder = new StoreFolder({ disk })
  try {
    const store = await folder.open()
    for (let i = 0; i < 100; i++) append(store)
    await store.flush()
    disk.fault = (call) => (call === 'write' || call === 'open' ? 'ENOSPC' : undefined)
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 10; i++) append(store)
      await store.flush()
      expect(store.last).toBe(100)
    }
    expect(folder.failures.map(({ first, last, failure }) => [first, last, failure.kind])).toEqual(
      Array.from({ length: 5 }, () => [101, 110, 'full']),
    )
    await checkContent(store)
    disk.fault = () => undefined
    for (let i = 0; i < 10; i++) append(store)
    await store.flush()
    expect([store.durable, store.messages]).toEqual([110, 110])
    await store.close()
    const again = await folder.open()
    expect([again.last, again.messages, again.losses]).toEqual([110, 110, []])
    await checkContent(again)
    await again.close()
  } finally {
    folder.remove()
  }
})

test('a disk that may only be read is said to be so', async () => {
  const disk = new FaultyDisk()
  const folder = new StoreFolder({ disk })
  try {
    const store = await folder.open()
    disk.fault = () => 'EROFS'
    append(store)
    await store.flush()
    expect(folder.failures[0].failure.kind).toBe('denied')
    disk.fault = () => undefined
    append(store)
    await store.flush()
    expect(store.durable).toBe(1)
    await store.close()
  } finally {
    folder.remove()
  }
})

/** A file system of so many MiB; undefined: none can be mounted here. */
function mountSmall(mebibytes: number): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'heddle-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'heddle-test', path], { stdio: 'ignore' })
    return path
  } catch {
    rmSync(path, { recursive: true })
    return undefined
  }
}

test('a file system that fills up: what was durable stays, and a purge makes room', async (context) => {
  const mounted = mountSmall(2)
  if (mounted === undefined) {
    context.skip()
    return
  }
  mkdirSync(join(mounted, 'store'))
  const folder = new StoreFolder({ blockBytes: 256 * 1024 }, join(mounted, 'store'))
  try {
    const store = await folder.open()
    const payload = Buffer.alloc(1000, 'x')
    while (folder.failures.length === 0) {
      for (let i = 0; i < 20; i++) store.append(1, Buffer.from('s'), NONE, payload)
      await store.flush()
    }
    expect(folder.failures[0].failure.kind).toBe('full')
    const { durable } = store
    expect(store.messages).toBe(durable)
    await store.close()
    const again = await folder.open()
    expect([again.messages, again.losses]).toEqual([durable, []])
    expect((await again.load(durable))?.payload.equals(payload)).toBe(true)
    expect(again.purge({ keep: 10 })).toBe(durable - 10)
    folder.failures.length = 0
    // The purge is carried out beside everything else.
    for (let last = again.last; again.durable === last; ) {
      again.append(1, Buffer.from('s'), NONE, payload)
      await again.flush()
    }
    expect(again.messages).toBeGreaterThan(10)
    await again.close()
  } finally {
    execFileSync('umount', [mounted])
    rmSync(mounted, { recursive: true })
  }
})
