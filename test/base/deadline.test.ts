// Deadlines on a loop that is late: server and peers share this thread, which is blocked for longer than each deadline
// while the peer's bytes lie in the socket. No outcome depends on how fast the machine is.

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { Deadline } from '../../src/base/deadline.ts'
import type { ServerOptions } from '../../src/index.ts'
import { blockLoop } from '../support/block.ts'
import { dial, open, ownServer } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import { request } from '../support/websocket.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'
import { clientHello } from '../tls/peer.ts'

const DEADLINE_MS = 60
const BLOCK_MS = 4 * DEADLINE_MS

describe('Deadline', () => {
  let here: Socket
  let there: RawClient

  beforeEach(async () => {
    const listener = createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const accepted = once(listener, 'connection')
    const { port } = listener.address() as { port: number }
    there = await dial(port)
    ;[here] = (await accepted) as [Socket]
    onTestFinished(() => {
      here.destroy()
      listener.close()
    })
  })

  test('what had come by then is read before it is over', async () => {
    const deadline = new Deadline()
    let isOver = false
    deadline.start(DEADLINE_MS, () => {
      isOver = true
    })
    here.on('data', () => deadline.stop())
    there.send('x')
    blockLoop(BLOCK_MS)
    await once(here, 'data')
    await new Promise<void>((resolve) => new Deadline().start(DEADLINE_MS, resolve))
    expect(isOver).toBe(false)
  })

  test('a freeze takes a part of the time, not all of it', async () => {
    const deadline = new Deadline()
    const events: string[] = []
    deadline.start(DEADLINE_MS, () => events.push('over'))
    blockLoop(BLOCK_MS)
    // The peer was frozen as well: it goes on some turns of the loop later.
    for (let i = 0; i < 4; i++) await new Promise(setImmediate)
    events.push('heard')
    await new Promise<void>((resolve) => new Deadline().start(2 * DEADLINE_MS, resolve))
    expect(events).toEqual(['heard', 'over'])
  })

  test('started anew, it is over once', async () => {
    const deadline = new Deadline()
    const events: string[] = []
    deadline.start(1, () => events.push('first'))
    await new Promise<void>((resolve) => deadline.start(1, resolve))
    expect(events).toEqual([])
  })

  test('a clock put forward by less than its time shortens it, by more ends it, once', async () => {
    const deadline = new Deadline()
    const events: string[] = []
    const longMs = 3_600_000
    const over = new Promise<void>((resolve) => {
      deadline.start(longMs, () => {
        events.push('over')
        resolve()
      })
    })
    deadline.advance(longMs / 2)
    for (let i = 0; i < 4; i++) await new Promise(setImmediate)
    events.push('half')
    for (let i = 0; i < 10; i++) deadline.advance(longMs / 10)
    await over
    for (let i = 0; i < 4; i++) await new Promise(setImmediate)
    expect(events).toEqual(['half', 'over'])
    const stopped = new Deadline()
    stopped.start(longMs, () => events.push('stopped'))
    stopped.stop()
    stopped.advance(2 * longMs)
    for (let i = 0; i < 4; i++) await new Promise(setImmediate)
    expect(events).toEqual(['half', 'over'])
  })
})

const SERVER_HELLO = Buffer.from([0x16, 0x03, 0x03])

/** A connection that the server has taken over. */
async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  for (let i = 0; i < 4; i++) await new Promise(setImmediate)
  return socket
}

/** The first bytes that come; fewer, if the server closes before. */
async function firstBytes(socket: Socket, count: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer])
    if (bytes.length >= count) break
  }
  return bytes.subarray(0, count)
}

/** A server on this thread. */
const start = (options: ServerOptions) => ownServer({ workers: 0, ...options })

describe('a server whose loop is late', () => {
  const authority = new Authority()
  const { cert, key } = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
  const files = writeFiles({ cert, key })
  const tls = { certFile: files.cert, keyFile: files.key, timeout: DEADLINE_MS / 1000 }
  const authorization = { user: 'u', password: 'p', timeout: DEADLINE_MS / 1000 }

  test('CONNECT', async () => {
    const { port } = await start({ authorization })
    const client = await dial(port)
    await client.readInfo()
    client.send('CONNECT {"verbose":false,"user":"u","pass":"p"}\r\nPING\r\n')
    blockLoop(BLOCK_MS)
    await client.expect('PONG\r\n')
  })

  test('a peer that says nothing is closed all the same', async () => {
    const { port } = await start({ authorization })
    const client = await dial(port)
    await client.readInfo()
    blockLoop(BLOCK_MS)
    await client.expect("-ERR 'Authentication Timeout'\r\n")
    await client.expectClose()
  })

  test('TLS handshake', async () => {
    const { port } = await start({ tls })
    const hello = await clientHello()
    const socket = await connected(port)
    await once(socket, 'readable')
    expect(socket.read().toString()).toMatch(/^INFO /)
    socket.write(hello)
    blockLoop(BLOCK_MS)
    expect(await firstBytes(socket, 3)).toEqual(SERVER_HELLO)
  })

  test('the ClientHello that comes before INFO', async () => {
    const { port } = await start({ tls: { ...tls, handshakeFirst: `${DEADLINE_MS}ms` } })
    const socket = await connected(port)
    socket.write(await clientHello())
    blockLoop(BLOCK_MS)
    expect(await firstBytes(socket, 3)).toEqual(SERVER_HELLO)
  })

  test('WebSocket handshake', async () => {
    const websocket = { host: '127.0.0.1', port: -1, noTls: true, handshakeTimeout: DEADLINE_MS }
    const server = await start({ websocket })
    const socket = await connected(server.webSocketPort as number)
    socket.write(request())
    blockLoop(BLOCK_MS)
    expect((await firstBytes(socket, 12)).toString()).toBe('HTTP/1.1 101')
  })

  test('PONG', async () => {
    const { port } = await start({ pingInterval: DEADLINE_MS, pingMax: 1 })
    const client = await open(port, {}, { keepPings: true })
    for (let i = 0; i < 3; i++) {
      await client.expect('PING\r\n')
      client.send('PONG\r\n')
      blockLoop(BLOCK_MS)
    }
    await client.expect('PING\r\n')
  })
})
