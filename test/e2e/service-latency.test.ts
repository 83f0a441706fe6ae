// Measurements of services (docs/reference/accounts.md, "Service latency"): what the exporter is told of requests and
// their answers, beside nats-server.

import {
  connect,
  headers,
  jwtAuthenticator,
  type Msg,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { configuredServers, HEDDLES, login, startConfigured } from '../support/configured-servers.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import type { ServerProgram } from '../support/server.ts'

const config = (latency: string, share = false): string => `
  accounts {
    A { users: [ { user: a, password: a } ]
        exports: [ { service: "svc.*", threshold: "100ms", latency: ${latency} } ] }
    B { users: [ { user: b, password: b } ]
        imports: [ { service: { account: A, subject: "svc.*" }, to: "ask.*", share: ${share} } ] }
  }`

type Event = Readonly<Record<string, unknown>>

async function enter({ port }: ServerProgram, options: object): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, ...options })
  onTestFinished(() => connection.close())
  return connection
}

/** A client with answers for `svc.ok` and none for `svc.mute`, one that asks, and events as they come. */
async function scene(program: ServerProgram) {
  const a = { user: 'a', pass: 'a' }
  const [responder, watcher] = [await enter(program, { ...a, name: 'responder' }), await enter(program, a)]
  const requestor = await enter(program, { user: 'b', pass: 'b', name: 'requestor' })
  responder.subscribe('svc.ok', { callback: (_error, message: Msg) => void message.respond('yes') })
  responder.subscribe('svc.mute', { callback: () => undefined })
  const events = watcher.subscribe('lat')
  for (const client of [responder, watcher]) await client.flush()
  return { requestor, watcher, next: nextOf(events) }
}

function nextOf(events: Subscription): () => Promise<Event> {
  const iterator = events[Symbol.asyncIterator]()
  return async () => ((await iterator.next()).value as Msg).json<Event>()
}

/** Values that are another at each run, as what they are. */
function shape(value: unknown, name = ''): unknown {
  if (typeof value === 'number') return name === 'status' ? value : 'number'
  if (typeof value !== 'string') {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shape(member, key)]))
  }
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return 'time'
  if (name === 'id' && /^[0-9A-Za-z]{22}$/.test(value)) return 'id'
  if (name === 'server') return 'server'
  return value
}

const EVENT = { type: 'io.nats.server.metric.v1.service_latency', id: 'id', timestamp: 'time' }
const SPANS = { start: 'time', service: 'number', system: 'number', total: 'number' }
const UNSHARED = { acc: 'B', rtt: 'number' }
const details = (acc: string, name: string) => ({
  start: 'time',
  host: '127.0.0.1',
  id: 'number',
  acc,
  user: acc.toLowerCase(),
  name,
  lang: 'nats.js',
  ver: '3.4.0',
  rtt: 'number',
  server: 'server',
  kind: 'Client',
  client_type: 'nats',
})
const RESPONDER = details('A', 'responder')

describe.each(configuredServers('measurements of services'))('$name', (server) => {
  test('an answered request: who, from when on, how long', async () => {
    const { requestor, next } = await scene(await startConfigured(server, config('lat')))
    await requestor.request('ask.ok')
    const event = await next()
    const expected = { ...EVENT, status: 200, requestor: UNSHARED, responder: RESPONDER, ...SPANS }
    expect(JSON.stringify(shape(event))).toBe(JSON.stringify(expected))
    const { total, service, system } = event as Record<string, number>
    expect(total).toBeGreaterThan(0)
    expect(total).toBeGreaterThanOrEqual(service + system)
    expect(Date.now() - Date.parse(event['start'] as string)).toBeLessThan(60_000)
  })

  test('the requestor tells of itself what its import shares', async () => {
    const { requestor, next } = await scene(await startConfigured(server, config('lat', true)))
    await requestor.request('ask.ok')
    const expected = { ...EVENT, status: 200, requestor: details('B', 'requestor'), responder: RESPONDER, ...SPANS }
    expect(JSON.stringify(shape(await next()))).toBe(JSON.stringify(expected))
  })

  test('requests without an answer: nobody there, nothing said, no way back', async () => {
    const { requestor, next } = await scene(await startConfigured(server, config('lat')))
    const expected = (status: number, description: string) =>
      JSON.stringify({ ...EVENT, status, description, requestor: UNSHARED, ...SPANS })
    requestor.publish('ask.ok')
    expect(JSON.stringify(shape(await next()))).toBe(expected(400, 'Bad Request'))
    requestor.publish('ask.mute', '', { reply: '_INBOX.x' })
    expect(JSON.stringify(shape(await next()))).toBe(expected(504, 'Service Timeout'))
    await expect(requestor.request('ask.nobody')).rejects.toThrow('no responders')
    expect(await next()).toMatchObject({ status: 503, description: 'Service Unavailable', total: 0 })
  })

  test('headers ask for a measurement, or ask that there is none', async () => {
    const program = await startConfigured(server, config('{ sampling: headers, subject: lat }'))
    const { requestor, next } = await scene(program)
    const ask = async (given: Readonly<Record<string, string>>) => {
      const all = headers()
      for (const [name, value] of Object.entries(given)) all.set(name, value)
      await requestor.request('ask.ok', '', { timeout: 5000, headers: all })
    }
    const trace = '80f198ee56343ba864fe8b2a57d3eff7'
    for (const no of [
      {},
      { 'Uber-Trace-Id': '479f:5adb:479f:2' },
      { 'Uber-Trace-Id': '479f:5adb:1', 'X-B3-Sampled': '1' },
      { 'X-B3-Sampled': '0', 'X-B3-TraceId': trace },
      { B3: '0' },
      { B3: `${trace}-e457b5a2e4d86bd1-0` },
      { Traceparent: `00-${trace}-00f067aa0ba902b7-02` },
      { Traceparent: `00-${trace}-01` },
      { Traceparent: `00-${trace}-00f067aa0ba902b7-ff` },
    ] as readonly Readonly<Record<string, string>>[]) {
      await ask(no)
    }
    const yes: readonly (readonly [given: Readonly<Record<string, string>>, told: object])[] = [
      [
        { 'uber-trace-id': '479f:5adb:479f:3', 'uberctx-a': 'b', other: 'c' },
        { 'Uber-Trace-Id': ['479f:5adb:479f:3'], 'Uberctx-A': ['b'] },
      ],
      [
        { 'X-B3-Sampled': '1', 'X-B3-TraceId': trace, 'x-b3-spanid': 's', 'x-b3-parentspanid': 'p', 'X-B3-Flags': '1' },
        { 'X-B3-Parentspanid': ['p'], 'X-B3-Sampled': ['1'], 'X-B3-Spanid': ['s'], 'X-B3-Traceid': [trace] },
      ],
      [{ 'X-B3-TraceId': trace }, { 'X-B3-Traceid': [trace] }],
      [{ b3: `${trace}-e457b5a2e4d86bd1-1` }, { B3: [`${trace}-e457b5a2e4d86bd1-1`] }],
      [{ b3: 'x' }, { B3: ['x'] }],
      [
        { traceparent: `00-${trace}-00f067aa0ba902b7-01`, tracestate: 'a=b' },
        { Traceparent: [`00-${trace}-00f067aa0ba902b7-01`], Tracestate: ['a=b'] },
      ],
    ]
    for (const [given, told] of yes) {
      await ask(given)
      expect(await next()).toMatchObject({ status: 200, header: told })
    }
  })

  test('a part of the requests', async () => {
    const program = await startConfigured(server, config('{ sampling: "30%", subject: lat }'))
    const { requestor, watcher } = await scene(program)
    const counted = watcher.subscribe('lat', { callback: () => undefined })
    await watcher.flush()
    for (let i = 0; i < 200; i++) await requestor.request('ask.ok', '', { timeout: 5000 })
    await watcher.flush()
    expect(counted.getReceived()).toBeGreaterThan(20)
    expect(counted.getReceived()).toBeLessThan(110)
  })

  test('services of accounts by token; a bearer token is not passed on', async () => {
    const operator = new TestOperator()
    const [a, b] = [new TestAccount('A'), new TestAccount('B')]
    const service = { name: 's', subject: 'svc.ok', type: 'service' }
    await operator.sign(a, {
      exports: [{ ...service, service_latency: { sampling: 100, results: 'lat' } } as never],
    })
    await operator.sign(b, { imports: [{ ...service, account: a.id, share: true, local_subject: 'ask.ok' } as never] })
    const program = await startConfigured(server, await operator.config())
    const users = [await a.user(), await b.user({}, {}, 'ruth'), await b.user({ bearer_token: true }, {}, 'bob')]
    const [responder, requestor, bearer] = await Promise.all(
      users.map(({ jwt, seed }) => enter(program, { authenticator: jwtAuthenticator(jwt, seed) })),
    )
    responder.subscribe('svc.ok', { callback: (_error, message: Msg) => void message.respond('yes') })
    const next = nextOf(responder.subscribe('lat'))
    await responder.flush()
    await requestor.request('ask.ok')
    expect(await next()).toMatchObject({
      requestor: {
        acc: b.id,
        user: users[1].key.getPublicKey(),
        name_tag: 'ruth',
        issuer_key: b.id,
        jwt: users[1].jwt,
      },
      responder: { acc: a.id, user: users[0].key.getPublicKey(), name_tag: 'alice', issuer_key: a.id },
    })
    await bearer.request('ask.ok')
    const event = await next()
    expect(event['requestor']).toMatchObject({ name_tag: 'bob' })
    if (server.name !== 'nats-server') expect(event['requestor']).not.toHaveProperty('jwt')
  })
})

describe('who asks and is not answered', () => {
  test('loses its own answers, and nobody else does', async () => {
    const program = await startConfigured(
      HEDDLES[0],
      `accounts {
         A { users: [ { user: a, password: a } ], exports: [ { service: "svc" } ] }
         B { users: [ { user: b, password: b } ], imports: [ { service: { account: A, subject: "svc" } } ] }
         C { users: [ { user: c, password: c } ], imports: [ { service: { account: A, subject: "svc" } } ] }
       }`,
    )
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((user) => login(program, { user, pass: user })))
    const replies: string[] = []
    a.send('SUB svc 1\r\n')
    await a.sync()
    a.onMessage = ({ reply }) => void replies.push(reply)
    for (const client of [b, c]) {
      client.send('SUB _INBOX.> 7\r\nPUB svc _INBOX.first 0\r\n\r\n')
      await client.sync()
    }
    const most = 128 * 1024
    for (let i = 0; i < most; i += 1024) {
      b.send('PUB svc _INBOX.more 0\r\n\r\n'.repeat(1024))
      await b.sync()
    }
    await expect.poll(() => replies.length, { timeout: 10_000 }).toBe(most + 2)
    for (const reply of [replies[0], replies[1], replies[2]]) a.send(`PUB ${reply} 2\r\nok\r\n`)
    await c.expect('MSG _INBOX.first 7 2\r\nok\r\n')
    await b.expect('MSG _INBOX.more 7 2\r\nok\r\n')
  })
})
