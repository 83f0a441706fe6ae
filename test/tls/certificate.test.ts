import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { readCertificate } from '../../src/tls/certificate.ts'
import { publicKeyPin } from '../../src/tls/names.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { BMP, IA5, OID, PRINTABLE, selfSigned, T61, UNIVERSAL, UTF8 } from './certificates.ts'

const rich = selfSigned({
  subject: [
    [{ oid: OID.DC, value: 'com', tag: IA5 }],
    [{ oid: OID.O, value: 'Heddle', tag: PRINTABLE }],
    [
      { oid: OID.OU, value: 'Öl' },
      { oid: OID.CN, value: 'alice' },
    ],
  ],
  emails: ['alice@heddle.test'],
  dnsNames: ['alice.heddle.test', '*.heddle.test'],
  uris: ['spiffe://heddle.test/alice'],
  ips: ['127.0.0.1'],
})

test('the parts of a certificate are read as they stand', () => {
  const parts = readCertificate(rich.der)
  expect(parts).toMatchObject({
    subject: [
      [{ oid: OID.DC, value: 'com' }],
      [{ oid: OID.O, value: 'Heddle' }],
      [
        { oid: OID.OU, value: 'Öl' },
        { oid: OID.CN, value: 'alice' },
      ],
    ],
    emails: ['alice@heddle.test'],
    dnsNames: ['alice.heddle.test', '*.heddle.test'],
    uris: ['spiffe://heddle.test/alice'],
  })
  const { publicKey } = new X509Certificate(rich.der)
  expect(parts?.publicKeyInfo).toEqual(publicKey.export({ type: 'spki', format: 'der' }))
})

test('the pin is the SHA-256 of the public key info', () => {
  expect(publicKeyPin(rich.der)).toBe(rich.pin)
  expect(publicKeyPin(Buffer.from('no certificate'))).toBeUndefined()
})

test('a certificate without alternative names has none', () => {
  expect(readCertificate(selfSigned({ subject: 'bob' }).der)).toMatchObject({ emails: [], dnsNames: [], uris: [] })
})

test.each([
  ['UTF-8', UTF8, 'Jürgen 🐎', 'Jürgen 🐎'],
  ['printable', PRINTABLE, 'Jim 7', 'Jim 7'],
  ['IA5', IA5, 'a@b', 'a@b'],
  ['T.61 within ASCII', T61, 'Jim', 'Jim'],
  ['BMP', BMP, Buffer.from('Öl', 'utf16le').swap16(), 'Öl'],
])('a %s string is read', (_, tag, value, text) => {
  const { der } = selfSigned({ subject: [[{ oid: OID.CN, value, tag }]] })
  expect(readCertificate(der)?.subject).toEqual([[{ oid: OID.CN, value: text }]])
})

test.each([
  ['UTF-8 that is none', UTF8, Buffer.from([0xff, 0x41])],
  ['a printable string that is not printable', PRINTABLE, 'a@b'],
  ['a printable string with a zero', PRINTABLE, 'admin\0.test'],
  ['IA5 beyond ASCII', IA5, Buffer.from([0xe4])],
  ['T.61 beyond ASCII', T61, Buffer.from([0xe4])],
  ['BMP of odd length', BMP, Buffer.from([0, 0x41, 0])],
  ['BMP with half a character', BMP, Buffer.from([0xd8, 0x00, 0x00, 0x41])],
  ['a kind of string that Go does not read', UNIVERSAL, Buffer.from([0, 0, 0, 0x41])],
])('%s makes the certificate unreadable', (_, tag, value) => {
  const { der } = selfSigned({ subject: [[{ oid: OID.CN, value, tag }]] })
  expect(readCertificate(der)).toBeUndefined()
})

test.each(['emails', 'dnsNames', 'uris'] as const)('a zero in one of the %s makes it unreadable', (kind) => {
  const { der } = selfSigned({ subject: 'x', [kind]: ['admin\0.test'] })
  expect(readCertificate(der)).toBeUndefined()
})

test('two extensions with alternative names make it unreadable', () => {
  const { der } = selfSigned({ subject: 'x', dnsNames: ['a.test'], nameExtensions: 2 })
  expect(readCertificate(der)).toBeUndefined()
})

test('a certificate that is cut anywhere is unreadable', () => {
  for (let length = 0; length < rich.der.length; length++) {
    expect(readCertificate(rich.der.subarray(0, length))).toBeUndefined()
  }
})

test('whatever bytes are changed, nothing is thrown', () => {
  const random = new Random(chooseSeed('certificate'))
  for (let round = 0; round < 20_000; round++) {
    const der = Buffer.from(rich.der)
    for (let i = random.below(4); i >= 0; i--) der[random.below(der.length)] = random.below(256)
    expect(() => readCertificate(der)).not.toThrow()
  }
})
