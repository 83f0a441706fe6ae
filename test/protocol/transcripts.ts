// What clients send, and the calls it must lead to however it is cut. Also the seeds of the fuzzer.

import { connect, fault, hpub, ping, pong, pub, request, sub, unsub } from '../model/calls.ts'
import type { FeedSettings } from './feed.ts'

export interface Transcript {
  readonly name: string
  readonly input: Buffer
  readonly calls: readonly string[]
  readonly settings?: Partial<FeedSettings>
}

function transcript(
  name: string,
  input: string | Buffer,
  calls: readonly string[],
  settings: Partial<FeedSettings> = {},
): Transcript {
  return { name, input: typeof input === 'string' ? Buffer.from(input, 'latin1') : input, calls, settings }
}

/** Bytes of every value, no two neighbouring pages alike. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = Math.imul(i + (i >>> 8) + 1, 0x9e3779b1) >>> 24
  return bytes
}

const latin1 = (bytes: Buffer): string => bytes.toString('latin1')
const unknown = fault('unknownOperation')
const badArguments = fault('badArguments')
const blanks = (count: number): string => ' \t'.repeat(count / 2)
const HEADER = 'NATS/1.0\r\nA: b\r\n\r\n'

const nodeConnect =
  '{"protocol":1,"version":"3.4.0","lang":"nats.node","verbose":false,"pedantic":false,"headers":true}'
const goConnect =
  '{"verbose":false,"pedantic":false,"tls_required":false,"name":"NATS CLI","lang":"go","version":"1.47.0",' +
  '"protocol":1,"echo":true,"headers":true,"no_responders":true}'

export const CONVERSATIONS: readonly Transcript[] = [
  transcript(
    'a Node client that subscribes, asks and leaves',
    `CONNECT ${nodeConnect}\r\nPING\r\nSUB _INBOX.KQ1.* 1\r\nPUB service _INBOX.KQ1.7 5\r\nhello\r\nPONG\r\nUNSUB 1\r\n`,
    [
      connect(nodeConnect),
      ping,
      sub('_INBOX.KQ1.*', '1'),
      request('service', '_INBOX.KQ1.7', 'hello'),
      pong,
      unsub('1'),
    ],
  ),
  transcript(
    'a Go client with a queue group and headers',
    `CONNECT ${goConnect}\r\nPING\r\nSUB orders.>  workers   2\r\nHPUB orders.new 18 20\r\n${HEADER}hi\r\nUNSUB 2 10\r\n`,
    [
      connect(goConnect),
      ping,
      sub('orders.>', '2', 'workers'),
      hpub('orders.new', '', 18, `${HEADER}hi`),
      unsub('2', 10),
    ],
  ),
  transcript(
    'every verb in small letters',
    'connect {}\r\nping\r\npong\r\nsub a 1\r\nunsub 1\r\npub a 1\r\nx\r\nhpub a r 0 1\r\ny\r\ninfo {}\r\n+ok\r\n',
    [connect('{}'), ping, pong, sub('a', '1'), unsub('1'), pub('a', 'x'), hpub('a', 'r', 0, 'y')],
  ),
  transcript(
    'every verb in mixed letters',
    'CoNNeCT {}\r\nPiNg\r\npOnG\r\nSuB a 1\r\nuNsUb 1\r\nPuB a 1\r\nx\r\nHpUb a r 0 1\r\ny\r\nInFo {}\r\n+oK\r\n',
    [connect('{}'), ping, pong, sub('a', '1'), unsub('1'), pub('a', 'x'), hpub('a', 'r', 0, 'y')],
  ),
  transcript(
    'lines that end in LF only, and payloads that do not',
    'CONNECT {}\nPING\nPONG\nSUB a 1\nUNSUB 1 2\nPUB a 2\nhi\r\nHPUB a 1 2\nhi\r\nPUB b 0\n\r\nPING\n',
    [
      connect('{}'),
      ping,
      pong,
      sub('a', '1'),
      unsub('1', 2),
      pub('a', 'hi'),
      hpub('a', '', 1, 'hi'),
      pub('b', ''),
      ping,
    ],
  ),
  transcript(
    'runs of blanks and tabs before, between and behind arguments',
    'CONNECT  \t {} \t\r\nSUB \t a\t\tq  1 \t \r\nUNSUB\t1\t \t2\t\r\nPUB\t\ta \t r\t2\t\r\nhi\r\nHPUB  a\t 1   2  \r\nhi\r\nPUB a 2 \nhi\r\n',
    [
      connect('{} \t'),
      sub('a', '1', 'q'),
      unsub('1', 2),
      request('a', 'r', 'hi'),
      hpub('a', '', 1, 'hi'),
      pub('a', 'hi'),
    ],
  ),
  transcript(
    'PING, PONG and +OK followed by anything',
    'PING hello\r\nPINGPING\r\nPONG 42 \0\xff\rx\r\nPONGS\n+OK nice\r\n+OKAY\r\nPING\r\r\nPING\n',
    [ping, ping, pong, pong, ping, ping],
  ),
  transcript('CONNECT without a blank, and without anything', 'CONNECT{"a":1}\r\nCONNECT\r\nCONNECT \t\r\nPING\r\n', [
    connect('{"a":1}'),
    connect(''),
    connect(''),
    ping,
  ]),
  transcript('CONNECT in UTF-8', Buffer.from('CONNECT {"name":"Grüße, 世界 🌍"}\r\nPING\r\n'), [
    connect('{"name":"Grüße, 世界 🌍"}'),
    ping,
  ]),
  transcript('INFO from a client', 'INFO {"a":1}\r\nINFO\r\nINFO{}\nPING\r\n', [ping]),
  transcript('empty payloads', 'PUB a 0\r\n\r\nPUB a 0\r\n\r\nPUB a r 0\r\n\r\nHPUB a 0 0\r\n\r\n', [
    pub('a', ''),
    pub('a', ''),
    request('a', 'r', ''),
    hpub('a', '', 0, ''),
  ]),
  transcript(
    'headers without a payload, and a payload without headers',
    `HPUB a 18 18\r\n${HEADER}\r\nHPUB a 0 2\r\nhi\r\n`,
    [hpub('a', '', 18, HEADER), hpub('a', '', 0, 'hi')],
  ),
  transcript(
    'payloads that look like operations',
    'PUB a 6\r\nPING\r\n\r\nPUB a 13\r\nPUB a 2\r\nhi\r\n\r\nPUB b 4\r\n\r\n\r\n\r\nPUB c 1\r\n\r\r\nPUB c 1\r\n\n\r\n',
    [pub('a', 'PING\r\n'), pub('a', 'PUB a 2\r\nhi\r\n'), pub('b', '\r\n\r\n'), pub('c', '\r'), pub('c', '\n')],
  ),
  transcript(
    'a run of equal lines',
    'PUB orders.new 5\r\nhello\r\n'.repeat(40),
    Array(40).fill(pub('orders.new', 'hello')),
  ),
  transcript(
    'a run of equal lines with headers',
    `HPUB a r 18 20\r\n${HEADER}hi\r\n`.repeat(7),
    Array(7).fill(hpub('a', 'r', 18, `${HEADER}hi`)),
  ),
  transcript(
    'equal lines with different payloads, of which some look like lines',
    'PUB a 7\r\nPUB a 7\r\nPUB a 7\r\n\r\nPUB a\r\nPUB a 7\r\n1234567\r\nPING\r\n',
    [pub('a', 'PUB a 7'), pub('a', '\r\nPUB a'), pub('a', '1234567'), ping],
  ),
  transcript(
    'runs that other operations part',
    'PUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPING\r\nPUB a 1\r\n3\r\nSUB a 1\r\nPUB a 1\r\n4\r\nPUB a 1\r\n5\r\nPONG\r\n',
    [pub('a', '1'), pub('a', '2'), ping, pub('a', '3'), sub('a', '1'), pub('a', '4'), pub('a', '5'), pong],
  ),
  transcript(
    'lines that are alike but not equal',
    'PUB a 1\r\n1\r\nPUB a 10\r\n0123456789\r\nPUB a  1\r\n2\r\npub a 1\r\n3\r\nPUB a 1\n4\r\nPUB b 1\r\n5\r\nPUB a b 1\r\n6\r\nPUB ab 1\r\n7\r\n',
    [
      pub('a', '1'),
      pub('a', '0123456789'),
      pub('a', '2'),
      pub('a', '3'),
      pub('a', '4'),
      pub('b', '5'),
      request('a', 'b', '6'),
      pub('ab', '7'),
    ],
  ),
  transcript(
    'lines of two publishers in turn',
    'PUB left 4\r\nabcd\r\nPUB right x 3\r\nefg\r\n'.repeat(5),
    Array(5)
      .fill([pub('left', 'abcd'), request('right', 'x', 'efg')])
      .flat(),
  ),
  transcript('runs of at most three', 'PUB a 2\r\nhi\r\n'.repeat(10), Array(10).fill(pub('a', 'hi')), { runMax: 3 }),
  transcript('each message for itself', 'PUB a 2\r\nhi\r\n'.repeat(4), Array(4).fill(pub('a', 'hi')), { runMax: 1 }),
  transcript('sizes with zeros in front', 'PUB a 002\r\nhi\r\nPUB a 000000000\r\n\r\nHPUB a 01 000000002\r\nhi\r\n', [
    pub('a', 'hi'),
    pub('a', ''),
    hpub('a', '', 1, 'hi'),
  ]),
  transcript(
    'subjects and sids of any bytes but blanks and line ends',
    'SUB \xc3\xa4.\xff.\x01 \0\r\nPUB \x80\x1f\x0b\x0c 2\r\nhi\r\nPUB foo*.>.. *.> 0\r\n\r\nUNSUB \0\r\n',
    [sub('\xc3\xa4.\xff.\x01', '\0'), pub('\x80\x1f\x0b\x0c', 'hi'), request('foo*.>..', '*.>', ''), unsub('\0')],
  ),
  transcript(
    'UNSUB with a count that counts for nothing',
    'UNSUB 1 0\r\nUNSUB 1 -5\r\nUNSUB 1 x\r\nUNSUB 1 1234567890\r\nUNSUB 1 999999999\r\n',
    [unsub('1'), unsub('1'), unsub('1'), unsub('1'), unsub('1', 999_999_999)],
  ),
  transcript(
    'a long pipeline of everything',
    `CONNECT {}\r\n${'SUB a.* q 1\r\nPUB a.b 3\r\nxyz\r\nPUB a.b 3\r\nzyx\r\nPING\r\nUNSUB 1 5\r\nPONG\r\n'.repeat(8)}`,
    [
      connect('{}'),
      ...Array(8)
        .fill([sub('a.*', '1', 'q'), pub('a.b', 'xyz'), pub('a.b', 'zyx'), ping, unsub('1', 5), pong])
        .flat(),
    ],
  ),
  transcript(
    'headers negotiated, given up, and negotiated again',
    'CONNECT {"headers":true}\r\nHPUB a 0 1\r\nx\r\nCONNECT {"headers":false}\r\nPUB a 1\r\nx\r\nCONNECT {"headers":true}\r\nHPUB a 0 1\r\nx\r\n',
    [
      connect('{"headers":true}'),
      hpub('a', '', 0, 'x'),
      connect('{"headers":false}'),
      pub('a', 'x'),
      connect('{"headers":true}'),
      hpub('a', '', 0, 'x'),
    ],
    { headers: false },
  ),
  // ── Limits, from inside ──
  transcript(
    'a control line of just the limit, with CRLF, with LF, and blanks in front that do not count',
    `SUB ${'a'.repeat(62)} 1\r\nSUB ${'b'.repeat(62)} 1\nSUB ${blanks(20)}${'c'.repeat(62)} 1\r\nSUB ${'d'.repeat(60)} 1  \r\n`,
    [sub('a'.repeat(62), '1'), sub('b'.repeat(62), '1'), sub('c'.repeat(62), '1'), sub('d'.repeat(60), '1')],
    { maxControlLine: 64 },
  ),
  transcript('a control line of just 4096 bytes', `PUB ${'a'.repeat(4094)} 2\r\nhi\r\nPING\r\n`, [
    pub('a'.repeat(4094), 'hi'),
    ping,
  ]),
  transcript(
    'a payload of just the limit',
    'PUB a 16\r\n0123456789abcdef\r\nHPUB a 8 16\r\n0123456789abcdef\r\n',
    [pub('a', '0123456789abcdef'), hpub('a', '', 8, '0123456789abcdef')],
    { maxPayload: 16 },
  ),
  transcript('what comes after PING is no control line', `PING ${'x'.repeat(500)}\r\nPONG\r\n`, [ping, pong], {
    maxControlLine: 64,
  }),
  // ── Cut short ──
  transcript('nothing', '', []),
  transcript('the beginning of a verb', 'PING\r\nUNSU', [ping]),
  transcript('the beginning of a line', 'PING\r\nSUB foo.bar 1', [ping]),
  transcript('a line without its LF', 'PING\r\nSUB foo.bar 1\r', [ping]),
  transcript('the beginning of a payload', 'PING\r\nPUB a 10\r\nhello', [ping]),
  transcript('a payload without its end', 'PUB a 5\r\nhello', []),
  transcript('a payload without its LF', 'PUB a 5\r\nhello\r', []),
]

export const LARGE: readonly Transcript[] = [
  ...[65_534, 65_536, 70_001, 200_000].map((size) => {
    const payload = noise(size)
    return transcript(
      `a payload of ${size} bytes between small ones`,
      Buffer.concat([
        Buffer.from(`PUB small 2\r\nhi\r\nPUB large ${size}\r\n`),
        payload,
        Buffer.from('\r\nPUB small 2\r\nhi\r\nPING\r\n'),
      ]),
      [pub('small', 'hi'), pub('large', latin1(payload)), pub('small', 'hi'), ping],
    )
  }),
  transcript(
    'a run of large payloads with headers',
    Buffer.concat(
      Array(3).fill(
        Buffer.concat([
          Buffer.from('HPUB large r 18 80018\r\n'),
          Buffer.from(HEADER),
          noise(80_000),
          Buffer.from('\r\n'),
        ]),
      ),
    ),
    Array(3).fill(hpub('large', 'r', 18, HEADER + latin1(noise(80_000)))),
  ),
  transcript(
    'a large payload with a wrong end',
    Buffer.concat([Buffer.from('PUB large 70000\r\n'), noise(70_000), Buffer.from('\rxPING\r\n')]),
    [unknown],
  ),
]

/** Each fault stands behind a good operation, and is followed by some that must not be carried out any more. */
function refused(name: string, input: string, call: string, settings: Partial<FeedSettings> = {}): Transcript {
  return transcript(name, `PING\r\n${input}PING\r\nPUB a 2\r\nhi\r\n`, [ping, call], settings)
}

const controlLine = fault('controlLine')
const payloadLimit = fault('payload')

export const REFUSALS: readonly Transcript[] = [
  // ── Unknown Protocol Operation ──
  refused('an unknown verb', 'FOO bar\r\n', unknown),
  refused('an operation of the server', 'MSG a 1 2\r\nhi\r\n', unknown),
  refused('HMSG of the server', 'HMSG a 1 0 2\r\nhi\r\n', unknown),
  refused('an empty line', '\r\n', unknown),
  refused('an empty line of LF only', '\n', unknown),
  refused('a blank in front of a verb', ' PING\r\n', unknown),
  refused('a tab in front of a verb', '\tPING\r\n', unknown),
  refused('a NUL', '\0', unknown),
  refused('a byte above 0x7f', '\xd0PUB a 2\r\n', unknown),
  refused('a CR in place of -ERR', '\rERR x\r\n', unknown),
  refused('a vertical tab in place of +OK', '\x0bOK\r\n', unknown),
  refused('a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', unknown),
  refused('an HTTP request', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', unknown),
  refused('P and something else', 'PXNG\r\n', unknown),
  refused('PU and something else', 'PUT a 2\r\nhi\r\n', unknown),
  refused('PI and something else', 'PICK\r\n', unknown),
  refused('PO and something else', 'POST / HTTP/1.1\r\n', unknown),
  refused('HP and something else', 'HPUT a 1 2\r\n', unknown),
  refused('S and something else', 'STOP\r\n', unknown),
  refused('UNS and something else', 'UNSET 1\r\n', unknown),
  refused('CONN and something else', 'CONNEKT {}\r\n', unknown),
  refused('IN and something else', 'INPUT\r\n', unknown),
  refused('+O and something else', '+ON\r\n', unknown),
  refused('-E and something else', '-EAR\r\n', unknown),
  refused('a verb in letters that only look alike', 'P\xdaB a 2\r\nhi\r\n', unknown),
  refused('PUB glued to its subject', 'PUBa 2\r\nhi\r\n', unknown),
  refused('HPUB glued to its subject', 'HPUBa 1 2\r\nhi\r\n', unknown),
  refused('SUB glued to its subject', 'SUBa 1\r\n', unknown),
  refused('UNSUB glued to its sid', 'UNSUB1\r\n', unknown),
  refused('PUB without anything', 'PUB\r\n', unknown),
  refused('SUB without anything', 'SUB\r\n', unknown),
  refused('UNSUB without anything, with LF only', 'UNSUB\n', unknown),
  refused('-ERR without anything', '-ERR\r\n', unknown),
  refused('-ERR glued to its text', "-ERR'x'\r\n", unknown),
  // ── Ends of payloads ──
  refused('a payload longer than declared', 'PUB a 2\r\nhiya\r\n', unknown),
  refused('a payload shorter than declared', 'PUB a 5\r\nhi\r\n', unknown),
  refused('a payload that ends in LF only', 'PUB a 2\r\nhi\n', unknown),
  refused('a payload that ends in CR only', 'PUB a 2\r\nhi\r', unknown),
  refused('a payload that ends in LF CR', 'PUB a 2\r\nhi\n\r', unknown),
  refused('a payload without any end', 'PUB a 2\r\nhi', unknown),
  refused('an empty payload that ends in LF only', 'PUB a 0\r\n\n', unknown),
  refused('a payload with headers longer than declared', 'HPUB a 1 2\r\nhiya\r\n', unknown),
  transcript(
    'the third message of a run longer than declared',
    `${'PUB a 2\r\nhi\r\n'.repeat(2)}PUB a 2\r\nhiya\r\nPING\r\n`,
    [pub('a', 'hi'), pub('a', 'hi'), unknown],
  ),
  transcript('the second message of a run with CR and something else', 'PUB a 2\r\nhi\r\nPUB a 2\r\nhi\rxPING\r\n', [
    pub('a', 'hi'),
    unknown,
  ]),
  // ── Malformed arguments: closed in silence ──
  refused('PUB with blanks only', 'PUB  \r\n', badArguments),
  refused('PUB without a size', 'PUB a\r\n', badArguments),
  refused('PUB with four arguments', 'PUB a b c 2\r\nhi\r\n', badArguments),
  refused('PUB with seven arguments', 'PUB a b c d e f 2\r\nhi\r\n', badArguments),
  refused('PUB with a size in letters', 'PUB a two\r\nhi\r\n', badArguments),
  refused('PUB with a size below zero', 'PUB a -5\r\n', badArguments),
  refused('PUB with a size with a plus', 'PUB a +5\r\n', badArguments),
  refused('PUB with a size with an exponent', 'PUB a 1e20\r\n', badArguments),
  refused('PUB with a size in hexadecimal', 'PUB a 0x10\r\n', badArguments),
  refused('PUB with a fraction', 'PUB a 2.0\r\nhi\r\n', badArguments),
  refused('PUB with a size of ten digits', 'PUB a 1234567890\r\n', badArguments),
  refused('PUB with a size of 2^53', 'PUB a 9007199254740992\r\n', badArguments),
  refused('PUB with a size of 2^64 + 2', 'PUB a 18446744073709551618\r\nhi\r\n', badArguments),
  refused('PUB with ten digits that mean two', 'PUB a 0000000002\r\nhi\r\n', badArguments),
  refused('PUB with digits of another script', 'PUB a \xd9\xa2\r\nhi\r\n', badArguments),
  refused('HPUB with blanks only', 'HPUB \t\r\n', badArguments),
  refused('HPUB with two arguments', 'HPUB a 2\r\nhi\r\n', badArguments),
  refused('HPUB with five arguments', 'HPUB a b c 1 2\r\nhi\r\n', badArguments),
  refused('HPUB with more headers than payload', 'HPUB a 3 2\r\nhi\r\n', badArguments),
  refused('HPUB with headers below zero', 'HPUB a -1 2\r\nhi\r\n', badArguments),
  refused('HPUB with headers in letters', 'HPUB a x 2\r\nhi\r\n', badArguments),
  refused('HPUB with headers of ten digits', 'HPUB a 0000000001 2\r\nhi\r\n', badArguments),
  refused('SUB with blanks only', 'SUB \r\n', badArguments),
  refused('SUB without a sid', 'SUB a\r\n', badArguments),
  refused('SUB with four arguments', 'SUB a q 1 2\r\n', badArguments),
  refused('SUB with six arguments', 'SUB a q 1 2 3 4\r\n', badArguments),
  refused('UNSUB with blanks only', 'UNSUB   \r\n', badArguments),
  refused('UNSUB with three arguments', 'UNSUB 1 2 3\r\n', badArguments),
  refused('a CR inside SUB', 'SUB a\rb 1\r\n', badArguments),
  refused('a CR inside PUB', 'PUB a\r 2\r\nhi\r\n', badArguments),
  refused('a CR inside UNSUB', 'UNSUB \r1\r\n', badArguments),
  refused('two CRs at the end of SUB', 'SUB a 1\r\r\n', badArguments),
  refused('a CR inside CONNECT', 'CONNECT {\r}\r\n', badArguments),
  refused('-ERR from a client', "-ERR 'Slow Consumer'\r\n", fault('errorFromClient')),
  refused('-err in small letters', '-err x\n', fault('errorFromClient')),
  // ── Headers that were not negotiated ──
  refused('HPUB without headers negotiated', 'HPUB a 1 2\r\nhi\r\n', fault('headersOff'), { headers: false }),
  refused('malformed HPUB without headers negotiated', 'HPUB a\r\n', fault('headersOff'), { headers: false }),
  transcript(
    'HPUB after a CONNECT that gave headers up, though its line equals the one before',
    'HPUB a 1 2\r\nhi\r\nCONNECT {"headers":false}\r\nHPUB a 1 2\r\nhi\r\nPING\r\n',
    [hpub('a', '', 1, 'hi'), connect('{"headers":false}'), fault('headersOff')],
  ),
  // ── Limits ──
  refused('a control line of one byte over 4096', `SUB ${'a'.repeat(4095)} 1\r\n`, controlLine),
  refused('a control line over the limit that ends in LF', `SUB ${'a'.repeat(63)} 1\n`, controlLine, {
    maxControlLine: 64,
  }),
  refused('a control line over the limit by blanks at its end', `SUB ${'a'.repeat(60)} 1   \r\n`, controlLine, {
    maxControlLine: 64,
  }),
  refused('a control line over the limit by a CR inside', `SUB ${'a'.repeat(62)} 1\r\r\n`, controlLine, {
    maxControlLine: 64,
  }),
  refused('a CONNECT over the limit', `CONNECT {"name":"${'a'.repeat(4200)}"}\r\n`, controlLine),
  refused('an INFO over the limit', `INFO ${'a'.repeat(4200)}\r\n`, controlLine),
  refused('an -ERR over the limit', `-ERR ${'a'.repeat(4200)}\r\n`, controlLine),
  transcript('a control line over the limit that never ends', `PUB ${'a'.repeat(4200)}`, [controlLine]),
  transcript('blanks over the limit that never end, behind an argument', `PUB a${' '.repeat(4200)}`, [controlLine]),
  refused('a payload of one byte over the limit', 'PUB a 17\r\n', payloadLimit, { maxPayload: 16 }),
  refused('a payload over the limit, with all its bytes', 'PUB a 17\r\n0123456789abcdefg\r\n', payloadLimit, {
    maxPayload: 16,
  }),
  refused('a payload of nine nines', 'PUB a 999999999\r\n', payloadLimit),
  refused('a payload with headers over the limit', 'HPUB a 1 1048577\r\n', payloadLimit),
  refused('a payload where none is allowed', 'PUB a 1\r\nx\r\n', payloadLimit, { maxPayload: 0 }),
]

/** Blanks in front of arguments do not count towards the limit, however many come in however many pieces. */
export const BLANKS: readonly Transcript[] = [
  ...['PUB', 'HPUB', 'SUB', 'UNSUB', 'CONNECT', 'INFO', '-ERR'].map((verb) =>
    transcript(`${verb} and blanks without end`, `PING\r\n${verb}${blanks(20_000)}`, [ping]),
  ),
  transcript('a thousand times the blanks that anybody needs', `SUB${blanks(20_000)}a 1\r\nPING\r\n`, [
    sub('a', '1'),
    ping,
  ]),
  transcript('blanks without end in front of a line that is cut', `PUB${blanks(20_000)}a 5\r\nhello\r\nPING\r\n`, [
    pub('a', 'hello'),
    ping,
  ]),
]

export const TRANSCRIPTS: readonly Transcript[] = [...CONVERSATIONS, ...LARGE, ...REFUSALS]
