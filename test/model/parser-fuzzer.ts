// Makes inputs by seed, good ones and spoilt ones, feeds each to the parser whole, in random pieces and byte by byte,
// and compares its calls with the model's. Run by parser-fuzz.test.ts for a moment and by fuzz.ts for hours.

import { CallRecorder, type FeedSettings, feed, negotiatedHeaders } from '../protocol/feed.ts'
import { TRANSCRIPTS } from '../protocol/transcripts.ts'
import type { Random } from '../support/random.ts'
import { compareParser, type FuzzTotals, type ParserCase } from './parser-comparison.ts'
import { ParserModel } from './parser-model.ts'
import { ENDS, GAPS, mixedCase, spoil } from './spoil.ts'

const SEED_BYTES_MAX = 4_000
const INPUT_BYTES_MAX = 6_000

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
  const makeCase = (): ParserCase<CallRecorder> => {
    const settings = random.pick(SETTINGS)
    const input = makeInput(random)
    const expected = modelCalls(input, settings)
    return { input, settings, expected, feed: (cuts, recorder) => feed(input, cuts, settings, recorder) }
  }
  const isMessage = (call: string): boolean => call.startsWith('PUB') || call.startsWith('HPUB')
  return compareParser(random, inputs, makeCase, () => new CallRecorder(), isMessage)
}

function modelCalls(input: Buffer, settings: FeedSettings): readonly string[] {
  const model = new ParserModel(settings, (json, self) => {
    self.headers = negotiatedHeaders(json, self.headers)
  })
  return model.read(input.toString('latin1'))
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
