import { expect, test } from 'vitest'
import { askShards } from '../../src/primary/ask-shards.ts'
import type { Asked } from '../../src/primary/shard-slot.ts'
import type { Query } from '../../src/reports/query.ts'
import type { Report } from '../../src/reports/rows.ts'

const QUERY: Query = { kind: 'closings' }
const LONG_MS = 100_000

interface Told {
  answer?: Promise<Report | undefined>
  isReady?: boolean
  isLate?: boolean
}

/** Shards that say so much, and which of them were asked. */
function shards(...told: readonly Told[]): { slots: Asked[]; asked: number[] } {
  const asked: number[] = []
  const slots = told.map(({ answer, isReady = true, isLate = false }, index): Asked => {
    const query = (query: Query): Promise<Report | undefined> => {
      expect(query).toBe(QUERY)
      asked.push(index)
      return answer ?? Promise.resolve([index])
    }
    return { host: { isReady, query }, watch: { isLate } }
  })
  return { slots, asked }
}

test('all are asked at once, and answer in the order of the shards, whoever is first', async () => {
  const first = Promise.withResolvers<Report>()
  const { slots, asked } = shards({ answer: first.promise }, {})
  const answers = askShards(slots, QUERY, LONG_MS)
  expect(asked).toEqual([0, 1])
  await Promise.resolve()
  first.resolve([7])
  expect(await answers).toEqual({ reports: [[7], [1]], silent: [] })
})

test('one that serves and gives no answer is missing, and named', async () => {
  const { slots } = shards({}, { answer: Promise.resolve(undefined) }, {})
  expect(await askShards(slots, QUERY, LONG_MS)).toEqual({ reports: [[0], [2]], silent: [1] })
})

test('one that does not turn its loop is not asked, and missing', async () => {
  const { slots, asked } = shards({ isLate: true }, {})
  expect(await askShards(slots, QUERY, LONG_MS)).toEqual({ reports: [[1]], silent: [0] })
  expect(asked).toEqual([1])
})

test('one that is down is not asked either, and nothing of it is missing', async () => {
  const { slots, asked } = shards({ isReady: false }, {}, { isReady: false, isLate: true })
  expect(await askShards(slots, QUERY, LONG_MS)).toEqual({ reports: [[1]], silent: [] })
  expect(asked).toEqual([1])
})

test('one that was late and is replaced meanwhile has nothing that is missing', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const { slots } = shards({ answer: promise }, {})
  const answers = askShards(slots, QUERY, LONG_MS)
  slots[0] = { ...slots[0], host: { ...slots[0].host, isReady: false } }
  resolve(undefined)
  expect(await answers).toEqual({ reports: [[1]], silent: [] })
})

test('nobody is waited for longer than an answer may take, and the others are heard', async () => {
  const { slots } = shards({ answer: new Promise(() => undefined) }, {})
  expect(await askShards(slots, QUERY, 1)).toEqual({ reports: [[1]], silent: [0] })
})

test('where there are no shards, nothing is answered and nothing missing', async () => {
  expect(await askShards([], QUERY, LONG_MS)).toEqual({ reports: [], silent: [] })
})
