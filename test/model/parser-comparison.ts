// A parser beside its model: an input is fed to it whole, in pieces and, some of them, byte by byte, and each time its
// calls are the model's.

import assert from 'node:assert/strict'
import { everyByte } from '../protocol/feed.ts'
import type { Random } from '../support/random.ts'
import { makeCuts } from './spoil.ts'

export interface FuzzTotals {
  inputs: number
  bytes: number
  /** Inputs that ended in a fault, and those in which at least one message was told. */
  faults: number
  messages: number
}

interface Recorder {
  readonly calls: readonly string[]
}

/** An input, and what becomes of it. */
export interface ParserCase<R extends Recorder> {
  readonly input: Buffer
  /** Shown where parser and model differ. */
  readonly settings: unknown
  /** The model's calls. */
  readonly expected: readonly string[]
  /** Tells `recorder` the calls of a new parser that is fed the input, cut at these places. */
  feed(cuts: readonly number[], recorder: R): void
}

/** Some of the inputs up to this long are also fed byte by byte. */
const BYTEWISE_MAX = 400
const BYTEWISE_SHARE = 0.3

/** Runs `inputs` inputs. Throws at the first difference, with what is needed to repeat it. */
export function compareParser<R extends Recorder>(
  random: Random,
  inputs: number,
  makeCase: () => ParserCase<R>,
  makeRecorder: () => R,
  isMessage: (call: string) => boolean,
): FuzzTotals {
  const totals: FuzzTotals = { inputs: 0, bytes: 0, faults: 0, messages: 0 }
  for (let i = 0; i < inputs; i++) {
    const one = makeCase()
    const { input, expected } = one
    const label = `seed ${random.seed}, input ${i}`
    compare(label, one, [], makeRecorder())
    compare(label, one, makeCuts(random, input.length), makeRecorder())
    if (input.length <= BYTEWISE_MAX && random.chance(BYTEWISE_SHARE)) {
      compare(label, one, [...everyByte(input.length)], makeRecorder())
    }
    totals.inputs++
    totals.bytes += input.length
    if (expected.at(-1)?.startsWith('FAULT')) totals.faults++
    if (expected.some(isMessage)) totals.messages++
  }
  return totals
}

function compare<R extends Recorder>(label: string, one: ParserCase<R>, cuts: readonly number[], recorder: R): void {
  const { input, settings, expected } = one
  let failure: unknown
  try {
    one.feed(cuts, recorder)
    const { calls } = recorder
    if (calls.length === expected.length && calls.every((call, i) => call === expected[i])) return
  } catch (error) {
    failure = error
  }
  const story = [
    `${label}: the parser and its model differ`,
    `input    ${JSON.stringify(input.toString('latin1'))}`,
    `cuts     ${cuts.length === input.length - 1 ? 'at every byte' : cuts.join(', ')}`,
    `settings ${JSON.stringify(settings)}`,
    `model    ${JSON.stringify(expected)}`,
    `parser   ${JSON.stringify(recorder.calls)}`,
  ].join('\n')
  assert.fail(failure === undefined ? story : `${story}\n${failure instanceof Error ? failure.stack : failure}`)
}
