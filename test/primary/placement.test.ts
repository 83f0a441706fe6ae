import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { PACKED_BUSY, Placement, ThreadLoad } from '../../src/primary/placement.ts'

/** Places as busy as these numbers say; a negative one cannot take a connection. */
const placesOf = (...busy: number[]) => busy.map((share, index) => ({ index, host: { busy: share } }))
const canTake = ({ host }: { readonly host: { readonly busy: number } }): boolean => host.busy >= 0
const [idle, full, gone] = [0, 0.9, -1]

test('round robin gives each in turn one, however busy it is', () => {
  const placement = new Placement<ReturnType<typeof placesOf>[number]>('round_robin')
  const places = placesOf(full, idle, gone, idle)
  const picked = Array.from({ length: 6 }, () => placement.pick(places, canTake)?.index)
  expect(picked).toEqual([0, 1, 3, 0, 1, 3])
  expect(placement.pick(placesOf(gone, gone), canTake)).toBeUndefined()
})

test.each([
  ['the first while it is idle enough', placesOf(PACKED_BUSY - 0.01, idle, idle), 0],
  ['the next one when it is busy', placesOf(PACKED_BUSY, idle, idle), 1],
  ['not one that cannot take it', placesOf(gone, full, idle), 2],
  ['the least busy one where all are busy', placesOf(0.8, 0.6, 0.7), 1],
  ['none where none can take it', placesOf(gone, gone), undefined],
])('pack gives it %s', (_, places, index) => {
  expect(new Placement<(typeof places)[number]>('pack').pick(places, canTake)?.index).toBe(index)
})

test('a thread is as busy as its loop was between two looks', async () => {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     parentPort.on('message', (ms) => {
       const end = performance.now() + ms
       while (performance.now() < end);
       parentPort.postMessage('done')
     })`,
    { eval: true },
  )
  onTestFinished(async () => void (await worker.terminate()))
  await once(worker, 'online')
  const work = async (ms: number): Promise<void> => {
    worker.postMessage(ms)
    await once(worker, 'message')
  }
  await work(1)
  const load = new ThreadLoad(worker)
  expect(load.busy).toBe(0)
  load.look()
  await work(100)
  load.look()
  const whileItWorked = load.busy
  await new Promise((resolve) => setTimeout(resolve, 100))
  load.look()
  expect(whileItWorked).toBeGreaterThan(load.busy)
})
