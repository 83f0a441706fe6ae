// Sockets made of handles, over real connections.

import { once } from 'node:events'
import { Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { Handle } from '../../src/base/node-private.ts'
import { abandon, adopt, readingSocketOver, socketOver } from '../../src/net/handle.ts'
import type { TcpTransport } from '../../src/net/tcp-transport.ts'
import { TestTransport } from '../routing/parts.ts'
import { acceptHandle } from '../support/accept.ts'
import { until } from '../support/until.ts'

const bugMet = (error: unknown): never => {
  throw error
}

/** Reads as shards do: into one buffer. Answers what came, and resolves when there is more of it. */
function readerOf(buffer: Buffer) {
  let text = ''
  let wake: () => void = () => undefined
  return {
    onRead: (bytes: number): void => {
      text += buffer.toString('latin1', 0, bytes)
      wake()
    },
    async until(length: number): Promise<string> {
      while (text.length < length) {
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
      }
      return text
    },
  }
}

function closing(socket: Socket): Socket {
  onTestFinished(() => void socket.destroy())
  return socket
}

test('a socket over a handle keeps what comes until it is told to read', async () => {
  const { handle, far } = await acceptHandle()
  const socket = closing(socketOver(handle))
  far.write('hello')
  await until('it to come', () => socket.readableLength === 5)
  socket.resume()
  expect(String((await once(socket, 'data'))[0])).toBe('hello')
})

test('one that reads into a buffer does so at once, and says how many bytes stand in it, read by read', async () => {
  const { handle, far } = await acceptHandle()
  const buffer = Buffer.alloc(8)
  const reader = readerOf(buffer)
  closing(readingSocketOver(handle, buffer, reader.onRead))
  far.write('more than fits at once')
  expect(await reader.until(22)).toBe('more than fits at once')
})

test('both stay open for writing when the peer has finished', async () => {
  for (const open of [socketOver, (handle: Handle) => readingSocketOver(handle, Buffer.alloc(8), () => undefined)]) {
    const { handle, far } = await acceptHandle()
    const socket = closing(open(handle))
    far.end()
    socket.resume()
    await once(socket, 'end')
    socket.write('last words')
    const [words] = await once(far, 'data')
    expect(String(words)).toBe('last words')
  }
})

test('a socket becomes one that reads into a buffer, when what it had read has been taken out', async () => {
  const { handle, far } = await acceptHandle()
  const plain = socketOver(handle)
  far.write('first')
  await until('it to come', () => plain.readableLength === 5)
  expect(String(plain.read())).toBe('first')
  const buffer = Buffer.alloc(64)
  const reader = readerOf(buffer)
  const socket = adopt(plain, buffer, reader.onRead, bugMet) as TcpTransport
  onTestFinished(() => socket.destroy())
  far.write('hello')
  socket.resume()
  expect(await reader.until(5)).toBe('hello')
  socket.write(Buffer.from('welcome'))
  expect(String((await once(far, 'data'))[0])).toBe('welcome')
})

test('of a connection that is gone, no socket is made', async () => {
  const { handle } = await acceptHandle()
  const plain = socketOver(handle)
  plain.destroy()
  await once(plain, 'close')
  expect(adopt(plain, Buffer.alloc(8), () => expect.fail('it is gone'), bugMet)).toBeUndefined()
})

test('one that is abandoned tells nobody of anything more', async () => {
  const { handle, far } = await acceptHandle()
  const socket = closing(readingSocketOver(handle, Buffer.alloc(8), () => expect.fail('it is abandoned')))
  for (const event of ['end', 'close', 'error']) socket.on(event, () => expect.fail('it is abandoned'))
  socket.destroy()
  abandon(socket)
  expect(socket.eventNames()).toEqual([])
  far.resume()
  await once(far, 'end')
})

test('what is no plain socket cleans up after itself', () => {
  const transport = new TestTransport()
  abandon(transport)
  const own = new (class extends Socket {})()
  own.on('close', () => undefined)
  abandon(own)
  expect(own.listenerCount('close')).toBe(1)
})
