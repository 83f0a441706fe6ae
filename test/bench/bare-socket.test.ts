// The load generator's sockets stand on private parts of Node; this is what they have to do.

import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BareSocket } from '../../bench/generators/bare-socket.ts'

const LARGE = 16 * 1024 * 1024
let server: Server
let port: number

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as { port: number }).port
})

afterEach(() => {
  server.close()
})

/** A bare socket and the other end of it; `read` grows, `ended` resolves with the reason. */
async function connected(): Promise<{ bare: BareSocket; peer: Socket; read: () => string; ended: Promise<string> }> {
  let text = ''
  const connect = Promise.withResolvers<void>()
  const end = Promise.withResolvers<string>()
  const accepted = once(server, 'connection')
  const bare = new BareSocket(port, {
    onConnect: connect.resolve,
    onRead: (bytes) => {
      text += bytes.toString('latin1')
    },
    onEnd: end.resolve,
  })
  await connect.promise
  const [peer] = (await accepted) as [Socket]
  return { bare, peer, read: () => text, ended: end.promise }
}

test('a bare socket writes bytes and text', async () => {
  const { bare, peer } = await connected()
  expect(bare.write(Buffer.from('one '))).toBe(true)
  expect(bare.writeText('two')).toBe(true)
  let heard = ''
  for await (const part of peer.setEncoding('latin1')) {
    heard += part as string
    if (heard === 'one two') break
  }
  bare.close()
})

test('a bare socket reads what the peer writes', async () => {
  const { bare, peer, read } = await connected()
  peer.write('hello')
  await expect.poll(read).toBe('hello')
  bare.close()
  peer.destroy()
})

test('a write that the kernel does not take at once is reported when it has', async () => {
  const { bare, peer } = await connected()
  const { promise, resolve } = Promise.withResolvers<void>()
  expect(bare.write(Buffer.alloc(LARGE, 'x'), resolve)).toBe(false)
  let bytes = 0
  peer.on('data', (part: Buffer) => {
    bytes += part.length
  })
  await promise
  await expect.poll(() => bytes).toBe(LARGE)
  bare.close()
  peer.destroy()
})

test('an end of the peer is told, an end of its own is not', async () => {
  const first = await connected()
  first.peer.destroy()
  expect(await first.ended).toContain('read: error')
  const second = await connected()
  second.bare.close()
  await once(second.peer.resume(), 'close')
  const told = await Promise.race([second.ended, Promise.resolve('nothing')])
  expect(told).toBe('nothing')
})

test('a connect that is refused is told', async () => {
  server.close()
  await once(server, 'close')
  const { promise, resolve } = Promise.withResolvers<string>()
  new BareSocket(port, { onConnect: () => resolve('connected'), onRead: () => undefined, onEnd: resolve })
  expect(await promise).toContain('connect: error')
})
