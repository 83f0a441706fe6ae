// Numbered subjects beside a map: names that come again and again, room that is made before it is needed, or not.

import { expect, test } from 'vitest'
import { SubjectTable } from '../../../src/jetstream/storage/subject-table.ts'
import { chooseSeed, Random } from '../../support/random.ts'

test('a name keeps its number, whatever room was made and given back', () => {
  const random = new Random(chooseSeed('subject table'))
  const table = new SubjectTable()
  const numbers = new Map<string, number>()
  const note = `seed ${random.seed}`
  for (let seq = 1; seq <= 6_000; seq++) {
    const name = `${'s'.repeat(random.below(5))}.${random.below(600)}`
    const known = numbers.get(name)
    const id = table.number(Buffer.from(name))
    expect(id, note).toBe(known ?? numbers.size)
    numbers.set(name, id)
    table.added(id, seq)
    if (random.chance(0.005)) table.expect(random.below(2_000), 1 + random.below(4))
    if (random.chance(0.005)) table.trim()
  }
  const revived = SubjectTable.revived(structuredClone(table))
  for (const each of [table, revived]) {
    expect(each.numbered, note).toBe(numbers.size)
    for (const [name, id] of numbers) {
      expect(each.find(Buffer.from(name)), note).toBe(id)
      expect(String(each.nameOf(id)), note).toBe(name)
    }
    expect(each.find(Buffer.from('no.such.name')), note).toBe(-1)
  }
})

test('what was expected and did not come is given back', () => {
  const table = new SubjectTable()
  const bytes = (): number => table.memory.reduce((sum, { byteLength }) => sum + byteLength, 0)
  for (let i = 0; i < 1_000; i++) table.number(Buffer.from(`s.${i}`))
  const before = bytes()
  table.expect(1_000_000, 100)
  expect(bytes()).toBeGreaterThan(10 * before)
  table.trim()
  expect(bytes()).toBeLessThanOrEqual(before)
  expect(table.find(Buffer.from('s.7'))).toBe(-1)
  expect(table.number(Buffer.from('s.7'))).toBe(7)
})
