import { describe, expect, test } from 'vitest'
import { attempt, guarded } from '../../src/base/guarded.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe.each([
  ['what is attempted', (onBug: (error: unknown) => void, act: () => unknown) => attempt(onBug, act)],
  ['a guarded listener', (onBug: (error: unknown) => void, act: () => unknown) => guarded(onBug, act)()],
])('%s', (_, run) => {
  test('is told of nothing if all goes well', async () => {
    const bugs: unknown[] = []
    let calls = 0
    for (const act of [() => ++calls, async () => ++calls]) run((bug) => bugs.push(bug), act)
    await turn()
    expect([calls, bugs]).toEqual([2, []])
  })

  test('tells of what is thrown, at once, and throws nothing itself', () => {
    const bugs: unknown[] = []
    run(
      (bug) => bugs.push(bug),
      () => {
        throw 'anything'
      },
    )
    expect(bugs).toEqual(['anything'])
  })

  test('tells of a promise that is rejected', async () => {
    const bugs: unknown[] = []
    const bug = new Error('a bug')
    run(
      (one) => bugs.push(one),
      async () => {
        await turn()
        throw bug
      },
    )
    expect(bugs).toEqual([])
    await turn()
    await turn()
    expect(bugs).toEqual([bug])
  })
})

test('a guarded listener is given what the event brings, each time', () => {
  const seen: unknown[] = []
  const listener = guarded(
    () => undefined,
    (...args: [number, string]) => seen.push(args),
  )
  listener(1, 'a')
  listener(2, 'b')
  expect(seen).toEqual([
    [1, 'a'],
    [2, 'b'],
  ])
})
