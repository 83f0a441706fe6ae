// Accounts from a web server (docs/reference/configuration-blocks.md, "Operators and resolvers"): beside nats-server,
// with a web server that answers well, badly, endlessly or not at all.

import type { RequestListener } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AccountServer } from '../support/account-server.ts'
import {
  type ConfiguredServer,
  configuredServers,
  HEDDLES,
  login,
  startConfigured,
  startConfiguredFor,
  startReloadable,
} from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import type { ConnectMembers } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const bearer = async (account: TestAccount): Promise<ConnectMembers & { jwt: string }> => ({
  jwt: (await account.user({ bearer_token: true })).jwt,
})

/** A user of the account is refused. */
async function expectOut(program: ServerProgram, account: TestAccount): Promise<void> {
  await expectRefusal(program, await bearer(account))
}

async function expectRefusal(program: ServerProgram, credentials: ConnectMembers): Promise<void> {
  const client = await dial(program.port)
  await client.readInfo()
  client.send(`CONNECT ${JSON.stringify({ verbose: false, ...credentials })}\r\nPING\r\n`)
  await client.expect("-ERR 'Authorization Violation'\r\n")
}

async function configOf(operator: TestOperator, accounts: AccountServer): Promise<string> {
  // Machines of tests are slow: what is looked at is not how long a fetch takes.
  return `${await operator.config(`URL("${accounts.url}")`, false)}authorization { timeout: 30 }\n`
}

/** Two more accounts of the operator. */
async function twoAccounts(operator: TestOperator) {
  const [known, other] = [new TestAccount('KNOWN'), new TestAccount('OTHER')]
  await operator.sign(known)
  await operator.sign(other)
  return { known, other }
}

async function scene() {
  const operator = new TestOperator()
  await operator.config()
  const two = await twoAccounts(operator)
  const accounts = await AccountServer.start(operator.tokens)
  return { operator, ...two, accounts, config: await configOf(operator, accounts) }
}

async function started(server: ConfiguredServer) {
  const parts = await scene()
  return { ...parts, ...(await startReloadable(server, parts.config)) }
}

/** A server for all tests of the describe that calls this; each gets accounts that nobody has asked for yet. */
function useScene(server: ConfiguredServer) {
  const operator = new TestOperator()
  let running: { readonly accounts: AccountServer; readonly program: ServerProgram } | undefined
  beforeAll(async () => {
    await operator.config()
    const accounts = await AccountServer.serve(operator.tokens)
    running = { accounts, program: await startConfiguredFor(server, await configOf(operator, accounts)) }
  })
  afterAll(async () => {
    await running?.program.stop()
    running?.accounts.stop()
  })
  return async () => {
    if (running === undefined) throw new Error('the server is not running yet')
    return { ...running, operator, ...(await twoAccounts(operator)) }
  }
}

/** What the log says after something was done, once it says `expected`. */
async function logged(program: ServerProgram, expected: RegExp, act: () => Promise<void>): Promise<void> {
  const from = program.stderr.length
  await act()
  await until(`${expected} in the log`, () => expected.test(program.stderr.slice(from)))
}

const pour: RequestListener = (_request, response) => {
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(1 << 16, 'x')));
  }
  response.on('drain', more)
  more()
}

describe.each(configuredServers('accounts by URL'))('$name', (server) => {
  const shared = useScene(server)

  test('an account is fetched when somebody enters it, and then known', async () => {
    const { program, known, accounts } = await started(server)
    await login(program, await bearer(known))
    await login(program, await bearer(known))
    accounts.stop()
    const [a, b] = [await login(program, await bearer(known)), await login(program, await bearer(known))]
    a.send('SUB x 1\r\nPING\r\n')
    await a.expect('PONG\r\n')
    b.send('PUB x 2\r\nhi\r\n')
    await a.expect('MSG x 1 2\r\nhi\r\n')
    expect(accounts.asked[0]).toBe('')
    expect(accounts.asked.filter((key) => key === known.id).length).toBeGreaterThan(0)
  })

  const BAD: readonly (readonly [name: string, answer: RequestListener, log: RegExp])[] = [
    ['none', (_, response) => response.writeHead(404).end(), /Account fetch failed: could not fetch <".*">: 404 Not F/],
    ['an error', (_, response) => response.writeHead(500).end(), />: 500 Internal Server Error/],
    ['another good answer', (_, response) => response.writeHead(204).end(), />: 204 No Content/],
    ['the end of the connection', (request) => request.socket.destroy(), /fetch failed: .*>: Get ".*": EOF/],
    ['nothing', () => undefined, />: Get ".*": context deadline exceeded \(Client.Timeout exceeded while awaiting h/],
    [
      'the beginning of something',
      (_, response) => response.write('ey'),
      /fetch failed: context deadline exceeded \(Client.Timeout or context cancellation while reading body\)/,
    ],
    ['garbage', (_, response) => response.end('\0\r\n{}'), /Authorization|authentication/],
    ['redirections without an end', (_, response) => response.writeHead(302, { location: '/x' }).end(), /10 redirects/],
  ]
  test.each(BAD)('where the answer is %s, the user is refused and others stay', async (name, answer, log) => {
    const { program, known, other, accounts } = await shared()
    const inside = await login(program, await bearer(known))
    accounts.special.set(other.id, answer)
    if (name.startsWith('redirections')) accounts.special.set('', answer)
    await logged(program, log, () => expectOut(program, other))
    await login(program, await bearer(known))
    inside.send('PING\r\n')
    await inside.expect('PONG\r\n')
  })

  test('an account that has ended is asked for again', async () => {
    const { operator, other, accounts, program } = await shared()
    await operator.sign(other, {}, { exp: Math.floor(Date.now() / 1000) + 2 })
    const inside = await login(program, await bearer(other))
    await inside.expect("-ERR 'Account Authentication Expired'\r\n")
    await expectOut(program, other)
    await operator.sign(other)
    await until('the new token', async () => {
      const client = await dial(program.port)
      client.send(`CONNECT ${JSON.stringify({ verbose: false, ...(await bearer(other)) })}\r\nPING\r\n`)
      const [, answer] = await client.expectMatch(/^INFO [^\r]*\r\n(PONG|-ERR [^\r]*)\r\n/)
      client.socket.destroy()
      return answer === 'PONG'
    })
    expect(accounts.asked.filter((key) => key === other.id).length).toBeLessThan(30)
  })

  test('the token of another account is none', async () => {
    const { operator, program, known, other } = await shared()
    operator.tokens.set(other.id, operator.tokens.get(known.id) as string)
    await expectOut(program, other)
  })

  test('a reload does not need the web server', async () => {
    const { program, known, accounts, config, reload } = await started(server)
    const inside = await login(program, await bearer(known))
    accounts.stop()
    expect(await reload(`${config}\nping_max: 5\n`)).toContain('Reloaded server configuration')
    inside.send('PING\r\n')
    await inside.expect('PONG\r\n')
    await login(program, await bearer(known))
  })

  test.skipIf(server.name === 'nats-server')('a reload to a web server that is not there is refused', async () => {
    const { program, reload } = await startReloadable(server, 'ping_max: 5')
    const said = await reload('resolver: URL("http://127.0.0.1:1/")')
    expect(said).toMatch(/Failed to reload server configuration: could not fetch <"http:\/\/127\.0\.0\.1:1\/">/)
    expect(program.hasEnded).toBe(false)
  })

  const DOWN: readonly (readonly [name: string, url: string, text: string])[] = [
    [
      'nobody is there',
      'http://me:secret@127.0.0.1:1/x/',
      'could not fetch <"http://me:xxxxx@127.0.0.1:1/x/">: Get "http://me:***@127.0.0.1:1/x/": ' +
        'dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    [
      'it is no web server',
      'ftp://a/',
      'could not fetch <"ftp://a/">: Get "ftp://a/": unsupported protocol scheme "ftp"',
    ],
    ['it is empty', '', 'could not fetch <"/">: Get "/": unsupported protocol scheme ""'],
  ]
  test.each(DOWN)('the server does not start where %s', async (_name, url, text) => {
    const config = await new TestOperator().config(`URL("${url}")`, false)
    await expect(startConfigured(server, config)).rejects.toThrow(`nats-server: ${text}\n`)
  })

  test('nor with tokens beside the URL', async () => {
    const { operator, accounts } = await scene()
    const config = await operator.config(`URL("${accounts.url}")`)
    const text = 'resolver preloads only available for writeable resolver types MEM/DIR/CACHE_DIR'
    await expect(startConfigured(server, config)).rejects.toThrow(`nats-server: ${text}\n`)
  })

  test('TLS: the authority that is configured, and a certificate of our own', async () => {
    const authority = new Authority('Test')
    const issued = authority.issue({ subject: 'localhost', ips: ['127.0.0.1'] })
    const own = authority.issue({ subject: 'client' })
    const files = writeFiles({ ca: authority.cert, cert: own.cert, key: own.key })
    const operator = new TestOperator()
    await operator.config()
    const account = new TestAccount('A')
    await operator.sign(account)
    const accounts = await AccountServer.start(operator.tokens, {
      cert: issued.cert,
      key: issued.key,
      ca: authority.cert,
      requestCert: true,
    })
    const config = await operator.config(`URL("${accounts.url}")`, false)
    await expect(startConfigured(server, config)).rejects.toThrow('could not fetch')
    await expect(startConfigured(server, `${config}\nresolver_tls { ca_file: "${files.ca}" }`)).rejects.toThrow('fetch')
    const tls = `resolver_tls { ca_file: "${files.ca}", cert_file: "${files.cert}", key_file: "${files.key}" }`
    const program = await startConfigured(server, `${config}\n${tls}`)
    await login(program, await bearer(account))
  })

  test('the operator may name the web server', async () => {
    const operator = new TestOperator()
    const account = new TestAccount('A')
    await operator.sign(account)
    const accounts = await AccountServer.start(operator.tokens)
    const text = await operator.config('MEMORY', false, { account_server_url: accounts.url.replace('/accounts/', '') })
    const program = await startConfigured(server, text.replace('resolver: MEMORY', ''))
    await login(program, await bearer(account))
  })
})

// Where Heddle is more careful.
describe.each(HEDDLES)('$name', (server) => {
  const shared = useScene(server)

  test('no redirection leads to another server', async () => {
    const { program, operator, other, accounts } = await shared()
    const inner = await AccountServer.start(operator.tokens)
    accounts.special.set(other.id, (_, response) => {
      response.writeHead(307, { location: `${inner.url}${other.id}` }).end()
    })
    await logged(program, /redirected to another server/, () => expectOut(program, other))
    expect(inner.asked).toEqual([])
  })

  test('within the server, it does', async () => {
    const { program, known, other, accounts, operator } = await shared()
    accounts.special.set(other.id, (_, response) => response.writeHead(301, { location: './moved' }).end())
    accounts.special.set('moved', (_, response) => response.end(operator.tokens.get(other.id)))
    await login(program, await bearer(other))
    await login(program, await bearer(known))
  })

  test('an endless answer is cut off', async () => {
    const { program, other, accounts } = await shared()
    let hasEnded = false
    accounts.special.set(other.id, (request, response) => {
      response.on('close', () => {
        hasEnded = true
      })
      pour(request, response)
    })
    await logged(program, /answer is longer than 1048576 bytes/, () => expectOut(program, other))
    await until('the end of the answer', () => hasEnded)
  })

  test('a flood of users of an account that there is not is asked for once', async () => {
    const { program, accounts, known } = await shared()
    const nobody = new TestAccount('NOBODY')
    const [user, friend] = [await bearer(nobody), await bearer(known)]
    const { promise, resolve } = Promise.withResolvers<void>()
    accounts.special.set(nobody.id, (_, response) => void promise.then(() => response.writeHead(404).end()))
    const refused = Promise.all(Array.from({ length: 50 }, () => expectRefusal(program, user)))
    await until('the first request', () => accounts.asked.includes(nobody.id))
    await login(program, friend)
    resolve()
    await refused
    expect(accounts.asked.filter((key) => key === nobody.id)).toHaveLength(1)
  })

  test('a flood of accounts that there are not takes few sockets, and ends', async () => {
    const { program, accounts, known } = await started(server)
    const friend = await bearer(known)
    await login(program, friend)
    const nobodies = Array.from({ length: 100 }, (_, i) => new TestAccount(`N${i}`))
    for (const { id } of nobodies) accounts.special.set(id, () => undefined)
    const users = await Promise.all(nobodies.map(bearer))
    const refused = Promise.all(users.map((user) => expectRefusal(program, user)))
    await until('all sockets', () => accounts.busiest === 64)
    await login(program, friend)
    await refused
    expect(accounts.busiest).toBe(64)
  })
})
