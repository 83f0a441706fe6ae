// Ports, and connections that come while nobody can take them.

import { once } from 'node:events'
import { createServer, Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { StartError } from '../../src/base/errors.ts'
import type { Handle } from '../../src/base/node-private.ts'
import { socketOver } from '../../src/net/handle.ts'
import { Listener, listen } from '../../src/net/listener.ts'
import { until } from '../support/until.ts'

const fail = (error: Error): never => {
  throw error
}

async function open(host = '127.0.0.1'): Promise<Listener> {
  const listener = await Listener.open(host, -1)
  onTestFinished(() => listener.close())
  return listener
}

async function connect({ port }: Listener): Promise<Socket> {
  const socket = new Socket()
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  socket.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** Takes as many connections as it has room for, and greets them with their number. */
class Taker {
  room: number
  offered = 0
  private taken = 0

  constructor(room: number) {
    this.room = room
  }

  readonly take = (handle: Handle): boolean => {
    this.offered++
    if (this.taken >= this.room) return false
    const socket = socketOver(handle)
    onTestFinished(() => void socket.destroy())
    socket.write(String(++this.taken))
    return true
  }
}

async function greetingOf(socket: Socket): Promise<string> {
  const [bytes] = await once(socket, 'data')
  return String(bytes)
}

describe('a port', () => {
  test('that is free is found', async () => {
    const listener = await open()
    expect(listener).toMatchObject({ address: '127.0.0.1', isOpen: true })
    expect(listener.port).toBeGreaterThan(0)
  })

  test('of every address is that of both families, where the machine has them', async () => {
    const listener = await open('0.0.0.0')
    expect(['::', '0.0.0.0']).toContain(listener.address)
    await connect(listener)
  })

  test('that is taken is refused, in nats-server’s words', async () => {
    const { port } = await open()
    const refused = await Listener.open('127.0.0.1', port).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(StartError)
    expect((refused as Error).message).toBe(
      `Error listening on port: 127.0.0.1:${port}, ` +
        `"listen tcp 127.0.0.1:${port}: bind: address already in use" (EADDRINUSE)`,
    )
  })

  test('of an address that the machine does not have is refused', async () => {
    await expect(Listener.open('192.0.2.1', -1)).rejects.toThrow(/192\.0\.2\.1:0.*EADDRNOTAVAIL/)
    await expect(listen(createServer(), '192.0.2.1', 0)).rejects.toThrow('EADDRNOTAVAIL')
  })

  test('is free again when it is closed, which may be done twice', async () => {
    const listener = await open()
    listener.close()
    listener.close()
    expect(listener.isOpen).toBe(false)
    const again = await Listener.open('127.0.0.1', listener.port)
    again.close()
  })
})

describe('connections', () => {
  test('that come before anybody takes them wait, and are then taken in the order in which they came', async () => {
    const listener = await open()
    const sockets = [await connect(listener), await connect(listener), await connect(listener)]
    const greetings = sockets.map(greetingOf)
    listener.serve(new Taker(9).take, fail)
    expect(await Promise.all(greetings)).toEqual(['1', '2', '3'])
  })

  test('that nobody can take at present wait until they are offered once more', async () => {
    const listener = await open()
    const taker = new Taker(1)
    listener.serve(taker.take, fail)
    const greetings = [greetingOf(await connect(listener)), greetingOf(await connect(listener))]
    expect(await greetings[0]).toBe('1')
    await until('the second one to be offered', () => taker.offered === 2)
    listener.offerWaiting()
    expect(taker.offered).toBe(3)
    taker.room = 2
    listener.offerWaiting()
    expect(await greetings[1]).toBe('2')
    listener.offerWaiting()
    expect(taker.offered).toBe(4)
  })

  test('that wait are closed with the port', async () => {
    const listener = await open()
    const taker = new Taker(0)
    listener.serve(taker.take, fail)
    const socket = await connect(listener)
    await until('it to wait', () => taker.offered === 1)
    const closed = once(socket, 'close')
    socket.resume()
    listener.close()
    await closed
    listener.offerWaiting()
    expect(taker.offered).toBe(1)
  })
})
