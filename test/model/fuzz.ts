// Long runs of the parsers' fuzzers:  node test/model/fuzz.ts [--links] [--inputs N] [--seed S]
// The parser of clients, or with --links that of routes and leaf nodes.
// Exit code 1 at the first difference, with the seed and the input; progress goes to stdout.

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Random } from '../support/random.ts'
import { fuzzLinks } from './link-fuzzer.ts'
import { fuzzParser } from './parser-fuzzer.ts'

const INPUTS_DEFAULT = 1_000_000
const BATCH = 20_000

const { values } = parseArgs({
  options: { links: { type: 'boolean' }, inputs: { type: 'string' }, seed: { type: 'string' } },
})
const fuzz = values.links === true ? fuzzLinks : fuzzParser
const inputs = Number(values.inputs ?? INPUTS_DEFAULT)
const firstSeed = Number(values.seed ?? randomInt(1, 2 ** 31))
if (!Number.isSafeInteger(inputs) || inputs < 1 || !Number.isSafeInteger(firstSeed)) {
  process.stderr.write('usage: node test/model/fuzz.ts [--links] [--inputs N] [--seed S]\n')
  process.exit(2)
}

process.stdout.write(`${values.links === true ? 'link' : 'parser'} fuzz: ${inputs} inputs, --seed ${firstSeed}\n`)
const started = performance.now()
let done = 0
let bytes = 0
try {
  // Each batch has a seed of its own, so that a failure is repeated in a moment: --inputs 20000 --seed <that one>.
  for (let seed = firstSeed; done < inputs; seed++) {
    const totals = fuzz(new Random(seed), Math.min(BATCH, inputs - done))
    done += totals.inputs
    bytes += totals.bytes
    const seconds = (performance.now() - started) / 1000
    const rate = Math.round(done / seconds)
    process.stdout.write(`${done} inputs, ${bytes} bytes, ${rate} inputs/s, last seed ${seed}\n`)
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exit(1)
}
