// The entry of TLS connections by itself: real sockets, clients and handshakes, on a shard without a loop.

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { CloseReason } from '../../src/base/errors.ts'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import type { TlsOptions } from '../../src/options/shapes.ts'
import { TlsEntry } from '../../src/shard/tls-entry.ts'
import { createHandshakeLimit } from '../../src/tls/rate-limit.ts'
import type { TlsSession } from '../../src/tls/upgrade.ts'
import { WEB_SOCKET } from '../connection/facts.ts'
import { v1 } from '../support/proxy-protocol.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'
import { NO_OPTIONS, settingsOf } from '../tls/listener.ts'
import { arrival, EntryShard, HELLO } from './entries.ts'

const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
const files = writeFiles({ cert: server.cert, key: server.key, ca: authority.cert })
const PAIR = { certificates: [{ certFile: files.cert, keyFile: files.key }] }
const joe = authority.issue({ subject: 'joe', emails: ['joe@example.com'] })

class SecureShard extends EntryShard {
  override readonly tls: EntryShard['tls'] & TlsEntry

  /** `tls` undefined: there is none. */
  constructor(tls?: Partial<TlsOptions>, more: Partial<EntryShard['options']> = {}, limit = createHandshakeLimit()) {
    super()
    this.tls = new TlsEntry(this, limit) as EntryShard['tls'] & TlsEntry
    this.goBy(tls, more)
  }

  goBy(tls: Partial<TlsOptions> | undefined, more: Partial<EntryShard['options']> = {}): void {
    const options = tls && { ...NO_OPTIONS, ...PAIR, ...tls }
    this.options = { ...this.options, ...more, tls: options }
    this.tls.configure(options && settingsOf(options, this.options.allowNonTls))
  }
}

async function entered(shard: SecureShard) {
  const arrived = await arrival(shard)
  shard.tls.enter(arrived.client, arrived.socket)
  return arrived
}

/** The peer has read INFO, and goes on from there. */
async function greeted(shard: SecureShard) {
  const arrived = await entered(shard)
  await arrived.until('INFO', () => arrived.come.text.endsWith('\r\n'))
  return arrived
}

/** The peer begins TLS; what it reads from then on. */
function secured(peer: Socket, options: ConnectionOptions = {}): { tls: TLSSocket; read: { text: string } } {
  peer.removeAllListeners('data')
  const tls = tlsConnect({ ca: authority.cert, servername: 'localhost', ...options, socket: peer })
  onTestFinished(() => void tls.destroy())
  const read = { text: '' }
  tls.on('error', () => undefined)
  tls.on('data', (bytes: Buffer) => {
    read.text += bytes.toString('latin1')
  })
  return { tls, read }
}

// ── Who is to come by it ────────────────────────────────────────────────────────────────────────────────

test('without TLS connections are not to come by it, unless a proxy is in front', () => {
  const shard = new SecureShard()
  expect(shard.tls).toMatchObject({ isOn: false, comesFirst: false, greetingMs: 0 })
  shard.options = { ...shard.options, proxyProtocol: true }
  expect(shard.tls).toMatchObject({ isOn: false, comesFirst: true })
})

test('a connection that is to be secured where there is no TLS is a bug', async () => {
  const shard = new SecureShard()
  const { client, socket } = await arrival(shard)
  expect(() => shard.tls.secure(client, socket)).toThrow('TLS is off')
})

test.each([
  ['INFO comes at once', {}, 0],
  ['INFO comes after TLS', { handshakeFirst: true }, undefined],
  ['INFO comes after a while', { handshakeFirst: true, handshakeFirstFallback: 70 }, 70],
])('%s', (_, tls, greetingMs) => {
  expect(new SecureShard(tls).tls).toMatchObject({ isOn: true, comesFirst: true, greetingMs })
})

// ── Ways in ─────────────────────────────────────────────────────────────────────────────────────────────

test('INFO comes in plain and asks for TLS, over which operations come', async () => {
  const shard = new SecureShard({})
  const { client, peer, come, until } = await greeted(shard)
  expect(JSON.parse(come.text.slice('INFO '.length))).toMatchObject({ tls_required: true })
  const { tls, read } = secured(peer)
  tls.write(HELLO)
  await until('the PONG', () => read.text === 'PONG\r\n')
  expect(client.tls).toMatchObject({ first: false, peerCertificate: undefined })
})

test('where TLS comes first, INFO comes once, over it', async () => {
  const shard = new SecureShard({ handshakeFirst: true })
  const { client, peer, come, until } = await entered(shard)
  const { tls, read } = secured(peer)
  tls.write(HELLO)
  await until('the PONG', () => read.text.endsWith('PONG\r\n'))
  expect(read.text).toMatch(/^INFO [^\n]*\nPONG\r\n$/)
  expect([come.text, client.tls?.first]).toEqual(['', true])
})

test('where TLS is for those that like it, others stay plain', async () => {
  const shard = new SecureShard({}, { allowNonTls: true })
  const { client, peer, come, until } = await entered(shard)
  peer.write(HELLO)
  await until('the PONG', () => come.text.endsWith('PONG\r\n'))
  expect(come.text).toContain('"tls_available":true')
  expect([client.tls, shard.log.complaints]).toEqual([undefined, []])
})

test('what a proxy says comes before TLS', async () => {
  const shard = new SecureShard({}, { proxyProtocol: true })
  const { client, peer, until } = await greeted(shard)
  peer.write(v1('TCP4 1.2.3.4 5.6.7.8 111 222'))
  const { tls, read } = secured(peer)
  tls.write(HELLO)
  await until('the PONG', () => read.text.endsWith('PONG\r\n'))
  expect([client.peer, client.tls?.first]).toEqual(['1.2.3.4:111', false])
})

// ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────

test('one that does not speak TLS is closed without a word; the log does not complain of what is everyday', async () => {
  const shard = new SecureShard({})
  const { peer, come, until } = await greeted(shard)
  const [info] = [come.text]
  peer.write(HELLO)
  await until('the end', () => come.closed && shard.events.includes('forgotten'))
  expect(come.text).toBe(info)
  expect(shard.events).toEqual([`closed: ${CloseReason.tlsHandshake}`, 'forgotten'])
  expect(shard.log.complaints).toEqual([])
  expect(shard.log.details).toContainEqual(expect.stringMatching(/^TLS handshake error: .*does not look like a TLS/))
})

test('one that breaks off in the middle is closed, and the log complains', async () => {
  const shard = new SecureShard({})
  const { peer, until } = await greeted(shard)
  peer.end(Buffer.from([0x16, 3, 1]))
  await until('it is forgotten', () => shard.events.includes('forgotten'))
  expect(shard.events).toEqual([`closed: ${CloseReason.tlsHandshake}`, 'forgotten'])
  expect(shard.log.complaints).toEqual(['TLS handshake error: EOF'])
  expect(shard.bugs).toEqual([])
})

test('handshakes of all shards count together; one too many is told so in plain, and the log says nothing', async () => {
  const limit = createHandshakeLimit()
  const shards = Array.from({ length: 3 }, () => new SecureShard({ connectionRateLimit: 1 }, {}, limit))
  const all = await Promise.all(shards.map(entered))
  // The second may have changed in between: of three one is beyond the limit in any case.
  await all[0].until('a refusal', () => shards.some((shard) => shard.events.length > 0))
  const refused = shards.findIndex((shard) => shard.events.length > 0)
  await all[refused].until('the end', () => all[refused].come.closed)
  expect(all[refused].come.text).toMatch(/-ERR 'Connection throttling is active\. Please try again later\.'\r\n$/)
  expect(shards[refused].events[0]).toBe(`closed: ${CloseReason.connectionsExceeded}`)
  expect(shards.flatMap(({ log }) => log.complaints)).toEqual([])
})

test('a bug in an operation costs the connection that sent it', async () => {
  const shard = new SecureShard({})
  const [one, other] = [await greeted(shard), await greeted(shard)]
  one.client.operations.processPing = () => {
    throw new Error('a bug')
  }
  secured(one.peer).tls.write(HELLO)
  const { tls, read } = secured(other.peer)
  tls.write(HELLO)
  await one.until('the end', () => shard.events.includes('forgotten') && read.text === 'PONG\r\n')
  expect(shard.events).toEqual([`closed: ${CloseReason.internal}`, 'forgotten'])
})

test('a bug at the end of a handshake costs the connection, and is no failure of TLS', async () => {
  const shard = new SecureShard({})
  const { client, peer, until, come } = await greeted(shard)
  const { start } = client
  client.start = () => {
    client.start = start
    throw new Error('a bug')
  }
  secured(peer)
  await until('the end', () => come.closed)
  expect(shard.events[0]).toBe(`closed: ${CloseReason.internal}`)
  expect(shard.log.complaints).toEqual([])
})

// ── Other settings ──────────────────────────────────────────────────────────────────────────────────────

test('other settings are for those that come later; one on its way keeps those that it came under', async () => {
  const shard = new SecureShard({})
  const early = await greeted(shard)
  const newServer = authority.issue({ subject: 'another', dnsNames: ['localhost'] })
  const renewed = writeFiles({ cert: newServer.cert, key: newServer.key })
  shard.goBy({ certificates: [{ certFile: renewed.cert, keyFile: renewed.key }] })
  const late = await greeted(shard)
  const names: string[] = []
  for (const { peer } of [early, late]) {
    const { tls } = secured(peer)
    await once(tls, 'secureConnect')
    names.push(String(tls.getPeerCertificate().subject.CN))
  }
  expect(names).toEqual(['server', 'another'])
})

test('where TLS is switched off, one on its way is secured all the same', async () => {
  const shard = new SecureShard({})
  const { peer, until } = await greeted(shard)
  shard.goBy(undefined)
  expect(shard.tls.isOn).toBe(false)
  const { tls, read } = secured(peer)
  tls.write(HELLO)
  await until('the PONG', () => read.text === 'PONG\r\n')
})

// ── What is told of a connection ────────────────────────────────────────────────────────────────────────

const session = (members: Partial<TlsSession> = {}): TlsSession => ({
  version: '1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  first: false,
  peerCertificate: undefined,
  peerChain: () => [],
  ...members,
})
const derOf = (pem: string): Buffer => new X509Certificate(pem).raw

const usersNamed = (...users: string[]) => ({
  authorization: normaliseOptions(
    { authorization: { users: users.map((user) => ({ user, password: 'p' })) } },
    blockReader(() => ''),
  ).authorization,
})

test('the users that a certificate names are those of the options in force', () => {
  const shard = new SecureShard({}, usersNamed('joe@example.com'))
  const ofJoe = session({ peerCertificate: derOf(joe.cert) })
  const found = (): string | undefined => shard.tls.certificateOf(ofJoe)?.findUser(() => true)
  expect(found()).toBe('joe@example.com')
  expect(shard.tls.certificateOf(ofJoe)?.findUser(() => false)).toBeUndefined()
  expect(shard.tls.certificateOf(ofJoe)?.names).toContain('joe@example.com')
  shard.goBy({}, usersNamed('mary@example.com'))
  expect(found()).toBeUndefined()
})

test('without a certificate there is nobody to find', () => {
  const { tls } = new SecureShard({})
  expect([tls.certificateOf(undefined), tls.certificateOf(session())]).toEqual([undefined, undefined])
})

test('a chain is described when somebody looks at it, as PEM; a connection without one has none', () => {
  const { tls } = new SecureShard({})
  let reads = 0
  const chain = [joe.cert, authority.cert].map(derOf)
  const details = tls.detailsOf(
    session({
      peerChain: () => {
        reads++
        return chain
      },
    }),
  )
  expect([details?.version, details?.cipher, details?.certificates]).toEqual(['1.3', 'TLS_AES_128_GCM_SHA256', []])
  expect(reads).toBe(0)
  const [described] = details?.verifiedChains ?? []
  expect(described.map(derOf)).toEqual(chain)
  expect(
    described
      .join('')
      .split('\n')
      .every((line) => line.length <= 64),
  ).toBe(true)
  expect(tls.detailsOf(session())?.verifiedChains).toEqual([])
  expect(tls.detailsOf(undefined)).toBeUndefined()
})

test.each([
  ['without TLS', undefined, false, undefined, undefined],
  ['with TLS', {}, false, undefined, { required: true, verify: false, available: false }],
  ['that may do without', {}, true, undefined, { required: false, verify: false, available: true }],
  ['that has come by TLS first', {}, true, { first: true }, { required: true, verify: false, available: true }],
  ['that is asked for a certificate', { verify: true }, false, undefined, { required: true, verify: true }],
  ['that is named by one', { verifyAndMap: true }, false, undefined, { required: true, verify: true }],
] as const)('INFO of a client %s says so', (_, tls, allowNonTls, of, said) => {
  const shard = new SecureShard()
  shard.options = { ...shard.options, allowNonTls, tls: tls && { ...NO_OPTIONS, ...tls } }
  const hello = shard.tls.hello({ isLocal: false, tls: of && session(of), webSocket: undefined })
  if (said === undefined) expect(hello).toBeUndefined()
  else expect(hello).toMatchObject(said)
})

test('INFO of a WebSocket says what its own port does, and whether the client port asks for certificates', () => {
  const shard = new SecureShard()
  shard.options = { ...shard.options, tls: { ...NO_OPTIONS, verify: true } }
  const hello = (tls: TlsSession | undefined) => shard.tls.hello({ isLocal: false, tls, webSocket: WEB_SOCKET })
  expect(hello(session())).toEqual({ required: true, verify: true, available: true })
  expect(hello(undefined)).toEqual({ required: false, verify: true, available: false })
})
