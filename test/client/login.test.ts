// Who a client is, and what the server lets it do: on Heddle and on nats-server.

import { createUser } from '@nats-io/nkeys'
import { describe, expect, test } from 'vitest'
import {
  AuthorizationError,
  credsAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
  PermissionViolationError,
  RequestError,
  tokenAuthenticator,
  UserAuthenticationExpiredError,
  usernamePasswordAuthenticator,
} from '../../src/client/index.ts'
import { configuredServers, startConfigured } from '../support/configured-servers.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import { client, collect, nextStatus, rejection } from './support.ts'

const servers = configuredServers('logins of the client').filter(({ name }) => !name.includes('4 shards'))

describe.each(servers)('on $name', (kind) => {
  test('by token', async () => {
    const { port } = await startConfigured(kind, 'authorization { token: secret }')
    await client({ port, token: 'secret' })
    await client({ port, authenticator: tokenAuthenticator(() => 'secret') })
    await client({ servers: `nats://secret@127.0.0.1:${port}` })
    for (const options of [{}, { token: 'wrong' }]) {
      expect(await rejection(client({ port, ...options }))).toBeInstanceOf(AuthorizationError)
    }
  })

  test('by user and password', async () => {
    const { port } = await startConfigured(kind, 'authorization { user: "a b", password: "p@ss" }')
    await client({ port, user: 'a b', pass: 'p@ss' })
    await client({ port, authenticator: usernamePasswordAuthenticator('a b', () => 'p@ss') })
    await client({ servers: `nats://a%20b:p%40ss@127.0.0.1:${port}` })
    expect(await rejection(client({ port, user: 'a b' }))).toBeInstanceOf(AuthorizationError)
  })

  test('by nkey', async () => {
    const [known, other] = [createUser(), createUser()]
    const { port } = await startConfigured(kind, `authorization { users: [{ nkey: ${known.getPublicKey()} }] }`)
    await client({ port, authenticator: nkeyAuthenticator(known.getSeed()) })
    await client({ port, authenticator: [tokenAuthenticator('of another server'), nkeyAuthenticator(known.getSeed())] })
    const wrong = client({ port, authenticator: nkeyAuthenticator(other.getSeed()) })
    expect(await rejection(wrong)).toBeInstanceOf(AuthorizationError)
    const none = client({ port, authenticator: nkeyAuthenticator(new Uint8Array(3)) })
    expect((await rejection(none)).name).toBe('InvalidArgumentError')
  })

  test('by credentials of an operator’s user', async () => {
    const [operator, account] = [new TestOperator(), new TestAccount('A')]
    await operator.sign(account)
    const { port } = await startConfigured(kind, await operator.config())
    const user = await account.user()
    const bearer = await account.user({ bearer_token: true }, {}, 'bearer')
    const nc = await client({ port, authenticator: credsAuthenticator(user.creds) })
    await client({ port, authenticator: credsAuthenticator(() => user.creds) })
    await client({ port, authenticator: jwtAuthenticator(user.jwt, user.seed) })
    await client({ port, authenticator: jwtAuthenticator(() => bearer.jwt) })
    nc.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
    expect((await nc.request('echo', 'hello')).string()).toBe('hello')
    expect((await rejection(client({ port, authenticator: credsAuthenticator(new Uint8Array()) }))).message).toBe(
      'the credentials have no JWT',
    )
    expect(await rejection(client({ port, authenticator: jwtAuthenticator(user.jwt) }))).toBeInstanceOf(
      AuthorizationError,
    )
  })

  test('an authenticator that throws is the error of connect', async () => {
    const { port } = await startConfigured(kind, '')
    const authenticator = (): never => {
      throw new Error('the vault is closed')
    }
    expect((await rejection(client({ port, authenticator }))).message).toBe('the vault is closed')
  })

  test('what may not be published or subscribed to is reported, and what waits for it fails', async () => {
    const { port } = await startConfigured(
      kind,
      `authorization { users: [{
        user: u, password: p, permissions: { publish: { deny: "secret.>" }, subscribe: { deny: ["hidden", "_INBOX.>"] } }
      }] }`,
    )
    const nc = await client({ port, user: 'u', pass: 'p' })
    const error = nextStatus(nc, 'error')
    nc.publish('secret.one')
    const violation = (await error).error as PermissionViolationError
    expect(violation).toBeInstanceOf(PermissionViolationError)
    expect(violation).toMatchObject({ operation: 'publish', subject: 'secret.one', queue: undefined })
    const hidden = nc.subscribe('hidden')
    expect(await rejection(collect(hidden))).toMatchObject({ operation: 'subscription', subject: 'hidden' })
    expect(await hidden.closed).toBeInstanceOf(PermissionViolationError)
    const { promise, resolve } = Promise.withResolvers<Error | null>()
    nc.subscribe('hidden', { queue: 'q', callback: (refused) => resolve(refused) })
    expect(await promise).toMatchObject({ operation: 'subscription', subject: 'hidden', queue: 'q' })
    // The subscription to all replies is refused as well, so each request is.
    for (let i = 0; i < 2; i++) {
      const refused = await rejection(nc.request('fine', '', { timeout: 10_000 }))
      expect(refused).toBeInstanceOf(RequestError)
      expect(refused.cause).toBeInstanceOf(PermissionViolationError)
    }
    const own = await client({ port, user: 'u', pass: 'p', inboxPrefix: 'mine' })
    const asked = await rejection(own.request('secret.two', '', { timeout: 10_000 }))
    expect(asked.cause).toMatchObject({ operation: 'publish', subject: 'secret.two' })
    expect(nc.isClosed()).toBe(false)
  })

  test('a token that expires ends the connection', async () => {
    const [operator, account] = [new TestOperator(), new TestAccount('A')]
    await operator.sign(account)
    const { port } = await startConfigured(kind, await operator.config())
    const user = await account.user({}, { exp: Math.floor(Date.now() / 1000) + 2 })
    const nc = await client({ port, authenticator: credsAuthenticator(user.creds), maxReconnectAttempts: -1 })
    const error = nextStatus(nc, 'error')
    expect((await error).error).toBeInstanceOf(UserAuthenticationExpiredError)
    // It tries once more, and is refused in the words of the moment.
    expect([AuthorizationError, UserAuthenticationExpiredError]).toContain((await nc.closed())?.constructor)
  })
})
