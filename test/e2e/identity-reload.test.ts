// Reload of who may be there and what they may do (docs/reference/reload-and-signals.md, "Clients after a reload"):
// what becomes of those who are connected.

import { hashSync } from 'bcryptjs'
import { describe, expect, test } from 'vitest'
import { configuredServers, login, startReloadable } from '../support/configured-servers.ts'
import { dial, expectNothingMore, openInTurn, ownServer } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import { Listener, settle, Talker } from '../support/streams.ts'

const A = { user: 'a', pass: 'a' }
const B = { user: 'b', pass: 'b' }
const VIOLATION = "-ERR 'Authorization Violation'\r\n"

const user = (name: string, more = ''): string => `{ user: ${name}, password: ${name}, ${more} }`
const users = (...list: string[]): string => `authorization { users: [ ${list.join(', ')} ] }`
const accounts = (a: string, b: string): string =>
  `accounts { A { users: [ ${user('a')} ]\n${a} }\nB { users: [ ${user('b')} ]\n${b} } }`

async function subscribe(client: RawClient, ...lines: string[]): Promise<void> {
  client.send(...lines.map((line) => `SUB ${line}\r\n`))
  await client.sync()
}

describe.each(configuredServers('reload of identities'))('$name', (server) => {
  describe('those who are connected', () => {
    test('are closed without a word when their user is gone, and others stay', async () => {
      const { program, reload } = await startReloadable(server, users(user('a'), user('b')))
      const [a, b] = [await login(program, A), await login(program, B)]
      await reload(users(user('b')))
      await a.expectClose()
      await b.sync()
      const again = await dial(program.port)
      await again.readInfo()
      again.send(`CONNECT ${JSON.stringify({ ...A, verbose: false })}\r\n`)
      await again.expect(VIOLATION)
    })

    test('are told so when their password is another one', async () => {
      const { program, reload } = await startReloadable(server, users(user('a'), user('b')))
      const [a, b] = [await login(program, A), await login(program, B)]
      await reload(users('{ user: a, password: other }', user('b')))
      await a.expect(VIOLATION)
      await a.expectClose()
      await b.sync()
    })

    test('are told so when the token is another one, and stay when it is none', async () => {
      const { program, reload } = await startReloadable(server, 'authorization { token: t }')
      const client = await login(program, { auth_token: 't' })
      await reload('')
      await client.sync()
      await reload('authorization { token: u }')
      await client.expect(VIOLATION)
      await client.expectClose()
    })

    test('are turned away when it is asked who they are, unless they said it', async () => {
      const { program, reload } = await startReloadable(server, '')
      const [nobody, a] = [await login(program), await login(program, A)]
      await reload(users(user('a')))
      await nobody.expect(VIOLATION)
      await nobody.expectClose()
      await a.sync()
    })

    test('are closed without a word when their user is in another account', async () => {
      const { program, reload } = await startReloadable(server, accounts('', ''))
      const [a, b] = [await login(program, A), await login(program, B)]
      await reload(`accounts { A { users: [] }, B { users: [ ${user('a')}, ${user('b')} ] } }`)
      await a.expectClose()
      await b.sync()
    })

    test('are closed without a word when they took the part of a user who is gone', async () => {
      const { program, reload } = await startReloadable(server, `no_auth_user: a\n${users(user('a'), user('b'))}`)
      const [nobody, b] = [await login(program), await login(program, B)]
      await reload(users(user('b')))
      await nobody.expectClose()
      await b.sync()
    })

    test('by a hashed password stay as long as it is theirs', async () => {
      const hashed = (password: string): string => `{ user: h, password: '${hashSync(password, 4)}' }`
      const before = hashed('h')
      const { program, reload } = await startReloadable(server, users(user('a'), before))
      const h = await login(program, { user: 'h', pass: 'h' })
      await reload(users(user('a'), before, user('b')))
      await h.sync()
      await reload(users(user('a'), hashed('h'), user('b')))
      await h.sync()
      await reload(users(user('a'), hashed('other'), user('b')))
      await h.expect(VIOLATION)
      await h.expectClose()
    })
  })

  describe('permissions', () => {
    test('that are taken away take their subscriptions along, and those alone', async () => {
      const { program, reload } = await startReloadable(server, users(user('a'), user('b')))
      const [a, b] = [await login(program, A), await login(program, B)]
      await subscribe(a, 'ok.a 1', 'bad 2', 'no.* 3', 'q w 4', 'q z 5', 'ok.> 6')
      const log = await reload(
        users(
          user('a', 'permissions { subscribe: { allow: ["ok.>", "q w"], deny: [bad, "ok.secret"] }, publish: x }'),
          user('b'),
        ),
      )
      const lost = ['"bad" (sid "2")', '"no.*" (sid "3")', '"q" using queue "z" (sid "5")']
      for (let left = lost.length; left > 0; left--) {
        const [, what] = await a.expectMatch(/^-ERR 'Permissions Violation for Subscription to ([^']*)'\r\n/)
        expect(lost.splice(lost.indexOf(what), 1)).toEqual([what])
        expect(log).toContain(`Removed sub ${what} for User "a" - not authorized`)
      }
      a.send('PUB y 0\r\n\r\n')
      await a.expect('-ERR \'Permissions Violation for Publish to "y"\'\r\n')
      for (const subject of ['bad', 'no.x', 'ok.secret', 'ok.b']) b.send(`PUB ${subject} 0\r\n\r\n`)
      await a.expect('MSG ok.b 6 0\r\n\r\n')
      b.send('PUB q 0\r\n\r\n')
      await a.expect('MSG q 4 0\r\n\r\n')
      await reload(users(user('a'), user('b')))
      b.send('PUB ok.secret 0\r\n\r\n')
      await a.expect('MSG ok.secret 6 0\r\n\r\n')
      await subscribe(a, 'bad 7')
      b.send('PUB bad 0\r\n\r\n')
      await a.expect('MSG bad 7 0\r\n\r\n')
    })

    test('to answer come with a reload to one of several receivers', async () => {
      const asked = (more: string): string => user('a', `permissions { subscribe: req, publish: none${more} }`)
      const { program, reload } = await startReloadable(server, users(asked(''), user('b')))
      const [a, b] = [await login(program, A), await login(program, B)]
      await subscribe(a, 'req 1')
      await subscribe(b, 'req 1', 'inbox.* 2')
      // Often enough for the server to remember who is to have it.
      for (let i = 0; i < 4; i++) {
        b.send('PUB req 0\r\n\r\n')
        for (const one of [a, b]) await one.expect('MSG req 1 0\r\n\r\n')
      }
      await reload(users(asked(', allow_responses: true'), user('b')))
      b.send('PUB req inbox.1 0\r\n\r\n')
      for (const one of [a, b]) await one.expect('MSG req 1 inbox.1 0\r\n\r\n')
      a.send('PUB inbox.1 1\r\n!\r\n')
      await b.expect('MSG inbox.1 2 1\r\n!\r\n')
    })

    // nats-server forgets what was asked before.
    test.skipIf(server.name === 'nats-server')(
      'to answer are kept by those whose permissions are as they were',
      async () => {
        const responder = 'permissions { subscribe: req, allow_responses: true }'
        const { program, reload } = await startReloadable(server, users(user('a', responder), user('b')))
        const [a, b] = [await login(program, A), await login(program, B)]
        await subscribe(a, 'req 1')
        await subscribe(b, 'inbox.* 1')
        b.send('PUB req inbox.1 0\r\n\r\n')
        await a.expect('MSG req 1 inbox.1 0\r\n\r\n')
        await reload(users(user('a', responder), user('b'), user('c')))
        a.send('PUB inbox.1 1\r\n!\r\n')
        await b.expect('MSG inbox.1 1 1\r\n!\r\n')
      },
    )
  })

  describe('accounts', () => {
    test('import more or less from one reload to the next', async () => {
      const offers = 'exports: [ { stream: "s.>" }, { service: svc } ]'
      const { program, reload } = await startReloadable(server, accounts(offers, ''))
      const [a, b] = [await login(program, A), await login(program, B)]
      await subscribe(b, 's.> 1', 'here.> 2', 's.* q 3', '_INBOX.> 7')
      await subscribe(a, 'svc 9')
      a.send('PUB s.1 0\r\n\r\n')
      await expectNothingMore(b, b)
      await reload(
        accounts(
          offers,
          `imports: [ { stream: { account: A, subject: "s.>" }, to: "here.>" },
                      { service: { account: A, subject: svc }, to: ask } ]`,
        ),
      )
      a.send('PUB s.2 0\r\n\r\n')
      await b.expect('MSG here.2 2 0\r\n\r\n')
      b.send('PUB ask _INBOX.1 0\r\n\r\n')
      const [, reply] = await a.expectMatch(/^HMSG svc 9 (_R_\S+) [\s\S]*?\r\n\r\n\r\n/)
      a.send(`PUB ${reply} 1\r\n!\r\n`)
      await b.expect('MSG _INBOX.1 7 1\r\n!\r\n')
      await reload(accounts(offers, 'imports: [ { stream: { account: A, subject: "s.>" } } ]'))
      a.send('PUB s.x 0\r\n\r\n')
      const [text] = await b.expectMatch(/^(MSG s\.x [13] 0\r\n\r\n){2}/)
      expect(text).toMatch(/x 1 [\s\S]*x 3 |x 3 [\s\S]*x 1 /)
      b.send('PUB ask _INBOX.2 0\r\n\r\n')
      await a.sync()
      await reload(accounts('', ''))
      a.send('PUB s.y 0\r\n\r\n')
      await a.sync()
      await expectNothingMore(b, b)
    })

    test('map subjects by what the file says now', async () => {
      const { program, reload } = await startReloadable(server, accounts('mappings { one: two }', ''))
      const a = await login(program, A)
      await subscribe(a, '> 1')
      a.send('PUB one 0\r\n\r\n')
      await a.expect('MSG two 1 0\r\n\r\n')
      await reload(accounts('mappings { one: three }', ''))
      a.send('PUB one 0\r\n\r\n')
      await a.expect('MSG three 1 0\r\n\r\n')
      await reload(accounts('', ''))
      a.send('PUB one 0\r\n\r\n')
      await a.expect('MSG one 1 0\r\n\r\n')
    })

    test('with fewer connections allowed close those that are too many', async () => {
      const { program, reload } = await startReloadable(server, accounts('', ''))
      const all = [await login(program, A), await login(program, A), await login(program, A)]
      const b = await login(program, B)
      await reload(accounts('limits { max_connections: 2 }', ''))
      await expect.poll(() => all.filter((client) => client.isClosed).length).toBe(1)
      const closed = all.find((client) => client.isClosed) as RawClient
      await closed.expect("-ERR 'maximum account active connections exceeded'\r\n")
      for (const client of all) if (client !== closed) await client.sync()
      await b.sync()
      const fourth = await dial(program.port)
      await fourth.readInfo()
      fourth.send(`CONNECT ${JSON.stringify({ ...A, verbose: false })}\r\n`)
      await fourth.expect("-ERR 'maximum account active connections exceeded'\r\n")
      await fourth.expectClose()
    })

    test('with fewer subscriptions or smaller messages allowed hold their clients to it', async () => {
      const { program, reload } = await startReloadable(server, accounts('', ''))
      const [many, few] = [await login(program, A), await login(program, A)]
      await subscribe(many, 'a 1', 'b 2', 'c 3')
      await subscribe(few, 'a 1')
      await reload(accounts('limits { max_subscriptions: 2, max_payload: 3 }', ''))
      await many.expect("-ERR 'maximum subscriptions exceeded'\r\n")
      await many.expectClose()
      few.send('SUB b 2\r\nSUB c 3\r\n')
      await few.expect("-ERR 'maximum subscriptions exceeded'\r\n")
      few.send('PUB x 4\r\nlong\r\n')
      await few.expect("-ERR 'Maximum Payload Violation'\r\n")
    })
  })
})

test.each([1, 4])('untouched clients lose nothing while everything around them changes, %i shards', async (workers) => {
  const config = (i: number) => ({
    host: '127.0.0.1',
    port: -1,
    workers,
    accounts: {
      A: {
        users: [
          { user: 'a', password: 'a' },
          { user: `a${i}`, password: 'x' },
        ],
        exports: [{ stream: 'stream.>' }],
        mappings: { [`unused.${i % 3}`]: 'other' },
        limits: { maxPayload: 1000 + i },
      },
      B: {
        users: [{ user: 'b', password: 'b', permissions: { subscribe: ['stream.>', 'fence.>'] } }],
        imports: [
          { stream: { account: 'A', subject: 'stream.>' } },
          ...(i % 2 === 0 ? [] : [{ stream: { account: 'C', subject: `more.${i}` } }]),
        ],
      },
      C: { users: [], exports: [{ stream: 'more.>' }] },
    },
  })
  const server = await ownServer(config(0))
  const publishers = await openInTurn(server.port, workers, 4, A)
  const receivers = [
    ...(await openInTurn(server.port, workers, 4, B)),
    ...(await openInTurn(server.port, workers, 4, A)),
  ]
  const talkers = publishers.map((client) => new Talker(client))
  const listeners: Listener[] = []
  for (const [i, client] of receivers.entries()) listeners.push(await Listener.start(client, `${i}`, talkers))
  let isBusy = true
  const load = (async () => {
    while (isBusy) {
      for (const talker of talkers) talker.publish(100)
      await talkers[0].client.sync()
      await new Promise(setImmediate)
    }
  })()
  for (let i = 1; i <= 30; i++) await server.reload(config(i))
  isBusy = false
  await load
  expect(await settle(listeners, talkers)).toEqual([])
  for (const client of [...publishers, ...receivers]) expect(client.isClosed).toBe(false)
})
