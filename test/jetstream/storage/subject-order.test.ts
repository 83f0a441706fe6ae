// The order of subjects, against a look at each.

import { expect, test } from 'vitest'
import { SubjectFilter } from '../../../src/jetstream/storage/subject-filter.ts'
import { SubjectOrder } from '../../../src/jetstream/storage/subject-order.ts'
import { SubjectTable } from '../../../src/jetstream/storage/subject-table.ts'
import { matches } from '../../../src/subjects/subject.ts'
import { chooseSeed, Random } from '../../support/random.ts'

const seed = chooseSeed('subject-order.test.ts')
/** Bytes below and above that of a dot, and one within others. */
const TOKENS = ['a', 'a-', 'a/', 'aa', 'b', '!', '~', 'long-token', '\u00e9']

test('what matches is found, and nothing else, whatever was added before', () => {
  const random = new Random(seed)
  for (let round = 0; round < 20; round++) {
    const order = new SubjectOrder()
    const table = new SubjectTable()
    const names = new Set<string>()
    const some = (): string[] => {
      return Array.from({ length: 1 + random.below(4) }, () => random.pick([...TOKENS, String(random.below(30))]))
    }
    for (let step = 0; step < 40; step++) {
      for (let i = random.below(400); i > 0; i--) {
        const name = some().join('.')
        names.add(name)
        table.number(Buffer.from(name, 'latin1'))
      }
      const filters = Array.from({ length: random.pick([1, 1, 2, 3]) }, () => {
        const tokens = some().map((token) => (random.chance(0.4) ? '*' : token))
        return random.chance(0.4) ? [...tokens, '>'].join('.') : tokens.join('.')
      })
      const found = [...order.matching(table, new SubjectFilter(filters))]
      const seen = found.map((id) => table.nameOf(id).toString('latin1'))
      const expected = [...names].filter((name) => filters.some((filter) => matches(filter, name)))
      expect(seen.sort(), `${filters}`).toEqual(expected.sort())
    }
  }
})
