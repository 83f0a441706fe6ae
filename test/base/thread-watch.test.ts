// Whether a thread turns its loop, by a staged clock: a thread of which nothing is told, and real ones.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { HEARTBEAT_MS, SHARD_LATE_MS, SHARD_SILENT_MAX_MS, SHARD_STUCK_MS } from '../../src/base/constants.ts'
import { ThreadTimes } from '../../src/base/thread-time.ts'
import { type Sight, ThreadWatch } from '../../src/base/thread-watch.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { until } from '../support/until.ts'

/** A shard of which the system tells nothing, unless its thread is given. */
function stage(thread = 0) {
  const clock = { nowMs: 10_000 }
  const gauges = { beats: 0, heartbeat: () => gauges.beats, thread: () => thread }
  const watch = new ThreadWatch(0, gauges, clock)
  onTestFinished(() => watch.close())
  return {
    watch,
    clock,
    beat: () => void gauges.beats++,
    /** What is seen after so long. */
    lookAfter(ms: number): Sight {
      clock.nowMs += ms
      return watch.look()
    },
  }
}

test('one that beats is never late', () => {
  const { beat, lookAfter, watch } = stage()
  for (let i = 0; i < 100; i++) {
    beat()
    expect(lookAfter(HEARTBEAT_MS)).toBe('beats')
  }
  expect(watch.isLate).toBe(false)
})

test('one that is silent is late after its time, which is told once, as is that it has come back', () => {
  const { beat, lookAfter, watch } = stage()
  expect(lookAfter(SHARD_LATE_MS)).toBe('silent')
  expect(watch.isLate).toBe(false)
  expect(lookAfter(1)).toBe('late')
  expect(watch.isLate).toBe(true)
  expect(watch.silentMs).toBe(SHARD_LATE_MS + 1)
  expect(lookAfter(HEARTBEAT_MS)).toBe('silent')
  beat()
  expect(lookAfter(HEARTBEAT_MS)).toBe('responsive')
  expect(watch).toMatchObject({ isLate: false, silentMs: 0 })
  beat()
  expect(lookAfter(HEARTBEAT_MS)).toBe('beats')
})

test('one of which the system tells nothing is stuck after a long silence', () => {
  const { lookAfter } = stage()
  lookAfter(SHARD_LATE_MS + 1)
  expect(lookAfter(SHARD_SILENT_MAX_MS - SHARD_LATE_MS - 1)).toBe('silent')
  expect(lookAfter(1)).toBe('stuck')
})

test('a frozen process makes no shard late: its clock stands still', () => {
  const { lookAfter } = stage()
  for (let i = 0; i < 1_000; i++) expect(lookAfter(0)).toBe('silent')
})

test('another thread begins anew', () => {
  const { lookAfter, watch } = stage()
  lookAfter(SHARD_LATE_MS + 1)
  watch.restart()
  expect(watch).toMatchObject({ isLate: false, silentMs: 0 })
  expect(lookAfter(SHARD_LATE_MS)).toBe('silent')
  expect(lookAfter(1)).toBe('late')
})

test('whenever it beats, it is late exactly when its silence is too long', () => {
  const random = new Random(chooseSeed('shard watch'))
  const { beat, lookAfter, watch } = stage()
  let silentMs = 0
  let wasLate = false
  for (let i = 0; i < 2_000; i++) {
    const ms = random.below(SHARD_LATE_MS / 2)
    const beats = random.chance(0.2) || silentMs + ms > SHARD_SILENT_MAX_MS
    if (beats) beat()
    silentMs = beats ? 0 : silentMs + ms
    const isLate = silentMs > SHARD_LATE_MS
    const expected = beats ? (wasLate ? 'responsive' : 'beats') : isLate && !wasLate ? 'late' : 'silent'
    expect(lookAfter(ms), `seed ${random.seed}, look ${i}`).toBe(expected)
    expect(watch.isLate).toBe(isLate)
    wasLate = isLate
  }
})

/** A thread that does so, and its number. It is to be `asleep` before it is looked at, or not. */
async function threadThat(does: string): Promise<number> {
  const code = `
    const { parentPort } = require('node:worker_threads')
    const id = Number(require('node:fs').readlinkSync('/proc/thread-self').split('/')[2])
    parentPort.postMessage(id)
    ${does}`
  const worker = new Worker(code, { eval: true })
  onTestFinished(async () => void (await worker.terminate()))
  const [id] = (await once(worker, 'message')) as [number]
  return id
}

const linux = test.skipIf(process.platform !== 'linux')

linux('a thread that sleeps while its timer is due is stuck after its time', async () => {
  const thread = await threadThat('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)')
  const times = ThreadTimes.of(thread) ?? expect.fail('nothing is told of the thread')
  onTestFinished(() => times.close())
  const cpuMs = (): number => times.read()?.cpuMs ?? Number.NaN
  await until('it sleeps for good', async () => {
    const before = cpuMs()
    await new Promise(setImmediate)
    return times.read()?.sleeps === true && cpuMs() === before
  })
  const { lookAfter } = stage(thread)
  // The first look has nothing to compare with.
  expect(lookAfter(SHARD_STUCK_MS)).toBe('late')
  expect(lookAfter(SHARD_STUCK_MS - 1)).toBe('silent')
  expect(lookAfter(1)).toBe('stuck')
})

linux('a thread that has ended is not taken for one that sleeps', async () => {
  const { lookAfter } = stage(await threadThat('process.exit()'))
  expect(lookAfter(SHARD_STUCK_MS)).toBe('late')
  expect(lookAfter(SHARD_STUCK_MS)).not.toBe('stuck')
})
