import { expect, test } from 'vitest'
import { type Branch, takeCensus } from '../../src/interest/census.ts'
import { Generations } from '../../src/interest/generations.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { type Filter, randomFilter } from './indexes.ts'

interface Held extends Filter {
  readonly node: number
}

/** What a census must find: counted over a plain list. */
function naive(held: readonly Held[], path: readonly string[]): Map<string, Branch> {
  const branches = new Map<string, Branch>()
  const groups = new Map<string, Set<string>>()
  for (const { account, filter, queue } of held) {
    const tokens = [account, ...filter.split('.')]
    if (path.some((token, i) => tokens[i] !== token) || tokens.length <= path.length) continue
    const token = tokens[path.length]
    const branch = branches.get(token) ?? { token, here: 0, total: 0, queues: 0, hasMore: false }
    branches.set(token, branch)
    branch.total++
    if (tokens.length > path.length + 1) branch.hasMore = true
    else {
      branch.here++
      if (queue !== '') groups.set(token, (groups.get(token) ?? new Set()).add(queue))
    }
  }
  for (const [token, names] of groups) (branches.get(token) as Branch).queues = names.size
  return branches
}

const byToken = (branches: ReadonlyMap<string, Branch> | undefined): Branch[] =>
  [...(branches ?? new Map<string, Branch>()).values()].toSorted((a, b) => (a.token < b.token ? -1 : 1))

test('a census counts what a plain list holds, whatever came and went', () => {
  const random = new Random(chooseSeed('census'))
  const region = createRegion()
  const writer = new InterestWriter(region, new Generations(), 7)
  const held: Held[] = []
  for (let step = 0; step < 4000; step++) {
    if (held.length > 0 && random.below(5) < 2) {
      const [gone] = held.splice(random.below(held.length), 1)
      writer.remove(gone.node, gone.account, gone.filter, gone.queue)
      writer.settle()
    } else {
      const filter = randomFilter(random)
      held.push({ ...filter, node: writer.add(filter.account, filter.filter, filter.queue) })
    }
    if (step % 100 !== 0) continue
    const paths = [[], ...held.slice(0, 5).map(({ account, filter }) => [account, ...filter.split('.')])]
    for (const path of paths.flatMap((whole) => whole.map((_, i) => whole.slice(0, i)).concat([[]]))) {
      const story = `seed ${random.seed}, step ${step}: ${path.join(' ')}`
      expect(byToken(takeCensus(region, path)), story).toEqual(byToken(naive(held, path)))
    }
  }
})

test('a path that is not there has no branches', () => {
  const region = createRegion()
  new InterestWriter(region, new Generations(), 7).add('$G', 'a.b', '')
  expect(takeCensus(region, ['$G', 'x'])).toBeUndefined()
  expect(takeCensus(region, ['A'])).toBeUndefined()
  expect(takeCensus(region, ['$G', 'a', 'b'])).toEqual(new Map())
})

test('memory that makes no sense ends in an answer', () => {
  const random = new Random(chooseSeed('census of garbage'))
  for (let round = 0; round < 50; round++) {
    const region = new SharedArrayBuffer(4096)
    const words = new Int32Array(region)
    for (let i = 0; i < words.length; i++)
      words[i] = random.below(2) === 0 ? random.below(1024) : random.below(2 ** 31) - 2 ** 30
    takeCensus(region, [])
    takeCensus(region, ['$G'])
  }
})
