// The server's limits and pages where the peer comes by WebSocket.

import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ServerOptions } from '../../src/index.ts'
import type { Primary } from '../../src/primary/primary.ts'
import { open, ownPrimary } from '../support/harness.ts'
import { Program, total } from '../support/server.ts'
import { until } from '../support/until.ts'
import { frame, Opcode, RawWebSocket } from '../support/websocket.ts'

const SERVE = fileURLToPath(new URL('../support/serve-websocket.ts', import.meta.url))
const CONNECT = 'CONNECT {"verbose":false,"pedantic":false}\r\n'
const LISTENER = { host: '127.0.0.1', port: -1, noTls: true }

async function start(options: ServerOptions = {}): Promise<{ primary: Primary; port: number }> {
  const primary = await ownPrimary({ workers: 1, websocket: LISTENER, ...options })
  return { primary, port: primary.identity.webSocket?.port as number }
}

async function connected(port: number, headers: Record<string, string> = {}): Promise<RawWebSocket> {
  const client = await RawWebSocket.open(port, headers)
  client.say(`${CONNECT}PING\r\n`)
  await client.expectText(/PONG\r\n/)
  return client
}

test('without a port there is no listener', async () => {
  const primary = await ownPrimary({ workers: 0, websocket: {} })
  expect(primary.identity.webSocket).toBeUndefined()
})

test('a port that is taken is an error', async () => {
  const { port } = await start()
  await expect(start({ websocket: { ...LISTENER, port } })).rejects.toThrow(/EADDRINUSE/)
})

test('INFO names the port that the peer came to, and no addresses of the client port', async () => {
  const { primary, port } = await start({ host: '0.0.0.0', clientAdvertise: 'nats.example:4222' })
  expect(primary.identity).toMatchObject({ host: 'nats.example', port: 4222 })
  const info = await (await RawWebSocket.open(port)).readInfo()
  expect(info).toMatchObject({ host: '127.0.0.1', port })
  expect(info).not.toHaveProperty('connect_urls')
})

test('/connz says who came by WebSocket, and why it left', async () => {
  const { primary, port } = await start({ monitorPort: -1 })
  const page = async (query: string): Promise<Record<string, unknown>[]> => {
    const response = await fetch(`http://127.0.0.1:${primary.monitorPort}/connz?${query}`)
    return ((await response.json()) as { connections: Record<string, unknown>[] }).connections
  }
  const client = await connected(port)
  await open(primary.identity.port)
  expect((await page('')).map(({ kind, type, ip }) => [kind, type, ip])).toEqual([
    ['Client', 'websocket', '127.0.0.1'],
    ['Client', 'nats', '127.0.0.1'],
  ])
  client.send(frame(3, ''))
  await client.expectGoodbye()
  client.socket.destroy()
  const [closed] = await until('the page of the closed', async () => {
    const rows = await page('state=closed')
    return rows.length > 0 && rows
  })
  expect(closed).toMatchObject({ type: 'websocket', reason: 'Read Error' })
})

test('one connection too many is told so, in a frame', async () => {
  const { primary, port } = await start({ maxConnections: 1 })
  const first = await connected(port)
  const second = await RawWebSocket.open(port)
  await second.expectText(/-ERR 'maximum connections exceeded'\r\n/)
  expect(await second.expectGoodbye()).toBe('1008 Maximum Connections Exceeded')
  second.socket.destroy()
  first.socket.destroy()
  await until('the first to be forgotten', () => primary.openConnections === 0)
  await connected(port)
})

test('handshakes that fail are not counted for long', async () => {
  const { primary, port } = await start({ maxConnections: 3 })
  for (let i = 0; i < 10; i++) {
    const client = await RawWebSocket.dial(port)
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until('the refusal', () => client.closed)
    client.socket.destroy()
  }
  await until('them to be forgotten', () => primary.openConnections === 0)
  await connected(port)
})

test.each([0, 1])('a reader that takes nothing is cut as a slow consumer, %i workers', async (workers) => {
  const { primary, port } = await start({ workers, maxPayload: 65536, maxPending: 1024 * 1024 })
  const slow = await connected(port)
  slow.say('SUB much 1\r\nPING\r\n')
  await slow.expectText(/PONG\r\n/)
  slow.socket.pause()
  const talker = await open(primary.identity.port)
  const message = `PUB much 60000\r\n${'x'.repeat(60_000)}\r\n`
  await until('the slow consumer to be cut', async () => {
    talker.send(message.repeat(10))
    await talker.sync()
    return (await total(primary, 'slowConsumers')) === 1
  })
  slow.socket.resume()
  await until('the close', () => slow.closed)
})

test('a reader that pauses gets everything, in order', async () => {
  const { primary, port } = await start()
  const reader = await connected(port)
  reader.say('SUB much 1\r\nPING\r\n')
  await reader.expectText(/PONG\r\n/)
  let bytes = 0
  reader.frames.length = 0
  reader.onFrame = () => undefined
  // On a busy machine the server's own PING comes among them.
  reader.onMessage = (message) => {
    bytes += message.length - (message.includes('PING\r\n') ? 6 : 0)
  }
  reader.socket.pause()
  const talker = await open(primary.identity.port)
  const one = `PUB much 4000\r\n${'x'.repeat(4000)}\r\n`
  for (let i = 0; i < 100; i++) talker.send(one.repeat(50))
  const timer = setInterval(() => reader.socket.resume(), 50)
  try {
    const length = `MSG much 1 4000\r\n${'x'.repeat(4000)}\r\n`.length
    await until('everything', () => bytes === 5000 * length)
  } finally {
    clearInterval(timer)
  }
})

describe('PINGs', () => {
  test('come as often as the listener says, not as to others', async () => {
    const { primary, port } = await start({ websocket: { ...LISTENER, pingInterval: 50 }, pingMax: 1000 })
    const client = await connected(port)
    const other = await open(primary.identity.port, {}, { keepPings: true })
    await client.expectText(/PING\r\n(?:PING\r\n){3}/)
    expect(other.received().toString()).not.toContain('PING')
  })

  test('that are not answered end the connection', async () => {
    const { port } = await start({ websocket: { ...LISTENER, pingInterval: 20 }, pingMax: 2 })
    const client = await connected(port)
    expect(await client.expectGoodbye()).toBe('1001 Stale Connection')
  })
})

test('the log names a connection by its own kind, and the one that a proxy speaks for', async () => {
  const options = { workers: 0, debug: true, log: 'stderr', websocket: LISTENER }
  const program = new Program(process.execPath, [SERVE, JSON.stringify(options)])
  onTestFinished(async () => void (await program.stop()))
  const [, port] = await program.until(/ready (\d+)/)
  for (const address of ['203.0.113.7', '2001:db8::1', 'nonsense']) {
    const client = await connected(Number(port), { 'X-Forwarded-For': address })
    client.send(frame(Opcode.close, ''))
    await client.expectGoodbye()
    client.socket.destroy()
  }
  await program.until(/wid:3 - Client connection closed/)
  const log = program.stderr
  expect(log).toMatch(/Listening for websocket clients on ws:\/\/127\.0\.0\.1:\d+\n/)
  expect(log).toMatch(/\[DBG\] 203\.0\.113\.7\/127\.0\.0\.1:\d+ - wid:1 - Client connection created/)
  expect(log).toMatch(/\[DBG\] \[2001:db8::1\]\/127\.0\.0\.1:\d+ - wid:2 - Client connection closed: Client Closed/)
  expect(log).toMatch(/\[DBG\] 127\.0\.0\.1:\d+ - wid:3 - /)
})
