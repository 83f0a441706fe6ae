// The services of the system account (docs/reference/system-account.md, "Services"), over the official client, beside
// nats-server.

import { gunzipSync } from 'node:zlib'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { configuredServers, startConfigured, startReloadable, useConfigured } from '../support/configured-servers.ts'
import { ask, askEncoded, loginAs, SYSTEM_CONFIG, serverId } from '../support/system-users.ts'
import { until } from '../support/until.ts'

const SERVER = { name: 'loom', tags: ['site:north', 'kind:test'], jetstream: false, flags: 0 }

const PAGES: readonly (readonly [name: string, data: object])[] = [
  ['VARZ', { server_name: 'loom', system_account: 'SYS', connections: 2, tags: SERVER.tags }],
  ['SUBSZ', { total: 0, offset: 0, limit: 1024 }],
  ['CONNZ', { num_connections: 2, total: 2 }],
  ['ROUTEZ', { num_routes: 0, routes: [] }],
  ['GATEWAYZ', { outbound_gateways: {}, inbound_gateways: {} }],
  ['LEAFZ', { leafnodes: 0, leafs: [] }],
  ['ACCOUNTZ', { system_account: 'SYS' }],
  ['JSZ', { disabled: true, streams: 0 }],
  ['HEALTHZ', { status: 'ok', status_code: 200 }],
  ['PROFILEZ', { profile: null, error: 'Profile name not specified' }],
  ['EXPVARZ', {}],
  ['IPQUEUESZ', {}],
  ['RAFTZ', {}],
]

/** Whether a list has exactly these members, in any order. */
function isListOf(...members: readonly string[]): (list: readonly string[]) => boolean {
  return (list) => list.toSorted().join() === members.toSorted().join()
}

describe.each(configuredServers('the services of the system account'))('$name', (server) => {
  const shared = useConfigured(server, SYSTEM_CONFIG)

  test('every page answers, to a ping and by the id of the server', async () => {
    const { program } = shared
    const sys = await loginAs(program, 'sys')
    await loginAs(program, 'a')
    const id = await serverId(sys)
    for (const [name, data] of PAGES) {
      for (const whom of ['PING', id]) {
        const answer = await ask(sys, `$SYS.REQ.SERVER.${whom}.${name}`)
        expect(answer, name).toMatchObject({ server: { ...SERVER, id }, data })
        expect(Object.keys(answer), name).toEqual(['server', 'data'])
      }
    }
    for (const subject of ['PING', 'PING.STATSZ', `${id}.STATSZ`]) {
      const statsz = { connections: 2, active_accounts: 2, active_servers: 1, slow_consumers: 0 }
      expect(await ask(sys, `$SYS.REQ.SERVER.${subject}`)).toMatchObject({ server: SERVER, statsz })
    }
    await expect(ask(sys, '$SYS.REQ.SERVER.NOBODY.VARZ')).rejects.toThrow(/no responders/i)
    await expect(ask(sys, '$SYS.REQ.SERVER.PING.VARZ.MORE')).rejects.toThrow(/no responders/i)
  })

  test('messages of a server are numbered, and say when', async () => {
    const { program } = shared
    const sys = await loginAs(program, 'sys')
    const numbers: number[] = []
    for (let i = 0; i < 3; i++) {
      const { seq, time } = (await ask(sys, '$SYS.REQ.SERVER.PING.HEALTHZ'))['server'] as { seq: number; time: string }
      numbers.push(seq)
      expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(5000)
    }
    expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers)
  })

  test('only servers that the filter means answer', async () => {
    const { program } = shared
    const sys = await loginAs(program, 'sys')
    const answered: unknown[] = []
    const inbox = 'answers'
    sys.subscribe(inbox, { callback: (_error, message) => void answered.push(message.json()) })
    const silent = [
      { server_name: 'other' },
      { server_name: 'loo', exact_match: true },
      { host: '10.0.0.1' },
      { cluster: 'c' },
      { domain: 'd' },
      { tags: ['site:north', 'kind:other'] },
    ]
    for (const filter of silent) sys.publish('$SYS.REQ.SERVER.PING.HEALTHZ', JSON.stringify(filter), { reply: inbox })
    const heard = [{ server_name: 'loo' }, { host: '127.0.0', tags: ['kind:test'] }, { SERVER_NAME: 'loom' }]
    for (const filter of heard) expect(await ask(sys, '$SYS.REQ.SERVER.PING.HEALTHZ', filter)).toHaveProperty('data')
    await sys.flush()
    expect(answered).toEqual([])
  })

  test('options are read as in Go, and refused in its words', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const sys = await loginAs(program, 'sys')
    await loginAs(program, 'a')
    const connz = '$SYS.REQ.SERVER.PING.CONNZ'
    expect(await ask(sys, connz, { LIMIT: 1, auth: true, user: 'a', whatever: 1 })).toMatchObject({
      data: { num_connections: 1, limit: 1, connections: [{ authorized_user: 'a', account: 'A' }] },
    })
    expect(await ask(sys, connz, 'null')).toMatchObject({ data: { total: 2 } })
    expect(await ask(sys, connz, { subscriptions_detail: true, acc: 'SYS' })).toMatchObject({
      data: { connections: [{ subscriptions_list_detail: [{ sid: '1' }] }] },
    })
    expect(await ask(sys, connz, { state: 1 })).toMatchObject({ data: { connections: [] } })
    const into = 'json: cannot unmarshal'
    const field = 'Go struct field ConnzEventOptions'
    const refused: readonly (readonly [body: unknown, code: number, description: string])[] = [
      ['garbage', 400, "invalid character 'g' looking for beginning of value"],
      ['{"limit":1', 400, 'unexpected end of JSON input'],
      [[1], 400, `${into} array into Go value of type server.ConnzEventOptions`],
      ['5', 400, `${into} number into Go value of type server.ConnzEventOptions`],
      [{ limit: 'x' }, 400, `${into} string into ${field}.ConnzOptions.limit of type int`],
      [{ auth: 1 }, 400, `${into} number into ${field}.ConnzOptions.auth of type bool`],
      [{ tags: 'x' }, 400, `${into} string into ${field}.EventFilterOptions.tags of type []string`],
      [{ cid: -1 }, 400, `${into} number -1 into ${field}.ConnzOptions.cid of type uint64`],
      [{ sort: 'zz' }, 500, 'invalid sorting option: zz'],
      [{ sort: 'stop' }, 500, 'sort by stop only valid on closed connections'],
      [{ filter_subject: 'x' }, 500, 'filter by subject only valid with account filtering'],
    ]
    for (const [body, code, description] of refused) {
      expect(await ask(sys, connz, body)).toMatchObject({ server: SERVER, error: { code, description } })
    }
  })

  test('connections are found by what they subscribe to', async () => {
    const { program } = shared
    const sys = await loginAs(program, 'sys')
    const [a, other] = [await loginAs(program, 'a'), await loginAs(program, 'a')]
    a.subscribe('orders.*')
    other.subscribe('news')
    await Promise.all([a.flush(), other.flush()])
    const found = await ask(sys, '$SYS.REQ.SERVER.PING.CONNZ', { acc: 'A', filter_subject: 'orders.new' })
    expect(found).toMatchObject({ data: { num_connections: 1, connections: [{ cid: a.info?.client_id }] } })
  })

  test('answers are compressed for those who accept it', async () => {
    const { program } = shared
    const sys = await loginAs(program, 'sys')
    const subject = '$SYS.REQ.SERVER.PING.VARZ'
    const zipped = await askEncoded(sys, subject, 'gzip')
    expect(zipped.headers?.get('Content-Encoding')).toBe('gzip')
    expect(JSON.parse(gunzipSync(zipped.data).toString())).toMatchObject({ data: { server_name: 'loom' } })
    const framed = await askEncoded(sys, subject, 's2, gzip')
    expect(framed.headers?.get('Content-Encoding')).toBe('snappy')
    expect(Buffer.from(framed.data.subarray(0, 10)).toString('latin1')).toBe('\xff\x06\x00\x00sNaPpY')
    const plain = await askEncoded(sys, subject, 'br')
    expect(plain.headers?.get('Content-Encoding')).toBe('identity')
    expect(plain.json()).toHaveProperty('data')
  })

  test('requests that are traced are answered as well', async () => {
    const { program } = shared
    for (const [user, subject] of [
      ['sys', '$SYS.REQ.SERVER.PING.VARZ'],
      ['a', '$SYS.REQ.USER.INFO'],
      ['a', '$SYS.REQ.ACCOUNT.PING.CONNZ'],
    ]) {
      const connection = await loginAs(program, user)
      const wanted = headers()
      wanted.set('Nats-Trace-Dest', 'traces')
      const answer = await connection.request(subject, '', { timeout: 5000, headers: wanted })
      expect(answer.json(), subject).toHaveProperty('data')
    }
  })

  test('accounts are asked about by name', async () => {
    const { program } = shared
    const sys = await loginAs(program, 'sys')
    const a = await loginAs(program, 'a')
    a.subscribe('orders.*')
    await a.flush()
    const about = (account: string, what: string, body: unknown = '') =>
      ask(sys, `$SYS.REQ.ACCOUNT.${account}.${what}`, body)
    expect(await about('A', 'CONNZ')).toMatchObject({ data: { total: 1 } })
    const { data } = await about('A', 'SUBSZ')
    const { subscriptions_list: list } = data as { readonly subscriptions_list: readonly object[] }
    expect(list).toContainEqual(expect.objectContaining({ account: 'A', subject: 'orders.*' }))
    expect(await about('A', 'INFO')).toMatchObject({ data: { account_name: 'A', client_connections: 1 } })
    expect((await about('SYS', 'INFO'))['data']).toMatchObject({ account_name: 'SYS', is_system: true })
    expect(await about('A', 'STATZ')).toMatchObject({ data: { account_statz: [{ acc: 'A', conns: 1 }] } })
    expect(await about('A', 'CONNS')).toMatchObject({
      type: 'io.nats.server.advisory.v1.account_connections',
      acc: 'A',
      conns: 1,
    })
    expect(await about('A', 'LEAFZ')).toMatchObject({ data: { leafnodes: 0 } })
    expect(await about('A', 'JSZ')).toMatchObject({ error: { code: 500, description: 'jetstream not enabled' } })
    expect(await about('X', 'INFO')).toMatchObject({ error: { code: 500, description: 'Account X does not exist' } })
    expect(await about('X', 'CONNZ')).toMatchObject({ data: { server_id: '', connections: null } })
    const all = (await about('PING', 'STATZ'))['data'] as { readonly account_statz: readonly { acc: string }[] }
    expect(all.account_statz.map(({ acc }) => acc).toSorted()).toEqual(['A', 'SYS'])
    expect(await about('PING', 'STATZ', { accounts: ['B'], include_unused: true })).toMatchObject({
      data: { account_statz: [{ acc: 'B', conns: 0 }] },
    })
  })

  test('subscribers of a subject are counted', async () => {
    const { program } = shared
    const sys = await loginAs(program, 'sys')
    for (let i = 0; i < 3; i++) {
      const a = await loginAs(program, 'a')
      a.subscribe('orders.*', { queue: 'q' })
      a.subscribe('orders.new')
      a.subscribe('news')
      await a.flush()
    }
    const count = async (subject: string, body: string) => (await sys.request(subject, body)).string()
    const nsubs = (members: object) => count('$SYS.REQ.ACCOUNT.NSUBS', JSON.stringify({ acc: 'A', ...members }))
    expect(await nsubs({ subject: 'orders.new' })).toBe('6')
    expect(await nsubs({ subject: 'orders.>' })).toBe('6')
    expect(await nsubs({ subject: 'orders.new', queue: Buffer.from('q').toString('base64') })).toBe('3')
    expect(await nsubs({ subject: 'nothing' })).toBe('0')
    sys.subscribe('mine')
    await sys.flush()
    expect(await count('$SYS.DEBUG.SUBSCRIBERS', 'mine')).toBe('1')
    expect(await count('$SYS.DEBUG.SUBSCRIBERS', 'mine q')).toBe('0')
  })

  describe('an ordinary account', () => {
    test('may ask about itself, and nothing else', async () => {
      const { program } = shared
      const [a, b] = [await loginAs(program, 'a'), await loginAs(program, 'b')]
      for (const subject of ['$SYS.REQ.ACCOUNT.PING.CONNZ', '$SYS.REQ.SERVER.PING.CONNZ']) {
        for (const body of ['', { acc: 'B', account: 'B' }]) {
          const answer = await ask(a, subject, body)
          expect(answer).toMatchObject({ data: { total: 1, connections: [{ cid: a.info?.client_id }] } })
        }
      }
      expect(await ask(b, '$SYS.REQ.ACCOUNT.PING.STATZ')).toMatchObject({ data: { account_statz: [{ acc: 'B' }] } })
      const id = a.info?.server_id
      const others = [
        'SERVER.PING',
        'SERVER.PING.VARZ',
        `SERVER.${id}.RELOAD`,
        `SERVER.${id}.KICK`,
        'ACCOUNT.A.CONNZ',
        'ACCOUNT.B.INFO',
        'ACCOUNT.NSUBS',
        'USER.B.INFO',
      ]
      for (const subject of others) await expect(ask(a, `$SYS.REQ.${subject}`)).rejects.toThrow(/no responders/i)
      await expect(ask(a, '$SYS.DEBUG.SUBSCRIBERS', '>')).rejects.toThrow(/no responders/i)
    })

    test('learns who its user is and what that may do', async () => {
      const { program } = shared
      const info = '$SYS.REQ.USER.INFO'
      for (const [user, account] of [
        ['a', 'A'],
        ['b', 'B'],
        ['sys', 'SYS'],
      ]) {
        const { data } = await ask(await loginAs(program, user), info)
        expect(data).toEqual({ user, account, account_name: account })
      }
      const few = await loginAs(program, 'few')
      const { context } = few as NatsConnection & { context(): Promise<unknown> }
      expect(await context.call(few)).toMatchObject({ data: { user: 'few', account: 'A' } })
      const { data } = await ask(few, info)
      expect(data).toEqual({
        user: 'few',
        account: 'A',
        account_name: 'A',
        permissions: {
          // nats-server's lists are in any order.
          publish: { allow: expect.toSatisfy(isListOf('x.>', info)) },
          subscribe: { allow: expect.toSatisfy(isListOf('_INBOX.>', 'y')), deny: ['z'] },
          responses: { max: 2, ttl: 3_000_000_000 },
        },
      })
    })
  })

  describe('orders', () => {
    test('KICK closes a connection', async () => {
      const program = await startConfigured(server, SYSTEM_CONFIG)
      const sys = await loginAs(program, 'sys')
      const a = await loginAs(program, 'a')
      const kick = `$SYS.REQ.SERVER.${await serverId(sys)}.KICK`
      const cid = a.info?.client_id
      expect(Object.keys(await ask(sys, kick, { cid }))).toEqual(['server'])
      await a.closed()
      const { data } = await ask(sys, '$SYS.REQ.SERVER.PING.CONNZ', { state: 1 })
      expect(data).toMatchObject({ connections: [{ cid, reason: 'Kicked' }] })
      // Without a reply subject nothing happens.
      sys.publish(kick, JSON.stringify({ cid: sys.info?.client_id }))
      const error = { code: 500, description: 'no such client or leafnode id' }
      expect(await ask(sys, kick, { cid: 999 })).toMatchObject({ error })
    })

    test('LDM tells one client to go elsewhere', async () => {
      const { program } = shared
      const sys = await loginAs(program, 'sys')
      const [a, other] = [await loginAs(program, 'a'), await loginAs(program, 'a')]
      const told: string[] = []
      const listen = async (name: string, statuses: AsyncIterable<{ readonly type: string }>): Promise<void> => {
        for await (const { type } of statuses) if (type === 'ldm') told.push(name)
      }
      void listen('a', a.status())
      void listen('other', other.status())
      const ldm = `$SYS.REQ.SERVER.${await serverId(sys)}.LDM`
      expect(Object.keys(await ask(sys, ldm, { cid: a.info?.client_id }))).toEqual(['server'])
      await until('the client to know', () => told.length > 0)
      await other.flush()
      expect(told).toEqual(['a'])
      expect(await ask(sys, ldm, { cid: 999 })).toMatchObject({ error: { description: 'no such client id' } })
    })

    test('RELOAD reads the configuration again, or says what is wrong with it', async () => {
      const { program, write } = await startReloadable(server, SYSTEM_CONFIG)
      const sys = await loginAs(program, 'sys')
      const reload = `$SYS.REQ.SERVER.${await serverId(sys)}.RELOAD`
      write(SYSTEM_CONFIG.replace('user: b,', 'user: new,'))
      expect(Object.keys(await ask(sys, reload))).toEqual(['server'])
      await loginAs(program, 'new')
      write('port: nonsense')
      expect(await ask(sys, reload)).toMatchObject({ error: { code: 500 } })
      await loginAs(program, 'new')
    })
  })

  test('there is nobody where there is no system account', async () => {
    const program = await startConfigured(server, 'no_system_account: true')
    const nobody = await loginAs(program, '', {})
    await expect(ask(nobody, '$SYS.REQ.USER.INFO')).rejects.toThrow(/no responders/i)
  })
})
