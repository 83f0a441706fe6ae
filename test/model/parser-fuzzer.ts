// Makes inputs by seed, good ones and spoilt ones, feeds each to the parser whole, in random pieces and byte by byte,
// and compares its calls with the model's. Run by parser-fuzz.test.ts for a moment and by fuzz.ts for hours.

import assert from 'node:assert/strict'
import { CallRecorder, everyByte, type FeedSettings, feed, negotiatedHeaders } from '../protocol/feed.ts'
import { TRANSCRIPTS } from '../protocol/transcripts.ts'
import type { Random } from '../support/random.ts'
import { ParserModel } from './parser-model.ts'
import { ENDS, GAPS, makeCuts, mixedCase, spoil } from './spoil.ts'

export interface FuzzTotals {
  inputs: number
  bytes: number
  /** Inputs that ended in a fault, and those in which at least one message was told. */
  faults: number
  messages: number
}

const SEED_BYTES_MAX = 4_000
const INPUT_BYTES_MAX = 6_000
/** Some of the inputs up to this long are also fed byte by byte. */
const BYTEWISE_MAX = 400
const BYTEWISE_SHARE = 0.3

const SEEDS: readonly Buffer[] = TRANSCRIPTS.map((transcript) => transcript.input).filter(
  (input) => input.length < SEED_BYTES_MAX,
)

/** Pieces of text on which parsers stumble. */
const TOKENS: readonly Buffer[] = [
  ...[
    'PUB ',
    'HPUB ',
    'SUB ',
    'UNSUB ',
    'PING\r\n',
    'PONG\r\n',
    'CONNECT {}\r\n',
    'INFO {}\r\n',
    '+OK\r\n',
    '-ERR x\r\n',
  ],
  ...['pub a 1\r\nx\r\n', 'PUB a 0\r\n\r\n', 'HPUB a 0 0\r\n\r\n', 'HPUB a r 1 2\r\nhi\r\n', 'PUB a 2\r\nhi\r\n'],
  ...['CONNECT {"headers":true}\r\n', 'CONNECT {"headers":false}\r\n', 'P', 'PU', 'UNSU', 'PUB', 'SUB\t', 'PUB a '],
  ...[' ', '\t', '\r', '\n', '\r\n', '\r\r\n', '\n\r', '\0', '\xff', '\x0b', '  \t ', '.', '*', '>', '-', '+', '{"a":'],
  ...['0', '1', '2', '16', '17', '63', '64', '65', '007', '-5', '1e20', '0x1', '2.0', '999999999', '1234567890'],
  ...['9007199254740992', '18446744073709551618', '4294967298', '2147483648', '1048576', '1048577'],
].map((text) => Buffer.from(text, 'latin1'))

const SETTINGS: readonly FeedSettings[] = [
  { headers: true, runMax: Number.MAX_SAFE_INTEGER, maxControlLine: 4096, maxPayload: 1024 * 1024 },
  { headers: true, runMax: 1, maxControlLine: 64, maxPayload: 64 },
  { headers: true, runMax: 2, maxControlLine: 64, maxPayload: 1024 },
  { headers: false, runMax: Number.MAX_SAFE_INTEGER, maxControlLine: 80, maxPayload: 16 },
]

/** Runs `inputs` inputs. Throws at the first difference, with what is needed to repeat it. */
export function fuzzParser(random: Random, inputs: number): FuzzTotals {
  const totals: FuzzTotals = { inputs: 0, bytes: 0, faults: 0, messages: 0 }
  for (let i = 0; i < inputs; i++) {
    const settings = random.pick(SETTINGS)
    const input = makeInput(random)
    const cuts = makeCuts(random, input.length)
    const calls = modelCalls(input, settings)
    compare(random, i, input, [], settings, calls)
    compare(random, i, input, cuts, settings, calls)
    if (input.length <= BYTEWISE_MAX && random.chance(BYTEWISE_SHARE)) {
      compare(random, i, input, [...everyByte(input.length)], settings, calls)
    }
    totals.inputs++
    totals.bytes += input.length
    if (calls.at(-1)?.startsWith('FAULT')) totals.faults++
    if (calls.some((call) => call.startsWith('PUB') || call.startsWith('HPUB'))) totals.messages++
  }
  return totals
}

function modelCalls(input: Buffer, settings: FeedSettings): readonly string[] {
  const model = new ParserModel(settings, (json, self) => {
    self.headers = negotiatedHeaders(json, self.headers)
  })
  return model.read(input.toString('latin1'))
}

function compare(
  random: Random,
  index: number,
  input: Buffer,
  cuts: readonly number[],
  settings: FeedSettings,
  expected: readonly string[],
): void {
  const recorder = new CallRecorder()
  let failure: unknown
  try {
    feed(input, cuts, settings, recorder)
    const { calls } = recorder
    if (calls.length === expected.length && calls.every((call, i) => call === expected[i])) return
  } catch (error) {
    failure = error
  }
  const story = [
    `seed ${random.seed}, input ${index}: the parser and its model differ`,
    `input    ${JSON.stringify(input.toString('latin1'))}`,
    `cuts     ${cuts.length === input.length - 1 ? 'at every byte' : cuts.join(', ')}`,
    `settings ${JSON.stringify(settings)}`,
    `model    ${JSON.stringify(expected)}`,
    `parser   ${JSON.stringify(recorder.calls)}`,
  ].join('\n')
  assert.fail(failure === undefined ? story : `${story}\n${failure instanceof Error ? failure.stack : failure}`)
}

// ── Inputs ────────────────────────────────────────────────────────────────────────────────────────────────────

function makeInput(random: Random): Buffer {
  let input = random.chance(0.5) ? makePipeline(random) : random.pick(SEEDS)
  // A pipeline that is left as it is reaches further than any spoilt one.
  const changes = random.chance(0.2) ? 0 : 1 + random.below(4)
  for (let i = 0; i < changes; i++) input = spoil(random, input, TOKENS, SEEDS)
  return input.subarray(0, INPUT_BYTES_MAX)
}

const SUBJECTS = ['a', 'a.b', 'orders.new', '_INBOX.x.1', '\xc3\xa4.>', '*', 'a'.repeat(40)]

/** Good operations, many of them alike, as publishers send them. */
function makePipeline(random: Random): Buffer {
  let text = ''
  const operations = 1 + random.below(12)
  for (let i = 0; i < operations; i++) {
    const gap = random.pick(GAPS)
    const end = random.pick(ENDS)
    const subject = random.pick(SUBJECTS)
    const reply = random.chance(0.3) ? gap + random.pick(SUBJECTS) : ''
    const payload = makePayload(random)
    const headerSize = random.below(payload.length + 1)
    const verb = (name: string): string => (random.chance(0.2) ? mixedCase(random, name) : name)
    const operation = random.pick([
      () => verb('PING') + (random.chance(0.2) ? random.pick(SUBJECTS) : '') + end,
      () => verb('PONG') + end,
      () => verb('SUB') + gap + subject + (random.chance(0.3) ? `${gap}q` : '') + gap + random.below(50) + end,
      () => verb('UNSUB') + gap + random.below(50) + (random.chance(0.5) ? gap + random.below(50) : '') + end,
      () => `${verb('CONNECT')}${gap}{"headers":${random.chance(0.7)}}${end}`,
      () => `${verb('PUB')}${gap}${subject}${reply}${gap}${payload.length}${end}${payload}\r\n`,
      () => `${verb('PUB')}${gap}${subject}${reply}${gap}${payload.length}${end}${payload}\r\n`,
      () => `${verb('HPUB')}${gap}${subject}${reply}${gap}${headerSize}${gap}${payload.length}${end}${payload}\r\n`,
    ])()
    text += operation.repeat(random.chance(0.4) ? 1 + random.below(6) : 1)
  }
  return Buffer.from(text, 'latin1')
}

function makePayload(random: Random): string {
  if (random.chance(0.1)) return random.pick(TOKENS).toString('latin1')
  const length = random.pick([0, 1, 2, 5, 15, 16, 17, 60, random.below(300)])
  let payload = ''
  for (let i = 0; i < length; i++) payload += String.fromCharCode(random.below(256))
  return payload
}
