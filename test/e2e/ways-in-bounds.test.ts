// Bounds on ways in (docs/reference/authentication.md): by which connection, when, how quickly, past which proxy, with
// whose scope; beside nats-server.

import { encodeUser, fmtCreds, newScopedSigner } from '@nats-io/jwt'
import { wsconnect } from '@nats-io/nats-core'
import { createAccount, createUser, type KeyPair } from '@nats-io/nkeys'
import {
  type Authenticator,
  AuthorizationError,
  connect,
  credsAuthenticator,
  jwtAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { configuredServers, startConfigured, startReloadable } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'

const WEBSOCKET = 'websocket { listen: "127.0.0.1:-1", no_tls: true }\n'
const by = usernamePasswordAuthenticator

async function enter({ port }: ServerProgram, authenticator: Authenticator): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, authenticator })
  onTestFinished(() => connection.close())
  return connection
}

async function enterByWebSocket(program: ServerProgram, authenticator: Authenticator): Promise<NatsConnection> {
  const [, port] = await program.until(/Listening for websocket clients on ws:\/\/127\.0\.0\.1:(\d+)/)
  const connection = await wsconnect({ servers: `ws://127.0.0.1:${port}`, reconnect: false, authenticator })
  onTestFinished(() => connection.close())
  return connection
}

const expectOut = (entering: Promise<NatsConnection>) => expect(entering).rejects.toThrow(AuthorizationError)
const seconds = (): number => Math.floor(Date.now() / 1000)

/** Says CONNECT with the signature of a proxy, or without one; answers the first line. */
async function pastProxy(program: ServerProgram, user: string, proxy: KeyPair | undefined): Promise<string> {
  const client = await dial(program.port)
  const { nonce } = await client.readInfo()
  const signature = proxy && Buffer.from(proxy.sign(Buffer.from(String(nonce)))).toString('base64url')
  client.send(`CONNECT ${JSON.stringify({ verbose: false, user, pass: 'p', proxy_sig: signature })}\r\nPING\r\n`)
  return (await client.expectMatch(/^([^\r]*)\r\n/))[1]
}

describe.each(configuredServers('bounds on ways in'))('$name', (server) => {
  test('kinds of connections, for users of the configuration and of tokens', async () => {
    const program = await startConfigured(
      server,
      `${WEBSOCKET}authorization { users: [
         { user: tcp, password: p, allowed_connection_types: [STANDARD] }
         { user: ws, password: p, allowed_connection_types: ["websocket"] }
         { user: both, password: p, allowed_connection_types: [STANDARD, WEBSOCKET] }
         { user: mqtt, password: p, allowed_connection_types: [MQTT] } ] }`,
    )
    await enter(program, by('tcp', 'p'))
    await enter(program, by('both', 'p'))
    for (const user of ['ws', 'mqtt']) await expectOut(enter(program, by(user, 'p')))
    await enterByWebSocket(program, by('ws', 'p'))
    await enterByWebSocket(program, by('both', 'p'))
    for (const user of ['tcp', 'mqtt']) await expectOut(enterByWebSocket(program, by(user, 'p')))
  })

  test('kinds of connections, for users of tokens', async () => {
    const operator = new TestOperator()
    const account = new TestAccount('A')
    await operator.sign(account)
    const program = await startConfigured(server, WEBSOCKET + (await operator.config()))
    const tcp = await account.user({ allowed_connection_types: ['STANDARD'] })
    const ws = await account.user({ allowed_connection_types: ['WEBSOCKET'] })
    await enter(program, credsAuthenticator(tcp.creds))
    await expectOut(enter(program, credsAuthenticator(ws.creds)))
    await enterByWebSocket(program, jwtAuthenticator(ws.jwt, ws.seed))
    await expectOut(enterByWebSocket(program, jwtAuthenticator(tcp.jwt, tcp.seed)))
  })

  test('hours: outside nobody comes in, and at their end who is in goes', async () => {
    const operator = new TestOperator()
    const account = new TestAccount('A')
    await operator.sign(account)
    const program = await startConfigured(server, await operator.config())
    const at = (fromNow: number): string => new Date(Date.now() + fromNow * 1000).toISOString().slice(11, 19)
    const hours = (start: number, end: number) =>
      account.user({ times: [{ start: at(start), end: at(end) }], times_location: 'UTC' } as never)
    await expectOut(enter(program, credsAuthenticator((await hours(-7200, -3600)).creds)))
    await expectOut(enter(program, credsAuthenticator((await hours(3600, 7200)).creds)))
    const connection = await enter(program, credsAuthenticator((await hours(-3600, 4)).creds))
    const before = performance.now()
    expect(String(await connection.closed())).toMatch(/User Authentication Expired/i)
    expect(performance.now() - before).toBeLessThan(10_000)
  })

  test.each(['0.4', '"400ms"'])('time to say who one is: %s', async (timeout) => {
    const program = await startConfigured(
      server,
      `authorization { timeout: ${timeout}, users: [ { user: u, password: p } ] }`,
    )
    const before = performance.now()
    const client = await dial(program.port)
    await client.readInfo()
    await client.expect("-ERR 'Authentication Timeout'\r\n")
    const took = performance.now() - before
    expect(took).toBeGreaterThan(300)
    expect(took).toBeLessThan(1900)
  })

  test('scopes of signing keys, with names of users, accounts and tags in them', async () => {
    const operator = new TestOperator()
    const account = new TestAccount('acme')
    const signer = createAccount()
    const scope = newScopedSigner(signer, 'role', {
      pub: { allow: ['{{name()}}.{{account-name()}}.>', 'of.{{tag(team)}}'], deny: [] },
      sub: { allow: ['{{subject()}}.>'], deny: [] },
    } as never)
    await operator.sign(account, { signing_keys: [scope] })
    const program = await startConfigured(server, await operator.config())
    const key = createUser()
    const of = { issuer_account: account.id, tags: ['team:red', 'team:blue'] } as never
    const jwt = await encodeUser('ann', key, signer, of, { scopedUser: true })
    const connection = await enter(program, credsAuthenticator(fmtCreds(jwt, key)))
    const status = connection.status()[Symbol.asyncIterator]()
    const refused: string[] = []
    for (const subject of ['ann.acme.x', 'of.red', 'of.blue', 'bob.acme.x', 'of.green', 'ann.other.x']) {
      connection.publish(subject)
      await connection.flush()
    }
    while (refused.length < 3) {
      const { value } = await status.next()
      // Of other news there may be some: nats-server's INFO of itself comes at any time.
      if (value.type === 'error') refused.push(JSON.stringify(value))
    }
    for (const [i, subject] of ['bob.acme.x', 'of.green', 'ann.other.x'].entries())
      expect(refused[i]).toContain(subject)
    const other = connection.subscribe('elsewhere')
    await expect(other[Symbol.asyncIterator]().next()).rejects.toThrow(/Permissions Violation for Subscription/)
    connection.subscribe(`${key.getPublicKey()}.x`)
    await connection.flush()
  })

  test('revocation of all that were signed before', async () => {
    const operator = new TestOperator()
    const account = new TestAccount('A')
    await operator.sign(account)
    const { program, reload } = await startReloadable(server, await operator.config())
    const old = await account.user()
    const inside = await enter(program, credsAuthenticator(old.creds))
    const cut = seconds()
    await operator.sign(account, { revocations: { '*': cut } })
    await reload(await operator.config())
    expect(String(await inside.closed())).toMatch(/User Authentication Revoked/i)
    await expectOut(enter(program, credsAuthenticator(old.creds)))
    await until('the next second', () => seconds() > cut)
    await enter(program, credsAuthenticator((await account.user()).creds))
  })

  test('an nkey belongs to the account that names it', async () => {
    const [a, b] = [createUser(), createUser()]
    const program = await startConfigured(
      server,
      `accounts { A { users: [ { nkey: ${a.getPublicKey()} } ] }
                  B { users: [ { nkey: ${b.getPublicKey()}, permissions: { publish: "only" } } ] } }`,
    )
    const [ofA, ofB] = [
      await enter(program, nkeyAuthenticator(a.getSeed())),
      await enter(program, nkeyAuthenticator(b.getSeed())),
    ]
    const heard: string[] = []
    ofA.subscribe('>', { callback: (_error, message) => void heard.push(message.subject) })
    await ofA.flush()
    ofB.publish('only')
    await ofB.flush()
    ofA.publish('own')
    await expect.poll(() => heard).toEqual(['own'])
    await expectOut(enter(program, nkeyAuthenticator(createUser().getSeed())))
  })

  test('trusted proxies', async () => {
    const [trusted, stranger] = [createUser(), createUser()]
    const program = await startConfigured(
      server,
      `proxies { trusted: [ { key: ${trusted.getPublicKey()} } ] }
       authorization { users: [ { user: proxied, password: p, proxy_required: true }, { user: plain, password: p } ] }`,
    )
    const refused = "-ERR 'Authorization Violation'"
    expect(await pastProxy(program, 'proxied', trusted)).toBe('PONG')
    expect(await pastProxy(program, 'plain', trusted)).toBe('PONG')
    expect(await pastProxy(program, 'plain', undefined)).toBe('PONG')
    expect(await pastProxy(program, 'proxied', undefined)).toBe(refused)
    expect(await pastProxy(program, 'proxied', stranger)).toBe(refused)
    expect(await pastProxy(program, 'plain', stranger)).toBe(refused)
  })

  test('trusted proxies are others after a reload', async () => {
    const [first, second] = [createUser(), createUser()]
    const config = (key: string): string =>
      `proxies { trusted: [ { key: ${key} } ] }
       authorization { users: [ { user: proxied, password: p, proxy_required: true } ] }`
    const { program, reload } = await startReloadable(server, config(first.getPublicKey()))
    await reload(config(second.getPublicKey()))
    expect(await pastProxy(program, 'proxied', second)).toBe('PONG')
    expect(await pastProxy(program, 'proxied', first)).toBe("-ERR 'Authorization Violation'")
  })

  test('no_auth_user is not for servers of an operator', async () => {
    const config = await new TestOperator().config()
    const refusal = 'nats-server: no_auth_user not compatible with Trusted Operator\n'
    await expect(startConfigured(server, `no_auth_user: a\n${config}`)).rejects.toThrow(refusal)
  })
})
