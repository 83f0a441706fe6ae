// What the system account is told without asking (docs/reference/system-account.md): the same scene on Heddle and
// nats-server, and events of the same shape, in the same order of members.

import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { configuredServers, HEDDLES, startConfigured } from '../support/configured-servers.ts'
import { type Json, shapeOf } from '../support/json-shape.ts'
import { TestAccount, TestOperator, type TokenUser } from '../support/operator.ts'
import { missing, peers } from '../support/peers.ts'
import { startNatsServer } from '../support/server.ts'
import { type Answer, ask, Listener, loginAs, PASSWORD, SYSTEM_CONFIG, serverId } from '../support/system-users.ts'

const TYPE = 'io.nats.server.advisory.v1'
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)

const isOf =
  (subject: string, client?: number) =>
  (one: string, event: Answer): boolean =>
    one === subject && (client === undefined || (event['client'] as { readonly id: number }).id === client)

describe.each(configuredServers('the events of the system account'))('$name', (server) => {
  test('a connection comes and goes', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const listener = await Listener.start(await loginAs(program, 'sys'), '$SYS.ACCOUNT.>')
    const a = await loginAs(program, 'a', { name: 'weaver' })
    const id = a.info?.client_id ?? 0
    const event = await listener.next('the connect', isOf('$SYS.ACCOUNT.A.CONNECT', id))
    expect(event).toMatchObject({
      type: `${TYPE}.client_connect`,
      id: expect.stringMatching(/^[0-9A-Za-z]{22}$/),
      timestamp: TIME,
      server: { name: 'loom' },
      client: { start: TIME, host: '127.0.0.1', acc: 'A', user: 'a', name: 'weaver', name_tag: 'A', kind: 'Client' },
    })
    a.publish('x', 'four')
    a.publish('x')
    await a.flush()
    await a.close()
    const end = await listener.next('the disconnect', isOf('$SYS.ACCOUNT.A.DISCONNECT', id))
    expect(end).toMatchObject({
      type: `${TYPE}.client_disconnect`,
      client: { start: TIME, stop: TIME, rtt: expect.any(Number), acc: 'A', user: 'a', client_type: 'nats' },
      sent: { msgs: 2, bytes: 4 },
      received: { msgs: 0, bytes: 0 },
      reason: 'Client Closed',
    })
  })

  test('the connections of an account are told under both subjects', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const listener = await Listener.start(await loginAs(program, 'sys'), '$SYS.>')
    const a = await loginAs(program, 'a')
    const subjects = ['$SYS.SERVER.ACCOUNT.A.CONNS', '$SYS.ACCOUNT.A.SERVER.CONNS']
    const told = (conns: number) =>
      Promise.all(
        subjects.map((subject) =>
          listener.next(`${conns} on ${subject}`, (one, event) => one === subject && event['conns'] === conns),
        ),
      )
    const [older, newer] = await told(1)
    expect(older).toMatchObject({ type: `${TYPE}.account_connections`, acc: 'A', total_conns: 1, leafnodes: 0 })
    expect(older['id']).toBe(newer['id'])
    await a.close()
    await told(0)
  })

  test('those who are turned away are told of, without their secrets', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const sys = await loginAs(program, 'sys')
    const listener = await Listener.start(sys, '$SYS.>')
    const subject = `$SYS.SERVER.${sys.info?.server_id}.CLIENT.AUTH.ERR`
    await expect(loginAs(program, 'a', { pass: 'hunter2' })).rejects.toThrow(/authorization/i)
    const event = await listener.next('the event', isOf(subject))
    expect(event).toMatchObject({
      type: `${TYPE}.client_disconnect`,
      client: { user: 'a', acc: '$G', stop: TIME },
      reason: 'Authentication Failure',
    })
    await expect(loginAs(program, '', { token: 'hunter2' })).rejects.toThrow(/authorization/i)
    await listener.next(
      'the second',
      (one, { client }) => one === subject && JSON.stringify(client).includes('REDACTED'),
    )
    expect(JSON.stringify(listener.heard)).not.toContain('hunter2')
  })

  test('an account hears of those who were turned away at its door', async () => {
    const config = `authorization { users: [ { user: g, password: ${PASSWORD} } ] }\n${SYSTEM_CONFIG}`
    const program = await startConfigured(server, config)
    const listener = await Listener.start(await loginAs(program, 'g'), '$SYS.>')
    await expect(loginAs(program, 'g', { pass: 'wrong' })).rejects.toThrow(/authorization/i)
    const event = await listener.next('the event', isOf('$SYS.ACCOUNT.CLIENT.AUTH.ERR'))
    expect(event).toMatchObject({ client: { user: 'g', acc: '$G' }, reason: 'Authentication Failure' })
    expect(listener.heard).toHaveLength(1)
  })

  test('tokens tell of their names, tags and signers', async () => {
    const operator = new TestOperator()
    const account = new TestAccount('SHOP')
    await operator.sign(account)
    const program = await startConfigured(server, await operator.config())
    const enter = async (user: TokenUser): Promise<NatsConnection> => {
      const authenticator = credsAuthenticator(user.creds)
      const connection = await connect({ servers: `127.0.0.1:${program.port}`, authenticator, reconnect: false })
      onTestFinished(() => connection.close())
      return connection
    }
    const sys = await enter(await operator.system.user())
    const listener = await Listener.start(sys, '$SYS.ACCOUNT.>')
    const user = await account.user({ tags: ['kind:test'] } as never)
    const alice = await enter(user)
    const event = await listener.next('the connect', isOf(`$SYS.ACCOUNT.${account.id}.CONNECT`))
    expect(event).toMatchObject({
      client: {
        acc: account.id,
        user: user.key.getPublicKey(),
        jwt: user.jwt,
        issuer_key: account.id,
        name_tag: 'SHOP',
        tags: ['kind:test'],
      },
    })
    expect(await ask(alice, '$SYS.REQ.USER.INFO')).toMatchObject({
      data: { user: user.key.getPublicKey(), account: account.id, account_name: 'SHOP', user_name: 'alice' },
    })
    const about = (what: string, body: object = {}) => ask(sys, `$SYS.REQ.ACCOUNT.${account.id}.${what}`, body)
    expect(await about('CONNS')).toMatchObject({ acc: account.id, name: 'SHOP', conns: 1 })
    expect(await about('INFO')).toMatchObject({ data: { account_name: account.id, name_tag: 'SHOP' } })
    const shown = { authorized_user: user.key.getPublicKey(), account: account.id, name_tag: 'SHOP' }
    expect(await about('CONNZ', { auth: true })).toMatchObject({ data: { connections: [shown] } })
  })

  test('the numbers of the server come by themselves, and when asked for without a reply', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const sys = await loginAs(program, 'sys')
    const listener = await Listener.start(sys, '$SYS.SERVER.*.STATSZ')
    const isStats = (_: string, { statsz }: Answer): boolean => statsz !== undefined
    const event = await listener.next('the numbers', isStats)
    expect(event).toMatchObject({ server: { name: 'loom' }, statsz: { active_servers: 1, connections: 1 } })
    const before = listener.heard.length
    sys.publish('$SYS.REQ.SERVER.PING.STATSZ')
    await listener.next('more numbers', () => listener.heard.length > before)
  })

  test.each([
    ['SIGTERM', 'SHUTDOWN'],
    ['SIGUSR2', 'LAMEDUCK'],
  ] as const)('its end is told: %s', async (signal, word) => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const listeners: Listener[] = []
    // Enough for one on each shard.
    for (let i = 0; i < 4; i++) listeners.push(await Listener.start(await loginAs(program, 'sys'), '$SYS.SERVER.*.*'))
    const id = await serverId(await loginAs(program, 'sys'))
    program.child.kill(signal)
    // nats-server 2.15.3 closes connections at SIGTERM before all of them were sent the event.
    if (server.name === 'nats-server' && signal === 'SIGTERM') return
    for (const listener of listeners) {
      const event = await listener.next(word, isOf(`$SYS.SERVER.${id}.${word}`))
      expect(event).toMatchObject({ name: 'loom', id, seq: expect.any(Number) })
    }
  })
})

describe.skipIf(missing('natsServer', 'events beside nats-server'))('beside nats-server', () => {
  /** Events of one scene, by their kind. */
  async function scene(port: number): Promise<Map<string, Answer>> {
    const sys = await loginAs({ port }, 'sys')
    const listener = await Listener.start(sys, '$SYS.>')
    const a = await loginAs({ port }, 'a', { name: 'weaver' })
    const id = a.info?.client_id ?? 0
    await a.request('$SYS.REQ.USER.INFO')
    await a.close()
    await loginAs({ port }, 'a', { pass: 'wrong' }).catch(() => undefined)
    const error = `$SYS.SERVER.${sys.info?.server_id}.CLIENT.AUTH.ERR`
    const numbers = `$SYS.SERVER.${sys.info?.server_id}.STATSZ`
    return new Map([
      ['connect', await listener.next('the connect', isOf('$SYS.ACCOUNT.A.CONNECT', id))],
      ['disconnect', await listener.next('the disconnect', isOf('$SYS.ACCOUNT.A.DISCONNECT', id))],
      ['connections', await listener.next('the connections', isOf('$SYS.ACCOUNT.A.SERVER.CONNS'))],
      ['refusal', await listener.next('the refusal', isOf(error))],
      ['numbers', await listener.next('the numbers', isOf(numbers))],
      ['a page', await ask(sys, '$SYS.REQ.SERVER.PING.CONNZ', { auth: true })],
      ['an account', await ask(sys, '$SYS.REQ.ACCOUNT.A.INFO')],
      ['traffic', await ask(sys, '$SYS.REQ.ACCOUNT.PING.STATZ', { include_unused: true })],
      ['an error', await ask(sys, '$SYS.REQ.ACCOUNT.X.INFO')],
    ])
  }

  /** Switches of JetStream, which we have not. */
  const THEIRS = /^\.server\.feature_flags/

  test.each(HEDDLES)('$name: the same members in the same order', async (heddle) => {
    const ours = await startConfigured(heddle, SYSTEM_CONFIG)
    const theirs = await startConfigured(
      { name: 'nats-server', start: (args) => startNatsServer(peers.natsServer as string, args) },
      SYSTEM_CONFIG,
    )
    const [our, their] = [await scene(ours.port), await scene(theirs.port)]
    for (const [kind, event] of our) {
      const expected = [...shapeOf(their.get(kind) as Json)].filter((member) => !THEIRS.test(member))
      expect([...shapeOf(event as Json)], kind).toEqual(expected)
    }
  })
})
