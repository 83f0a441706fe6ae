// Every way to say who one is (docs/reference/authentication.md, "Ways to authenticate"), with the official client: it
// comes in, and wrong, truncated, expired or revoked material does not.

import { writeFileSync } from 'node:fs'
import { createUser } from '@nats-io/nkeys'
import {
  type Authenticator,
  AuthorizationError,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  jwtAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { hashSync } from 'bcryptjs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { configuredServers, scratchDirectory, startConfigured, startReloadable } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import type { ServerProgram } from '../support/server.ts'
import { within } from '../support/until.ts'

async function enter({ port }: ServerProgram, options: ConnectionOptions): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, ...options })
  onTestFinished(() => connection.close())
  return connection
}

/** It works: a message comes back. */
async function talk(connection: NatsConnection, subject = 'hello'): Promise<void> {
  const subscription = connection.subscribe(subject, { max: 1 })
  connection.publish(subject, 'hi')
  for await (const message of subscription) expect(message.string()).toBe('hi')
}

async function expectIn(program: ServerProgram, authenticator?: Authenticator): Promise<void> {
  await talk(await enter(program, authenticator === undefined ? {} : { authenticator }))
}

async function expectOut(program: ServerProgram, authenticator?: Authenticator): Promise<void> {
  const options = authenticator === undefined ? {} : { authenticator }
  await expect(enter(program, options)).rejects.toThrow(AuthorizationError)
}

const now = (): number => Math.floor(Date.now() / 1000)

/**
 * How a connection ends of itself. `come` connects with what holds for so many seconds; where a busy machine lets that
 * end before the connection is in, it comes again with what holds for longer.
 */
async function endOf(come: (seconds: number) => Promise<NatsConnection>): Promise<string> {
  for (const seconds of [2, 5]) {
    // A connection that is ended while the client library introduces itself may be one that it says nothing of.
    const end = await within(
      'the end',
      come(seconds).then((it) => it.closed()),
      (seconds + 3) * 1000,
    ).catch(() => undefined)
    if (end !== undefined) return String(end)
  }
  return String(await (await come(15)).closed())
}

describe.each(configuredServers('ways in'))('$name', (server) => {
  test('user and password, plain and hashed', async () => {
    const program = await startConfigured(
      server,
      `authorization { users: [ { user: a, password: plain }, { user: b, password: '${hashSync('hashed', 4)}' } ] }`,
    )
    const by = usernamePasswordAuthenticator
    await expectIn(program, by('a', 'plain'))
    await expectIn(program, by('b', 'hashed'))
    for (const [name, password] of [
      ['a', 'hashed'],
      ['a', ''],
      ['b', 'plain'],
      ['b', ''],
      ['c', 'plain'],
      ['', 'plain'],
    ]) {
      await expectOut(program, by(name, password))
    }
    await expectOut(program)
  })

  test('one user for everybody', async () => {
    const program = await startConfigured(server, 'authorization { user: a, password: secret }')
    await expectIn(program, usernamePasswordAuthenticator('a', 'secret'))
    await expectOut(program, usernamePasswordAuthenticator('a', 'other'))
    await expectOut(program, tokenAuthenticator('secret'))
    await expectOut(program)
  })

  test.each(['plain', 'hashed'])('a token, %s', async (kind) => {
    const token = kind === 'plain' ? 'tell-me' : hashSync('tell-me', 4)
    const program = await startConfigured(server, `authorization { token: '${token}' }`)
    await expectIn(program, tokenAuthenticator('tell-me'))
    await expectOut(program, tokenAuthenticator('tell-m'))
    await expectOut(program, tokenAuthenticator(''))
    await expectOut(program)
  })

  test('an nkey', async () => {
    const [key, other] = [createUser(), createUser()]
    const program = await startConfigured(server, `authorization { users: [ { nkey: ${key.getPublicKey()} } ] }`)
    await expectIn(program, nkeyAuthenticator(key.getSeed()))
    await expectOut(program, nkeyAuthenticator(other.getSeed()))
    const sign = nkeyAuthenticator(key.getSeed())
    const bent = (change: (members: Record<string, string>) => object): Authenticator => {
      return (nonce) => change(sign(nonce) as unknown as Record<string, string>) as ReturnType<Authenticator>
    }
    await expectOut(
      program,
      bent(({ nkey, sig }) => ({ nkey, sig: sig.slice(0, -4) })),
    )
    await expectOut(
      program,
      bent(({ nkey, sig }) => ({ nkey: nkey.slice(0, -1), sig })),
    )
    await expectOut(
      program,
      bent(({ nkey }) => ({ nkey })),
    )
    await expectOut(program, () => sign('another nonce'))
  })

  test('no_auth_user: who says nothing, or does not even connect', async () => {
    const program = await startConfigured(
      server,
      'no_auth_user: a\nauthorization { users: [ { user: a, password: a }, { user: b, password: b } ] }',
    )
    await expectIn(program)
    await expectIn(program, usernamePasswordAuthenticator('b', 'b'))
    await expectOut(program, usernamePasswordAuthenticator('b', 'a'))
    const raw = await dial(program.port)
    expect(await raw.readInfo()).not.toHaveProperty('auth_required')
    raw.send('SUB a 1\r\nPUB a 0\r\n\r\n')
    await raw.expect('+OK\r\n+OK\r\nMSG a 1 0\r\n\r\n')
  })

  test('no_auth_user: who has subscribed, and then connects to another account, hears nothing of the one before', async () => {
    const program = await startConfigured(
      server,
      `no_auth_user: a
      accounts { A { users: [ { user: a, password: a } ] }, B { users: [ { user: b, password: b } ] } }`,
    )
    const raw = await dial(program.port)
    await raw.readInfo()
    raw.send('SUB x 1\r\nPING\r\n')
    await raw.expect('+OK\r\nPONG\r\n')
    raw.send('CONNECT {"user":"b","pass":"b","verbose":false}\r\nSUB y 2\r\nPING\r\n')
    await raw.expect('PONG\r\n')
    for (const user of ['a', 'b']) {
      const other = await enter(program, { authenticator: usernamePasswordAuthenticator(user, user) })
      for (const subject of ['x', 'y']) other.publish(subject, `of ${user}`)
      await other.flush()
    }
    await raw.expect('MSG y 2 4\r\nof b\r\n')
    raw.send('PUB y 1\r\n!\r\n')
    await raw.expect('MSG y 2 1\r\n!\r\n')
  })

  test('users of $SYS alone: who says nothing is in $G, and users of $SYS are in $SYS', async () => {
    const program = await startConfigured(server, 'accounts { $SYS { users: [ { user: s, password: s } ] } }')
    const accountOf = async (members: object): Promise<string> => {
      const client = await dial(program.port)
      expect(await client.readInfo()).toHaveProperty('auth_required', true)
      client.send(`CONNECT ${JSON.stringify({ verbose: false, ...members })}\r\n`)
      client.send('SUB r 1\r\nPUB $SYS.REQ.USER.INFO r 0\r\n\r\n')
      return (await client.expectMatch(/"account":\s*"([^"]*)"/))[1]
    }
    expect(await accountOf({})).toBe('$G')
    expect(await accountOf({ user: 's', pass: 's' })).toBe('$SYS')
    await expectOut(program, usernamePasswordAuthenticator('s', 'wrong'))
  })

  test('an account, and nothing of another one', async () => {
    const program = await startConfigured(
      server,
      'accounts { A { users: [ { user: a, password: a } ] }, B { users: [ { user: b, password: b } ] } }',
    )
    const a = await enter(program, { authenticator: usernamePasswordAuthenticator('a', 'a') })
    const b = await enter(program, { authenticator: usernamePasswordAuthenticator('b', 'b') })
    const heard: string[] = []
    b.subscribe('>', { callback: (_, message) => void heard.push(message.subject) })
    await b.flush()
    await talk(a)
    await a.flush()
    await talk(b, 'own')
    expect(heard).toEqual(['own'])
  })

  describe('tokens of an operator', () => {
    test('a creds file, a token with its key, a bearer', async () => {
      const operator = new TestOperator()
      const account = new TestAccount('A')
      await operator.sign(account)
      const program = await startConfigured(server, await operator.config())
      const user = await account.user()
      await expectIn(program, credsAuthenticator(user.creds))
      await expectIn(program, jwtAuthenticator(user.jwt, user.seed))
      const bearer = await account.user({ bearer_token: true })
      await expectIn(program, jwtAuthenticator(bearer.jwt))
      const signing = await account.user()
      await expectOut(program, jwtAuthenticator(signing.jwt))
      await expectOut(program, jwtAuthenticator(signing.jwt, user.seed))
      await expectOut(program, jwtAuthenticator(user.jwt.slice(0, -5), user.seed))
      await expectOut(program, jwtAuthenticator(user.jwt.slice(0, 50), user.seed))
      await expectOut(program, usernamePasswordAuthenticator('a', 'a'))
      await expectOut(program)
    })

    test('of strangers, expired, not yet valid, or from elsewhere are refused', async () => {
      const operator = new TestOperator()
      const account = new TestAccount('A')
      await operator.sign(account)
      const program = await startConfigured(server, await operator.config())
      const stranger = new TestAccount('B')
      const refused = [
        await stranger.user(),
        await account.user({}, { exp: now() - 10 }),
        await account.user({}, { nbf: now() + 1000 }),
        await account.user({ src: ['192.0.2.0/24'] }),
        await account.user({ allowed_connection_types: ['WEBSOCKET'] }),
      ]
      for (const { creds } of refused) await expectOut(program, credsAuthenticator(creds))
      const allowed = await account.user({ src: ['127.0.0.0/8'], allowed_connection_types: ['STANDARD'] })
      await expectIn(program, credsAuthenticator(allowed.creds))
    })

    test('are refused when they are revoked, their account is unknown, or it has ended', async () => {
      const operator = new TestOperator()
      const [account, ended, unknown] = [new TestAccount('A'), new TestAccount('B'), new TestAccount('C')]
      const revoked = await account.user()
      await operator.sign(account, { revocations: { [revoked.key.getPublicKey()]: now() + 1 } })
      await operator.sign(ended, {}, { exp: now() - 10 })
      const program = await startConfigured(server, await operator.config())
      for (const user of [revoked, await ended.user(), await unknown.user()]) {
        await expectOut(program, credsAuthenticator(user.creds))
      }
      await expectIn(program, credsAuthenticator((await account.user()).creds))
    })

    test('hold their users to what they say', async () => {
      const operator = new TestOperator()
      const account = new TestAccount('A')
      await operator.sign(account)
      const program = await startConfigured(server, await operator.config())
      const limited = await account.user({
        pub: { allow: ['may.>'], deny: [] },
        sub: { allow: ['may.>', '_INBOX.>'], deny: ['may.not'] },
      })
      const connection = await enter(program, { authenticator: credsAuthenticator(limited.creds) })
      await talk(connection, 'may.this')
      const denied = connection.subscribe('may.not')
      await expect(denied[Symbol.asyncIterator]().next()).rejects.toThrow(/Permissions Violation for Subscription/)
    })

    test('end when they expire', async () => {
      const operator = new TestOperator()
      const account = new TestAccount('A')
      await operator.sign(account)
      const program = await startConfigured(server, await operator.config())
      const end = await endOf(async (seconds) => {
        const user = await account.user({}, { exp: now() + seconds })
        return enter(program, { authenticator: credsAuthenticator(user.creds) })
      })
      expect(end).toMatch(/User Authentication Expired/i)
    })

    test('end with their account', async () => {
      const operator = new TestOperator()
      const account = new TestAccount('A')
      const end = await endOf(async (seconds) => {
        await operator.sign(account, {}, { exp: now() + seconds })
        const program = await startConfigured(server, await operator.config())
        return enter(program, { authenticator: credsAuthenticator((await account.user()).creds) })
      })
      expect(end).toMatch(/Account Authentication Expired/i)
    })

    test('are revoked, bound otherwise, or orphaned by a reload', async () => {
      const operator = new TestOperator()
      const [account, other] = [new TestAccount('A'), new TestAccount('B')]
      await operator.sign(account)
      await operator.sign(other)
      const { program, reload } = await startReloadable(server, await operator.config())
      const [revoked, stays] = [await account.user(), await account.user()]
      const [a, b] = [
        await enter(program, { authenticator: credsAuthenticator(revoked.creds) }),
        await enter(program, { authenticator: jwtAuthenticator((await other.user({ bearer_token: true })).jwt) }),
      ]
      await operator.sign(account, { revocations: { [revoked.key.getPublicKey()]: now() + 1 } })
      await reload(await operator.config())
      expect(String(await a.closed())).toMatch(/User Authentication Revoked/i)
      await expectIn(program, credsAuthenticator(stays.creds))
      await expectOut(program, credsAuthenticator(revoked.creds))
      await talk(b)
      operator.tokens.delete(other.id)
      await reload(await operator.config())
      await b.closed()
      await expectOut(program, credsAuthenticator((await other.user()).creds))
    })

    test('import what another account exports, publicly or by an activation', async () => {
      const operator = new TestOperator()
      const [exporter, importer] = [new TestAccount('E'), new TestAccount('I')]
      await operator.sign(exporter, {
        exports: [
          { name: 'news', subject: 'news.>', type: 'stream' },
          { name: 'help', subject: 'help', type: 'service' },
          { name: 'secret', subject: 'secret.>', type: 'stream', token_req: true },
        ],
      })
      const from = { account: exporter.id }
      await operator.sign(importer, {
        imports: [
          { ...from, name: 'news', subject: 'news.>', type: 'stream', local_subject: 'from.e.>' },
          { ...from, name: 'help', subject: 'help', type: 'service', local_subject: 'ask.e' },
          { ...from, name: 'secret', subject: 'secret.>', type: 'stream' },
        ],
      })
      const program = await startConfigured(server, await operator.config())
      const e = await enter(program, { authenticator: credsAuthenticator((await exporter.user()).creds) })
      const i = await enter(program, { authenticator: credsAuthenticator((await importer.user()).creds) })
      const heard: string[] = []
      i.subscribe('>', { callback: (_, message) => void heard.push(message.subject) })
      e.subscribe('help', { callback: (_, message) => void message.respond('here') })
      await Promise.all([i.flush(), e.flush()])
      e.publish('secret.one')
      e.publish('news.two')
      await e.flush()
      expect((await i.request('ask.e', '', { timeout: 5000 })).string()).toBe('here')
      await expect.poll(() => heard).toContain('from.e.two')
      expect(heard.some((subject) => subject.startsWith('secret'))).toBe(false)
    })

    // nats-server looks at changed files of accounts that it knows when it is told by the system account only.
    const seesFiles = server.name !== 'nats-server'
    test.each(['full', 'cache'])('from accounts in a directory (%s), which changes', async (type) => {
      const operator = new TestOperator()
      const [account, later] = [new TestAccount('A'), new TestAccount('B')]
      await operator.sign(account)
      const directory = scratchDirectory()
      const config = await operator.config(`{ type: ${type}, dir: "${directory}" }`)
      const { program, reload } = await startReloadable(server, config)
      const user = await account.user()
      await expectIn(program, credsAuthenticator(user.creds))
      writeFileSync(`${directory}/${later.id}.jwt`, await operator.sign(later))
      await expectIn(program, credsAuthenticator((await later.user()).creds))
      if (!seesFiles) return
      const connection = await enter(program, { authenticator: credsAuthenticator(user.creds) })
      const revocations = { [user.key.getPublicKey()]: now() + 1 }
      writeFileSync(`${directory}/${account.id}.jwt`, await operator.sign(account, { revocations }))
      await reload(await operator.config(`{ type: ${type}, dir: "${directory}" }`, false))
      expect(String(await connection.closed())).toMatch(/User Authentication Revoked/i)
    })

    test('stand in for those who have none: default_sentinel', async () => {
      const operator = new TestOperator()
      const account = new TestAccount('A')
      await operator.sign(account)
      const sentinel = await account.user({ bearer_token: true })
      const program = await startConfigured(server, `${await operator.config()}default_sentinel: ${sentinel.jwt}\n`)
      await expectIn(program)
    })

    // The client may have written more before it reads why it is closed.
    test('have accounts with so many connections', async () => {
      const operator = new TestOperator()
      const account = new TestAccount('A')
      await operator.sign(account, { limits: { conn: 1 } })
      const program = await startConfigured(server, await operator.config())
      const user = await account.user()
      const first = await enter(program, { authenticator: credsAuthenticator(user.creds) })
      await expect(enter(program, { authenticator: credsAuthenticator(user.creds) })).rejects.toThrow(
        /maximum account active connections exceeded|EPIPE|ECONNRESET|closed/i,
      )
      await talk(first)
    })
  })
})
