// Accounts, imports and exports, mappings: what clients of one configuration see of each other.

import { describe, expect, test } from 'vitest'
import { configuredServers, login, startConfigured } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

/** Two accounts with a user each, `a` and `b`; what stands between the braces of each is given. */
function accounts(a: string, b: string, more = ''): string {
  return `
    accounts {
      A { users: [ { user: a, password: a } ]
          ${a} }
      B { users: [ { user: b, password: b } ]
          ${b} }
      ${more}
    }`
}

const A = { user: 'a', pass: 'a' }
const B = { user: 'b', pass: 'b' }

async function subscribe(client: RawClient, ...lines: string[]): Promise<void> {
  client.send(...lines.map((line) => `SUB ${line}\r\n`))
  await client.sync()
}

describe.each(configuredServers('accounts'))('$name', (server) => {
  test('nothing published in one account is seen in another', async () => {
    const program = await startConfigured(server, accounts('', ''))
    const [a, a2, b] = [await login(program, A), await login(program, A), await login(program, B)]
    await subscribe(a, '> 1')
    await subscribe(b, '> 2')
    a2.send('PUB foo 1\r\na\r\n')
    await a.expect('MSG foo 1 1\r\na\r\n')
    b.send('PUB bar 1\r\nb\r\n')
    await b.expect('MSG bar 2 1\r\nb\r\n')
    await a.sync()
  })

  test('INFO after the first PONG says whose account it is, and if it is the system account', async () => {
    const program = await startConfigured(server, `${accounts('', '')}\nsystem_account: B`)
    for (const [user, members] of [
      [A, { remote_account: 'A' }],
      [B, { remote_account: 'B', acc_is_sys: true }],
    ] as const) {
      const client = await dial(program.port)
      const first = await client.readInfo()
      client.send(`CONNECT ${JSON.stringify({ verbose: false, protocol: 1, ...user })}\r\nPING\r\n`)
      await client.expect('PONG\r\n')
      expect(await client.readInfo()).toEqual({ ...first, connect_info: true, ...members })
    }
  })

  describe('stream imports', () => {
    test('come under their own subject, a prefix, or another one', async () => {
      const program = await startConfigured(
        server,
        accounts(
          'exports: [ { stream: "plain.>" }, { stream: "pre.*" }, { stream: "to.*.*" } ]',
          `imports: [ { stream: { account: A, subject: "plain.>" } },
                      { stream: { account: A, subject: "pre.*" }, prefix: "from.a" },
                      { stream: { account: A, subject: "to.*.*" }, to: "got.$2.$1" } ]`,
        ),
      )
      const [a, b] = [await login(program, A), await login(program, B)]
      await subscribe(b, 'plain.x 1', 'from.a.pre.* 2', 'got.> 3', 'got.*.p 4')
      a.send('PUB plain.x 1\r\n1\r\n')
      await b.expect('MSG plain.x 1 1\r\n1\r\n')
      a.send('PUB pre.y reply 1\r\n2\r\n')
      await b.expect('MSG from.a.pre.y 2 reply 1\r\n2\r\n')
      a.send('PUB to.p.q 1\r\n3\r\n')
      const [text] = await b.expectMatch(/^(MSG got\.q\.p [34] 1\r\n3\r\n){2}/)
      expect(text.match(/ [34] /g)?.sort()).toEqual([' 3 ', ' 4 '])
      a.send('PUB to.z.q 1\r\n4\r\n')
      await b.expect('MSG got.q.z 3 1\r\n4\r\n')
      // The importer publishes to itself only.
      b.send('PUB plain.x 1\r\n5\r\n')
      await b.expect('MSG plain.x 1 1\r\n5\r\n')
      await subscribe(a, '> 9')
      b.send('PUB plain.x 1\r\n6\r\n')
      await b.expect('MSG plain.x 1 1\r\n6\r\n')
      await a.sync()
    })

    // nats-server does not count what comes by an import.
    test.skipIf(server.name === 'nats-server')('end with their subscription, and count for its maximum', async () => {
      const program = await startConfigured(
        server,
        accounts('exports: [ { stream: "s" } ]', 'imports: [ { stream: { account: A, subject: "s" } } ]'),
      )
      const [a, b] = [await login(program, A), await login(program, B)]
      await subscribe(b, 's 1', 's 2')
      b.send('UNSUB 1 2\r\n')
      await b.sync()
      for (const text of ['1', '2', '3']) {
        a.send(`PUB s 1\r\n${text}\r\n`)
        const both = text !== '3'
        await b.expectMatch(both ? /^(MSG s [12] 1\r\n\d\r\n){2}/ : /^MSG s 2 1\r\n3\r\n/)
      }
      b.send('UNSUB 2\r\n')
      await b.sync()
      a.send('PUB s 1\r\n4\r\n')
      await a.sync()
      await b.sync()
    })

    test('one member of a queue group gets each message', async () => {
      const program = await startConfigured(
        server,
        accounts('exports: [ { stream: "s.*" } ]', 'imports: [ { stream: { account: A, subject: "s.*" } } ]'),
      )
      const a = await login(program, A)
      const members = [await login(program, B), await login(program, B), await login(program, B)]
      let got = 0
      for (const member of members) {
        await subscribe(member, 's.* workers 1')
        member.onMessage = () => got++
      }
      a.send('PUB s.x 1\r\n1\r\n'.repeat(300))
      await a.sync()
      const watcher = await login(program, B)
      await subscribe(watcher, 's.end 1')
      a.send('PUB s.end 0\r\n\r\n')
      await watcher.expect('MSG s.end 1 0\r\n\r\n')
      await expect.poll(() => got).toBe(301)
    })

    test('private ones are for those who are named', async () => {
      const program = await startConfigured(
        server,
        accounts(
          'exports: [ { stream: "s", accounts: [B] } ]',
          'imports: [ { stream: { account: A, subject: "s" } } ]',
          'C { users: [ { user: c, password: c } ] }',
        ),
      )
      const [a, b, c] = [
        await login(program, A),
        await login(program, B),
        await login(program, { user: 'c', pass: 'c' }),
      ]
      await subscribe(c, '> 1')
      await subscribe(b, 's 1')
      a.send('PUB s 1\r\n1\r\n')
      await b.expect('MSG s 1 1\r\n1\r\n')
      await c.sync()
    })
  })

  describe('service imports', () => {
    const config = accounts(
      'exports: [ { service: "svc.*" } ]',
      `imports: [ { service: { account: A, subject: "svc.*" }, to: "ask.*" } ]`,
    )

    test('a request goes over, its answer comes back', async () => {
      const program = await startConfigured(server, config)
      const [responder, requester] = [await login(program, A), await login(program, B)]
      await subscribe(responder, 'svc.> 1')
      await subscribe(requester, '_INBOX.> 7')
      for (const n of [1, 2, 3]) {
        requester.send(`PUB ask.time _INBOX.${n} 1\r\n?\r\n`)
        const [, reply] = await responder.expectMatch(
          /^HMSG svc\.time 1 (_R_\.\S+) \d+ \d+\r\nNATS\/1\.0\r\nNats-Request-Info: \{"acc":"B","rtt":\d+\}\r\n\r\n\?\r\n/,
        )
        responder.send(`PUB ${reply} 1\r\n${n}\r\n`)
        await requester.expect(`MSG _INBOX.${n} 7 1\r\n${n}\r\n`)
        // Only one answer is taken.
        responder.send(`PUB ${reply} 1\r\n!\r\n`)
        await responder.sync()
      }
      await requester.sync()
    })

    test('a request that nobody hears is told so', async () => {
      const program = await startConfigured(server, config)
      const requester = await login(program, { ...B, no_responders: true })
      await subscribe(requester, '_INBOX.> 7')
      requester.send('PUB ask.time _INBOX.1 1\r\n?\r\n')
      await requester.expectMatch(/^HMSG _INBOX\.1 7 \d+ \d+\r\nNATS\/1\.0 503\r\n(Nats-Subject: \S+\r\n)?\r\n\r\n/)
    })

    test('a queue group of responders shares the requests', async () => {
      const program = await startConfigured(server, config)
      const requester = await login(program, B)
      await subscribe(requester, '_INBOX.> 7')
      const got = [0, 0]
      for (const i of [0, 1]) {
        const responder = await login(program, A)
        await subscribe(responder, 'svc.* workers 1')
        responder.onMessage = (message) => {
          got[i]++
          responder.send(`PUB ${message.reply} 2\r\nok\r\n`)
        }
      }
      for (let n = 0; n < 40; n++) {
        requester.send(`PUB ask.x _INBOX.${n} 0\r\n\r\n`)
        await requester.expect(`MSG _INBOX.${n} 7 2\r\nok\r\n`)
      }
      expect(got[0] + got[1]).toBe(40)
      expect(Math.min(...got)).toBeGreaterThan(0)
    })

    test('a stream of answers comes back whole', async () => {
      const program = await startConfigured(
        server,
        accounts(
          'exports: [ { service: "svc", response: stream } ]',
          'imports: [ { service: { account: A, subject: "svc" } } ]',
        ),
      )
      const [responder, requester] = [await login(program, A), await login(program, B)]
      await subscribe(responder, 'svc 1')
      await subscribe(requester, '_INBOX.> 7')
      requester.send('PUB svc _INBOX.1 0\r\n\r\n')
      const [, reply] = await responder.expectMatch(/^HMSG svc 1 (_R_\.\S+) [\s\S]*?\r\n\r\n\r\n/)
      for (const n of [1, 2, 3]) responder.send(`PUB ${reply} 1\r\n${n}\r\n`)
      for (const n of [1, 2, 3]) await requester.expect(`MSG _INBOX.1 7 1\r\n${n}\r\n`)
    })

    test('nobody says of itself that it is somebody else', async () => {
      const program = await startConfigured(server, config)
      const [responder, requester] = [await login(program, A), await login(program, B)]
      await subscribe(responder, 'svc.> 1')
      const request = 'NATS/1.0\r\nA: 1\r\nNats-Request-Info: {"acc":"C"}\r\nB: 2\r\n\r\n'
      requester.send(`HPUB ask.time r ${request.length} ${request.length + 1}\r\n${request}?\r\n`)
      await responder.expectMatch(
        /^HMSG svc\.time 1 _R_\.\S+ \d+ \d+\r\nNATS\/1\.0\r\nA: 1\r\nB: 2\r\nNats-Request-Info: \{"acc":"B","rtt":\d+\}\r\n\r\n\?\r\n/,
      )
    })

    test('a service may rest on another one', async () => {
      const program = await startConfigured(
        server,
        accounts(
          'exports: [ { service: "c.svc" } ]',
          `imports: [ { service: { account: A, subject: "c.svc" }, to: "b.svc" } ], exports: [ { service: "b.svc" } ]`,
          `C { users: [ { user: c, password: c } ],
               imports: [ { service: { account: B, subject: "b.svc" }, to: "ask" } ] }`,
        ),
      )
      const [responder, requester] = [await login(program, A), await login(program, { user: 'c', pass: 'c' })]
      await subscribe(responder, 'c.svc 1')
      await subscribe(requester, '_INBOX.> 7')
      requester.send('PUB ask _INBOX.1 1\r\n?\r\n')
      const [, reply] = await responder.expectMatch(
        /^HMSG c\.svc 1 (_R_\.\S+) \d+ \d+\r\nNATS\/1\.0\r\nNats-Request-Info: \{"acc":"C","svc":"B","rtt":\d+\}\r\n\r\n\?\r\n/,
      )
      responder.send(`PUB ${reply} 1\r\n!\r\n`)
      await requester.expect('MSG _INBOX.1 7 1\r\n!\r\n')
    })
  })

  test('requests and answers of a service reach nobody who imports a stream', async () => {
    const program = await startConfigured(
      server,
      accounts(
        'exports: [ { service: "b.a" }, { stream: "b.>" } ], mappings { "b.a": "b.mapped" }',
        `imports: [ { service: { account: A, subject: "b.a" } } ], exports: [ { stream: "reply.>" } ]
         mappings { "reply.1": "reply.mapped" }`,
        `C { users: [ { user: c, password: c } ]
             imports: [ { stream: { account: A, subject: "b.>" } }, { stream: { account: B, subject: "reply.>" } } ] }`,
      ),
    )
    const [a, b] = [await login(program, A), await login(program, { ...B, no_responders: true })]
    const c = await login(program, { user: 'c', pass: 'c' })
    await subscribe(c, 'b.> 1', 'b.> workers 2', 'reply.> 3')
    const seen: string[] = []
    c.onMessage = ({ subject, sid }) => seen.push(`${sid} ${subject}`)
    await subscribe(b, 'reply.> 1')
    const request = 'PUB b.a reply.1 6\r\nsecret\r\n'
    b.send(request)
    await b.expectMatch(/^HMSG reply\.1 1 \d+ \d+\r\nNATS\/1\.0 503\r\n(Nats-Subject: \S+\r\n)?\r\n\r\n/)
    await subscribe(a, 'b.> workers 1')
    b.send(request)
    const [, reply] = await a.expectMatch(/^HMSG b\.mapped 1 (_R_\.\S+) [\s\S]*?\r\n\r\nsecret\r\n/)
    // The answer can be answered, back in the account that it came from.
    await subscribe(a, 'back 2')
    a.send(`PUB ${reply} back 6\r\nsecret\r\n`)
    const [, back] = await b.expectMatch(/^MSG reply\.mapped 1 (_R_\.\S+) 6\r\nsecret\r\n/)
    b.send(`PUB ${back} 1\r\n!\r\n`)
    await a.expect('MSG back 2 1\r\n!\r\n')
    a.send('PUB b.end 0\r\n\r\n')
    await until('a message of the stream', () => seen.includes('1 b.end'))
    expect(seen.filter((one) => !one.endsWith('b.end'))).toEqual([])
  })

  describe('mappings', () => {
    const mapped = (mappings: string): string =>
      `accounts { A { users: [ { user: a, password: a } ], mappings: { ${mappings} } } }`

    test('a subject becomes another one', async () => {
      const program = await startConfigured(
        server,
        mapped('"orders.*.*": "shard.{{partition(3,1)}}.$2.$1", "old": "new", "tail.>": "other.>"'),
      )
      const [a, watcher] = [await login(program, A), await login(program, A)]
      await subscribe(watcher, '> 1')
      a.send('PUB orders.x.y r 1\r\n1\r\n')
      await watcher.expectMatch(/^MSG shard\.[012]\.y\.x 1 r 1\r\n1\r\n/)
      a.send('PUB old 1\r\n2\r\nPUB old 1\r\n3\r\n')
      await watcher.expect('MSG new 1 1\r\n2\r\nMSG new 1 1\r\n3\r\n')
      a.send('HPUB tail.a.b 12 13\r\nNATS/1.0\r\n\r\n4\r\n')
      await watcher.expect('HMSG other.a.b 1 12 13\r\nNATS/1.0\r\n\r\n4\r\n')
      a.send('PUB untouched 1\r\n5\r\n')
      await watcher.expect('MSG untouched 1 1\r\n5\r\n')
    })

    test('a part of the messages goes another way, or is lost', async () => {
      const program = await startConfigured(
        server,
        mapped(`half: [ { destination: other, weight: "50%" } ],
                lossy: [ { destination: lossy, weight: "50%" } ]`),
      )
      const [a, watcher] = [await login(program, A), await login(program, A)]
      const got = new Map<string, number>()
      await subscribe(watcher, '* 1')
      watcher.onMessage = ({ subject }) => got.set(subject, (got.get(subject) ?? 0) + 1)
      a.send('PUB half 1\r\n1\r\n'.repeat(400), 'PUB lossy 1\r\n1\r\n'.repeat(400), 'PUB end 0\r\n\r\n')
      await expect.poll(() => got.get('end')).toBe(1)
      expect((got.get('half') ?? 0) + (got.get('other') ?? 0)).toBe(400)
      for (const subject of ['half', 'other', 'lossy']) {
        expect(got.get(subject), subject).toBeGreaterThan(100)
        expect(got.get(subject), subject).toBeLessThan(300)
      }
    })
  })
})
