// Alerts that are sealed here, against a key and a secret that RFC 8448 gives, and as real clients read them.

import { createDecipheriv } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Alert, plainAlert, sealedAlert, trafficSecretOf } from '../../src/tls/alert.ts'
import { missing, peers } from '../support/peers.ts'
import { type ServerProgram, startCommand, startNatsServer } from '../support/server.ts'
import { Authority, selfSigned } from './certificates.ts'
import { writeFiles } from './files.ts'
import { Peer } from './peer.ts'

const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex')

describe('records', () => {
  test('by TLS 1.2', () => {
    expect(plainAlert(Alert.unknownAuthority)).toEqual(hex('15 0303 0002 02 30'))
  })

  test('by TLS 1.3, with the secret of RFC 8448, section 3', () => {
    const secret = hex('a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643')
    const record = sealedAlert(Alert.certificateExpired, 'TLS_AES_128_GCM_SHA256', secret)
    expect(record?.subarray(0, 5)).toEqual(hex('17 0303 0013'))
    const key = hex('9f02283b6c9c07efc26bb9f2ac92e356')
    const opener = createDecipheriv('aes-128-gcm', key, hex('cf782b88dd83549aadf1e984'))
    opener.setAAD(hex('17 0303 0013')).setAuthTag(record?.subarray(-16) ?? Buffer.alloc(0))
    const content = Buffer.concat([opener.update(record?.subarray(5, -16) ?? Buffer.alloc(0)), opener.final()])
    expect(content).toEqual(hex('02 2d 15'))
  })

  test('none for a cipher suite that is not known', () => {
    expect(sealedAlert(Alert.badCertificate, 'TLS_AES_128_CCM_SHA256', Buffer.alloc(32))).toBeUndefined()
  })

  test('of a key log, one line counts', () => {
    const line = (name: string): Buffer => Buffer.from(`${name} ${'ab'.repeat(32)} ${'0f'.repeat(48)}\n`)
    expect(trafficSecretOf(line('SERVER_TRAFFIC_SECRET_0'))).toEqual(Buffer.alloc(48, 0x0f))
    for (const name of ['CLIENT_TRAFFIC_SECRET_0', 'SERVER_HANDSHAKE_TRAFFIC_SECRET', 'CLIENT_RANDOM', ''])
      expect(trafficSecretOf(line(name))).toBeUndefined()
  })
})

const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
const alice = authority.issue({ subject: 'alice' })
const files = writeFiles({ cert: server.cert, key: server.key, ca: authority.cert })
const stranger = new Authority('somebody else').issue({ subject: 'alice' })
const nobody = selfSigned({ subject: 'alice' })
const late = authority.issue({ subject: 'alice', days: -1 })
const misused = authority.issue({ subject: 'alice', signsOcsp: true })

const CLIENTS: readonly (readonly [what: string, pair: Pick<ConnectionOptions, 'cert' | 'key'>, code: string])[] = [
  ['none, by TLS 1.2', {}, 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE'],
  ['none, by TLS 1.3', {}, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
  ['one of another authority', stranger, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'],
  ['one of nobody', nobody, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'],
  ['one out of date', late, 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED'],
  ['one for another usage', misused, 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE'],
]

const SUITES: readonly ConnectionOptions[] = [
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA'].map(
    (ciphers) => ({ ciphers, maxVersion: 'TLSv1.2' }) as const,
  ),
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'].map(
    (ciphers) => ({ ciphers, minVersion: 'TLSv1.3' }) as const,
  ),
]

describe.each([
  ['Heddle', startCommand, false],
  ['nats-server', (args: string[]) => startNatsServer(peers.natsServer ?? '', args), missing('natsServer', 'alerts')],
] as const)('what %s tells a client', (program, start, isMissing) => {
  let running: ServerProgram

  beforeAll(async () => {
    if (isMissing) return
    const tls = `cert_file: "${files.cert}", key_file: "${files.key}", ca_file: "${files.ca}", verify: true`
    const { conf } = writeFiles({ conf: `tls { ${tls}, timeout: 20 }` })
    running = await start(['-c', conf])
  })
  afterAll(() => running?.stop())

  async function told(options: ConnectionOptions): Promise<string | undefined> {
    const peer = await Peer.connect(running.port)
    expect(await peer.line()).toMatch(/^INFO /)
    peer.beginTls({ ca: authority.cert, ...options })
    await peer.readToClose()
    return peer.error?.code
  }

  test.skipIf(isMissing).each(CLIENTS)('that has %s', async (what, { cert, key }, code) => {
    const suites = SUITES.filter(({ maxVersion }) => !what.endsWith(maxVersion === 'TLSv1.2' ? '1.3' : '1.2'))
    for (const suite of suites) expect(await told({ cert, key, ...suite }), `${program} ${suite.ciphers}`).toBe(code)
  })

  test.skipIf(isMissing)('that has the right one: nothing', async () => {
    for (const suite of SUITES) {
      const peer = await Peer.connect(running.port)
      expect(await peer.line()).toMatch(/^INFO /)
      await peer.startTls({ ca: authority.cert, cert: alice.cert, key: alice.key, ...suite })
      peer.send('CONNECT {"verbose":false}\r\nPING\r\n')
      expect(await peer.line()).toBe('PONG')
      peer.close()
    }
  })
})
