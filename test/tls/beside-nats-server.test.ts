// Certificates as the real nats-server judges them: the same users for the same certificates, the same words for the
// same broken files.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PeerDirectory, peerNames } from '../../src/tls/names.ts'
import { readTls } from '../../src/tls/read-settings.ts'
import { missing, peers } from '../support/peers.ts'
import { Program, type ServerProgram, startNatsServer } from '../support/server.ts'
import { type AttributeOrder, Authority, type CertificateOrder, OID } from './certificates.ts'
import { writeFiles } from './files.ts'
import { NO_OPTIONS } from './listener.ts'
import { Peer } from './peer.ts'

type Type = keyof typeof OID
const subject = (...parts: string[]): AttributeOrder[][] =>
  parts.map((part) =>
    part.split('+').map((attribute) => {
      const at = attribute.indexOf('=')
      return { oid: OID[attribute.slice(0, at) as Type], value: attribute.slice(at + 1) }
    }),
  )

const USERS = [
  'mail@heddle.test',
  'dns.heddle.test',
  'spiffe://heddle.test/uri',
  'CN=plain,O=Acme',
  'OU=Ops,CN=moved,O=Acme',
  'CN=domain,DC=heddle,DC=test',
  'CN=short,O=Acme',
  'cn=lower,o=Acme',
  'CN=multi+OU=Ops,O=Acme',
  'CN=comma\\,name',
  'CN=ümlaut',
  'CN=equal=sign',
  'CN=units,OU=a+OU=b',
  'OU=x,OU=y,OU=y',
]

const CERTIFICATES: readonly (readonly [what: string, order: CertificateOrder])[] = [
  [
    'an e-mail address',
    { subject: 'x', emails: ['no@heddle.test', 'mail@heddle.test'], dnsNames: ['dns.heddle.test'] },
  ],
  ['a DNS name', { subject: subject('O=Acme', 'CN=plain'), emails: ['no@heddle.test'], dnsNames: ['dns.heddle.test'] }],
  ['a URI', { subject: subject('O=Acme', 'CN=plain'), uris: ['spiffe://heddle.test/uri'] }],
  ['a subject', { subject: subject('O=Acme', 'CN=plain'), dnsNames: ['no.heddle.test'] }],
  ['a subject in another order', { subject: subject('CN=plain', 'O=Acme') }],
  ['a user in another order', { subject: subject('O=Acme', 'OU=Ops', 'CN=moved') }],
  ['domain parts', { subject: subject('DC=test', 'DC=heddle', 'CN=domain') }],
  ['domain parts that the user has not', { subject: subject('DC=test', 'O=Acme', 'CN=short') }],
  ['types in lower case', { subject: subject('O=Acme', 'CN=lower') }],
  ['several attributes in a part', { subject: subject('O=Acme', 'OU=Ops+CN=multi') }],
  ['a comma', { subject: subject('CN=comma,name') }],
  ['a letter beyond ASCII', { subject: subject('CN=ümlaut') }],
  ['an equals sign', { subject: subject('CN=equal=sign') }],
  ['two units', { subject: subject('OU=a', 'OU=b', 'CN=units') }],
  ['a type without a short name', { subject: subject('UID=7', 'O=Acme', 'CN=short') }],
  ['a part too few', { subject: subject('CN=plain') }],
  ['a part too many', { subject: subject('O=Acme', 'L=Here', 'CN=plain') }],
  ['another case', { subject: subject('O=Acme', 'CN=Plain') }],
  ['the same part twice, but the wrong one', { subject: subject('OU=x', 'OU=x', 'OU=y') }],
  ['an unknown name', { subject: 'nobody' }],
]

const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
const other = authority.issue({ subject: 'other' })
const rsa = authority.issue({ subject: 'rsa', key: 'rsa' })
const block = (type: string): string => `-----BEGIN ${type}-----\nAAAA\n-----END ${type}-----\n`
const files = writeFiles({
  cert: server.cert,
  key: server.key,
  ca: authority.cert,
  otherKey: other.key,
  rsaKey: rsa.key,
  empty: '',
  badCert: block('CERTIFICATE'),
  badKey: block('PRIVATE KEY'),
  request: block('CERTIFICATE REQUEST'),
})

const absent = missing('natsServer', 'certificates beside those of nats-server')
const NATS_SERVER = peers.natsServer ?? ''

describe.skipIf(absent)('users by certificate', () => {
  let nats: ServerProgram

  beforeAll(async () => {
    const { conf } = writeFiles({
      conf: `
        tls { cert_file: "${files.cert}", key_file: "${files.key}", ca_file: "${files.ca}", verify_and_map: true }
        authorization { users: [ ${USERS.map((user) => `{ user: ${JSON.stringify(user)} }`).join(', ')} ] }
      `,
    })
    nats = await startNatsServer(NATS_SERVER, ['-c', conf, '-m', '-1'])
  })
  afterAll(() => nats.stop())

  /** The user that nats-server takes the certificate for; undefined: it refuses the connection. */
  async function theirs(cert: string, key: string): Promise<string | undefined> {
    const [, monitorPort] = await nats.until(/Starting http monitor on \S*:(\d+)/)
    const peer = await Peer.connect(nats.port)
    expect(await peer.line()).toMatch(/^INFO /)
    await peer.startTls({ ca: authority.cert, cert, key })
    peer.send('CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n')
    const answer = await peer.line()
    if (answer !== 'PONG') {
      expect(answer).toBe("-ERR 'Authorization Violation'")
      peer.close()
      return undefined
    }
    const { localPort } = peer.socket
    const page = await fetch(`http://127.0.0.1:${monitorPort}/connz?auth=1`)
    const { connections } = (await page.json()) as { connections: { port: number; authorized_user: string }[] }
    peer.close()
    return connections.find(({ port }) => port === localPort)?.authorized_user
  }

  test.each(CERTIFICATES)('%s', async (_, order) => {
    const { cert, key, der } = authority.issue(order)
    expect(new PeerDirectory(USERS).find(peerNames(der))).toBe(await theirs(cert, key))
  })
})

describe.skipIf(absent)('broken files', () => {
  test.each([
    ['/nowhere.pem', files.key, ''],
    [files.cert, '/nowhere.pem', ''],
    ['/tmp', files.key, ''],
    [files.empty, files.key, ''],
    [files.key, files.cert, ''],
    [files.request, files.key, ''],
    [files.cert, files.cert, ''],
    [files.cert, files.empty, ''],
    [files.cert, files.request, ''],
    [files.badCert, files.key, ''],
    [files.cert, files.badKey, ''],
    [files.cert, files.otherKey, ''],
    [files.cert, files.rsaKey, ''],
    [files.cert, files.key, '/nowhere.pem'],
    [files.cert, files.key, files.empty],
    [files.cert, files.key, files.badCert],
  ])('are refused in the same words (%#)', async (certFile, keyFile, caFile) => {
    const ca = caFile === '' ? '' : `, ca_file: "${caFile}"`
    const { conf } = writeFiles({ conf: `tls { cert_file: "${certFile}", key_file: "${keyFile}"${ca} }` })
    const program = new Program(NATS_SERVER, ['-t', '-c', conf])
    await program.exit()
    const [, words] = /nats-server: \S+?:\d+:\d+: (.*)/.exec(program.stderr + program.stdout) ?? []
    const ours = readTls({ ...NO_OPTIONS, certificates: [{ certFile, keyFile }], caFile }, false)
    expect('error' in ours ? ours.error : undefined).toBe(words)
  })
})
