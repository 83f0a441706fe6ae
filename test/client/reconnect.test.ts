// Servers that are lost, and found again.

import { describe, expect, onTestFinished, test } from 'vitest'
import {
  AuthorizationError,
  ClosedConnectionError,
  ConnectionError,
  ReconnectBufferExceededError,
} from '../../src/client/index.ts'
import { ownServer } from '../support/harness.ts'
import { missing, peers } from '../support/peers.ts'
import { type ServerProgram, startCommand, startNatsServer, startServer } from '../support/server.ts'
import { until, within } from '../support/until.ts'
import { client, collect, Impostor, info, nextStatus, rejection, welcome } from './support.ts'

async function restarted(port: number) {
  const server = await startServer({ port, workers: 0 })
  onTestFinished(() => server.close())
  return server
}

test('subscriptions go on at the next server, and what was published meanwhile is sent', async () => {
  const server = await ownServer({ workers: 0 })
  const { port } = server
  const nc = await client({ port })
  const got: string[] = []
  nc.subscribe('kept', { callback: (_, message) => got.push(message.string()) })
  const limited = nc.subscribe('limited', { max: 3, callback: () => undefined })
  nc.publish('limited')
  await nc.flush()
  const [disconnected, reconnected] = [nextStatus(nc, 'disconnect'), nextStatus(nc, 'reconnect')]
  await server.close()
  await disconnected
  expect(nc.info).toBeUndefined()
  expect(nc.getServer()).toBe('')
  for (let i = 0; i < 10; i++) nc.publish('kept', `${i}`)
  nc.subscribe('new', { callback: (_, message) => got.push(message.string()) })
  nc.publish('new', 'new')
  const flushed = nc.flush()
  await restarted(port)
  expect((await reconnected).server).toBe(`127.0.0.1:${port}`)
  await flushed
  expect(got).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'new'])
  for (let i = 0; i < 5; i++) nc.publish('limited')
  await nc.flush()
  expect(limited.getReceived()).toBe(3)
})

test('a number of messages that is set after a reconnect counts those that came before', async () => {
  const server = await ownServer({ workers: 0 })
  const { port } = server
  const nc = await client({ port })
  const limited = nc.subscribe('limited', { callback: () => undefined })
  const reconnected = nextStatus(nc, 'reconnect')
  nc.publish('limited')
  await nc.flush()
  await server.close()
  await restarted(port)
  await reconnected
  nc.publish('limited')
  await nc.flush()
  limited.unsubscribe(4)
  for (let i = 0; i < 10; i++) nc.publish('limited')
  await nc.flush()
  expect([limited.getReceived(), limited.isClosed()]).toEqual([4, true])
  // The server has sent no more than that.
  expect(nc.stats().inMsgs).toBe(4)
})

describe.each([
  ['Heddle', (args: string[]) => startCommand(['--workers', '1', ...args])],
  ['nats-server', (args: string[]) => startNatsServer(peers.natsServer ?? '', args)],
] as const)('%s', (name, start: (args: string[]) => Promise<ServerProgram>) => {
  test.skipIf(name !== 'Heddle' && missing('natsServer', 'kills of nats-server'))(
    'a server that is killed',
    async () => {
      const first = await start([])
      const nc = await client({ port: first.port, maxReconnectAttempts: -1 })
      nc.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
      expect((await nc.request('echo', 'before')).string()).toBe('before')
      const reconnected = nextStatus(nc, 'reconnect')
      const lost = nextStatus(nc, 'disconnect')
      await first.stop('SIGKILL')
      await lost
      const asked = nc.request('echo', 'after', { timeout: 15_000 })
      const second = await start(['-p', `${first.port}`])
      onTestFinished(() => void second.stop('SIGKILL'))
      await reconnected
      expect((await asked).string()).toBe('after')
    },
  )
})

test('with several servers the next one is taken at once', async () => {
  const [one, two] = [await ownServer({ workers: 0 }), await ownServer({ workers: 0 })]
  const nc = await client({ servers: [one.url, two.url], noRandomize: true, reconnectTimeWait: 10_000 })
  expect(nc.getServer()).toBe(`127.0.0.1:${one.port}`)
  const reconnected = nextStatus(nc, 'reconnect')
  await one.close()
  expect((await reconnected).server).toBe(`127.0.0.1:${two.port}`)
})

test('a first connect tries each server once', async () => {
  const server = await ownServer({ workers: 0 })
  const gone = await startServer({ workers: 0 })
  const { url } = gone
  await gone.close()
  const nc = await client({ servers: [url, server.url], noRandomize: true })
  expect(nc.getServer()).toBe(`127.0.0.1:${server.port}`)
  const error = await rejection(client({ servers: url }))
  expect(error).toBeInstanceOf(ConnectionError)
  expect(error.message).toContain('ECONNREFUSED')
})

test('with waitOnFirstConnect it waits for a server', async () => {
  const gone = await startServer({ workers: 0 })
  const { port } = gone
  await gone.close()
  const connecting = client({ port, waitOnFirstConnect: true, maxReconnectAttempts: -1 })
  await restarted(port)
  expect((await connecting).getServer()).toBe(`127.0.0.1:${port}`)
})

test('after so many attempts it gives up', async () => {
  const server = await ownServer({ workers: 0 })
  const nc = await client({ port: server.port, maxReconnectAttempts: 2, reconnectTimeWait: 1 })
  const trying = collect(nc.status())
  const flushed = nc.flush()
  await flushed
  await server.close()
  expect(await nc.closed()).toBeInstanceOf(ConnectionError)
  const types = (await trying).map(({ type }) => type)
  expect(types.filter((type) => type === 'reconnecting').length).toBe(2)
  expect(types.slice(0, 1)).toEqual(['disconnect'])
  expect(types.at(-1)).toBe('close')
})

test('without reconnect the loss closes it', async () => {
  const server = await ownServer({ workers: 0 })
  const nc = await client({ port: server.port, reconnect: false })
  const subscription = nc.subscribe('a')
  await server.close()
  expect(await nc.closed()).toBeInstanceOf(ConnectionError)
  expect(await collect(subscription)).toEqual([])
  expect(() => nc.publish('a')).toThrow(ClosedConnectionError)
})

test('close while there is no server ends the search', async () => {
  const server = await ownServer({ workers: 0 })
  const nc = await client({ port: server.port, reconnectTimeWait: 60_000 })
  const lost = nextStatus(nc, 'disconnect')
  await server.close()
  await lost
  const flushed = rejection(nc.flush())
  await nc.close()
  expect(await nc.closed()).toBeUndefined()
  expect(await flushed).toBeInstanceOf(ClosedConnectionError)
})

test('a signal closes the connection, and ends connecting', async () => {
  const server = await ownServer({ workers: 0 })
  const controller = new AbortController()
  const nc = await client({ port: server.port, signal: controller.signal })
  controller.abort(new Error('stop'))
  expect((await nc.closed())?.message).toBe('stop')
  const mute = await Impostor.start(() => undefined)
  const other = new AbortController()
  const connecting = rejection(client({ port: mute.port, signal: other.signal }))
  await until('a connection', () => mute.sockets.size > 0)
  other.abort(new Error('too slow'))
  await connecting
  await until('nobody', () => mute.sockets.size === 0)
  expect((await rejection(client({ port: 1, signal: AbortSignal.abort(new Error('no')) }))).message).toBe('no')
  const texted = new AbortController()
  const left = await client({ port: server.port, signal: texted.signal })
  texted.abort('the user left')
  expect(await left.closed()).toMatchObject({ message: 'the user left' })
})

test('a flush that a server did not answer is rejected when it is lost', async () => {
  const server = await Impostor.start((socket) => welcome(socket))
  const nc = await client({ port: server.port })
  const flushed = rejection(nc.flush())
  const other = rejection(nc.rtt())
  for (const socket of server.sockets) socket.destroy()
  expect(await flushed).toBeInstanceOf(ConnectionError)
  expect(await other).toBeInstanceOf(ConnectionError)
  await nextStatus(nc, 'reconnect')
})

test('what is published without a server is bounded', async () => {
  const server = await ownServer({ workers: 0 })
  const { port } = server
  const nc = await client({ port, reconnectBufSize: 1_000 })
  const lost = nextStatus(nc, 'disconnect')
  await server.close()
  await lost
  let kept = 0
  expect(() => {
    for (; kept < 1_000; kept++) nc.publish('kept', 'x'.repeat(50))
  }).toThrow(ReconnectBufferExceededError)
  expect(kept).toBeGreaterThan(5)
  expect(await rejection(nc.request('kept', 'x'.repeat(2_000)))).toBeInstanceOf(ReconnectBufferExceededError)
  let count = 0
  nc.subscribe('kept', { callback: () => count++ })
  const reconnected = nextStatus(nc, 'reconnect')
  await restarted(port)
  await reconnected
  await nc.flush()
  expect(count).toBe(kept)

  const none = await client({ port, reconnectBufSize: -1 })
  const gone = nextStatus(none, 'disconnect')
  await none.reconnect()
  await gone
  expect(() => none.publish('a')).toThrow(ReconnectBufferExceededError)
})

test('a large backlog goes out whole and in order', async () => {
  const server = await ownServer({ workers: 0 })
  const { port } = server
  const nc = await client({ port })
  const lost = nextStatus(nc, 'disconnect')
  await server.close()
  await lost
  for (let i = 0; i < 2_000; i++) nc.publish('backlog', `${i} ${'x'.repeat(1_000)}`)
  const numbers: number[] = []
  nc.subscribe('backlog', { callback: (_, message) => numbers.push(Number.parseInt(message.string(), 10)) })
  const reconnected = nextStatus(nc, 'reconnect')
  await restarted(port)
  await reconnected
  await nc.flush()
  expect(numbers).toEqual(Array.from({ length: 2_000 }, (_, i) => i))
})

test('reconnect() leaves the server for the next one', async () => {
  const [one, two] = [await ownServer({ workers: 0 }), await ownServer({ workers: 0 })]
  const nc = await client({ servers: [one.url, two.url], noRandomize: true })
  const events = [nextStatus(nc, 'forceReconnect'), nextStatus(nc, 'disconnect'), nextStatus(nc, 'reconnect')]
  await nc.reconnect()
  await Promise.all(events)
  expect(nc.getServer()).toBe(`127.0.0.1:${two.port}`)
})

test('a server that does not answer PINGs is left', async () => {
  const server = await Impostor.start((socket) => welcome(socket))
  const nc = await client({ port: server.port, pingInterval: 10, maxPingOut: 2 })
  const pings = nextStatus(nc, 'ping')
  const stale = nextStatus(nc, 'staleConnection')
  const lost = nextStatus(nc, 'disconnect')
  expect((await pings).pendingPings).toBe(1)
  await stale
  await lost
  await nextStatus(nc, 'reconnect')
})

test('a server that answers PINGs is kept', async () => {
  const server = await ownServer({ workers: 0 })
  const nc = await client({ port: server.port, pingInterval: 5, maxPingOut: 1_000 })
  let pings = 0
  for await (const status of nc.status()) {
    expect(status.type).toBe('ping')
    if (++pings === 5) break
  }
})

test('PINGs of the server are answered', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const server = await Impostor.start((socket) =>
    welcome(socket, {}, (text) => {
      if (text.startsWith('CONNECT')) socket.write('PING\r\n')
      if (text === 'PONG\r\n') resolve()
    }),
  )
  await client({ port: server.port })
  await within('a PONG', promise)
})

test('servers of the cluster are learnt and forgotten', async () => {
  let first = true
  const other = await ownServer({ workers: 0 })
  const server = await Impostor.start((socket) => {
    welcome(socket, { connect_urls: first ? ['127.0.0.1:1'] : [] }, (text) => {
      if (text.startsWith('SUB next')) socket.write(info({ connect_urls: [`127.0.0.1:${other.port}`] }))
    })
    first = false
  })
  const nc = await client({ port: server.port })
  const update = nextStatus(nc, 'update')
  nc.subscribe('next')
  expect(await update).toEqual({ type: 'update', added: [`127.0.0.1:${other.port}`], deleted: ['127.0.0.1:1'] })
  const reconnected = nextStatus(nc, 'reconnect')
  await server.stop()
  expect((await reconnected).server).toBe(`127.0.0.1:${other.port}`)
})

test('with ignoreClusterUpdates they are not', async () => {
  const server = await Impostor.start((socket) => welcome(socket, { connect_urls: ['127.0.0.1:1'] }))
  const nc = await client({ port: server.port, ignoreClusterUpdates: true, maxReconnectAttempts: 1 })
  const events = collect(nc.status())
  await server.stop()
  await nc.closed()
  expect((await events).map(({ type }) => type)).not.toContain('update')
})

test('lame duck mode is reported, and the end of the server survived', async () => {
  const [server, other] = [
    await ownServer({ workers: 1, lameDuckDuration: 50, lameDuckGracePeriod: 10 }),
    await ownServer({ workers: 0 }),
  ]
  const { port } = server
  const nc = await client({ servers: [server.url, other.url], noRandomize: true })
  const [ldm, reconnected] = [nextStatus(nc, 'ldm'), nextStatus(nc, 'reconnect')]
  const ending = server.lameDuck()
  expect((await ldm).server).toBe(`127.0.0.1:${port}`)
  expect((await reconnected).server).toBe(`127.0.0.1:${other.port}`)
  await ending
})

test('setServers() leads the next reconnect to others', async () => {
  const [one, two] = [await ownServer({ workers: 0 }), await ownServer({ workers: 0 })]
  const nc = await client({ servers: one.url })
  nc.setServers([two.url])
  expect(nc.getServers().map(({ listen }) => listen)).toEqual([`127.0.0.1:${two.port}`])
  expect(nc.getServer()).toBe(`127.0.0.1:${one.port}`)
  const reconnected = nextStatus(nc, 'reconnect')
  await nc.reconnect()
  expect((await reconnected).server).toBe(`127.0.0.1:${two.port}`)
})

test('reconnectToServer chooses, and its faults are reported', async () => {
  const [one, two] = [await ownServer({ workers: 0 }), await ownServer({ workers: 0 })]
  const seen: number[] = []
  const nc = await client({
    servers: [one.url, two.url],
    noRandomize: true,
    reconnectToServer: (pool, serverInfo) => {
      seen.push(serverInfo?.port ?? 0)
      const server = pool.find(({ port }) => port === two.port)
      return server === undefined ? null : { server, delay: 1 }
    },
  })
  expect(nc.getServer()).toBe(`127.0.0.1:${two.port}`)
  expect(seen).toEqual([0])
  const wrong = client({
    servers: one.url,
    reconnectToServer: () => {
      throw new Error('broken')
    },
  })
  expect((await rejection(wrong)).message).toContain('broken')
})

test('reconnectDelayHandler says how long to wait', async () => {
  const server = await ownServer({ workers: 0 })
  let asked = 0
  const nc = await client({
    port: server.port,
    maxReconnectAttempts: 3,
    reconnectTimeWait: 60_000,
    reconnectDelayHandler: () => {
      asked++
      return 1
    },
  })
  await server.close()
  await nc.closed()
  expect(asked).toBeGreaterThanOrEqual(2)
})

test('a server that says nothing, or nonsense, is no server', async () => {
  const mute = await Impostor.start(() => undefined)
  const timedOut = await rejection(client({ port: mute.port, timeout: 20 }))
  expect(timedOut).toBeInstanceOf(ConnectionError)
  expect(timedOut.message).toBe('timeout')
  for (const nonsense of ['HTTP/1.1 400 Bad Request\r\n\r\n', 'INFO {\r\n', 'INFO\r\n']) {
    const server = await Impostor.start((socket) => socket.write(nonsense))
    expect((await rejection(client({ port: server.port, timeout: 5_000 }))).message, nonsense).not.toBe('timeout')
  }
  const closing = await Impostor.start((socket) => socket.end(info()))
  expect(await rejection(client({ port: closing.port }))).toBeInstanceOf(ConnectionError)
})

test('a handshake that is given up leaves no connection, and nor does one that is refused', async () => {
  const mute = await Impostor.start((socket) => socket.resume())
  for (const options of [{}, { tls: { handshakeFirst: true } }]) {
    const error = await rejection(client({ port: mute.port, timeout: 20, ...options }))
    expect(error.message).toBe('timeout')
    await until('the end of the connection', () => mute.sockets.size === 0)
  }
  const plain = await Impostor.start((socket) => socket.resume().write(info({ tls_required: true })))
  expect((await rejection(client({ port: plain.port, timeout: 20 }))).message).toBe('timeout')
  await until('the end of the connection', () => plain.sockets.size === 0)
  const refusing = await Impostor.start((socket) => socket.resume().write("-ERR 'maximum connections exceeded'\r\n"))
  expect((await rejection(client({ port: refusing.port }))).message).toBe('maximum connections exceeded')
  await until('the end of the connection', () => refusing.sockets.size === 0)
})

test('a server that breaks the protocol is left for another', async () => {
  let broken: (() => void) | undefined
  const server = await Impostor.start((socket, number) => {
    welcome(socket)
    if (number === 0) broken = () => socket.write('MSG\r\n')
  })
  const nc = await client({ port: server.port })
  const reconnected = nextStatus(nc, 'reconnect')
  broken?.()
  await reconnected
})

test('a server that refuses the user twice is not asked again', async () => {
  const server = await Impostor.start((socket, number) => {
    if (number === 0) welcome(socket)
    else {
      socket.write(info())
      socket.on('data', () => socket.end("-ERR 'Authorization Violation'\r\n"))
    }
  })
  const nc = await client({ port: server.port, maxReconnectAttempts: -1 })
  for (const socket of server.sockets) socket.destroy()
  expect(await within('the end', nc.closed())).toBeInstanceOf(AuthorizationError)
})
