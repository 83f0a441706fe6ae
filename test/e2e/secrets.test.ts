// Secrets are nowhere to be seen (docs/reference/reliability.md, "Secrets"): one is planted wherever a server is told
// one, and everything that comes out of it is looked through.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createUser } from '@nats-io/nkeys'
import { hashSync } from 'bcryptjs'
import { expect, test } from 'vitest'
import { HEDDLES, scratchDirectory, startReloadable } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import { monitorPage } from '../support/monitor-page.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import type { ConnectMembers } from '../support/raw-client.ts'
import { runCommand, type ServerProgram } from '../support/server.ts'

const PAGES = ['/', '/varz', '/connz?auth=1&subs=detail&state=all', '/subsz?subs=1', '/accountz?acc=A', '/healthz']

/** Texts of which no part may come out; the names say where they were planted. */
class Secrets {
  private readonly all = new Map<string, string>()

  plant(where: string): string {
    const marker = `planted-${this.all.size}-${Math.random().toString(36).slice(2)}`
    this.all.set(where, marker)
    return marker
  }

  keep(where: string, secret: string): string {
    this.all.set(where, secret)
    return secret
  }

  expectNoneIn(text: string, what: string): void {
    for (const [where, secret] of this.all) expect(text.includes(secret), `${where} in ${what}`).toBe(false)
  }
}

/** Says this and reads whatever is answered until the connection ends or a PONG comes. */
async function say(program: ServerProgram, members: ConnectMembers & Record<string, unknown>): Promise<string> {
  const client = await dial(program.port)
  await client.readInfo()
  client.send(`CONNECT ${JSON.stringify({ verbose: false, ...members })}\r\nPING\r\n`)
  const [text] = await client.expectMatch(/^(?:PONG|-ERR [^\r]*)\r\n/)
  return text
}

/** Says something that is not right, and reads what comes until the connection is closed. */
async function blurt(program: ServerProgram, text: string): Promise<string> {
  const client = await dial(program.port)
  await client.readInfo()
  client.send(text)
  return (await client.readToClose()).toString()
}

/** Everything that can be seen of a server from outside. */
async function seen(program: ServerProgram): Promise<[string, string][]> {
  const [, port] = await program.until(/Starting http monitor on \S*:(\d+)/)
  const pages: [string, string][] = []
  for (const page of PAGES) {
    const { text } = await monitorPage(Number(port), page)
    pages.push([page, text])
  }
  const { pid } = program.child
  return [
    ...pages,
    ['the log', program.stderr + program.stdout],
    ['argv', readFileSync(`/proc/${pid}/cmdline`, 'utf8')],
  ]
}

test.each(HEDDLES)('of users and tokens by configuration: $name', async (server) => {
  const secrets = new Secrets()
  const [plain, hashed, wrong, changed] = ['a password', 'a hashed password', 'a wrong password', 'a new password'].map(
    (where) => secrets.plant(where),
  )
  const hash = secrets.keep('a hash', hashSync(hashed, 4))
  const text = (password: string) => `
    debug: true, trace: true, http: "127.0.0.1:-1"
    accounts { A { users: [ { user: a, password: ${password} }, { user: h, password: '${hash}' } ] } }`
  const { program, reload } = await startReloadable(server, text(plain))
  const answers = [
    await say(program, { user: 'a', pass: plain }),
    await say(program, { user: 'h', pass: hashed }),
    await say(program, { user: 'a', pass: wrong }),
    await say(program, { user: 'nobody', pass: wrong, auth_token: secrets.plant('a token') }),
    await say(program, { nkey: createUser().getPublicKey(), sig: secrets.plant('a signature') }),
    await say(program, { jwt: secrets.plant('a JWT') }),
    await blurt(program, `CONNECT {"user":"a","pass":"${wrong}"\r\n`),
    await blurt(program, `CONNECT {"user":{"pass":"${wrong}"}}\r\n`),
    await blurt(program, `CONNECT: {"pass":"${wrong}"}\r\n`),
    await blurt(program, `CONNECT {"pass":"${wrong}${'x'.repeat(5000)}"}\r\n`),
  ]
  await reload(text(changed))
  await reload(`${text(changed)}\nport: 1`)
  for (const [what, output] of await seen(program)) secrets.expectNoneIn(output, what)
  secrets.expectNoneIn(answers.join('\n'), 'an answer')
})

test.each(HEDDLES)('of a token for everybody, and of flags: $name', async (server) => {
  const secrets = new Secrets()
  const [token, password] = [secrets.plant('the token'), secrets.plant('the password')]
  const monitor = 'debug: true, trace: true, http: "127.0.0.1:-1"\n'
  const { program, reload } = await startReloadable(server, `${monitor}authorization { token: ${token} }`)
  await say(program, { auth_token: token })
  await say(program, { auth_token: secrets.plant('a wrong token') })
  await reload(`${monitor}authorization { user: a, password: ${password} }`)
  await say(program, { user: 'a', pass: password })
  for (const [what, output] of await seen(program)) secrets.expectNoneIn(output, what)
})

test.each(HEDDLES)('of tokens and keys in operator mode: $name', async (server) => {
  const secrets = new Secrets()
  const operator = new TestOperator()
  const account = new TestAccount('A')
  await operator.sign(account)
  const [user, bearer, sentinel] = [
    await account.user(),
    await account.user({ bearer_token: true }),
    await account.user({ bearer_token: true }),
  ]
  secrets.keep('a bearer token', bearer.jwt)
  secrets.keep('the sentinel', sentinel.jwt)
  secrets.keep('a seed', new TextDecoder().decode(user.seed))
  const text = `debug: true, trace: true, http: "127.0.0.1:-1"\n${await operator.config()}default_sentinel: ${sentinel.jwt}\n`
  const { program, reload } = await startReloadable(server, text)
  expect(await say(program, { jwt: bearer.jwt })).toBe('PONG\r\n')
  expect(await say(program, {})).toBe('PONG\r\n')
  await say(program, { jwt: bearer.jwt.slice(0, -3) })
  await reload(`${text}port: 1`)
  for (const [what, output] of await seen(program)) secrets.expectNoneIn(output, what)
})

test('of a file that is wrong, of what explains a configuration, and of refused options', async () => {
  const secrets = new Secrets()
  const file = join(scratchDirectory(), 'server.conf')
  const password = secrets.plant('a password')
  const texts = [
    `authorization { users: [ { user: a, password: ${password} }, { user: a, password: ${password} } ] }`,
    `authorization { user: a, password: ${password}, token: ${secrets.plant('a token')} }`,
    `accounts { A { users: [ { user: a, password: ${password}, nkey: x } ] } }`,
    `authorization { user: a, password: ${password} }`,
  ]
  for (const text of texts) {
    writeFileSync(file, text)
    for (const flag of ['-t', '--explain-config']) {
      const program = runCommand(['-c', file, flag])
      await program.exit()
      secrets.expectNoneIn(program.stdout + program.stderr, `${flag} of ${text.slice(0, 20)}`)
    }
  }
})
