// The ports for clients by themselves: real ports and connections, which a test takes, or leaves waiting.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import type { Arrival } from '../../src/net/handle.ts'
import { Listener } from '../../src/net/listener.ts'
import type { Options } from '../../src/options/options.ts'
import type { TlsOptions } from '../../src/options/shapes.ts'
import { ClientPorts } from '../../src/primary/client-ports.ts'
import { until } from '../support/until.ts'
import { NO_OPTIONS } from '../tls/listener.ts'

const PLAIN = normaliseOptions({ host: '127.0.0.1', port: -1 })
const BOTH = normaliseOptions(
  { host: '127.0.0.1', port: -1, websocket: { host: '127.0.0.1', port: -1, noTls: true } },
  blockReader(() => ''),
)

/** The options as they are once certificates have been found. */
function secured(options: Options, tls: Partial<TlsOptions> = {}): Options {
  return { ...options, tls: { ...NO_OPTIONS, ...tls } }
}

function webSocketSecured({ websocket, ...options }: Options): Options {
  return { ...options, websocket: websocket && { ...websocket, tls: NO_OPTIONS } }
}

async function opened(options: Options): Promise<ClientPorts> {
  const ports = await ClientPorts.open(options)
  onTestFinished(() => ports.close())
  return ports
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').resume()
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

function webSocketPort(ports: ClientPorts): number {
  return ports.identity('N', BOTH).webSocket?.port ?? expect.fail('there is no WebSocket port')
}

/** Begins to serve; the log's lines, and what came. */
function served(ports: ClientPorts, options: Options) {
  const lines: string[] = []
  const kinds: Arrival['kind'][] = []
  const taker = { offered: 0, takes: true }
  const log = {
    info: (text: string) => void lines.push(text),
    warn: (text: string) => void lines.push(`warning: ${text}`),
    error: (text: string) => void lines.push(`error: ${text}`),
  }
  ports.serve(options, log, (handle, kind) => {
    taker.offered++
    if (!taker.takes) return false
    kinds.push(kind)
    handle.close()
    return true
  })
  return { lines, kinds, taker }
}

test('a connection comes with the kind of the port that it came to', async () => {
  const ports = await opened(BOTH)
  const { kinds } = served(ports, BOTH)
  await connected(webSocketPort(ports))
  await until('the first one', () => kinds.length === 1)
  await connected(ports.port)
  await until('the second one', () => kinds.length === 2)
  expect(kinds).toEqual(['websocket', 'client'])
})

test('connections that come before anybody serves, or while nobody can take them, wait at both ports', async () => {
  const ports = await opened(BOTH)
  await connected(ports.port)
  const { kinds, taker } = served(ports, BOTH)
  await until('the early one', () => kinds.length === 1)
  taker.takes = false
  await Promise.all([connected(ports.port), connected(webSocketPort(ports))])
  await until('both to be offered', () => taker.offered === 3)
  taker.takes = true
  ports.offerWaiting()
  expect(kinds.toSorted()).toEqual(['client', 'client', 'websocket'])
})

test('both ports are closed, with the connections that wait, and free again', async () => {
  const ports = await opened(BOTH)
  const { taker } = served(ports, BOTH)
  const numbers = [ports.port, webSocketPort(ports)]
  taker.takes = false
  const sockets = await Promise.all(numbers.map(connected))
  await until('both to be offered', () => taker.offered === 2)
  const ends = sockets.map((socket) => once(socket, 'close'))
  expect(ports.isOpen).toBe(true)
  ports.close()
  expect(ports.isOpen).toBe(false)
  await Promise.all(ends)
  for (const port of numbers) (await Listener.open('127.0.0.1', port)).close()
})

test('where one of the ports cannot be had, none stays open', async () => {
  const taken = await Listener.open('127.0.0.1', -1)
  onTestFinished(() => taken.close())
  const free = await Listener.open('127.0.0.1', -1)
  free.close()
  const { websocket } = BOTH
  const options = { ...BOTH, port: free.port, websocket: websocket && { ...websocket, port: taken.port } }
  await expect(ClientPorts.open(options)).rejects.toThrow('EADDRINUSE')
  const again = await Listener.open('127.0.0.1', free.port)
  again.close()
  await expect(ClientPorts.open({ ...PLAIN, port: taken.port })).rejects.toThrow('EADDRINUSE')
})

test('WebSocket port 0 is none', async () => {
  const { websocket } = BOTH
  const options = { ...BOTH, websocket: websocket && { ...websocket, port: 0 } }
  const ports = await opened(options)
  expect(ports.identity('N', options)).not.toHaveProperty('webSocket')
  expect(ports.urls(options, undefined)).not.toHaveProperty('websocket')
  expect(served(ports, options).lines).toEqual([`Listening for client connections on 127.0.0.1:${ports.port}`])
})

test('the log tells of the ports, and warns of WebSockets that everybody can read', async () => {
  const ports = await opened(BOTH)
  const at = `127.0.0.1:${webSocketPort(ports)}`
  const client = `Listening for client connections on 127.0.0.1:${ports.port}`
  expect(served(ports, BOTH).lines).toEqual([
    `Listening for websocket clients on ws://${at}`,
    'warning: Websocket not configured with TLS. DO NOT USE IN PRODUCTION!',
    client,
  ])
  const { lines } = served(ports, webSocketSecured(BOTH))
  expect(lines).toEqual([`Listening for websocket clients on wss://${at}`, client])
})

test.each([
  ['TLS', secured(PLAIN), ['TLS required for client connections']],
  ['TLS for those that like', { ...secured(PLAIN), allowNonTls: true }, ['TLS available for client connections']],
  [
    'TLS before INFO',
    secured(PLAIN, { handshakeFirst: true }),
    [
      'TLS required for client connections',
      'warning: Clients that are not using "TLS Handshake First" option will fail to connect',
    ],
  ],
  [
    'TLS before INFO, for which others wait',
    secured(PLAIN, { handshakeFirst: true, handshakeFirstFallback: 50 }),
    ['TLS required for client connections'],
  ],
  ['a proxy', { ...PLAIN, proxyProtocol: true }, ['PROXY protocol enabled for client connections']],
])('the log tells of %s', async (_, options, said) => {
  const ports = await opened(options)
  const [listening, ...rest] = served(ports, options).lines
  expect(listening).toBe(`Listening for client connections on 127.0.0.1:${ports.port}`)
  expect(rest).toEqual(said)
})

test('INFO and the ports file name the ports that were found, and not those that were asked for', async () => {
  const ports = await opened(BOTH)
  const { port } = ports
  const webSocket = webSocketPort(ports)
  expect(port).toBeGreaterThan(0)
  expect(ports.identity('N', BOTH)).toMatchObject({ serverId: 'N', port, webSocket: { host: '127.0.0.1' } })
  expect(ports.urls(BOTH, undefined)).toEqual({
    nats: [`nats://127.0.0.1:${port}`],
    websocket: [`ws://127.0.0.1:${webSocket}`],
  })
  const monitor = { scheme: 'https', address: '127.0.0.1', port: 8222 }
  expect(ports.urls(secured(webSocketSecured(BOTH)), monitor)).toEqual({
    nats: [`tls://127.0.0.1:${port}`],
    monitoring: ['https://127.0.0.1:8222'],
    websocket: [`wss://127.0.0.1:${webSocket}`],
  })
})
