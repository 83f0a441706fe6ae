// Makes conversations of routes and leaf nodes by seed, good ones and spoilt ones, feeds each to the parser of links
// whole, in random pieces and byte by byte, and compares its calls with the model's. Run by link-fuzz.test.ts for a
// moment and by fuzz.ts --links for hours.

import { LEAF_FORMAT, type LinkFormat } from '../../src/protocol/link-handler.ts'
import { feedLink, LinkRecorder } from '../protocol/link-feed.ts'
import type { Random } from '../support/random.ts'
import { type LinkSettings, linkCalls } from './link-model.ts'
import { compareParser, type FuzzTotals, type ParserCase } from './parser-comparison.ts'
import { ENDS, GAPS, mixedCase, spoil } from './spoil.ts'

const INPUT_BYTES_MAX = 6_000

const FORMATS: readonly LinkFormat[] = [
  LEAF_FORMAT,
  { kind: 'route', namesAccount: true, namesOriginOnEnd: true },
  { kind: 'route', namesAccount: true, namesOriginOnEnd: false },
  { kind: 'route', namesAccount: false, namesOriginOnEnd: true },
]
const LIMITS = [
  { maxControlLine: 64 * 1024, maxPayload: 1024 * 1024 },
  { maxControlLine: 64, maxPayload: 64 },
  { maxControlLine: 80, maxPayload: 16 },
]

/** Pieces of text on which parsers stumble. */
const TOKENS: readonly Buffer[] = [
  ...[
    'RMSG ',
    'HMSG ',
    'LMSG ',
    'RS+ ',
    'RS- ',
    'LS+ ',
    'LS- ',
    'A+ A\r\n',
    'A- A\r\n',
    'PING\r\n',
    'PONG\r\n',
    '+OK\r\n',
  ],
  ...[
    'INFO {}\r\n',
    'CONNECT {}\r\n',
    "-ERR 'x'\r\n",
    'MSG a 1 1\r\n',
    'PUB a 1\r\nx\r\n',
    'SUB a 1\r\n',
    'R',
    'RS',
    'L',
    'LM',
  ],
  ...[
    'RMSG A b 1\r\nx\r\n',
    'LMSG b 1\r\nx\r\n',
    'RMSG A b + r q 0\r\n\r\n',
    'LMSG o A b | q 0 1\r\nx\r\n',
    '+',
    '|',
    '+ r',
    '| q',
  ],
  ...[' ', '\t', '\r', '\n', '\r\n', '\r\r\n', '\n\r', '\0', '\xff', '\x0b', '  \t ', '.', '*', '>', '-', '{"a":'],
  ...['0', '1', '2', '16', '17', '63', '64', '65', '007', '-5', '1e20', '0x1', '999999999', '1234567890', '2147483648'],
].map((text) => Buffer.from(text, 'latin1'))

const WORDS = [
  'a',
  'A',
  '$G',
  'a.b',
  'orders.new',
  '_INBOX.x.1',
  '\xc3\xa4.>',
  '*',
  'q',
  'Q2',
  '+',
  '|',
  'a'.repeat(40),
]

/** Runs `inputs` inputs. Throws at the first difference, with what is needed to repeat it. */
export function fuzzLinks(random: Random, inputs: number): FuzzTotals {
  const makeCase = (): ParserCase<LinkRecorder> => {
    const settings: LinkSettings = { format: random.pick(FORMATS), ...random.pick(LIMITS) }
    const input = makeInput(random, settings.format)
    const expected = linkCalls(input.toString('latin1'), settings)
    return { input, settings, expected, feed: (cuts, recorder) => feedLink(input, cuts, settings, recorder) }
  }
  const isMessage = (call: string): boolean => call.startsWith('MESSAGE')
  return compareParser(random, inputs, makeCase, () => new LinkRecorder(), isMessage)
}

function makeInput(random: Random, format: LinkFormat): Buffer {
  // Some talk as if the handshake had decided otherwise.
  const spoken = random.chance(0.9) ? format : random.pick(FORMATS)
  let input = makeConversation(random, spoken)
  const others = [makeConversation(random, spoken)]
  const changes = random.chance(0.3) ? 0 : 1 + random.below(4)
  for (let i = 0; i < changes; i++) input = spoil(random, input, TOKENS, others)
  return input.subarray(0, INPUT_BYTES_MAX)
}

/** Good lines, many of them alike, as servers send them. */
function makeConversation(random: Random, { kind, namesAccount, namesOriginOnEnd }: LinkFormat): Buffer {
  let text = ''
  const ofRoute = kind === 'route'
  const lines = 1 + random.below(12)
  for (let i = 0; i < lines; i++) {
    const gap = random.pick(GAPS)
    const end = random.pick(ENDS)
    const word = (): string => random.pick(WORDS)
    const verb = (name: string): string => (random.chance(0.1) ? mixedCase(random, name) : name)
    const line = (...words: (string | number)[]): string => words.filter((part) => part !== '').join(gap) + end
    const account = namesAccount ? word() : ''
    const queue = random.chance(0.3) ? word() : ''
    const weight = queue === '' ? '' : random.pick(['1', '2', '700', '0', '-3', '4294967296', '1e9', 'x'])
    const payload = makePayload(random)
    const headerSize = random.below(payload.length + 1)
    const mark = random.pick([
      [''],
      [word()],
      ['+', word(), word()],
      ['|', word(), word()],
      ['+', word()],
      ['|', word()],
    ])
    const operation = random.pick([
      () => verb('PING') + end,
      () => verb('PONG') + end,
      () => line(verb('INFO'), '{"proto":3}'),
      () => line(verb('LS+'), ofRoute ? word() : '', account, word(), queue, weight),
      () => line(verb('LS-'), ofRoute && namesOriginOnEnd ? word() : '', account, word(), queue),
      () => line(verb(ofRoute ? 'RS+' : 'LS+'), account, word(), queue, weight),
      () => line(verb(ofRoute ? 'RS-' : 'LS-'), account, word(), queue),
      () => `${line(verb(ofRoute ? 'RMSG' : 'LMSG'), account, word(), ...mark, payload.length)}${payload}\r\n`,
      () => `${line(verb('HMSG'), account, word(), ...mark, headerSize, payload.length)}${payload}\r\n`,
      () =>
        ofRoute
          ? `${line(verb('LMSG'), word(), account, word(), ...mark, headerSize, payload.length)}${payload}\r\n`
          : `${line(verb('LMSG'), word(), ...mark, payload.length)}${payload}\r\n`,
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
