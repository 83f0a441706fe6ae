// Cases that the core suite of nats.js plays, and are not elsewhere: on Heddle and on nats-server.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AuthorizationError, ConnectionError, headers, type Msg, type NatsConnection } from '../../src/client/index.ts'
import { configuredServers, startConfiguredFor } from '../support/configured-servers.ts'
import type { ServerProgram } from '../support/server.ts'
import { within } from '../support/until.ts'
import { client, collect, Impostor, info, nextStatus, rejection, welcome } from './support.ts'

const servers = configuredServers('cases of the client').filter(({ name }) => !name.includes('1 shard'))

describe.each(servers)('on $name', (kind) => {
  let program: ServerProgram
  beforeAll(async () => {
    program = await startConfiguredFor(kind, '')
  })
  afterAll(async () => {
    await program.stop()
  })
  const connect = (options = {}): Promise<NatsConnection> => client({ port: program.port, ...options })

  test('verbose and pedantic connections work as others', async () => {
    const nc = await connect({ verbose: true, pedantic: true, name: 'loud' })
    const subscription = nc.subscribe('loud', { max: 2 })
    nc.publish('loud', 'a')
    nc.publish('loud', 'b')
    expect((await collect(subscription)).map((message) => message.string())).toEqual(['a', 'b'])
    await nc.drain()
  })

  test('a message goes to each subscription whose subject fits', async () => {
    const nc = await connect()
    const got: string[] = []
    for (const subject of ['a.b.c', 'a.*.c', 'a.>', '>', 'a.b', '*.b.*', 'b.>']) {
      nc.subscribe(subject, { callback: () => got.push(subject) })
    }
    nc.publish('a.b.c')
    await nc.flush()
    expect(got.sort()).toEqual(['*.b.*', '>', 'a.*.c', 'a.>', 'a.b.c'])
  })

  test('two subscriptions to one subject are two', async () => {
    const nc = await connect()
    const counts = [0, 0]
    const subscriptions = counts.map((_, i) =>
      nc.subscribe('twice', {
        callback: () => {
          counts[i]++
        },
      }),
    )
    nc.publish('twice')
    await nc.flush()
    subscriptions[0].unsubscribe()
    nc.publish('twice')
    await nc.flush()
    expect(counts).toEqual([1, 2])
    expect(subscriptions[0].getID()).not.toBe(subscriptions[1].getID())
  })

  test('members of a queue with max leave it one by one', async () => {
    const nc = await connect()
    const members = Array.from({ length: 4 }, () => nc.subscribe('shared', { queue: 'q', max: 10, callback: () => {} }))
    for (let i = 0; i < 100; i++) nc.publish('shared')
    await nc.flush()
    expect(members.reduce((sum, member) => sum + member.getReceived(), 0)).toBe(40)
    expect(members.every((member) => member.isClosed())).toBe(true)
  })

  test('max that is past already ends a subscription', async () => {
    const nc = await connect()
    const subscription = nc.subscribe('past', { callback: () => undefined })
    for (let i = 0; i < 5; i++) nc.publish('past')
    await nc.flush()
    subscription.unsubscribe(3)
    expect(subscription.isClosed()).toBe(true)
    nc.publish('past')
    await nc.flush()
    expect(subscription.getReceived()).toBe(5)
  })

  test('unsubscribing in the middle of an iteration lets it end', async () => {
    const nc = await connect()
    const subscription = nc.subscribe('middle')
    for (let i = 0; i < 10; i++) nc.publish('middle', `${i}`)
    await nc.flush()
    const seen: string[] = []
    for await (const message of subscription) {
      seen.push(message.string())
      if (seen.length === 3) subscription.unsubscribe()
    }
    expect(seen.length).toBe(10)
    expect(subscription.isClosed()).toBe(true)
  })

  test('flushes resolve in their order, and behind what was published before', async () => {
    const nc = await connect()
    const order: string[] = []
    nc.subscribe('order', { callback: (_, message) => order.push(message.string()) })
    nc.publish('order', 'a')
    const first = nc.flush().then(() => order.push('first'))
    nc.publish('order', 'b')
    const second = nc.flush().then(() => order.push('second'))
    await Promise.all([first, second])
    expect(order.indexOf('a')).toBeLessThan(order.indexOf('first'))
    expect(order.indexOf('b')).toBeLessThan(order.indexOf('second'))
    expect(order.indexOf('first')).toBeLessThan(order.indexOf('second'))
  })

  test('JSON goes both ways, and what is none throws', async () => {
    const nc = await connect()
    const subscription = nc.subscribe('json', { max: 2 })
    nc.publish('json', JSON.stringify({ a: [1, 'ü'], at: 0 }))
    nc.publish('json', '{')
    const [good, bad] = await collect(subscription)
    expect(good.json<{ a: unknown[] }>().a).toEqual([1, 'ü'])
    expect(good.json((key, value) => (key === 'at' ? 'now' : value))).toEqual({ a: [1, 'ü'], at: 'now' })
    expect(() => bad.json()).toThrow(SyntaxError)
  })

  test('headers may be large, and many', async () => {
    const nc = await connect()
    const subscription = nc.subscribe('large', { max: 1 })
    const h = headers()
    for (let i = 0; i < 500; i++) h.append(`name-${i}`, 'v'.repeat(i))
    nc.publish('large', 'x', { headers: h })
    const [message] = await collect(subscription)
    expect(message.headers?.keys().length).toBe(500)
    expect(message.headers?.get('name-499').length).toBe(499)
    expect(message.data.length).toBe(1)
  })

  test('the trace of a message is asked for by headers', async () => {
    const nc = await connect()
    const subscription = nc.subscribe('traced', { max: 1 })
    const h = headers()
    h.set('own', 'too')
    nc.publish('traced', '', { traceDestination: 'trace.here', headers: h })
    const [message] = await collect(subscription)
    expect(message.headers?.get('Nats-Trace-Dest')).toBe('trace.here')
    expect(message.headers?.get('own')).toBe('too')
    expect(h.has('Nats-Trace-Dest')).toBe(false)
  })

  test('using unsubscribes, and a drained iteration goes on to its end', async () => {
    const nc = await connect()
    let used: { isClosed(): boolean }
    {
      using subscription = nc.subscribe('used')
      used = subscription
    }
    expect(used.isClosed()).toBe(true)
    const subscription = nc.subscribe('late')
    for (let i = 0; i < 10; i++) nc.publish('late')
    await subscription.drain()
    expect((await collect(subscription)).length).toBe(10)
    await expect(nc.subscribe('x', { callback: () => undefined }).drain()).resolves.toBeUndefined()
    expect((await rejection(closedSubscription(nc).drain())).name).toBe('InvalidOperationError')
  })

  test('a drain inside of an iteration ends it', async () => {
    const nc = await connect({ drainTimeout: 50 })
    const subscription = nc.subscribe('inside')
    for (let i = 0; i < 3; i++) nc.publish('inside')
    await nc.flush()
    let count = 0
    for await (const _ of subscription) {
      count++
      if (count === 1) await within('the drain', nc.drain())
    }
    expect(count).toBe(3)
    expect(nc.isClosed()).toBe(true)
  })

  test('an answer may be kept and read much later', async () => {
    const nc = await connect()
    nc.subscribe('kept', { callback: (_, message) => message.respond(message.data) })
    const kept: Msg[] = []
    for (let i = 0; i < 100; i++) kept.push(await nc.request('kept', `answer ${i}`))
    for (let i = 0; i < 1_000; i++) nc.publish('kept', 'noise')
    await nc.flush()
    expect(kept.map((message) => message.string())).toEqual(kept.map((_, i) => `answer ${i}`))
  })

  test('many connections at once do not disturb each other', async () => {
    const all = await Promise.all(Array.from({ length: 30 }, () => connect()))
    await Promise.all(
      all.map(async (nc, i) => {
        nc.subscribe(`own.${i}`, { callback: (_, message) => message.respond(`${i}`) })
        await nc.flush()
      }),
    )
    const answers = await Promise.all(all.map((nc, i) => nc.request(`own.${(i + 1) % all.length}`)))
    expect(answers.map((message) => message.string())).toEqual(all.map((_, i) => `${(i + 1) % all.length}`))
  })
})

function closedSubscription(nc: NatsConnection) {
  const subscription = nc.subscribe('closed', { callback: () => undefined })
  subscription.unsubscribe()
  return subscription
}

test('an iteration goes on over a reconnect, and events come in their order', async () => {
  const server = await Impostor.start((socket, number) =>
    welcome(socket, {}, (text) => {
      const sid = /SUB numbers (\d+)/.exec(text)?.[1]
      if (sid !== undefined) socket.write(`MSG numbers ${sid} 1\r\n${number}\r\n`)
    }),
  )
  const nc = await client({ port: server.port })
  const types: string[] = []
  const watching = (async () => {
    for await (const { type } of nc.status()) types.push(type)
  })()
  const seen: string[] = []
  for await (const message of nc.subscribe('numbers')) {
    seen.push(message.string())
    if (seen.length === 3) break
    for (const socket of server.sockets) socket.destroy()
  }
  await nc.close()
  await watching
  expect(seen).toEqual(['0', '1', '2'])
  const round = ['disconnect', 'reconnecting', 'reconnect']
  expect(types).toEqual([...round, ...round, 'close'])
})

test('what the server reports is an event, and does not end the connection by itself', async () => {
  const server = await Impostor.start((socket) =>
    welcome(socket, {}, (text) => {
      if (text.startsWith('PUB odd')) socket.write("-ERR 'Invalid Subject'\r\n")
    }),
  )
  const nc = await client({ port: server.port })
  const reported = nextStatus(nc, 'error')
  nc.publish('odd')
  expect((await reported).error).toMatchObject({ name: 'ProtocolError', message: 'Invalid Subject' })
  expect(nc.isClosed()).toBe(false)
})

test('a server that lets nobody in says why', async () => {
  const refusals: Record<string, abstract new (...args: never[]) => Error> = {
    'Authorization Violation': AuthorizationError,
    'Authentication Timeout': AuthorizationError,
  }
  for (const [text, kind] of Object.entries(refusals)) {
    const server = await Impostor.start((socket) => {
      socket.write(info())
      socket.on('data', () => socket.end(`-ERR '${text}'\r\n`))
    })
    const error = await rejection(client({ port: server.port }))
    expect(error).toBeInstanceOf(kind)
    expect(error.message).toBe(text)
  }
})

test('what this server does not have is not sent to it', async () => {
  const old = await Impostor.start((socket) => welcome(socket, { headers: false, proto: 0 }))
  const nc = await client({ port: old.port })
  expect(() => nc.publish('a', '', { headers: headers() })).toThrow('headers')
  expect(await rejection(client({ port: old.port, noEcho: true }))).toBeInstanceOf(ConnectionError)
})

test('CONNECT says who the client is and what it wants', async () => {
  const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>()
  const server = await Impostor.start((socket) =>
    welcome(socket, {}, (text) => {
      if (text.startsWith('CONNECT ')) resolve(JSON.parse(text.slice('CONNECT '.length).split('\r\n')[0]))
    }),
  )
  await client({ port: server.port, name: 'me', user: 'u', pass: 'p', noEcho: true })
  expect(await promise).toEqual({
    protocol: 1,
    lang: 'heddle.node',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    verbose: false,
    pedantic: false,
    echo: false,
    headers: true,
    no_responders: true,
    tls_required: false,
    name: 'me',
    user: 'u',
    pass: 'p',
  })
})
