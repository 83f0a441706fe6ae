import { generateKeyPairSync } from 'node:crypto'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import type { TlsOptions } from '../../src/options/shapes.ts'
import { readTls } from '../../src/tls/read-settings.ts'
import { Authority } from './certificates.ts'
import { writeFiles } from './files.ts'
import { NO_OPTIONS } from './listener.ts'

const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
const other = authority.issue({ subject: 'other', dnsNames: ['other'] })
const rsa = authority.issue({ subject: 'rsa', key: 'rsa' })
const locked = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' },
}).privateKey

const block = (type: string): string => `-----BEGIN ${type}-----\nAAAA\n-----END ${type}-----\n`
const files = writeFiles({
  cert: server.cert,
  key: server.key,
  chain: `some words\n${server.cert}\n${authority.cert}`,
  both: `${server.key}${server.cert}`,
  otherCert: other.cert,
  otherKey: other.key,
  rsaCert: rsa.cert,
  rsaKey: rsa.key,
  authority: authority.cert,
  authorities: `${block('CERTIFICATE')}${authority.cert}`,
  empty: '',
  garbage: 'no PEM here',
  badCert: block('CERTIFICATE'),
  badKey: block('PRIVATE KEY'),
  request: block('CERTIFICATE REQUEST'),
  requests: `${block('CERTIFICATE REQUEST')}${block('X509 CRL')}`,
  locked,
})
const pair = { certificates: [{ certFile: files.cert, keyFile: files.key }] }

const errorOf = (options: Partial<TlsOptions>): string | undefined => {
  const read = readTls({ ...NO_OPTIONS, ...options }, false)
  return 'error' in read ? read.error : undefined
}

test('a certificate and its key are all that is needed; the rest has the defaults of nats-server', () => {
  const read = readTls({ ...NO_OPTIONS, ...pair }, false)
  expect(read).toMatchObject({
    value: {
      verify: false,
      authorities: undefined,
      minVersion: 'TLSv1.2',
      timeoutMs: 2_000,
      pinnedCerts: [],
      handshakeFirst: false,
      fallbackMs: 0,
      allowNonTls: false,
    },
  })
})

test('settings are plain data that crosses to other threads', () => {
  const read = readTls({ ...NO_OPTIONS, ...pair, caFile: files.authority, verifyAndMap: true }, true)
  expect(structuredClone(read)).toEqual(read)
  expect(read).toMatchObject({ value: { verify: true, allowNonTls: true } })
})

test('files may hold a chain, words, and the key next to the certificate', () => {
  expect(errorOf({ certificates: [{ certFile: files.chain, keyFile: files.both }] })).toBeUndefined()
  expect(errorOf({ certificates: [{ certFile: files.both, keyFile: files.both }] })).toBeUndefined()
})

test('nothing at all is accepted, as nats-server does; so are authorities alone', () => {
  expect(errorOf({})).toBeUndefined()
  expect(errorOf({ caFile: files.authority })).toBeUndefined()
})

const PAIR = 'error parsing X509 certificate/key pair'
const ONLY = 'PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types'
test.each<[string, string, string]>([
  ['/nowhere.pem', files.key, 'open /nowhere.pem: no such file or directory'],
  [files.cert, '/nowhere.pem', 'open /nowhere.pem: no such file or directory'],
  [tmpdir(), files.key, `read ${tmpdir()}: is a directory`],
  [files.empty, files.key, 'tls: failed to find any PEM data in certificate input'],
  [files.garbage, files.key, 'tls: failed to find any PEM data in certificate input'],
  [
    files.key,
    files.cert,
    'tls: failed to find certificate PEM data in certificate input, but did find a private key; ' +
      'PEM inputs may have been switched',
  ],
  [
    files.request,
    files.key,
    'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following ' +
      'types: [CERTIFICATE REQUEST]',
  ],
  [files.cert, files.cert, 'tls: found a certificate rather than a key in the PEM for the private key'],
  [files.cert, files.garbage, 'tls: failed to find any PEM data in key input'],
  [files.cert, files.requests, `tls: failed to find ${ONLY}: [CERTIFICATE REQUEST X509 CRL]`],
  [files.badCert, files.key, 'x509: malformed certificate'],
  [files.cert, files.badKey, 'tls: failed to parse private key'],
  [files.cert, files.locked, 'tls: failed to parse private key'],
  [files.cert, files.otherKey, 'tls: private key does not match public key'],
  [files.cert, files.rsaKey, 'tls: private key type does not match public key type'],
])('a pair that is no good is refused (%#)', (certFile, keyFile, why) => {
  const files = { certFile, keyFile }
  expect(errorOf({ certificates: [files] })).toBe(`${PAIR}: ${why}`)
  expect(errorOf({ certificates: [...pair.certificates, files] })).toBe(`${PAIR} 2/2: ${why}`)
})

test.each<[Partial<TlsOptions>, string]>([
  [{ ...pair, caFile: '/nowhere.pem' }, 'open /nowhere.pem: no such file or directory'],
  [{ ...pair, caFile: files.garbage }, 'failed to parse root ca certificate'],
  [{ ...pair, caFile: files.badCert }, 'failed to parse root ca certificate'],
  [{ ...pair, cipherSuites: ['X'] }, 'unrecognized cipher X'],
  [{ ...pair, curvePreferences: ['X'] }, 'unrecognized curve preference X'],
])('options that are no good are refused (%#)', (options, error) => {
  expect(errorOf(options)).toBe(error)
})

test('authorities that cannot be read are passed over as long as there is one that can', () => {
  const read = readTls({ ...NO_OPTIONS, ...pair, caFile: files.authorities, verify: true }, false)
  expect('value' in read && read.value.authorities?.length).toBe(1)
})

test('no error tells anything of a key', () => {
  const secrets = [server.key, other.key, rsa.key, locked].map((key) => key.split('\n')[1])
  const wrong = [files.otherKey, files.rsaKey, files.locked, files.badKey]
  const errors = wrong.map((keyFile) => errorOf({ certificates: [{ certFile: files.cert, keyFile }] })).join('\n')
  expect(secrets.filter((secret) => errors.includes(secret))).toEqual([])
})
