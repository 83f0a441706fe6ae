// Fast batches alone: their bounds, and what outlives what.

import { afterEach, expect, test, vi } from 'vitest'
import { FastBatches, type FastOutcome, isFastReply, readPlace } from '../../src/jetstream/fast-batches.ts'

const NOTHING = Buffer.alloc(0)
const TIMEOUT_MS = 10_000

afterEach(() => {
  vi.useRealTimers()
})

/** Batches of a stream that stores everything. */
class Scene {
  readonly told: [reply: string, text: string][] = []
  stored = 0
  outcome: FastOutcome | undefined
  readonly batches = new FastBatches({
    limits: { perStream: 0, fastPerStream: 3, messages: 0, timeout: TIMEOUT_MS },
    isMute: false,
    store: () => this.outcome ?? { seq: ++this.stored },
    tell: (reply, text) => this.told.push([reply, text]),
    acknowledge: (reply, seq, more) => this.told.push([reply, `${seq}${more}`]),
  })

  /** Answers the code of the error. */
  send(place: string): number | undefined {
    const read = readPlace(`inbox.${place}.$FI`)
    if (read === undefined) throw new Error(`${place} makes no sense`)
    const message = { subject: Buffer.from('S.a'), headers: NOTHING, payload: NOTHING }
    return this.batches.take(message, place, read)?.err_code
  }
}

test.each([
  ['a.b.10.ok.1.0.$FI', { id: 'b', flow: 10, isGapOk: true, seq: 1, operation: 0 }],
  ['a.b.c.d.e.70000.fail.999.4.$FI', { id: 'e', flow: 65_535, isGapOk: false, seq: 999, operation: 4 }],
  ['a.b.-1.ok.2.1.$FI', { id: 'b', flow: 10, isGapOk: true, seq: 2, operation: 1 }],
])('the reply subject %s', (reply, place) => {
  expect(isFastReply(reply)).toBe(true)
  expect(readPlace(reply)).toEqual(place)
})

test.each([
  'b.10.ok.1.0.$FI',
  'a.b.10.ok.1.5.$FI',
  'a.b.10.ok.1.-1.$FI',
  'a.b.10.ok.0.0.$FI',
  'a.b.10.ok.2.0.$FI',
  'a.b.10.ok.1.1.$FI',
  'a.b.10.ok.1.3.$FI',
  'a.b.10.OK.1.0.$FI',
  `a.b.10.ok.${'9'.repeat(40)}.1.$FI`,
])('the reply subject %s makes no sense', (reply) => {
  expect(isFastReply(reply)).toBe(true)
  expect(readPlace(reply)).toBeUndefined()
})

test('other reply subjects are none of a fast batch', () => {
  expect(['', '.$FI', 'a', '$FI', 'a.$FJ', 'a.b.10.ok.1.0'].some(isFastReply)).toBe(false)
})

test('a batch that is silent for too long comes to nothing', () => {
  vi.useFakeTimers()
  const scene = new Scene()
  scene.send('b.10.ok.1.0')
  vi.advanceTimersByTime(TIMEOUT_MS - 1)
  expect(scene.send('b.10.ok.2.1')).toBeUndefined()
  vi.advanceTimersByTime(TIMEOUT_MS - 1)
  expect(scene.send('b.10.ok.2.4')).toBeUndefined()
  vi.advanceTimersByTime(TIMEOUT_MS)
  expect(scene.send('b.10.ok.3.1')).toBe(10208)
  expect(scene.stored).toBe(2)
})

test('a stream has so many open batches, and one that ends makes room', () => {
  const scene = new Scene()
  for (const id of ['a', 'b', 'c']) expect(scene.send(`${id}.10.ok.1.0`)).toBeUndefined()
  expect(scene.send('d.10.ok.1.0')).toBe(10211)
  scene.send('b.10.ok.2.3')
  expect(scene.send('d.10.ok.1.0')).toBeUndefined()
  scene.batches.close()
  for (const id of ['a', 'c', 'd']) expect(scene.send(`${id}.10.ok.2.1`)).toBe(10208)
})

test('batches that are open at once share the flow, and have it back when they are alone', () => {
  const scene = new Scene()
  const flows = (): number[] => scene.told.splice(0).map(([, text]) => (JSON.parse(text) as { msgs: number }).msgs)
  for (const id of ['a', 'b']) scene.send(`${id}.1000.ok.1.0`)
  // The first begins with what it wants, the second slowly.
  expect(flows()).toEqual([500, 1, 2])
  for (let seq = 2; seq <= 600; seq++) scene.send(`b.1000.ok.${seq}.1`)
  expect(flows()).toEqual([4, 8, 16, 32, 64, 128, 250, 250])
  for (let seq = 2; seq <= 600; seq++) scene.send(`a.1000.ok.${seq}.1`)
  expect(flows()).toEqual([250])
  scene.send('a.1000.ok.601.3')
  scene.told.length = 0
  for (let seq = 601; seq <= 1300; seq++) scene.send(`b.1000.ok.${seq}.1`)
  expect(flows()).toEqual([500, 500])
})

test('what the stream refuses ends a batch, or not', () => {
  const scene = new Scene()
  scene.send('b.10.fail.1.0')
  scene.send('b.10.fail.2.1')
  scene.outcome = { error: { code: 400, err_code: 10071, description: 'no' } }
  scene.told.length = 0
  expect(scene.send('b.10.fail.3.1')).toBeUndefined()
  expect(scene.told.map(([, text]) => text)).toEqual([
    '{"type":"err","seq":3,"error":{"code":400,"err_code":10071,"description":"no"}}',
    '2,"batch":"b","count":2',
  ])
  expect(scene.send('b.10.fail.4.1')).toBe(10208)
  expect(scene.send('c.10.fail.1.0')).toBe(10071)
  expect(scene.send('d.10.ok.1.0')).toBeUndefined()
})
