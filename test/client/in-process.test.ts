// Connections within the process: server.connect() of the embedding API, with a shard on this thread and on others.

import { connect as connectTheirs } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import {
  AuthorizationError,
  ConnectionError,
  InvalidArgumentError,
  type NatsConnection,
} from '../../src/client/index.ts'
import type { Carrier } from '../../src/client/transport.ts'
import { createServer, type HeddleServer, type LocalConnectionOptions } from '../../src/index.ts'
import { ownPrimary, ownServer } from '../support/harness.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { FAULTY_ENTRY, kill } from '../support/shards.ts'
import { DEADLINE_MS, until, within } from '../support/until.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'
import { collect, info, nextStatus, rejection } from './support.ts'

async function connected(server: HeddleServer, options?: LocalConnectionOptions): Promise<NatsConnection> {
  const nc = await server.connect({ timeout: DEADLINE_MS, ...options })
  onTestFinished(() => nc.close())
  return nc
}

describe.each([0, 1, 2])('workers: %i', (workers) => {
  test('it does what a client does', async () => {
    const server = await ownServer({ workers })
    const [one, two] = [await connected(server), await connected(server)]
    one.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
    await one.flush()
    expect((await two.request('echo', 'hello')).string()).toBe('hello')
    expect((await rejection(two.request('nobody'))).message).toBe("no responders: 'nobody'")
    expect(two.info?.client_id).toBeGreaterThan(0)
    expect(two.getServer()).toBe(`127.0.0.1:${server.port}`)
    expect(await two.rtt()).toBeGreaterThan(0)
    await one.drain()
    expect(await one.closed()).toBeUndefined()
    expect(two.isClosed()).toBe(false)
  })

  test('clients with sockets are in the same server', async () => {
    const server = await ownServer({ workers })
    const nc = await connected(server)
    const other = await connectTheirs({ port: server.port })
    onTestFinished(() => other.close())
    nc.subscribe('in', { callback: (_, message) => message.respond('from within') })
    await nc.flush()
    expect((await other.request('in')).string()).toBe('from within')
    other.subscribe('out', { callback: (_, message) => void message.respond('from outside') })
    await other.flush()
    expect((await nc.request('out')).string()).toBe('from outside')
  })

  test('payloads of every size come whole and in order', async () => {
    const random = new Random(chooseSeed('in-process payloads'))
    const server = await ownServer({ workers })
    const [publisher, subscriber] = [await connected(server), await connected(server)]
    const sizes = [0, 1, 1_000, 65_536, 300_000, 1_048_576]
    const payloads = Array.from({ length: 60 }, () => Buffer.alloc(random.pick(sizes), random.below(256)))
    const subscription = subscriber.subscribe('sizes', { max: payloads.length })
    await subscriber.flush()
    for (const payload of payloads) publisher.publish('sizes', payload)
    let i = 0
    for await (const { data } of subscription) expect(Buffer.compare(payloads[i++], data), `payload ${i}`).toBe(0)
    expect(i).toBe(payloads.length)
    await until('everything to be taken', () => publisher.bufferedAmount === 0)
  })

  test('it logs in as others do', async () => {
    const server = await ownServer({ workers, authorization: { user: 'u', password: 'p' } })
    await connected(server, { user: 'u', pass: 'p' })
    expect(await rejection(server.connect())).toBeInstanceOf(AuthorizationError)
    expect(await rejection(server.connect({ timeout: 0 }))).toBeInstanceOf(InvalidArgumentError)
  })

  test('TLS is not asked for: bytes do not leave the process', async () => {
    const { cert, key } = new Authority().issue({ subject: 'server', ips: ['127.0.0.1'] })
    const files = writeFiles({ cert, key })
    const server = await ownServer({ workers, tls: { certFile: files.cert, keyFile: files.key } })
    const nc = await connected(server)
    expect(await nc.rtt()).toBeGreaterThan(0)
  })

  test('the bound of connections holds', async () => {
    const server = await ownServer({ workers, maxConnections: 1 })
    const nc = await connected(server)
    expect((await rejection(server.connect())).message).toBe('maximum connections exceeded')
    await nc.close()
    await until('room', async () => server.connect().catch(() => undefined))
  })

  test('a break of the protocol ends it, and it comes back', async () => {
    const server = await ownServer({ workers, maxPayload: 100 })
    const nc = await connected(server, { reconnectTimeWait: 10, reconnectJitter: 1 })
    const reconnected = nextStatus(nc, 'reconnect')
    nc.subscribe('after', { callback: (_, message) => message.respond('still here') })
    await nc.reconnect()
    await reconnected
    expect((await nc.request('after')).string()).toBe('still here')
    expect(await rejection(nc.request('after', 'x'.repeat(101)))).toBeInstanceOf(InvalidArgumentError)
  })

  test('it ends with the server', async () => {
    const server = await ownServer({ workers })
    const nc = await connected(server)
    const reading = collect(nc.subscribe('a'))
    await server.close()
    expect(await nc.closed()).toBeUndefined()
    expect(await reading).toEqual([])
    expect(await rejection(server.connect())).toBeInstanceOf(ConnectionError)
  })

  test('lame duck mode is reported to it', async () => {
    const server = await ownServer({ workers, lameDuckDuration: 50, lameDuckGracePeriod: 10 })
    const nc = await connected(server)
    const told = nextStatus(nc, 'ldm')
    const ending = server.lameDuck()
    await told
    await ending
    await within('the end', nc.closed())
  })

  test('a subscriber that reads slowly gets everything', async () => {
    const server = await ownServer({ workers })
    const [publisher, subscriber] = [await connected(server), await connected(server)]
    let bytes = 0
    const subscription = subscriber.subscribe('flood', { max: 2_000 })
    await subscriber.flush()
    for (let i = 0; i < 2_000; i++) publisher.publish('flood', new Uint8Array(10_000))
    for await (const message of subscription) {
      bytes += message.data.length
      if (bytes % 1_000_000 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(bytes).toBe(20_000_000)
  })

  test('what answers itself without end leaves time for timers', async () => {
    const server = await ownServer({ workers })
    const nc = await connected(server)
    let count = 0
    nc.subscribe('loop', {
      callback: () => {
        count++
        nc.publish('loop')
      },
    })
    nc.publish('loop')
    // Which asks by timers.
    await until('it to go on', () => count > 1_000)
  })
})

test('connect() waits for the server, and is rejected with the error of its start', async () => {
  const server = createServer({ host: '127.0.0.1', port: -1, workers: 0 })
  onTestFinished(() => server.close())
  const nc = await connected(server)
  expect(nc.isClosed()).toBe(false)
  const other = createServer({ host: '127.0.0.1', port: server.port, workers: 0 })
  expect((await rejection(other.connect())).message).toContain('EADDRINUSE')
})

test('when its shard dies it goes on by another one', async () => {
  const primary = await ownPrimary({ workers: 1 }, FAULTY_ENTRY)
  const dial: Carrier['dial'] = async ({ events }) => {
    const end = primary.connect(events)
    if (end === undefined) throw new ConnectionError('no shard')
    return end
  }
  const options = {
    timeout: DEADLINE_MS,
    reconnectTimeWait: 5,
    reconnectTimeWaitMax: 5,
    reconnectJitter: 1,
    maxReconnectAttempts: -1,
  }
  const nc = await Connection.open(options, { scheme: 'nats', lang: 'test', dial })
  onTestFinished(() => nc.close())
  nc.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
  const [lost, found] = [nextStatus(nc, 'disconnect'), nextStatus(nc, 'reconnect')]
  await kill(primary, 0, 'throw')
  await lost
  const asked = nc.request('echo', 'after', { timeout: 15_000 })
  await found
  expect((await asked).string()).toBe('after')
})

test('a connection that ends together with the PONG of its handshake is not taken for a live one', async () => {
  const dial: Carrier['dial'] = async ({ events }) => {
    setImmediate(() => events.received(Buffer.from(info())))
    return {
      isSecure: true,
      bufferedAmount: 0,
      // The end of a server within the process comes in one piece with what it said before.
      write: () =>
        void setImmediate(() => {
          events.received(Buffer.from('PONG\r\n'))
          events.ended(new ConnectionError('the server closed the connection'))
        }),
      defer: setImmediate,
      close: () => undefined,
      destroy: () => undefined,
    }
  }
  const connecting = Connection.open({ maxReconnectAttempts: 1 }, { scheme: 'nats', lang: 'test', dial })
  expect(await within('the refusal', rejection(connecting))).toBeInstanceOf(ConnectionError)
})

test('attempts that fail at once leave the event loop its turns', async () => {
  let attempts = 0
  const dial: Carrier['dial'] = async () => {
    attempts++
    throw new ConnectionError('no shard')
  }
  let atFirstTurn = Number.POSITIVE_INFINITY
  setImmediate(() => {
    atFirstTurn = attempts
  })
  const options = { reconnectTimeWait: 0, reconnectJitter: 0, maxReconnectAttempts: 50, waitOnFirstConnect: true }
  await rejection(Connection.open(options, { scheme: 'nats', lang: 'test', dial }))
  expect(atFirstTurn).toBeLessThan(attempts)
})
