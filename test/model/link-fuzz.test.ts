import { expect, test } from 'vitest'
import { chooseSeed, Random } from '../support/random.ts'
import { fuzzLinks } from './link-fuzzer.ts'

/** A few seconds' worth; HEDDLE_FUZZ_INPUTS asks for more, and so does test/model/fuzz.ts --links. */
const INPUTS_DEFAULT = 15_000

test('the parser of links makes the calls of its model, however spoilt and however cut', { timeout: 0 }, () => {
  const inputs = Number(process.env['HEDDLE_FUZZ_INPUTS'] ?? INPUTS_DEFAULT)
  const totals = fuzzLinks(new Random(chooseSeed('link fuzz')), inputs)
  expect(totals.inputs).toBe(inputs)
  // The inputs are worth something: many carry messages, many end in a fault, many do not.
  expect(totals.messages).toBeGreaterThan(inputs / 5)
  expect(totals.faults).toBeGreaterThan(inputs / 5)
  expect(totals.faults).toBeLessThan((inputs * 9) / 10)
})
