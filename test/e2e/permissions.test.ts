// What users may publish, subscribe to and answer (docs/reference/authentication.md, "Permissions"), from outside.

import { describe, expect, test } from 'vitest'
import { configuredServers, login, startConfigured } from '../support/configured-servers.ts'
import { expectNothingMore } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'

const A = { user: 'a', pass: 'a' }
const FREE = { user: 'free', pass: 'free' }

const config = (permissions: string, more = ''): string => `authorization {
  ${more}
  users: [ { user: a, password: a, ${permissions} }, { user: free, password: free, permissions: { publish: ">", subscribe: ">" } } ]
}`

const noPublish = (subject: string): string => `-ERR 'Permissions Violation for Publish to "${subject}"'\r\n`
const noSubscribe = (subject: string, queue = ''): string =>
  `-ERR 'Permissions Violation for Subscription to "${subject}"${queue === '' ? '' : ` using queue "${queue}"`}'\r\n`

describe.each(configuredServers('permissions'))('$name', (server) => {
  async function pair(permissions: string, more = ''): Promise<[RawClient, RawClient, ServerProgram]> {
    const program = await startConfigured(server, config(permissions, more))
    return [await login(program, A), await login(program, FREE), program]
  }

  test('a request that nobody may have is told so, once', async () => {
    const [a, , program] = await pair('permissions: { subscribe: { allow: ">", deny: ["secret", "secret.>"] } }')
    const asking = await login(program, { ...FREE, no_responders: true })
    a.send('SUB * workers 1\r\nSUB secret.* workers 2\r\nSUB * others 3\r\nSUB * 4\r\n')
    await a.expect(noSubscribe('secret.*', 'workers'))
    await a.sync()
    asking.send('SUB reply 1\r\n')
    for (const subject of ['secret', 'secret.a']) {
      asking.send(`PUB ${subject} reply 0\r\n\r\n`)
      await asking.expectMatch(/^HMSG reply 1 \d+ \d+\r\nNATS\/1\.0 503\r\n(Nats-Subject: \S+\r\n)?\r\n\r\n/)
    }
    await expectNothingMore(asking, asking)
    await a.sync()
  })

  test('a request that some may not have and another one may is not told so', async () => {
    const [a, free, program] = await pair('permissions: { subscribe: { allow: ">", deny: ["secret"] } }')
    const asking = await login(program, { ...FREE, no_responders: true })
    a.send('SUB * workers 1\r\nSUB * 2\r\n')
    free.send('SUB secret 1\r\n')
    await a.sync()
    await free.sync()
    // Several, all with one reply subject: what shards say of one does not count for another.
    asking.send('SUB reply 1\r\n', 'PUB secret reply 0\r\n\r\nPING\r\n'.repeat(3))
    await free.expect('MSG secret 1 reply 0\r\n\r\n'.repeat(3))
    await asking.expect('PONG\r\n'.repeat(3))
    await a.sync()
    await expectNothingMore(asking, asking)
  })

  test('publishing: allowed and denied with wildcards, deny wins', async () => {
    const [a, free] = await pair(
      'permissions: { publish: { allow: ["orders.*", "logs.>"], deny: ["orders.secret", "logs.*.x"] } }',
    )
    free.send('SUB > 1\r\n')
    await free.sync()
    for (const subject of ['orders.new', 'logs.a', 'logs.a.b.c', 'logs.x']) {
      a.send(`PUB ${subject} 0\r\n\r\n`)
      await free.expect(`MSG ${subject} 1 0\r\n\r\n`)
    }
    for (const subject of ['orders.secret', 'logs.a.x', 'orders', 'orders.a.b', 'logs', 'other']) {
      a.send(`PUB ${subject} 0\r\n\r\n`)
      await a.expect(noPublish(subject))
    }
    a.send('PUB other 0\r\n\r\n'.repeat(3), 'PUB logs.a 0\r\n\r\n')
    await a.expect(noPublish('other').repeat(3))
    await free.expect('MSG logs.a 1 0\r\n\r\n')
  })

  test('subscribing: allowed and denied with wildcards', async () => {
    const [a] = await pair('permissions: { subscribe: { allow: ["orders.*", "logs.>"], deny: ["orders.secret"] } }')
    a.send('SUB orders.new 1\r\nSUB orders.* 2\r\nSUB logs.> 3\r\nSUB logs.a.* 4\r\n')
    await a.sync()
    for (const [i, subject] of ['orders.secret', 'orders.a.b', 'logs', 'other', '>', '*.new'].entries()) {
      a.send(`SUB ${subject} ${10 + i}\r\n`)
      await a.expect(noSubscribe(subject))
    }
  })

  test('what is denied inside a wildcard is not delivered', async () => {
    const [a, free] = await pair('permissions: { subscribe: { deny: ["a.secret", "b.*.secret"] } }')
    a.send('SUB a.* 1\r\nSUB b.> q 2\r\nSUB a.> 3\r\n')
    await a.sync()
    free.send('PUB a.secret 0\r\n\r\nPUB b.x.secret 0\r\n\r\nPUB a.open 0\r\n\r\n')
    const [text] = await a.expectMatch(/^(MSG a\.open [13] 0\r\n\r\n){2}/)
    expect(text).toMatch(/open 1 [\s\S]*open 3 |open 3 [\s\S]*open 1 /)
    await expectNothingMore(a, free)
  })

  test('queues: only those that are named', async () => {
    const [a] = await pair(
      'permissions: { subscribe: { allow: ["work", "work v1", "jobs team.*"], deny: ["work v9"] } }',
    )
    a.send('SUB work v1 1\r\nSUB jobs team.a 2\r\nSUB work 5\r\n')
    await a.sync()
    for (const [i, [subject, queue]] of [
      ['work', 'v2'],
      ['work', 'v9'],
      ['jobs', 'other'],
      ['jobs', 'team.a.b'],
    ].entries()) {
      a.send(`SUB ${subject} ${queue} ${10 + i}\r\n`)
      await a.expect(noSubscribe(subject, queue))
    }
    a.send('SUB jobs 20\r\n')
    await a.expect(noSubscribe('jobs'))
  })

  test('answers: as many as are allowed, to those who asked', async () => {
    const [a, free] = await pair('permissions: { subscribe: req, allow_responses: { max: 2, expires: "1m" } }')
    a.send('SUB req 1\r\n')
    await a.sync()
    free.send('SUB inbox.* 1\r\nPING\r\n')
    await free.expect('PONG\r\n')
    a.send('PUB inbox.1 0\r\n\r\n')
    await a.expect(noPublish('inbox.1'))
    free.send('PUB req inbox.1 0\r\n\r\n')
    await a.expect('MSG req 1 inbox.1 0\r\n\r\n')
    a.send('PUB inbox.1 1\r\n1\r\nPUB inbox.1 1\r\n2\r\nPUB inbox.1 1\r\n3\r\nPUB inbox.2 1\r\n4\r\n')
    await a.expect(noPublish('inbox.1') + noPublish('inbox.2'))
    await free.expect('MSG inbox.1 1 1\r\n1\r\nMSG inbox.1 1 1\r\n2\r\n')
  })

  test('answers are not allowed any more when their time is over', async () => {
    const [a, free] = await pair('permissions: { subscribe: req, allow_responses: { max: -1, expires: "1ms" } }')
    a.send('SUB req 1\r\n')
    await a.sync()
    free.send('PUB req inbox.1 0\r\n\r\n')
    await a.expect('MSG req 1 inbox.1 0\r\n\r\n')
    const endMs = performance.now() + 5
    while (performance.now() < endMs) await new Promise(setImmediate)
    a.send('PUB inbox.1 0\r\n\r\n')
    await a.expect(noPublish('inbox.1'))
  })

  test('default permissions are for those who have none of their own', async () => {
    const [a, free] = await pair('', 'default_permissions: { publish: "may.>", subscribe: "may.>" }')
    a.send('PUB other 0\r\n\r\n')
    await a.expect(noPublish('other'))
    a.send('SUB other 1\r\n')
    await a.expect(noSubscribe('other'))
    a.send('SUB may.* 1\r\nPUB may.x 0\r\n\r\n')
    await a.expect('MSG may.x 1 0\r\n\r\n')
    free.send('PUB other 0\r\n\r\n')
    await free.sync()
  })

  test('publishing is judged by the subject that a mapping makes of it', async () => {
    const program = await startConfigured(
      server,
      `mappings { old: new, back: old }\n${config('permissions: { publish: [new, back] }')}`,
    )
    const [a, free] = [await login(program, A), await login(program, FREE)]
    free.send('SUB new 1\r\n')
    await free.sync()
    a.send('PUB old 0\r\n\r\nPUB new 0\r\n\r\nPUB back 0\r\n\r\n')
    await a.expect(noPublish('old'))
    await free.expect('MSG new 1 0\r\n\r\n'.repeat(2))
  })
})
