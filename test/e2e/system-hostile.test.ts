// What peers may do to the services of the system account, and shards that die while they are used: nothing of it costs
// the server more than it gives, and nobody reaches what is not theirs.

import { connect, type NatsConnection } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SYSTEM_REQUESTS_ACCOUNT_MAX, SYSTEM_REQUESTS_MAX } from '../../src/base/constants.ts'
import type { Primary } from '../../src/primary/primary.ts'
import { HEDDLES, login, startConfigured } from '../support/configured-servers.ts'
import { ownPrimary } from '../support/harness.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { FAULTY_ENTRY, hostOf, kill, untilReplaced } from '../support/shards.ts'
import {
  type Answer,
  ask,
  askEncoded,
  Listener,
  loginAs,
  PASSWORD,
  SYSTEM_CONFIG,
  serverId,
} from '../support/system-users.ts'
import { until } from '../support/until.ts'

const SYS = { user: 'sys', pass: PASSWORD }
const A = { user: 'a', pass: PASSWORD }

async function isAlive(sys: NatsConnection): Promise<boolean> {
  return 'data' in (await ask(sys, '$SYS.REQ.SERVER.PING.HEALTHZ'))
}

describe.each(HEDDLES)('$name', (server) => {
  test('bodies of any kind are answered or passed over', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const sys = await loginAs(program, 'sys')
    const id = await serverId(sys)
    const random = new Random(chooseSeed('hostile bodies'))
    const bodies = [
      '{"__proto__":{"limit":1},"constructor":1,"toString":"x"}',
      `${'['.repeat(30_000)}`,
      `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
      '{"limit":1e999,"offset":-1e999}',
      '{"limit":9007199254740993}',
      '{"offset":9007199254740991,"limit":9007199254740991}',
      '\u0000\uffff',
      ...Array.from({ length: 20 }, () => String.fromCharCode(...Array.from({ length: 200 }, () => random.below(256)))),
    ]
    const names = ['CONNZ', 'SUBSZ', 'ACCOUNTZ', 'VARZ', 'STATSZ', 'HEALTHZ', 'JSZ', 'PROFILEZ', 'RAFTZ']
    for (const body of bodies) {
      await Promise.all(names.map((name) => ask(sys, `$SYS.REQ.SERVER.PING.${name}`, body)))
      for (const order of ['KICK', 'LDM']) {
        expect(await ask(sys, `$SYS.REQ.SERVER.${id}.${order}`, body)).toHaveProperty('error')
      }
    }
    expect(await isAlive(sys)).toBe(true)
  })

  test('a body of a megabyte is refused without being read', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const sys = await loginAs(program, 'sys')
    const error = { code: 400, description: 'request is too large' }
    const body = ' '.repeat(1024 * 1024)
    for (let i = 0; i < 20; i++) expect(await ask(sys, '$SYS.REQ.SERVER.PING.CONNZ', body)).toMatchObject({ error })
    expect(await isAlive(sys)).toBe(true)
  })

  test('a header of a megabyte is read in one pass', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const sys = await loginAs(program, 'sys')
    const blanks = `a${' '.repeat(900_000)}b`
    const { data } = (await askEncoded(sys, '$SYS.REQ.SERVER.PING.HEALTHZ', blanks)).json<Answer>()
    expect(data).toMatchObject({ status: 'ok' })
  })

  test('a flood of requests is bounded, and all that is asked is answered or refused', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const sys = await loginAs(program, 'sys')
    const count = 4 * SYSTEM_REQUESTS_MAX
    let answered = 0
    let refused = 0
    sys.subscribe('answers', {
      callback: (_error, message) => {
        const { error } = message.json<{ readonly error?: { readonly code: number } }>()
        if (error === undefined) answered++
        else if (error.code === 503) refused++
      },
    })
    await sys.flush()
    for (let i = 0; i < count; i++) sys.publish('$SYS.REQ.SERVER.PING.VARZ', '', { reply: 'answers' })
    await until('all answers', () => answered + refused === count)
    expect(answered).toBeGreaterThanOrEqual(SYSTEM_REQUESTS_MAX)
    expect(await isAlive(sys)).toBe(true)
  })

  test('an ordinary account does not crowd out the operators', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const [sys, a] = [await loginAs(program, 'sys'), await loginAs(program, 'a')]
    let answered = 0
    let refused = 0
    a.subscribe('answers', {
      callback: (_error, message) => {
        if ('data' in message.json<Answer>()) answered++
        else refused++
      },
    })
    for (let i = 0; i < 500; i++) a.publish('$SYS.REQ.ACCOUNT.PING.CONNZ', '', { reply: 'answers' })
    expect(await isAlive(sys)).toBe(true)
    await until('all answers', () => answered + refused === 500)
    expect(answered).toBeGreaterThanOrEqual(SYSTEM_REQUESTS_ACCOUNT_MAX)
  })

  test('answers that go to services are no requests', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const sys = await loginAs(program, 'sys')
    const id = await serverId(sys)
    const listener = await Listener.start(sys, '$SYS.REQ.>')
    const subjects = ['SERVER.PING.VARZ', 'SERVER.PING', `SERVER.${id}.RELOAD`, 'USER.INFO', 'ACCOUNT.SYS.CONNZ']
    for (const reply of subjects) sys.publish('$SYS.REQ.SERVER.PING.HEALTHZ', '{}', { reply: `$SYS.REQ.${reply}` })
    await until('an answer to each', () => listener.heard.length === 2 * subjects.length)
    expect(await isAlive(sys)).toBe(true)
    // The answers, and what has been asked: nothing came of the answers themselves.
    expect(listener.heard.filter(({ subject }) => !subject.endsWith('HEALTHZ'))).toHaveLength(subjects.length)
    expect(program.stderr).not.toContain('Reloaded')
  })

  test('an ordinary account neither hears of the system account nor speaks in it', async () => {
    const program = await startConfigured(server, SYSTEM_CONFIG)
    const [sys, b] = [await loginAs(program, 'sys'), await loginAs(program, 'b')]
    const id = await serverId(sys)
    const [above, below] = [await Listener.start(sys, '$SYS.SERVER.*.SHUTDOWN'), await Listener.start(b, '>')]
    const a = await login(program, A)
    a.send(`PUB $SYS.SERVER.${id}.SHUTDOWN 2\r\n{}\r\nPUB $SYS.ACCOUNT.B.CONNECT 2\r\n{}\r\n`)
    const kick = JSON.stringify({ cid: sys.info?.client_id })
    a.send(`PUB $SYS.REQ.SERVER.${id}.KICK ${kick.length}\r\n${kick}\r\n`)
    await a.sync()
    await a.close()
    // An answer that an ordinary user has sent into the system account's own inboxes goes to its own account.
    b.publish('$SYS._INBOX.x', '{}')
    await b.flush()
    await until('its own message', () => below.heard.length === 1)
    await isAlive(sys)
    expect(above.heard).toEqual([])
    expect(below.heard.map(({ subject }) => subject)).toEqual(['$SYS._INBOX.x'])
  })

  test('one who asks for long pages and does not read is cut off, and no one else', async () => {
    const program = await startConfigured(server, `max_pending: 2MB\nmax_payload: 64KB\n${SYSTEM_CONFIG}`)
    const sys = await loginAs(program, 'sys')
    const many = await Promise.all(Array.from({ length: 40 }, () => loginAs(program, 'a')))
    const deaf = await login(program, SYS)
    deaf.send('SUB answers 1\r\n')
    await deaf.sync()
    deaf.socket.pause()
    const body = '{"subscriptions_detail":true,"auth":true}'
    const ping = `PUB $SYS.REQ.SERVER.PING.CONNZ answers ${body.length}\r\n${body}\r\n`
    let isCut = false
    for (let i = 0; i < 400 && !isCut; i++) {
      deaf.send(ping.repeat(8))
      const { data } = await ask(sys, '$SYS.REQ.SERVER.PING.CONNZ', { state: 1 })
      const { connections } = data as { readonly connections: readonly Answer[] }
      isCut = connections.some(({ reason }) => String(reason).startsWith('Slow Consumer'))
    }
    expect(isCut).toBe(true)
    for (const one of many) await one.flush()
  })
})

describe('a shard dies while services are used', () => {
  const accounts = {
    SYS: { users: [{ user: 'sys', password: PASSWORD }] },
    A: { users: [{ user: 'a', password: PASSWORD }] },
  }

  async function start(workers: number): Promise<Primary> {
    return ownPrimary({ workers, accounts, systemAccount: 'SYS' }, FAULTY_ENTRY)
  }

  const loginHere = async ({ port }: Primary, user: string): Promise<NatsConnection> => {
    const servers = `127.0.0.1:${port}`
    const connection = await connect({ servers, user, pass: PASSWORD, reconnectTimeWait: 20, maxReconnectAttempts: -1 })
    onTestFinished(() => connection.close())
    return connection
  }

  test.each([1, 3])('%i shards: requests are answered again at once, and each by one', async (workers) => {
    const primary = await start(workers)
    const people = await Promise.all(Array.from({ length: 6 }, () => loginHere(primary, 'sys')))
    const asker = people[0]
    for (let shard = 0; shard < workers; shard++) {
      const host = hostOf(primary, shard)
      // Some of them are under way when it dies, and are not answered any more.
      for (const one of people) ask(one, '$SYS.REQ.SERVER.PING.CONNZ').catch(() => undefined)
      await kill(primary, shard, 'throw')
      await untilReplaced(primary, shard, host)
      await until('an answer', async () => {
        const answer = await ask(asker, '$SYS.REQ.SERVER.PING.CONNZ').catch(() => undefined)
        return answer !== undefined && 'data' in answer
      })
      let count = 0
      const inbox = `answers.${shard}`
      asker.subscribe(inbox, { callback: () => void count++ })
      asker.publish('$SYS.REQ.SERVER.PING.VARZ', '', { reply: inbox })
      await asker.flush()
      expect(await ask(asker, '$SYS.REQ.SERVER.PING.HEALTHZ')).toHaveProperty('data')
      await until('its answer', () => count > 0)
      expect(count).toBe(1)
    }
  })
})
