import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CloseReason, Faults, quote, Refusals } from '../../src/base/errors.ts'
import { chooseSeed } from '../support/random.ts'

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

// ── Quoting, as Go's %q ─────────────────────────────────────────────────────────────────────────────────

/** strconv.Quote, by its documentation: byte string in, text out. */
function goQuote(byteString: string): string {
  const bytes = Buffer.from(byteString, 'latin1')
  let quoted = '"'
  for (let at = 0; at < bytes.length; ) {
    const char = firstRune(bytes.subarray(at))
    if (char === undefined) {
      quoted += `\\x${hex(bytes[at], 2)}`
      at++
      continue
    }
    quoted += goEscape(char)
    at += Buffer.byteLength(char)
  }
  return `${quoted}"`
}

/** The character that the bytes begin with; undefined if they are not UTF-8. */
function firstRune(bytes: Buffer): string | undefined {
  for (let length = 1; length <= 4 && length <= bytes.length; length++) {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, length))
    } catch {
      // Not yet, or never.
    }
  }
  return undefined
}

const SHORT: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

function goEscape(char: string): string {
  if (char === '"' || char === '\\') return `\\${char}`
  // Go's IsPrint: letters, marks, numbers, punctuation, symbols, and of blanks the ASCII one alone.
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) return char
  const code = char.codePointAt(0) as number
  if (SHORT[char] !== undefined) return SHORT[char]
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

test.each([
  ['plain words', 'orders.new', '"orders.new"'],
  ['nothing', '', '""'],
  ['blanks', 'a b', '"a b"'],
  ['double quotes and backslashes', 'a"b\\c', '"a\\"b\\\\c"'],
  ['single quotes', "it's", '"it\'s"'],
  ['controls with short names', '\x07\b\f\n\r\t\v', '"\\a\\b\\f\\n\\r\\t\\v"'],
  ['other controls', '\0\x01\x1b\x1f\x7f', '"\\x00\\x01\\x1b\\x1f\\x7f"'],
  ['letters of other languages', latin1('größe.世界.🌍'), '"größe.世界.🌍"'],
  ['marks that combine', latin1('e\u0301'), '"e\u0301"'],
  ['C1 controls', latin1('\u0080\u0085\u009f'), '"\\u0080\\u0085\\u009f"'],
  ['a character that stands for a bad one', latin1('\ufffd'), '"\ufffd"'],
])('%s are quoted as Go does', (_, byteString, quoted) => {
  expect(quote(byteString)).toBe(quoted)
})

test.each([
  ['a lone byte', '\xff', '"\\xff"'],
  ['Latin-1', 'gr\xf6\xdfe', '"gr\\xf6\\xdfe"'],
  ['a cut character', '\xe4\xb8', '"\\xe4\\xb8"'],
  ['a continuation byte alone', '\x80', '"\\x80"'],
  ['an overlong slash', '\xc0\xaf', '"\\xc0\\xaf"'],
  ['half of a surrogate pair', '\xed\xa0\x80', '"\\xed\\xa0\\x80"'],
  ['more than Unicode has', '\xf5\x80\x80\x80', '"\\xf5\\x80\\x80\\x80"'],
])('bytes that are not UTF-8 are escaped one by one: %s', (_, byteString, quoted) => {
  expect(quote(byteString)).toBe(quoted)
})

test.each([
  ['a blank that does not break', '\u00a0', '"\\u00a0"'],
  ['a soft hyphen', '\u00ad', '"\\u00ad"'],
  ['a blank of no width', '\u200b', '"\\u200b"'],
  ['a line separator', '\u2028', '"\\u2028"'],
  ['a change of direction', '\u202e', '"\\u202e"'],
  ['a byte order mark', '\ufeff', '"\\ufeff"'],
  ['private use', '\ue000', '"\\ue000"'],
  ['private use beyond 16 bits', '\u{f0000}', '"\\U000f0000"'],
  ['a tag', '\u{e0041}', '"\\U000e0041"'],
])('characters that do not print are escaped: %s', (_, text, quoted) => {
  expect(quote(latin1(text))).toBe(quoted)
})

test('any UTF-8 is quoted as Go does', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => quote(latin1(text)) === goQuote(latin1(text))),
    { seed: chooseSeed('quote UTF-8'), numRuns: 5000 },
  )
})

test('any bytes are quoted as Go does', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      const byteString = Buffer.from(bytes).toString('latin1')
      expect(quote(byteString)).toBe(goQuote(byteString))
    }),
    { seed: chooseSeed('quote bytes'), numRuns: 5000 },
  )
})

test('what is quoted stays on its line', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => !/[\r\n]/.test(quote(Buffer.from(bytes).toString('latin1')))),
    { seed: chooseSeed('quote lines'), numRuns: 1000 },
  )
})

// ── Texts ───────────────────────────────────────────────────────────────────────────────────────────────

test('refusals have the words of nats-server', () => {
  expect(Refusals.publish('a"b').text).toBe('Permissions Violation for Publish to "a\\"b"')
  expect(Refusals.reply('_R_.x').text).toBe('Permissions Violation for Publish with Reply of "_R_.x"')
  expect(Refusals.subscribe('a', '1').text).toBe('Permissions Violation for Subscription to "a"')
  expect(Refusals.subscribeQueue('a', '_sys_', '1').text).toBe(
    'Permissions Violation for Subscription to "a" using queue "_sys_"',
  )
  expect(Refusals.tooManyTokens('a.b', '1').text).toBe(
    'Permissions Violation for Subscription to "a.b", too many tokens',
  )
  expect(
    [Refusals.invalidSubject, Refusals.invalidPublishSubject, Refusals.subscriptions].map(({ text }) => text),
  ).toEqual(['Invalid Subject', 'Invalid Publish Subject', 'maximum subscriptions exceeded'])
})

test('faults that are told have the words of nats-server, the others close in silence', () => {
  const texts = Object.fromEntries(Object.entries(Faults).map(([name, { text }]) => [name, text]))
  expect(texts).toEqual({
    unknownOperation: 'Unknown Protocol Operation',
    badArguments: undefined,
    controlLine: 'maximum control line exceeded',
    payload: 'Maximum Payload Violation',
    headersOff: undefined,
    errorFromClient: undefined,
    authorization: 'Authorization Violation',
    protocolVersion: 'invalid client protocol',
    noRespondersHeaders: 'no responders requires headers support',
    staleConnection: 'Stale Connection',
    connections: 'maximum connections exceeded',
    subscriptions: 'maximum subscriptions exceeded',
    slowConsumerPending: undefined,
    slowConsumerDeadline: undefined,
    shutdown: undefined,
    internal: undefined,
  })
})

test('each fault ends the connection for a reason of the closed list, and cannot be changed', () => {
  const reasons = new Set<string>(Object.values(CloseReason))
  expect(reasons.size).toBe(Object.values(CloseReason).length)
  for (const [name, fault] of Object.entries(Faults)) {
    expect(reasons.has(fault.reason), name).toBe(true)
    expect(Object.isFrozen(fault), name).toBe(true)
  }
})
