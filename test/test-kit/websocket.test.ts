// WebSocket clients of a test: seen and disturbed as others are.

import { connect, type Socket } from 'node:net'
import { wsconnect } from '@nats-io/nats-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { wsconnect as ownWsconnect } from '../../src/client/index.ts'
import type { Operation } from '../../src/test-kit/operations.ts'
import { WebSocketSplitter } from '../../src/test-kit/websocket-frames.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { until } from '../support/until.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'
import { ownTestServer } from './support.ts'

const authority = new Authority()
const issued = authority.issue({ subject: 'server', ips: ['127.0.0.1'] })
const { certFile, keyFile } = writeFiles({ certFile: issued.cert, keyFile: issued.key })
const tls = { certFile, keyFile }
const websocket = { host: '127.0.0.1', port: 0, noTls: true }

describe.each([
  ['nats.js', wsconnect],
  ['heddle/client', ownWsconnect],
] as const)('with %s', (_, open) => {
  test('messages are seen and lost, by the name of the client', async () => {
    const server = await ownTestServer({ websocket: { ...websocket, compression: true } })
    const nc = await open({ servers: `ws://127.0.0.1:${server.webSocketPort}`, name: 'page' })
    onTestFinished(() => nc.close())
    const texts: string[] = []
    nc.subscribe('echo', { callback: (_, message) => void texts.push(message.string()) })
    nc.publish('echo', 'one')
    const [one] = await server.received('echo')
    expect([one.string(), one.client]).toEqual(['one', 'page'])
    await nc.flush()
    using lost = server.faults.drop('echo', { direction: 'deliver', times: 1, client: 'page' })
    nc.publish('echo', 'two')
    const large = 'x'.repeat(300_000)
    nc.publish('echo', large)
    await nc.flush()
    expect(texts).toEqual(['one', large])
    expect(lost.count).toBe(1)
  })
})

test('by wss messages are seen and lost, by the name of the client', async () => {
  const server = await ownTestServer({ websocket: { ...websocket, noTls: false, tls } })
  // Node's own WebSocket takes authorities from the environment only.
  const webSocket = (url: string): WebSocket => new WebSocket(url, { ca: authority.cert })
  const nc = await ownWsconnect({
    servers: `wss://127.0.0.1:${server.webSocketPort}`,
    name: 'page',
    webSocket: webSocket as unknown as (url: string) => globalThis.WebSocket,
  })
  onTestFinished(() => nc.close())
  const texts: string[] = []
  nc.subscribe('echo', { callback: (_, message) => void texts.push(message.string()) })
  using lost = server.faults.drop('echo', { direction: 'deliver', times: 1, client: 'page' })
  for (const text of ['one', 'two']) nc.publish('echo', text)
  const [one] = await server.received('echo', { timeout: 20_000 })
  expect([one.string(), one.client]).toEqual(['one', 'page'])
  await nc.flush()
  expect([texts, lost.count]).toEqual([['two'], 1])
  const client = await server.client('page')
  client.cut()
  await client.closed
})

test('a connection is cut and comes back, after a restart too', async () => {
  const server = await ownTestServer({ websocket })
  const quick = { reconnectTimeWait: 10, reconnectJitter: 5, maxReconnectAttempts: -1 }
  const nc = await ownWsconnect({ servers: `ws://127.0.0.1:${server.webSocketPort}`, name: 'page', ...quick })
  onTestFinished(() => nc.close())
  const first = await server.client('page')
  first.cut()
  await first.closed
  const second = await server.client('page', { timeout: 15_000 })
  expect(second).not.toBe(first)
  await server.restart()
  await server.client('page', { timeout: 15_000 })
  await until('a server', () =>
    nc.flush().then(
      () => true,
      () => false,
    ),
  )
})

test('a WebSocket that is refused is told so', async () => {
  const server = await ownTestServer({ websocket: { ...websocket, allowedOrigins: ['https://example.com'] } })
  const url = `ws://127.0.0.1:${server.webSocketPort}`
  const refused = new WebSocket(url, { origin: 'https://other.example' })
  expect(await new Promise((resolve) => refused.on('error', ({ message }) => resolve(message)))).toMatch(/403/)
  const pinged = new WebSocket(url)
  onTestFinished(() => pinged.terminate())
  await new Promise((resolve) => pinged.on('open', resolve))
  const ponged = new Promise((resolve) => pinged.on('pong', (data) => resolve(String(data))))
  pinged.ping('there?')
  expect(await ponged).toBe('there?')
})

test('what is no handshake is passed on', async () => {
  const server = await ownTestServer({ websocket })
  const socket: Socket = connect(server.webSocketPort ?? 0, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const said = await new Promise((resolve) => socket.once('data', (data) => resolve(String(data))))
  expect(said).toMatch(/^HTTP\/1.1 4/)
})

/** A frame of a client, with a mask by chance. */
function frame(payload: Buffer, random: Random, opcode = 2): Buffer {
  const { length } = payload
  const size = length < 126 ? [length | 0x80] : [126 | 0x80, length >> 8, length & 255]
  const mask = Buffer.from(Array.from({ length: 4 }, () => random.below(256)))
  return Buffer.concat([Buffer.from([0x80 | opcode, ...size]), mask, payload.map((byte, i) => byte ^ mask[i % 4])])
}

test('frames and operations may be cut anywhere', () => {
  const random = new Random(chooseSeed('frames'))
  const protocol = Buffer.from(
    'CONNECT {}\r\nPING\r\nPUB a 5\r\nhello\r\nSUB b 1\r\nPUB c 200\r\n'.concat('x'.repeat(200), '\r\n'),
  )
  const frames: Buffer[] = []
  for (let at = 0; at < protocol.length; ) {
    const end = at + 1 + random.below(150)
    frames.push(frame(protocol.subarray(at, end), random), frame(Buffer.from('ping'), random, 9))
    at = end
  }
  const head = 'GET / HTTP/1.1\r\nSec-WebSocket-Extensions: permessage-deflate\r\nHost: a\r\n\r\n'
  const bytes = Buffer.concat([Buffer.from(head), ...frames])
  for (let round = 0; round < 50; round++) {
    const splitter = new WebSocketSplitter(true)
    const operations: Operation[] = []
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + random.below(round === 0 ? 1 : 100)
      operations.push(...splitter.split(bytes.subarray(at, end)))
      at = end
    }
    expect(splitter.rest()).toEqual([])
    expect(operations.map(({ verb }) => verb).filter((verb) => verb !== '')).toEqual([
      'CONNECT',
      'PING',
      'PUB',
      'SUB',
      'PUB',
    ])
    expect(Buffer.concat(operations.map((one) => one.bytes)).toString()).toBe(protocol.toString())
    expect(operations[0].wire?.toString()).toBe('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    // What goes on is read by the same rules.
    const again = new WebSocketSplitter(true)
    const all = operations.flatMap(({ bytes: own, wire = own }) => again.split(wire))
    expect(Buffer.concat(all.map((one) => one.bytes)).toString()).toBe(protocol.toString())
  }
})
