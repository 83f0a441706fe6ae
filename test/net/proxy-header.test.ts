import { expect, test } from 'vitest'
import { type HeaderRead, ProxyHeaderReader } from '../../src/net/proxy-header.ts'
import { v1, v2 } from '../support/proxy-protocol.ts'

/** What a reader answers to bytes that come in pieces, and what it would say at their end. */
function read(bytes: Buffer, pieceBytes = bytes.length || 1): unknown {
  const reader = new ProxyHeaderReader()
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const answer = reader.push(bytes.subarray(at, at + pieceBytes))
    if (answer === undefined) continue
    if ('wrong' in answer) return answer.wrong
    const rest = Buffer.concat([answer.rest, bytes.subarray(at + pieceBytes)])
    return { source: answer.source, rest: rest.toString('latin1') }
  }
  return reader.whyEnded('EOF')
}

const V4 = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 0x04, 0x57, 0, 80])
const V6 = Buffer.concat([Buffer.from('20010db8000000000000000000000001', 'hex'), Buffer.alloc(16), V4.subarray(8)])
const MAPPED = Buffer.concat([Buffer.from('00000000000000000000ffff01020304', 'hex'), Buffer.alloc(16), V4.subarray(8)])

const GOOD: readonly (readonly [what: string, header: Buffer, source: HeaderRead['source']])[] = [
  ['TCP4', v1('TCP4 1.2.3.4 5.6.7.8 111 222'), { ip: '1.2.3.4', port: 111 }],
  ['TCP6', v1('TCP6 2001:DB8::0001 ::1 111 222'), { ip: '2001:db8::1', port: 111 }],
  ['TCP6 of an IPv4 address', v1('TCP6 ::ffff:1.2.3.4 ::1 0111 222'), { ip: '1.2.3.4', port: 111 }],
  ['several blanks', v1(' TCP4  1.2.3.4\t5.6.7.8 111 222 '), { ip: '1.2.3.4', port: 111 }],
  ['UNKNOWN', v1('UNKNOWN'), undefined],
  ['UNKNOWN with more', v1('UNKNOWN what ever'), undefined],
  ['v2, IPv4', v2(0x21, 0x11, V4), { ip: '1.2.3.4', port: 1111 }],
  ['v2, IPv6', v2(0x21, 0x21, V6), { ip: '2001:db8::1', port: 1111 }],
  ['v2, an IPv4 address as IPv6', v2(0x21, 0x21, MAPPED), { ip: '1.2.3.4', port: 1111 }],
  ['v2 with TLVs', v2(0x21, 0x11, Buffer.concat([V4, Buffer.alloc(500, 7)])), { ip: '1.2.3.4', port: 1111 }],
  ['v2 LOCAL', v2(0x20, 0x00), undefined],
  ['v2 LOCAL with addresses', v2(0x20, 0x11, V4), undefined],
  ['v2 of no family', v2(0x21, 0x01, Buffer.from('abc')), undefined],
  ['no header', Buffer.from('CONNECT {}\r\n'), undefined],
  ['no header, short', Buffer.from('+'), undefined],
  ['a TLS record', Buffer.from([0x16, 3, 1, 2, 0]), undefined],
]

test.each(GOOD)('%s is read, however it is cut, and what follows is left', (what, header, source) => {
  const follows = 'PING\r\n\r\n\r\n\0\r\nQUIT\n'
  const isHeader = !what.startsWith('no ') && !what.startsWith('a TLS')
  const rest = isHeader ? follows : header.toString('latin1') + follows
  const bytes = Buffer.concat([header, Buffer.from(follows)])
  for (const pieceBytes of [1, 2, 3, 5, 7, 16, bytes.length]) {
    expect(read(bytes, pieceBytes), `pieces of ${pieceBytes}`).toEqual({ source, rest })
  }
})

const INVALID = 'invalid PROXY protocol header'
const WRONG: readonly (readonly [header: Buffer, text: string])[] = [
  [v1('TCP4 1.2.3 5.6.7.8 111 222'), `${INVALID}: invalid address`],
  [v1('TCP6 fe80::1%eth0 ::1 111 222'), `${INVALID}: invalid address`],
  [v1('TCP4 1.2.3.4 5.6.7.8 111'), `${INVALID}: invalid v1 format`],
  [v1(''), `${INVALID}: invalid v1 format`],
  [v1('TCP4 1.2.3.4 5.6.7.8 x 222'), 'invalid source port: strconv.ParseUint: parsing "x": invalid syntax'],
  [v1('TCP4 1.2.3.4 5.6.7.8 1 99999'), 'invalid dest port: strconv.ParseUint: parsing "99999": value out of range'],
  [v1('TCP4 ::1 ::1 1 2'), `${INVALID}: TCP4 with IPv6 address`],
  [v1('TCP6 1.2.3.4 1.2.3.4 1 2'), `${INVALID}: TCP6 with IPv4 address`],
  [v1('UDP4 1.2.3.4 1.2.3.4 1 2'), `${INVALID}: invalid protocol UDP4`],
  [v1(`TCP4 ${'1'.repeat(200)}`), `${INVALID}: v1 line too long`],
  [Buffer.from('PROXY TC'), 'failed to read v1 line: EOF'],
  [Buffer.from('PRO'), 'failed to read protocol version: unexpected EOF'],
  [Buffer.alloc(0), 'failed to read protocol version: EOF'],
  [v2(0x21, 0x12, V4), 'unsupported PROXY protocol feature: only STREAM protocol supported'],
  [v2(0x21, 0x31, Buffer.alloc(216)), 'unsupported PROXY protocol feature: unsupported address family 0x30'],
  [v2(0x11, 0x11, V4), `${INVALID}: invalid version 0x10`],
  [v2(0x22, 0x11, V4), 'unknown PROXY protocol command: 0x02'],
  [v2(0x21, 0x11, Buffer.from('1234')), 'IPv4 address data too short: 4 bytes'],
  [v2(0x21, 0x21, V4), 'IPv6 address data too short: 12 bytes'],
  [Buffer.from('\r\n\r\n\0\r\nQUIX\n\x21\x11\0\0', 'latin1'), `${INVALID}: invalid signature`],
  [Buffer.from('\r\n\r\n\0\r\nQ', 'latin1'), 'failed to read v2 signature: unexpected EOF'],
  [v2(0x21, 0x11, V4).subarray(0, 20), 'failed to read IPv4 address data: unexpected EOF'],
]

test.each(WRONG)('%j is told in the words of nats-server: %s', (header, text) => {
  for (const pieceBytes of [1, 4, header.length || 1]) expect(read(header, pieceBytes)).toBe(text)
})

test('a header of the greatest length costs work in its length, not more, byte by byte', () => {
  const copied = (bytes: number): number => {
    let sum = 0
    const header = v2(0x21, 0x11, Buffer.concat([V4, Buffer.alloc(bytes - V4.length)]))
    const reader = new ProxyHeaderReader()
    for (const byte of header) {
      const piece = Buffer.of(byte)
      // All that a reader does with bytes beside looking at its own few.
      piece.copy = (...args: Parameters<Buffer['copy']>) => {
        sum++
        return Buffer.prototype.copy.apply(piece, args)
      }
      reader.push(piece)
    }
    return sum
  }
  expect(copied(30_000)).toBe(copied(15_000))
  expect(copied(65_535)).toBeLessThan(100)
})
