// Items that wait for an iteration, compared with a plain array.

import { expect, test } from 'vitest'
import { Pending } from '../../src/client/pending.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { within } from '../support/until.ts'

test('whatever the order of pushes and reads, items come as they went in', async () => {
  const random = new Random(chooseSeed('client pending'))
  for (let round = 0; round < 200; round++) {
    const pending = new Pending<number>()
    const [items, batches] = [pending.items(), pending.batches()]
    const model: number[] = []
    let next = 0
    for (let step = 0; step < 60; step++) {
      switch (random.below(5)) {
        case 0:
        case 1:
          model.push(next)
          pending.push(next++)
          break
        case 2:
          if (model.length > 0) expect(await items.next()).toEqual({ done: false, value: model.shift() })
          break
        case 3:
          if (model.length > 0) {
            const { value } = await batches.next()
            expect(value).toEqual(model.splice(0, value.length))
          }
          break
        default:
          pending.dropOldest()
          model.shift()
      }
      expect(pending.size).toBe(model.length)
    }
    pending.end()
    for (const item of model) expect(await items.next()).toEqual({ done: false, value: item })
    expect((await items.next()).done).toBe(true)
  }
})

test('those who wait are woken by what comes, and by the end', async () => {
  const pending = new Pending<string>()
  const items = pending.items()
  const [first, second, third] = [items.next(), items.next(), items.next()]
  pending.push('a')
  pending.push('b')
  pending.end()
  expect(await Promise.all([first, second, third])).toEqual([
    { done: false, value: 'a' },
    { done: false, value: 'b' },
    { done: true, value: undefined },
  ])
})

test('an error comes behind the items, once', async () => {
  const pending = new Pending<string>()
  const items = pending.items()
  pending.push('a')
  pending.end(new Error('lost'))
  pending.end()
  expect(await items.next()).toEqual({ done: false, value: 'a' })
  await expect(items.next()).rejects.toThrow('lost')
  expect((await items.next()).done).toBe(true)
})

test('whoever leaves gets nothing more', async () => {
  let left = 0
  const pending = new Pending<string>(undefined, () => left++)
  pending.push('a')
  for await (const _ of pending.items()) break
  pending.push('b')
  expect(left).toBe(1)
  expect((await pending.items().next()).done).toBe(true)
})

test('whoever leaves while a next item is awaited is not left waiting', async () => {
  const items = new Pending<string>().items()
  const next = items.next()
  await items.return?.()
  expect((await within('the awaited item', next)).done).toBe(true)
})
