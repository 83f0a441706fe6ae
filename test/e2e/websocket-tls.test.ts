// WebSocket over TLS: the official client, what it is told, and what becomes of those who do not speak TLS; beside
// nats-server.

import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { type NatsConnection, wsconnect } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { ownPrimary, ownServer } from '../support/harness.ts'
import { until } from '../support/until.ts'
import { RawWebSocket, request } from '../support/websocket.ts'
import { type WebSocketServer, webSocketServers } from '../support/websocket-servers.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const authority = new Authority('Test')
const issued = authority.issue({ subject: 'localhost', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
const files = writeFiles({ cert: issued.cert, key: issued.key })
const certificate = { certFile: files.cert, keyFile: files.key }
const tls = { certFile: files.cert, keyFile: files.key }

/** An official client of a WebSocket port, which may have a certificate of its own. */
async function openAt(port: number, own: { cert?: string; key?: string } = {}): Promise<NatsConnection> {
  const connection = await wsconnect({
    servers: `wss://localhost:${port}`,
    reconnect: false,
    wsFactory: (url: string) => {
      const socket = new WebSocket(url, { ca: authority.cert, cert: own.cert, key: own.key })
      return Promise.resolve({ socket: socket as unknown as globalThis.WebSocket, encrypted: true })
    },
  })
  onTestFinished(() => connection.close())
  return connection
}

describe.each(webSocketServers('WebSocket over TLS', [0, 1, 4]))('$name', (kind) => {
  let server: WebSocketServer
  beforeAll(async () => {
    server = await kind.start({ certificate, sameOrigin: true, compression: true })
  })
  afterAll(() => server?.stop())

  const open = (): Promise<NatsConnection> => openAt(server.port)

  test('clients talk with each other and with those of the other listener', async () => {
    // One after the other: the library has one way to connect for all of its connections.
    const clients = [await open(), await open(), await connect({ servers: `nats://127.0.0.1:${server.clientPort}` })]
    onTestFinished(() => clients[2].close())
    const seen = clients.map((client) => {
      const list: number[] = []
      client.subscribe('all', { callback: (_error, m) => void list.push(m.data.length) })
      return list
    })
    for (const client of clients) await client.flush()
    for (const client of clients) client.publish('all', new Uint8Array(300_000))
    await until('all messages', () => seen.every((list) => list.length === 3))
    expect(seen.flat().every((length) => length === 300_000)).toBe(true)
  })

  test('INFO says that TLS is on', async () => {
    const client = await open()
    expect(client.info).toMatchObject({ tls_required: true, tls_available: true, port: server.port })
  })

  test('a page of the same origin has the scheme https', async () => {
    for (const [origin, status] of [
      [`https://localhost:${server.port}`, '101'],
      [`http://localhost:${server.port}`, '403'],
    ]) {
      const socket = connectTls({ port: server.port, host: 'localhost', ca: authority.cert })
      onTestFinished(() => void socket.destroy())
      await once(socket, 'secureConnect')
      socket.write(request({ Host: `localhost:${server.port}`, Origin: origin }))
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      expect(chunk.toString('latin1', 9, 12)).toBe(status)
    }
  })

  test('who does not speak TLS is not served', async () => {
    const client = await RawWebSocket.dial(server.port)
    client.socket.write(request())
    await until('the close', () => client.closed)
    expect(client.response).toBe('')
  })
})

test('what is wrong with the certificate is known before anything is served', async () => {
  const missing = { certFile: '/nonexistent', keyFile: '/nonexistent' }
  const websocket = { host: '127.0.0.1', port: -1, tls: missing }
  await expect(ownPrimary({ workers: 0, websocket })).rejects.toThrow(/\/nonexistent/)
})

test('connections are counted off whose TLS never comes to an end', async () => {
  const websocket = { host: '127.0.0.1', port: -1, tls: { ...tls, timeout: 0.1 } }
  const primary = await ownPrimary({ workers: 1, websocket })
  const port = primary.identity.webSocket?.port as number
  const silent = await Promise.all(Array.from({ length: 20 }, () => RawWebSocket.dial(port)))
  await until('all to be cut', () => silent.every(({ closed }) => closed))
  await until('all to be forgotten', () => primary.openConnections === 0)
})

/** The name on the certificate that a WebSocket port shows. */
async function nameShownAt(port: number): Promise<string> {
  const socket = connectTls({ port, host: 'localhost', ca: authority.cert })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  return String(socket.getPeerCertificate().subject.CN)
}

test.each([0, 2])('a reload brings another certificate and keeps connections, %i workers', async (workers) => {
  const other = authority.issue({ subject: 'renewed', dnsNames: ['localhost'] })
  const otherFiles = writeFiles({ cert: other.cert, key: other.key })
  const listener = { host: '127.0.0.1', port: -1 }
  const options = { workers, host: '127.0.0.1', port: -1 }
  const server = await ownServer({ ...options, websocket: { ...listener, tls } })
  const port = server.webSocketPort as number
  const before = await openAt(port)
  expect(await nameShownAt(port)).toBe('localhost')
  await server.reload({
    ...options,
    websocket: { ...listener, tls: { certFile: otherFiles.cert, keyFile: otherFiles.key } },
  })
  for (let i = 0; i < Math.max(1, workers); i++) expect(await nameShownAt(port)).toBe('renewed')
  await before.flush()
})

test('the certificate of a client may name the user', async () => {
  const issuedTo = (email: string) => authority.issue({ subject: 'client', emails: [email] })
  const caFile = writeFiles({ ca: authority.cert }).ca
  const server = await ownServer({
    workers: 1,
    authorization: { users: [{ user: 'me@example.com' }] },
    websocket: { host: '127.0.0.1', port: -1, tls: { ...tls, caFile: caFile, verifyAndMap: true } },
  })
  const port = server.webSocketPort as number
  const mine = await openAt(port, issuedTo('me@example.com'))
  await mine.flush()
  await expect(openAt(port, issuedTo('you@example.com'))).rejects.toThrow(/Authorization Violation/i)
})
