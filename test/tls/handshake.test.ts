import { spawn, spawnSync } from 'node:child_process'
import type { ConnectionOptions } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import type { TlsOptions } from '../../src/options/shapes.ts'
import { until } from '../support/until.ts'
import { Authority, selfSigned } from './certificates.ts'
import { writeFiles } from './files.ts'
import { INFO, Listener, type Outcome, settingsOf } from './listener.ts'
import { Peer } from './peer.ts'

const authority = new Authority()
const stranger = new Authority('somebody else')
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
const rsa = authority.issue({ subject: 'rsa', dnsNames: ['localhost'], key: 'rsa' })
const sales = authority.issue({ subject: 'sales.test', dnsNames: ['sales.test', '*.sales.test'] })
const ops = authority.issue({ subject: 'ops.test', dnsNames: ['ops.test', 'a.sales.test'] })
const alice = authority.issue({ subject: 'alice' })
const files = writeFiles({
  cert: server.cert,
  key: server.key,
  rsaCert: rsa.cert,
  rsaKey: rsa.key,
  salesCert: sales.cert,
  salesKey: sales.key,
  opsCert: ops.cert,
  opsKey: ops.key,
  ca: authority.cert,
})
const pair = { certificates: [{ certFile: files.cert, keyFile: files.key }] }
const trust = { ca: authority.cert }

let listener: Listener

async function listen(options: Partial<TlsOptions> = {}): Promise<number> {
  listener = await Listener.start(settingsOf({ ...pair, ...options }))
  return listener.port
}

/** Connects in vain. Answers the client's error and how it ended for the server. */
async function refused(port: number, options: ConnectionOptions): Promise<{ error: string; outcome: Outcome }> {
  const peer = await Peer.connect(port)
  await peer.expect(INFO)
  const before = listener.echo.outcomes.length
  peer.beginTls({ ...trust, ...options })
  await peer.readToClose()
  const outcome = (await listener.outcomes(before + 1))[before]
  return { error: peer.error?.code ?? '', outcome }
}

const failed = (why: string) => ({ kind: 'failed', failure: { cause: why, everyday: false } })

afterEach(async () => {
  await until('no connection to be on its way', () => listener.echo.upgrader.pending === 0)
  await listener.close()
})

describe('versions, suites, curves', () => {
  test('a client that is too old is told so', async () => {
    const { error, outcome } = await refused(await listen({ minVersion: '1.3' }), { maxVersion: 'TLSv1.2' })
    expect(error).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
    expect(outcome).toMatchObject(failed('tls: client offered only unsupported versions'))
  })

  test('so is one with which there is no suite in common', async () => {
    const port = await listen({ cipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'] })
    const options: ConnectionOptions = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }
    const { error, outcome } = await refused(port, options)
    expect(error).toBe('ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE')
    expect(outcome).toMatchObject(failed('tls: no cipher suite supported by both client and server'))
  })

  test('the chosen suite is named by its standard name', async () => {
    const suite = 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256'
    const port = await listen({
      certificates: [{ certFile: files.rsaCert, keyFile: files.rsaKey }],
      cipherSuites: [suite],
    })
    const peer = await Peer.secure(port, { ...trust, maxVersion: 'TLSv1.2' })
    await peer.echo('x')
    expect(await listener.outcomes(1)).toMatchObject([{ session: { cipher: suite, version: '1.2' } }])
    peer.close()
  })

  test('only the curves in the list are used', async () => {
    const port = await listen({ curvePreferences: ['CurveP384'] })
    const peer = await Peer.secure(port, trust)
    expect(peer.tls?.getEphemeralKeyInfo()).toMatchObject({ name: 'secp384r1' })
    const { outcome } = await refused(port, { ecdhCurve: 'X25519' })
    expect(outcome).toMatchObject({ kind: 'failed', failure: { reason: 'TLS Handshake Failure' } })
    peer.close()
  })

  test('a client that asks to begin anew in the middle gets no harm done', async () => {
    const port = await listen()
    const other = await Peer.secure(port, trust)
    const peer = await Peer.secure(port, { ...trust, maxVersion: 'TLSv1.2' })
    peer.tls?.renegotiate({}, () => undefined)
    await peer.readToClose()
    expect(peer.error?.code).toBe('ERR_SSL_NO_RENEGOTIATION')
    await other.echo('still here')
    other.close()
  })
})

describe('client certificates', () => {
  const verify = { verify: true, caFile: files.ca }

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'one of the right authority is shown to the handler, by %s',
    async (version) => {
      const port = await listen(verify)
      const peer = await Peer.secure(port, { ...trust, cert: alice.cert, key: alice.key, maxVersion: version })
      await peer.echo('x')
      expect(await listener.outcomes(1)).toMatchObject([{ kind: 'secured', session: { peerCertificate: alice.der } }])
      peer.close()
    },
  )

  test('without one the client is told that it needs one', async () => {
    const { error, outcome } = await refused(await listen(verify), {})
    expect(error).toBe('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')
    expect(outcome).toMatchObject(failed("tls: client didn't provide a certificate"))
  })

  test.each([
    ['of another authority', stranger.issue({ subject: 'alice' }), 'certificate signed by unknown authority'],
    ['of nobody', selfSigned({ subject: 'alice' }), 'certificate signed by unknown authority'],
    ['out of date', authority.issue({ subject: 'alice', days: -1 }), 'certificate has expired or is not yet valid'],
  ])('one %s is refused', async (_, { cert, key }, why) => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      listener = await Listener.start(settingsOf({ ...pair, ...verify }))
      const { outcome } = await refused(listener.port, { cert, key, maxVersion })
      expect(outcome).toMatchObject(failed(`tls: failed to verify certificate: x509: ${why}`))
      if (maxVersion === 'TLSv1.2') await listener.close()
    }
  })

  test('where none is asked for, one that is shown is not believed', async () => {
    const peer = await Peer.secure(await listen(), { ...trust, cert: alice.cert, key: alice.key })
    await peer.echo('x')
    expect(await listener.outcomes(1)).toMatchObject([{ session: { peerCertificate: undefined } }])
    peer.close()
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('by %s it is looked at anew each time', async (version) => {
    const port = await listen(verify)
    const options = { ...trust, cert: alice.cert, key: alice.key, maxVersion: version }
    let session: Buffer | undefined
    const first = await Peer.connect(port)
    await first.expect(INFO)
    first.beginTls(options).on('session', (told) => {
      session = told
    })
    await first.echo('x')
    const second = await Peer.secure(port, session === undefined ? options : { ...options, session })
    await second.echo('x')
    expect(second.tls?.isSessionReused()).toBe(false)
    for (const peer of [first, second]) peer.close()
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('only a pinned one may connect, by %s', async (maxVersion) => {
    const port = await listen({ ...verify, pinnedCerts: [alice.pin] })
    const peer = await Peer.secure(port, { ...trust, cert: alice.cert, key: alice.key, maxVersion })
    await peer.echo('x')
    const { error, outcome } = await refused(port, { cert: ops.cert, key: ops.key, maxVersion })
    expect(outcome).toMatchObject(failed('certificate not pinned'))
    expect(error).toBe('ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE')
    peer.close()
  })

  test('where certificates are pinned but none is asked for, nobody may connect', async () => {
    const { outcome } = await refused(await listen({ pinnedCerts: [alice.pin] }), { cert: alice.cert, key: alice.key })
    expect(outcome).toMatchObject(failed('certificate not pinned'))
  })
})

describe('several certificates', () => {
  const certificates = [
    { certFile: files.cert, keyFile: files.key },
    { certFile: files.salesCert, keyFile: files.salesKey },
    { certFile: files.opsCert, keyFile: files.opsKey },
  ]
  const shown = async (port: number, servername: string): Promise<string | undefined> => {
    const peer = await Peer.secure(port, { ca: authority.cert, servername, checkServerIdentity: () => undefined })
    await peer.echo('x')
    const { subject } = peer.tls?.getPeerX509Certificate() ?? {}
    peer.close()
    return subject
  }

  test('the first that is good for the name is shown, the first of all if there is none', async () => {
    listener = await Listener.start(settingsOf({ certificates }))
    const names = ['sales.test', 'SALES.test', 'x.sales.test', 'a.sales.test', 'ops.test']
    const subjects = await Promise.all(names.map((name) => shown(listener.port, name)))
    expect(subjects).toEqual(
      ['sales.test', 'sales.test', 'sales.test', 'sales.test', 'ops.test'].map((cn) => `CN=${cn}`),
    )
    const strange = ['x.y.sales.test', 'server', 'x', 'a'.repeat(250), '\u00e4', '..', 'a b', '%00']
    for (const name of strange) expect(await shown(listener.port, name)).toBe('CN=server')
  })

  test('and to a client that asks for no name', async () => {
    listener = await Listener.start(settingsOf({ certificates }))
    expect(await shown(listener.port, '')).toBe('CN=server')
  })

  test('without any certificate every handshake fails, and the server stays', async () => {
    listener = await Listener.start(settingsOf({}))
    for (let i = 0; i < 3; i++) {
      const { outcome } = await refused(listener.port, {})
      expect(outcome).toMatchObject({ kind: 'failed', failure: { reason: 'TLS Handshake Failure', everyday: false } })
    }
  })
})

describe('reload', () => {
  test('new connections see the new certificate, old ones go on', async () => {
    const port = await listen()
    const before = await Peer.secure(port, trust)
    const waiting = await Peer.connect(port)
    await waiting.expect(INFO)
    listener.echo.upgrader.reload(settingsOf({ certificates: [{ certFile: files.opsCert, keyFile: files.opsKey }] }))
    const after = await Peer.secure(port, { ...trust, servername: 'ops.test' })
    // One that was on its way is served as it began.
    await waiting.startTls(trust)
    for (const peer of [before, after, waiting]) await peer.echo('x')
    const subjects = [before, after, waiting].map(({ tls }) => tls?.getPeerX509Certificate()?.subject)
    expect(subjects).toEqual(['CN=server', 'CN=ops.test', 'CN=server'])
    for (const peer of [before, after, waiting]) peer.close()
  })

  test('it may ask for certificates from now on', async () => {
    const port = await listen()
    const before = await Peer.secure(port, trust)
    listener.echo.upgrader.reload(settingsOf({ ...pair, verify: true, caFile: files.ca }))
    const { outcome } = await refused(port, {})
    expect(outcome).toMatchObject(failed("tls: client didn't provide a certificate"))
    await before.echo('x')
    before.close()
  })
})

const openssl = spawnSync('openssl', ['version']).status === 0
if (!openssl) process.stderr.write('skipped: the openssl program, because there is none\n')

describe.skipIf(!openssl)('the openssl program', () => {
  test('is secured', async () => {
    const port = await listen({ handshakeFirst: true })
    const arguments_ = [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      '-CAfile',
      files.ca,
      '-verify_return_error',
      '-quiet',
    ]
    const { promise, resolve } = Promise.withResolvers<string>()
    const child = spawn('openssl', [...arguments_, '-servername', 'localhost'], { stdio: ['pipe', 'pipe', 'ignore'] })
    let output = ''
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes
      if (output === INFO) child.stdin.write('hello\n')
      if (output === `${INFO}hello\n`) resolve(output)
    })
    expect(await promise).toBe(`${INFO}hello\n`)
    child.kill()
  })
})
