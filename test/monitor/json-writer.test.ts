import { describe, expect, it } from 'vitest'
import { goJson } from '../../src/base/go-format.ts'
import type { Json } from '../../src/base/json.ts'
import { writeJson } from '../../src/monitor/json-writer.ts'

const row = (i: number, subscriptions: number): Json => ({
  cid: i,
  name: 'a<b>\n"c"',
  none: undefined,
  empty: [],
  list: Array.from({ length: subscriptions }, (_, k) => ({ subject: `a.${k}`, nothing: {} })),
})
const PAGES: readonly (readonly [what: string, page: Json])[] = [
  ['a short page', { now: 'x', connections: [row(1, 2)] }],
  ['many rows', { now: 'x', connections: Array.from({ length: 3_000 }, (_, i) => row(i, 3)), total: 5 }],
  ['a row with many subscriptions', { connections: [row(1, 20_000), row(2, 0)] }],
  ['a bare list', Array.from({ length: 10_000 }, (_, i) => i)],
]

describe.each([0, 2])('JSON with an indent of %i', (indent) => {
  it.each(PAGES)('is the same in pieces: %s', async (_what, page) => {
    expect(Buffer.concat(await writeJson(page, indent)).toString()).toBe(goJson(page, indent))
  })
})

it('lets others have turns while a long page is written', async () => {
  let turns = 0
  let done = false
  const count = (): void => {
    turns++
    if (!done) setImmediate(count)
  }
  setImmediate(count)
  const pieces = await writeJson(
    Array.from({ length: 100 }, (_, i) => row(i, 500)),
    2,
  )
  done = true
  expect(turns).toBeGreaterThan(20)
  expect(pieces.length).toBeGreaterThan(20)
})
