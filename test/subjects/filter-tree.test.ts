// Filters in a tree, beside a list of them.

import { expect, test } from 'vitest'
import { overlap } from '../../src/subjects/filter.ts'
import { FilterTree } from '../../src/subjects/filter-tree.ts'
import { chooseSeed, Random } from '../support/random.ts'

test('whose filters overlap with another one is what a list of all says, whatever is added and removed', () => {
  const random = new Random(chooseSeed('filter-tree'))
  const filter = (): string => {
    const tokens = Array.from({ length: 1 + random.below(4) }, () => random.pick(['a', 'b', 'c', '*']))
    if (random.chance(0.3)) tokens.push('>')
    return random.chance(0.02) ? '>' : tokens.join('.')
  }
  const tree = new FilterTree<number>()
  const list: [filter: string, owner: number][] = []
  for (let step = 0; step < 5_000; step++) {
    if (random.chance(0.55) || list.length === 0) {
      const added: [string, number] = [filter(), random.below(20)]
      list.push(added)
      tree.add(...added)
    } else {
      const [removed] = list.splice(random.below(list.length), 1)
      tree.remove(...removed)
    }
    if (list.length > 60) for (const removed of list.splice(0, 30)) tree.remove(...removed)
    const asked = filter()
    const expected = new Set(list.filter(([one]) => overlap(one, asked)).map(([, owner]) => owner))
    expect(new Set(tree.overlapping(asked)), asked).toEqual(expected)
  }
  for (const removed of list) tree.remove(...removed)
  expect([...tree.overlapping('>')]).toEqual([])
})
