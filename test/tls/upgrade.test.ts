import { randomBytes } from 'node:crypto'
import type { SecureVersion } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import type { TlsOptions } from '../../src/options/shapes.ts'
import { createHandshakeLimit } from '../../src/tls/rate-limit.ts'
import { until } from '../support/until.ts'
import { Authority } from './certificates.ts'
import { writeFiles } from './files.ts'
import { INFO, Listener, settingsOf } from './listener.ts'
import { clientHello, Peer } from './peer.ts'

const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
const files = writeFiles({ cert: server.cert, key: server.key })
const pair = { certificates: [{ certFile: files.cert, keyFile: files.key }] }
const trust = { ca: authority.cert }
/** As a client begins TLS; what follows is not a ClientHello. */
const HELLO_START = Buffer.from([0x16, 0x03, 0x01])

let listener: Listener

async function listen(options: Partial<TlsOptions> = {}, allowNonTls = false): Promise<number> {
  listener = await Listener.start(settingsOf({ ...pair, ...options }, allowNonTls))
  return listener.port
}

afterEach(async () => {
  await until('no connection to be on its way', () => listener.echo.upgrader.pending === 0)
  await listener.close()
})

const handshakeFailure = (why: string, everyday: boolean) => ({
  kind: 'failed',
  failure: { text: undefined, reason: 'TLS Handshake Failure', cause: why, everyday },
})
const NOT_TLS = handshakeFailure('tls: first record does not look like a TLS handshake', true)
const TIMEOUT = handshakeFailure('i/o timeout', true)
const EOF = handshakeFailure('EOF', false)

describe('TLS after INFO', () => {
  test.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('a client is secured by %s', async (version) => {
    const peer = await Peer.secure(await listen(), { ...trust, minVersion: version, maxVersion: version })
    await peer.echo('hello')
    expect(await listener.outcomes(1)).toMatchObject([
      {
        kind: 'secured',
        session: {
          version: version.slice(4),
          cipher: version === 'TLSv1.3' ? 'TLS_AES_128_GCM_SHA256' : 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
          first: false,
          peerCertificate: undefined,
        },
      },
    ])
    peer.close()
  })

  test.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('8 MiB go there and back by %s', async (version) => {
    const peer = await Peer.secure(await listen(), { ...trust, maxVersion: version })
    await peer.echo(randomBytes(8 * 1024 * 1024))
    peer.close()
  })

  test('what is written before the handshake is done arrives with its end', async () => {
    const port = await listen()
    const peer = await Peer.connect(port)
    await peer.expect(INFO)
    const bytes = randomBytes(64 * 1024)
    peer.beginTls(trust).write(bytes)
    await peer.expect(bytes)
    peer.close()
  })

  test('a client that does not wait for INFO has INFO before the answer to its ClientHello', async () => {
    const peer = await Peer.connect(await listen())
    peer.send(await clientHello())
    await peer.expect(INFO)
    await peer.expect(Buffer.from([0x16, 0x03, 0x03]))
    peer.close()
  })

  test.each([1, 7, 100])('a handshake in pieces of %i bytes succeeds', async (bytesAtOnce) => {
    const peer = await Peer.connect(await listen({ timeout: 15_000 }))
    await peer.expect(INFO)
    await peer.startTls(trust, bytesAtOnce)
    await peer.echo('hello')
    peer.close()
  })

  test('the end of one side reaches the other', async () => {
    const peer = await Peer.secure(await listen(), trust)
    peer.send('last words')
    peer.tls?.end()
    expect(await peer.readToClose()).toBe('last words')
  })

  test.each(['CONNECT {}\r\nPING\r\n', 'GET / HTTP/1.1\r\n\r\n', '\0', '\x15\x03\x01\0\x02\x02\x28'])(
    '%j is not TLS: closed without a word',
    async (bytes) => {
      const peer = await Peer.connect(await listen())
      peer.send(bytes)
      expect(await peer.readToClose()).toBe(INFO)
      expect(await listener.outcomes(1)).toEqual([NOT_TLS])
    },
  )

  test('a silent client is closed without a word when the time is over', async () => {
    const peer = await Peer.connect(await listen({ timeout: 50 }))
    expect(await peer.readToClose()).toBe(INFO)
    expect(await listener.outcomes(1)).toEqual([TIMEOUT])
  })

  test('a client that never comes to an end has no more time than a silent one', async () => {
    const peer = await Peer.connect(await listen({ timeout: 200 }))
    await peer.expect(INFO)
    peer.send(Buffer.concat([HELLO_START, Buffer.from([0x40, 0x00, 0x01, 0x00, 0x3f, 0xfc])]))
    const drip = setInterval(() => peer.send('x'), 10)
    expect(await peer.readToClose()).toBe('')
    clearInterval(drip)
    expect(await listener.outcomes(1)).toEqual([TIMEOUT])
  })

  test('a client that leaves before the handshake is a failure of the handshake', async () => {
    const peer = await Peer.connect(await listen())
    await peer.expect(INFO)
    peer.socket.end()
    expect(await peer.readToClose()).toBe('')
    expect(await listener.outcomes(1)).toEqual([EOF])
  })

  test('so is one that leaves in the middle of it', async () => {
    const peer = await Peer.connect(await listen())
    await peer.expect(INFO)
    peer.send(HELLO_START)
    peer.socket.end()
    await peer.readToClose()
    const [outcome] = await listener.outcomes(1)
    expect(outcome).toEqual(EOF)
  })

  test('and one that resets the connection', async () => {
    const peer = await Peer.connect(await listen())
    await peer.expect(INFO)
    peer.socket.resetAndDestroy()
    const [outcome] = await listener.outcomes(1)
    expect(outcome).toMatchObject({ kind: 'failed', failure: { reason: 'TLS Handshake Failure' } })
  })

  test('a connection can be ended on its way', async () => {
    const peer = await Peer.connect(await listen())
    await peer.expect(INFO)
    const [socket] = listener.sockets
    listener.echo.upgrader.cancel(socket)
    expect(await peer.readToClose()).toBe('')
    expect(listener.echo.outcomes).toEqual([])
  })
})

describe('the limit of handshakes a second', () => {
  test('one too many is told so in plain', async () => {
    const memory = createHandshakeLimit()
    listener = await Listener.start(settingsOf(pair), memory, 2)
    const secured = [await Peer.secure(listener.port, trust), await Peer.secure(listener.port, trust)]
    const peer = await Peer.connect(listener.port)
    const error = "-ERR 'Connection throttling is active. Please try again later.'\r\n"
    expect(await peer.readToClose()).toBe(`${INFO}${error}`)
    const failed = (await listener.outcomes(3)).filter(({ kind }) => kind === 'failed')
    expect(failed).toMatchObject([{ failure: { reason: 'Maximum Connections Exceeded' } }])
    for (const each of secured) each.close()
  })

  test('clients that stay plain are not counted', async () => {
    listener = await Listener.start(settingsOf(pair, true), createHandshakeLimit(), 1)
    const peers = await Promise.all([1, 2, 3].map(() => Peer.connect(listener.port)))
    for (const peer of peers) {
      await peer.expect(INFO)
      await peer.echo('PING\r\n')
    }
    const secured = await Peer.secure(listener.port, trust)
    for (const peer of [...peers, secured]) peer.close()
  })
})

describe('handshake first', () => {
  test('INFO comes after the handshake', async () => {
    const peer = await Peer.connect(await listen({ handshakeFirst: true }))
    await peer.startTls(trust)
    await peer.expect(INFO)
    await peer.echo('hello')
    expect(await listener.outcomes(1)).toMatchObject([{ kind: 'secured', session: { first: true } }])
    peer.close()
  })

  test('plain clients hear nothing, even where plain is allowed', async () => {
    const peer = await Peer.connect(await listen({ handshakeFirst: true }, true))
    peer.send('PING\r\n')
    expect(await peer.readToClose()).toBe('')
    expect(await listener.outcomes(1)).toEqual([NOT_TLS])
  })

  test('nor do silent ones', async () => {
    const peer = await Peer.connect(await listen({ handshakeFirst: true, timeout: 50 }))
    expect(await peer.readToClose()).toBe('')
    expect(await listener.outcomes(1)).toEqual([TIMEOUT])
  })
})

describe('handshake first, or INFO after a while', () => {
  test('a client that begins at once gets INFO by TLS', async () => {
    const peer = await Peer.connect(await listen({ handshakeFirst: true, handshakeFirstFallback: 10_000 }))
    await peer.startTls(trust)
    await peer.expect(INFO)
    expect(await listener.outcomes(1)).toMatchObject([{ kind: 'secured', session: { first: true } }])
    peer.close()
  })

  test('a client that waits gets INFO in plain', async () => {
    const peer = await Peer.secure(await listen({ handshakeFirst: true, handshakeFirstFallback: 10 }), trust)
    await peer.echo('hello')
    expect(await listener.outcomes(1)).toMatchObject([{ kind: 'secured', session: { first: false } }])
    peer.close()
  })

  test('a client that begins in plain at once is not heard', async () => {
    const peer = await Peer.connect(await listen({ handshakeFirst: true, handshakeFirstFallback: 10_000 }, true))
    peer.send('PING\r\n')
    expect(await peer.readToClose()).toBe('')
    expect(await listener.outcomes(1)).toEqual([NOT_TLS])
  })

  test('after INFO a plain client is served where plain is allowed', async () => {
    const peer = await Peer.connect(await listen({ handshakeFirst: true, handshakeFirstFallback: 10 }, true))
    await peer.expect(INFO)
    await peer.echo('PING\r\n')
    expect(await listener.outcomes(1)).toEqual([{ kind: 'plain', bytes: 'PING\r\n' }])
    peer.close()
  })

  test('… and closed where it is not', async () => {
    const peer = await Peer.connect(await listen({ handshakeFirst: true, handshakeFirstFallback: 10 }))
    await peer.expect(INFO)
    peer.send('PING\r\n')
    expect(await peer.readToClose()).toBe('')
    expect(await listener.outcomes(1)).toEqual([NOT_TLS])
  })

  test('a client that leaves before INFO is a failure of the handshake', async () => {
    const peer = await Peer.connect(await listen({ handshakeFirst: true, handshakeFirstFallback: 10_000 }, true))
    peer.socket.end()
    expect(await peer.readToClose()).toBe('')
    expect(await listener.outcomes(1)).toEqual([EOF])
  })
})

describe('plain is allowed', () => {
  test('the first byte decides', async () => {
    const port = await listen({}, true)
    const plain = await Peer.connect(port)
    await plain.expect(INFO)
    await plain.echo('P')
    await plain.echo(`UB x 70000\r\n${'x'.repeat(70_000)}\r\n`)
    const secured = await Peer.secure(port, trust)
    await secured.echo('hello')
    expect(await listener.outcomes(2)).toMatchObject([{ kind: 'plain', bytes: 'P' }, { kind: 'secured' }])
    plain.close()
    secured.close()
  })

  test('much that comes before the first byte is looked at is not lost', async () => {
    const peer = await Peer.connect(await listen({}, true))
    const bytes = Buffer.concat([Buffer.from('P'), randomBytes(1024 * 1024)])
    peer.send(bytes)
    await peer.expect(INFO)
    await peer.expect(bytes)
    peer.close()
  })

  test('a silent client is a plain one when the time is over', async () => {
    const peer = await Peer.connect(await listen({ timeout: 20 }, true))
    await peer.expect(INFO)
    expect(await listener.outcomes(1)).toEqual([{ kind: 'plain', bytes: '' }])
    await peer.echo('PING\r\n')
    peer.close()
  })

  test('a client that begins TLS and stops is closed when the time is over', async () => {
    const peer = await Peer.connect(await listen({ timeout: 20 }, true))
    await peer.expect(INFO)
    peer.send(HELLO_START)
    expect(await peer.readToClose()).toBe('')
    expect(await listener.outcomes(1)).toEqual([TIMEOUT])
  })

  test('a client that leaves has just left', async () => {
    const peer = await Peer.connect(await listen({}, true))
    await peer.expect(INFO)
    peer.socket.end()
    expect(await peer.readToClose()).toBe('')
    expect(await listener.outcomes(1)).toMatchObject([{ kind: 'failed', failure: { reason: 'Client Closed' } }])
  })
})
