// Message tracing (docs/reference/tracing.md): the same scenes on Heddle, with one shard and with four, and on
// nats-server.

import { gunzipSync } from 'node:zlib'
import { connect, credsAuthenticator, headers } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { configuredServers, login, startConfigured, useConfigured } from '../support/configured-servers.ts'
import type { Message } from '../support/frame-reader.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import type { ConnectMembers, RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'

const CONFIG = `
  accounts {
    A {
      users: [ { user: a, password: a }
               { user: limited, password: l, permissions: { publish: { deny: [ "denied", "t.denied" ] } } }
               { user: half, password: h, permissions: { subscribe: { deny: "s.no" } } } ]
      mappings: { "m.*": "mapped.$1", "lost": [ { destination: "gone", weight: 100% } ] }
      exports: [ { stream: "s.*", accounts: [ B, C ] } ]
      imports: [ { service: { account: B, subject: "svc.open" }, to: "req.open" }
                 { service: { account: B, subject: "svc.shut" }, to: "req.shut" } ]
      msg_trace: { dest: "external", sampling: 100% }
    }
    B {
      users: [ { user: b, password: b } ]
      exports: [ { service: "svc.open", allow_trace: true }, { service: "svc.shut" } ]
      imports: [ { stream: { account: A, subject: "s.*" }, to: "from.a.$1", allow_trace: true } ]
    }
    C {
      users: [ { user: c, password: c } ]
      imports: [ { stream: { account: A, subject: "s.*" }, prefix: "shut" } ]
    }
  }`

const USERS = { a: 'a', b: 'b', c: 'c', limited: 'l', half: 'h' } as const

interface Event {
  readonly type: string
  readonly ts: string
  readonly cid?: number
  readonly name?: string
  readonly [member: string]: unknown
}

interface Document {
  readonly server: Readonly<Record<string, unknown>>
  readonly request: { readonly header: Readonly<Record<string, readonly string[]>>; readonly msgsize: number }
  readonly hops?: number
  readonly events: readonly Event[]
}

class Person {
  readonly client: RawClient
  readonly messages: Message[] = []
  constructor(client: RawClient) {
    this.client = client
    client.onMessage = (message) => this.messages.push(message)
  }

  get subjects(): string[] {
    return this.messages.map(({ subject }) => subject)
  }

  async subscribe(...lines: string[]): Promise<void> {
    this.client.send(...lines.map((line) => `SUB ${line}\r\n`))
    await this.client.sync()
  }
}

async function person(
  program: ServerProgram,
  user: keyof typeof USERS,
  name: string,
  more: ConnectMembers = {},
): Promise<Person> {
  return new Person(await login(program, { user, pass: USERS[user], name, ...more }))
}

function hpub(subject: string, headers: Readonly<Record<string, string>>, payload = 'hello', reply = ''): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const header = `NATS/1.0\r\n${lines.join('')}\r\n`
  const size = Buffer.byteLength(payload)
  return `HPUB ${subject} ${reply === '' ? '' : `${reply} `}${header.length} ${header.length + size}\r\n${header}${payload}\r\n`
}

const DEST = { 'Nats-Trace-Dest': 'traces' }
const ONLY = { ...DEST, 'Nats-Trace-Only': 'true' }

/** Somebody who publishes in account A, and gets the traces. */
class Scene {
  readonly watcher: Person
  readonly publisher: Person
  constructor(watcher: Person, publisher: Person) {
    this.watcher = watcher
    this.publisher = publisher
  }

  /** The document of a message that is published now. */
  async trace(message: string): Promise<Document> {
    const { watcher, publisher } = this
    watcher.messages.length = 0
    publisher.client.send(message)
    const { payload } = await until('the trace', () => watcher.messages[0])
    return JSON.parse(payload.toString()) as Document
  }
}

async function scene(
  program: ServerProgram,
  user: keyof typeof USERS = 'a',
  more: ConnectMembers = {},
): Promise<Scene> {
  const watcher = await person(program, 'a', 'watcher')
  await watcher.subscribe('traces 1', 'external 2')
  return new Scene(watcher, await person(program, user, 'publisher', more))
}

/** What happened, without times and numbers; egresses in the order of their text. */
function shape({ events }: Document): unknown[] {
  const plain = events.map(({ ts, cid, ...rest }) => {
    expect(Date.parse(ts)).toBeGreaterThan(0)
    expect(cid === undefined || cid > 0).toBe(true)
    return rest
  })
  const key = (event: unknown): string => JSON.stringify(event)
  return [
    ...plain.filter(({ type }) => type !== 'eg'),
    ...plain.filter(({ type }) => type === 'eg').sort((a, b) => (key(a) < key(b) ? -1 : 1)),
  ]
}

const ingress = (subj: string, more: object = {}): object => ({
  type: 'in',
  kind: 0,
  name: 'publisher',
  acc: 'A',
  subj,
  ...more,
})
const egress = (name: string, sub: string, more: object = {}): object => ({ type: 'eg', kind: 0, name, sub, ...more })

describe.each(configuredServers('tracing'))('$name', (server) => {
  const shared = useConfigured(server, CONFIG)

  test('a document tells of the message and of each receiver', async () => {
    const { program } = shared
    const traced = await scene(program)
    const [one, two] = [await person(program, 'a', 'one'), await person(program, 'a', 'two')]
    await one.subscribe('x 1', 'x 2')
    await two.subscribe('> 3', 'other 4')
    const message = hpub('x', { ...DEST, b: '1', B: '2', Empty: '' })
    const document = await traced.trace(message)
    expect(document.server).toMatchObject({ host: '127.0.0.1', id: expect.stringMatching(/^N/), flags: 0 })
    expect(document.server).toMatchObject({ name: document.server['id'], jetstream: false })
    expect(document.request).toEqual({
      header: { 'Nats-Trace-Dest': ['traces'], b: ['1'], B: ['2'] },
      msgsize: message.length - message.indexOf('NATS/1.0') - 2,
    })
    expect(shape(document)).toEqual([ingress('x'), egress('one', 'x'), egress('one', 'x'), egress('two', '>')])
    await until('the messages', () => one.messages.length === 2 && two.messages.length === 2)
    expect(one.messages[0].header.toString()).toContain('Nats-Trace-Dest: traces')
    expect(two.subjects.toSorted()).toEqual(['traces', 'x'])
  })

  test('one that is only traced is delivered to nobody', async () => {
    const { program } = shared
    const traced = await scene(program)
    const [one, two] = [await person(program, 'a', 'one'), await person(program, 'a', 'two')]
    await one.subscribe('x 1', 'q workers 2', 'auto 5')
    await two.subscribe('x 3', 'q workers 4')
    one.client.send('UNSUB 5 1\r\n')
    await one.client.sync()
    expect(shape(await traced.trace(hpub('x', ONLY)))).toEqual([ingress('x'), egress('one', 'x'), egress('two', 'x')])
    expect(shape(await traced.trace(hpub('auto', ONLY)))).toEqual([ingress('auto'), egress('one', 'auto')])
    const [, member] = shape(await traced.trace(hpub('q', ONLY)))
    expect(member).toMatchObject({ type: 'eg', sub: 'q', queue: 'workers' })
    expect(shape(await traced.trace(hpub('auto', DEST)))).toEqual([ingress('auto'), egress('one', 'auto')])
    await until('the last one', () => one.messages.length > 0)
    await two.client.sync()
    expect([...one.subjects, ...two.subjects]).toEqual(['auto'])
  })

  test('one member of a queue group, wherever it is', async () => {
    const { program } = shared
    const traced = await scene(program)
    const members: Person[] = []
    for (const name of ['one', 'two', 'three', 'four', 'five']) {
      const member = await person(program, 'a', name)
      await member.subscribe('q workers 1')
      members.push(member)
    }
    const names = new Set<unknown>()
    for (let i = 0; i < 60; i++) {
      const [, taken, ...more] = shape(await traced.trace(hpub('q', DEST))) as Event[]
      expect(more).toEqual([])
      expect(taken).toMatchObject({ type: 'eg', queue: 'workers' })
      names.add(taken.name)
    }
    await until('the messages', () => members.reduce((sum, { messages }) => sum + messages.length, 0) === 60)
    expect(names.size).toBeGreaterThan(2)
  })

  test('mappings', async () => {
    const { program } = shared
    const traced = await scene(program)
    const one = await person(program, 'a', 'one')
    await one.subscribe('mapped.* 1', 'm.* 2')
    expect(shape(await traced.trace(hpub('m.1', DEST)))).toEqual([
      ingress('m.1'),
      { type: 'sm', to: 'mapped.1' },
      egress('one', 'mapped.*'),
    ])
  })

  test('stream imports', async () => {
    const { program } = shared
    const traced = await scene(program)
    const [b, c, half] = [
      await person(program, 'b', 'b'),
      await person(program, 'c', 'c'),
      await person(program, 'half', 'half'),
    ]
    await b.subscribe('from.a.* 1')
    await c.subscribe('shut.> 1')
    await half.subscribe('s.* 1')
    const exported = (subject: string, error?: string): object[] => {
      const exports = [
        { type: 'se', acc: 'B', to: `from.a.${subject}` },
        { type: 'se', acc: 'C', to: `shut.s.${subject}` },
      ]
      const egresses = [egress('b', 's.*', { acc: 'B' }), egress('half', 's.*', error === undefined ? {} : { error })]
      return [ingress(`s.${subject}`), ...exports, ...egresses]
    }
    const sorted = (events: unknown[]): string[] => events.map((event) => JSON.stringify(event, keys)).sort()
    const keys = ['type', 'kind', 'name', 'acc', 'subj', 'to', 'sub', 'error']
    expect(sorted(shape(await traced.trace(hpub('s.1', DEST))))).toEqual(sorted(exported('1')))
    expect(sorted(shape(await traced.trace(hpub('s.2', ONLY))))).toEqual(sorted(exported('2')))
    const denied = 'Not delivered because subscription denies this subject'
    expect(sorted(shape(await traced.trace(hpub('s.no', DEST))))).toEqual(sorted(exported('no', denied)))
    await until('the last', () => c.messages.length === 2 && b.messages.length === 2)
    expect(c.subjects).toEqual(['shut.s.1', 'shut.s.no'])
  })

  test('service imports, and the answer', async () => {
    const { program } = shared
    const traced = await scene(program)
    const b = await person(program, 'b', 'b')
    await b.subscribe('svc.* 1', 'traces 2')
    const imported = (name: string): object => ({ type: 'si', acc: 'B', from: `req.${name}`, to: `svc.${name}` })
    expect(shape(await traced.trace(hpub('req.open', ONLY, 'x', 'answers')))).toEqual([
      ingress('req.open'),
      imported('open'),
      egress('b', 'svc.*', { acc: 'B' }),
    ])
    expect(shape(await traced.trace(hpub('req.shut', ONLY, 'x', 'answers')))).toEqual([
      ingress('req.shut'),
      imported('shut'),
    ])
    expect(shape(await traced.trace(hpub('req.open', DEST, 'x', 'answers')))).toEqual([
      ingress('req.open'),
      imported('open'),
      egress('b', 'svc.*', { acc: 'B' }),
    ])
    expect(shape(await traced.trace(hpub('req.shut', DEST, 'x', 'answers')))).toEqual([
      ingress('req.shut'),
      imported('shut'),
    ])
    await until('the requests', () => b.messages.length === 2)
    expect(b.subjects).toEqual(['svc.open', 'svc.shut'])
    expect(b.messages[1].header.toString()).toContain('Nats-Trace-Dest: trace disabled')

    const { watcher } = traced
    await watcher.subscribe('answers 9')
    const [{ reply }] = b.messages
    const answer = await new Scene(b, b).trace(hpub(reply, DEST, 'answer'))
    expect(shape(answer)).toEqual([
      ingress(reply, { name: 'b', acc: 'B' }),
      { type: 'si', acc: 'A', from: reply, to: 'answers' },
    ])
    await until('the answer', () => watcher.subjects.includes('answers'))
  })

  test('a traceparent that is sampled, where the account says so', async () => {
    const { program } = shared
    const traced = await scene(program)
    const parent = (flags: string): string => `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`
    traced.publisher.client.send(hpub('x', { traceparent: parent('00') }), hpub('x', { traceparent: 'nonsense' }))
    const document = await traced.trace(hpub('y', { TraceParent: parent('01') }))
    expect(shape(document)).toEqual([ingress('y')])
    expect(document.request.header).toEqual({ TraceParent: [parent('01')] })
    expect(traced.watcher.subjects).toEqual(['external'])
    const b = await scene(program, 'b')
    b.publisher.client.send(hpub('x', { traceparent: parent('01') }))
    await b.publisher.client.sync()
    expect(shape(await traced.trace(hpub('x', DEST)))).toEqual([ingress('x')])
  })

  test('a share of those with a traceparent', async () => {
    const program = await startConfigured(server, CONFIG.replace('sampling: 100%', 'sampling: 50%'))
    const { watcher, publisher } = await scene(program)
    const reader = await person(program, 'a', 'reader')
    await reader.subscribe('x 1')
    const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    publisher.client.send(hpub('x', { traceparent: parent }).repeat(200))
    await until('the messages', () => reader.messages.length === 200)
    const untraced = reader.messages.filter(({ header }) => header.includes('Nats-Trace-Dest: trace disabled\r\n'))
    await until('the traces', () => watcher.messages.length === 200 - untraced.length)
    expect(untraced.length).toBeGreaterThan(50)
    expect(untraced.length).toBeLessThan(150)
  })

  test('who may not publish is told so, and the trace says it', async () => {
    const { program } = shared
    const traced = await scene(program, 'limited')
    const error = 'Permissions Violation for Publish to "denied"'
    expect(shape(await traced.trace(hpub('denied', DEST)))).toEqual([ingress('denied', { error })])
    await traced.publisher.client.expect(`-ERR '${error}'\r\n`)
    const other = await person(program, 'a', 'other')
    await other.subscribe('x 1')
    traced.publisher.client.send(hpub('x', { 'Nats-Trace-Dest': 't.denied' }))
    await traced.publisher.client.expect(`-ERR 'Permissions Violation for Publish to "t.denied"'\r\n`)
    expect(shape(await traced.trace(hpub('x', DEST, '2')))).toEqual([ingress('x'), egress('other', 'x')])
    await until('the message', () => other.messages.length > 0)
    expect(other.messages.map(({ payload }) => payload.toString())).toEqual(['2'])
  })

  test('destinations that are none, or that say no', async () => {
    const { program } = shared
    const traced = await scene(program)
    const one = await person(program, 'a', 'one')
    await one.subscribe('x 1')
    traced.publisher.client.send(
      hpub('x', { 'Nats-Trace-Dest': 'not valid' }, '1'),
      hpub('x', { 'Nats-Trace-Dest': 'not valid', 'Nats-Trace-Only': '1' }, '2'),
      hpub('x', { 'Nats-Trace-Dest': 'trace disabled' }, '3'),
      hpub('x', { ...DEST, 'Nats-Trace-Origin-Account': 'A' }, '4'),
      hpub('x', { Other: 'Nats-Trace-Dest' }, '5'),
    )
    expect(shape(await traced.trace(hpub('x', DEST, '6')))).toEqual([ingress('x'), egress('one', 'x')])
    await until('the messages', () => one.messages.length === 5)
    expect(one.messages.map(({ payload }) => payload.toString()).join('')).toBe('13456')
    expect(one.messages[2].header.toString()).toBe(
      'NATS/1.0\r\nNats-Trace-Origin-Account: A\r\nNats-Trace-Dest: trace disabled\r\n\r\n',
    )
    expect(traced.watcher.messages).toHaveLength(1)
  })

  test('echoes, and requests that nobody hears', async () => {
    const { program } = shared
    const traced = await scene(program, 'a', { echo: false, no_responders: true })
    const { client } = traced.publisher
    await traced.publisher.subscribe('e 1', 'answers.1 2')
    const error = 'Not delivered because of no echo'
    expect(shape(await traced.trace(hpub('e', DEST)))).toEqual([ingress('e'), egress('publisher', 'e', { error })])
    expect(shape(await traced.trace(hpub('none', ONLY, '', 'answers.1')))).toEqual([ingress('none')])
    await client.sync()
    expect(traced.publisher.messages.map(({ header }) => header.toString())).toEqual([
      'NATS/1.0 503\r\nNats-Subject: none\r\n\r\n',
    ])
  })

  test('a document may be compressed', async () => {
    const { program } = shared
    const { watcher, publisher } = await scene(program)
    publisher.client.send(hpub('x', { ...DEST, 'Accept-Encoding': 'gzip' }))
    const { header, payload } = await until('the trace', () => watcher.messages[0])
    expect(header.toString()).toBe('NATS/1.0\r\nContent-Encoding: gzip\r\n\r\n')
    const document = JSON.parse(gunzipSync(payload).toString()) as Document
    expect(shape(document)).toEqual([ingress('x')])
  })

  test('large messages, and many at once', async () => {
    const { program } = shared
    const traced = await scene(program)
    const receivers: Person[] = []
    for (const name of ['one', 'two', 'three', 'four']) {
      const receiver = await person(program, 'a', name)
      await receiver.subscribe('x 1')
      receivers.push(receiver)
    }
    const payload = 'z'.repeat(900_000)
    const all = receivers.map((_, i) => egress(['one', 'two', 'three', 'four'][i], 'x'))
    expect(shape(await traced.trace(hpub('x', DEST, payload)))).toHaveLength(1 + all.length)
    traced.watcher.messages.length = 0
    const batch = Array.from({ length: 200 }, (_, i) =>
      hpub('x', i % 4 === 0 ? DEST : { Some: 'other1' }, `${i}`.padEnd(4)),
    )
    traced.publisher.client.send(batch.join(''))
    await until('the traces', () => traced.watcher.messages.length === 50)
    for (const message of traced.watcher.messages) {
      expect(shape(JSON.parse(message.payload.toString()) as Document)).toHaveLength(1 + all.length)
    }
    await until('the messages', () => receivers.every(({ messages }) => messages.length === 201))
    for (const { messages } of receivers) {
      expect(messages.slice(1).map((message) => Number(message.payload.toString()))).toEqual(batch.map((_, i) => i))
      expect(messages[0].payload.length).toBe(payload.length)
    }
  })

  test('the official client traces what it publishes and asks', async () => {
    const program = await startConfigured(server, '')
    const nc = await connect({ servers: `127.0.0.1:${program.port}` })
    onTestFinished(() => nc.close())
    const traces = nc.subscribe('traces', { callback: () => undefined, max: 4 })
    const sub = nc.subscribe('foo', { callback: (_, message) => void message.respond() })
    await nc.flush()
    nc.publish('foo', undefined, { traceDestination: 'traces' })
    nc.publish('foo', undefined, { traceDestination: 'traces', traceOnly: true })
    const options = { timeout: 500, traceDestination: 'traces' }
    await nc.request('foo', undefined, options)
    await expect(nc.request('foo', undefined, { ...options, traceOnly: true })).rejects.toThrow()
    await traces.closed
    expect([traces.getReceived(), sub.getReceived()]).toEqual([4, 2])
  })

  test('an account by token says where its messages are traced', async () => {
    const operator = new TestOperator()
    const account = new TestAccount('A')
    const body = { limits: {}, trace: { dest: 'external', sampling: 100 } }
    await operator.sign(account, body)
    const program = await startConfigured(server, await operator.config())
    const { creds } = await account.user()
    const options = { servers: `127.0.0.1:${program.port}`, authenticator: credsAuthenticator(creds) }
    const nc = await connect({ ...options, name: 'publisher' })
    onTestFinished(() => nc.close())
    const documents: Document[] = []
    nc.subscribe('external', { callback: (_, message) => void documents.push(message.json<Document>()) })
    const sampled = headers()
    sampled.set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
    nc.publish('x', 'y', { headers: sampled })
    const document = await until('the trace', () => documents[0])
    expect(shape(document)).toEqual([ingress('x', { acc: account.id })])
  })
})
