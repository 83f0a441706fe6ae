// Clients that come by TLS: seen and disturbed as others are.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { connect as ownConnect } from '../../src/client/index.ts'
import { replay } from '../../src/test-kit/index.ts'
import type { TestServerOptions } from '../../src/test-kit/test-server.ts'
import { open } from '../support/harness.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'
import { ownTestServer } from './support.ts'

const directory = mkdtempSync(join(tmpdir(), 'heddle-kit-tls-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const authority = new Authority()
const issued = authority.issue({ subject: 'server', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
const alice = authority.issue({ subject: 'alice', emails: ['alice@example.com'] })
const mallory = authority.issue({ subject: 'mallory', emails: ['mallory@example.com'] })
const stranger = new Authority()
const files = writeFiles({
  ca: authority.cert,
  otherCa: stranger.cert,
  cert: issued.cert,
  key: issued.key,
  aliceCert: alice.cert,
  aliceKey: alice.key,
  malloryCert: mallory.cert,
  malloryKey: mallory.key,
})
const tls = { certFile: files.cert, keyFile: files.key }
const trust = { caFile: files.ca }
// nats.js waits for all of its timeout where a server leaves in the middle of the handshake.
const quick = {
  timeout: 15_000,
  reconnectTimeWait: 10,
  reconnectJitter: 5,
  reconnectJitterTLS: 5,
  maxReconnectAttempts: -1,
}
const BUSY_MS = 20_000

/** A client has finished its reconnect. */
function hasServer(nc: { flush(): Promise<void> }): Promise<unknown> {
  return until('a server', () =>
    nc.flush().then(
      () => true,
      () => false,
    ),
  )
}

/** Each client with each way to TLS. */
const WAYS: readonly (readonly [string, TestServerOptions, object])[] = [
  ['TLS after INFO', { tls }, {}],
  ['TLS before INFO', { tls: { ...tls, handshakeFirst: true } }, { handshakeFirst: true }],
]
const CLIENTS = [
  ['nats.js', connect],
  ['heddle/client', ownConnect],
] as const

describe.each(WAYS)('%s', (_, options, ways) => {
  test.each(CLIENTS)('%s: messages are seen, lost and delayed, by the name of the client', async (_, open) => {
    const server = await ownTestServer(options)
    const nc = await open({ servers: server.url, name: 'shop', tls: { ...trust, ...ways }, ...quick })
    onTestFinished(() => nc.close())
    const texts: string[] = []
    nc.subscribe('echo', { callback: (_: unknown, message: { string(): string }) => void texts.push(message.string()) })
    nc.publish('echo', 'one')
    const [one] = await server.received('echo', { timeout: BUSY_MS })
    expect([one.string(), one.client]).toEqual(['one', 'shop'])
    await nc.flush()
    using lost = server.faults.drop('echo', { direction: 'deliver', times: 1, client: 'shop' })
    nc.publish('echo', 'two')
    const large = 'x'.repeat(300_000)
    nc.publish('echo', large)
    await nc.flush()
    expect(texts).toEqual(['one', large])
    expect(lost.count).toBe(1)
    using late = server.faults.delay('echo', 150, { direction: 'publish' })
    const before = performance.now()
    nc.publish('echo', 'late')
    await nc.flush()
    expect(performance.now() - before).toBeGreaterThanOrEqual(149)
    expect([texts.at(-1), late.count]).toEqual(['late', 1])
  })
})

test.each(CLIENTS)('%s: a connection is cut and comes back, after a restart too', async (_, open) => {
  const server = await ownTestServer({ tls })
  const nc = await open({ servers: server.url, name: 'shop', tls: trust, ...quick })
  onTestFinished(() => nc.close())
  const first = await server.client('shop', { timeout: BUSY_MS })
  expect(first.library).not.toBe('')
  first.cut()
  await first.closed
  const second = await server.client('shop', { timeout: BUSY_MS })
  expect(second).not.toBe(first)
  await hasServer(nc)
  await server.restart()
  await server.client('shop', { timeout: BUSY_MS })
  await hasServer(nc)
})

test('a client that reads nothing is a slow consumer', async () => {
  const server = await ownTestServer({ tls, maxPending: 100_000, maxPayload: 100_000 })
  const slow = await connect({ servers: server.url, name: 'slow', tls: trust, reconnect: false })
  let count = 0
  slow.subscribe('load', { callback: () => void count++ })
  await slow.flush()
  const reader = await server.client('slow')
  reader.stopReading()
  const nc = await ownConnect({ servers: server.url, tls: trust })
  onTestFinished(() => nc.close())
  const payload = 'x'.repeat(100_000)
  // 40 MB: more than the buffers on the way take.
  for (let i = 0; i < 400; i++) nc.publish('load', payload)
  await nc.flush()
  reader.resume()
  await slow.closed()
  await reader.closed
  expect(count).toBeLessThan(400)
})

test('a frozen client is given up by the server, and closed when it thaws', async () => {
  const server = await ownTestServer({ tls, pingInterval: 120_000, pingMax: 2 })
  const nc = await ownConnect({ servers: server.url, name: 'shop', tls: trust, reconnect: false })
  const client = await server.client('shop')
  client.freeze()
  for (let pings = 0; pings < 3; pings++) await server.clock.advance(240_000)
  await client.closedByServer
  expect(client.isConnected).toBe(true)
  client.resume()
  await nc.closed()
  await client.closed
})

test('where TLS is not required, clients without it are seen as well', async () => {
  const server = await ownTestServer({ tls, allowNonTls: true })
  const plain = await open(server.port, { name: 'plain' })
  plain.send('PUB a 2\r\nhi\r\n')
  const nc = await ownConnect({ servers: server.url, name: 'secure', tls: trust })
  onTestFinished(() => nc.close())
  nc.publish('a', 'ho')
  const received = await server.received('a', { count: 2, timeout: BUSY_MS })
  expect(received.map(({ client }) => client).sort()).toEqual(['plain', 'secure'])
})

test('certificates are those of the server, after a reload too, and a client that does not trust them leaves', async () => {
  const server = await ownTestServer({ tls })
  const wrong = { servers: server.url, tls: { caFile: files.otherCa }, reconnect: false }
  await expect(connect(wrong)).rejects.toThrow()
  await expect(ownConnect(wrong)).rejects.toThrow(/certificate/)
  await until('no client', () => server.clients.length === 0)
  const other = stranger.issue({ subject: 'server', ips: ['127.0.0.1'] })
  const next = writeFiles({ cert: other.cert, key: other.key })
  await server.reload({ tls: { certFile: next.cert, keyFile: next.key } })
  const nc = await ownConnect({ ...wrong, name: 'late' })
  onTestFinished(() => nc.close())
  expect(server.clients.map(({ name }) => name)).toEqual(['late'])
})

test('a client that leaves in the middle of its handshake is forgotten', async () => {
  const server = await ownTestServer({ tls })
  const raw = await RawClient.connect(server.port)
  await raw.readInfo()
  raw.send(Buffer.from([0x16, 3, 1]))
  await until('it is there', () => server.clients.length === 1)
  await raw.close()
  await until('it is gone', () => server.clients.length === 0)
})

describe('clients that log in with certificates', () => {
  const options = {
    tls: { ...tls, caFile: files.ca, verifyAndMap: true },
    authorization: {
      users: [
        { user: 'alice@example.com', permissions: { publish: ['orders.>'] } },
        { user: 'mallory@example.com', permissions: { publish: ['drafts.>'] } },
      ],
    },
  }
  const asAlice = { ...trust, certFile: files.aliceCert, keyFile: files.aliceKey }
  const asMallory = { ...trust, certFile: files.malloryCert, keyFile: files.malloryKey }

  test.each(CLIENTS)('%s: they are seen where the test has their keys', async (_, open) => {
    const clientCertificates = [
      { certFile: files.malloryCert, keyFile: files.malloryKey },
      { certFile: files.aliceCert, keyFile: files.aliceKey },
    ]
    const server = await ownTestServer({ ...options, clientCertificates })
    const nc = await open({ servers: server.url, name: 'shop', tls: asAlice })
    onTestFinished(() => nc.close())
    nc.publish('orders.new', 'lamp')
    const [order] = await server.received('orders.new', { timeout: BUSY_MS })
    expect([order.string(), order.client]).toEqual(['lamp', 'shop'])
    // The server knows them as who they are.
    const statuses = nc.status()[Symbol.asyncIterator]()
    nc.publish('drafts.new')
    expect((await statuses.next()).value).toMatchObject({ type: 'error', error: { subject: 'drafts.new' } })
  })

  test('they are served, unseen, where it has not', async () => {
    const server = await ownTestServer(options)
    const nc = await ownConnect({ servers: server.url, name: 'shop', tls: asAlice })
    onTestFinished(() => nc.close())
    await nc.flush()
    expect(server.clients.map(({ name }) => name)).toEqual([''])
  })

  test('one whose key the test does not have is refused, and bad files are named', async () => {
    const server = await ownTestServer({
      ...options,
      clientCertificates: [{ certFile: files.aliceCert, keyFile: files.aliceKey }],
    })
    await expect(ownConnect({ servers: server.url, tls: asMallory, reconnect: false })).rejects.toThrow()
    await expect(ownConnect({ servers: server.url, tls: trust, reconnect: false })).rejects.toThrow()
    await until('no client', () => server.clients.length === 0)
    await expect(
      ownTestServer({ ...options, clientCertificates: [{ certFile: '/nowhere', keyFile: files.aliceKey }] }),
    ).rejects.toThrow('clientCertificates: open /nowhere: no such file or directory')
  })
})

test('a conversation by TLS is recorded, and replayed to servers with TLS and without', async () => {
  const server = await ownTestServer({ tls })
  const file = join(directory, 'tls.jsonl')
  const recording = server.record(file)
  await using desk = await connect({ servers: server.url, name: 'desk', tls: trust })
  desk.subscribe('time', { callback: (_, message) => void message.respond('noon') })
  expect((await desk.request('time', 'what?', { timeout: BUSY_MS })).string()).toBe('noon')
  await desk.flush()
  await recording.stop()
  const same = await ownTestServer({ tls })
  expect(await replay(file, { url: same.url, timeout: BUSY_MS })).toEqual([])
  expect(same.messages('time')[0].string()).toBe('what?')
  const plain = await ownTestServer()
  const differences = await replay(file, { url: plain.url, timeout: BUSY_MS })
  // INFO comes once more after CONNECT.
  expect(differences).toHaveLength(2)
  for (const { expected, got } of differences) {
    expect(expected).toContain('"tls_required":true')
    expect(got).toMatch(/^INFO .*"proto":1}$/)
  }
})
