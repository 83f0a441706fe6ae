import { expect, test } from 'vitest'
import { DROP_QUIET_MS } from '../../src/base/constants.ts'
import { DropPolicy } from '../../src/net/drop-policy.ts'

function policy() {
  const told: (readonly [messages: number, beginsEpisode: boolean])[] = []
  return { told, drops: new DropPolicy('drop_oldest', (...what) => told.push(what)) }
}

test('of an episode the first that is dropped is told as such, and no message at all is not told', () => {
  const { told, drops } = policy()
  drops.dropped(0, 1)
  for (const messages of [3, 0, 2]) drops.dropped(messages, 5)
  expect(told).toEqual([
    [3, true],
    [2, false],
  ])
})

test('it is over when nothing was dropped for a while, is told once, and the next one begins anew', () => {
  const { told, drops } = policy()
  expect(drops.endOfEpisode(10 * DROP_QUIET_MS)).toBe(0)
  drops.dropped(3, 100)
  drops.dropped(4, 200)
  expect([100, 199 + DROP_QUIET_MS].map((ms) => drops.endOfEpisode(ms))).toEqual([0, 0])
  expect([200, 200].map((ms) => drops.endOfEpisode(ms + DROP_QUIET_MS))).toEqual([7, 0])
  drops.dropped(1, 300 + DROP_QUIET_MS)
  expect(told.at(-1)).toEqual([1, true])
  expect(drops.endOfEpisode(300 + 2 * DROP_QUIET_MS)).toBe(1)
})
