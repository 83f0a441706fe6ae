// Auth callout from outside (docs/reference/authentication.md, "Auth callout"): a service, itself a client, decides who
// may enter.

import { decode, encodeAuthorizationResponse, encodeUser } from '@nats-io/jwt'
import { createAccount, createCurve, fromPublic } from '@nats-io/nkeys'
import {
  AuthorizationError,
  connect,
  credsAuthenticator,
  jwtAuthenticator,
  type Msg,
  type NatsConnection,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { configuredServers, startConfigured } from '../support/configured-servers.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import type { ServerProgram } from '../support/server.ts'

const SUBJECT = '$SYS.REQ.USER.AUTH'
const issuer = createAccount()
const curve = createCurve()

interface Asked {
  readonly iss: string
  readonly nats: {
    readonly user_nkey: string
    readonly server_id: { readonly id: string; readonly xkey?: string }
    readonly connect_opts: { readonly user?: string; readonly pass?: string; readonly jwt?: string }
  }
}

async function enter({ port }: ServerProgram, options: object): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, ...options })
  onTestFinished(() => connection.close())
  return connection
}

const by = (user: string, password: string) => ({ authenticator: usernamePasswordAuthenticator(user, password) })

/** Answers what `decide` answers: a user's token, or undefined for no answer, or a refusal. */
async function serve(
  service: NatsConnection,
  decide: (asked: Asked) => Promise<{ jwt: string } | { error: string } | undefined>,
  signer = issuer,
): Promise<void> {
  service.subscribe(SUBJECT, {
    callback: (_, message) => void answer(message),
  })
  await service.flush()
  const answer = async (message: Msg): Promise<void> => {
    const xkey = message.headers?.get('Nats-Server-Xkey') ?? ''
    const request = xkey === '' ? message.data : curve.open(message.data, xkey)
    const asked = decode(new TextDecoder().decode(request ?? undefined)) as unknown as Asked
    const said = await decide(asked)
    if (said === undefined) return
    const [user, server] = [fromPublic(asked.nats.user_nkey), fromPublic(asked.nats.server_id.id)]
    const reply = Buffer.from(await encodeAuthorizationResponse(user, server, signer, said, {}))
    message.respond(xkey === '' ? reply : curve.seal(reply, xkey))
  }
}

describe.each(configuredServers('callouts'))('$name', (server) => {
  test.each(['in the clear', 'encrypted'])(
    'a service puts users into accounts, or turns them away, %s',
    async (how) => {
      const program = await startConfigured(
        server,
        `accounts { AUTH { users: [ { user: auth, password: auth } ] }, A {}, B {} }
       authorization { auth_callout {
         issuer: ${issuer.getPublicKey()}, account: AUTH, auth_users: [auth]
         ${how === 'encrypted' ? `xkey: ${curve.getPublicKey()}` : ''} } }`,
      )
      const service = await enter(program, by('auth', 'auth'))
      await serve(service, async ({ nats }) => {
        const { user = '', pass } = nats.connect_opts
        if (pass !== 'right') return { error: 'no' }
        const rights = user === 'limited' ? { pub: { allow: ['may'], deny: [] } } : {}
        const aud = user === 'b' ? 'B' : user === 'nowhere' ? 'C' : 'A'
        return { jwt: await encodeUser(user, fromPublic(nats.user_nkey), issuer, rights, { aud }) }
      })
      const [a1, a2, b] = [
        await enter(program, by('a', 'right')),
        await enter(program, by('a', 'right')),
        await enter(program, by('b', 'right')),
      ]
      const heard: string[] = []
      const listen = async (name: string, connection: NatsConnection): Promise<void> => {
        connection.subscribe('x.*', { callback: (_, message) => void heard.push(`${name} ${message.subject}`) })
        await connection.flush()
      }
      await listen('a', a2)
      await listen('b', b)
      a1.publish('x.1')
      b.publish('x.2')
      await expect.poll(() => [...heard].sort()).toEqual(['a x.1', 'b x.2'])
      await expect(enter(program, by('a', 'wrong'))).rejects.toThrow(AuthorizationError)
      await expect(enter(program, by('nowhere', 'right'))).rejects.toThrow(AuthorizationError)
      const limited = await enter(program, by('limited', 'right'))
      const refused = limited.status()[Symbol.asyncIterator]().next()
      limited.publish('may.not')
      expect(JSON.stringify(await refused)).toMatch(/error/)
    },
  )

  test('an answer of another issuer lets nobody in', async () => {
    const program = await startConfigured(
      server,
      `accounts { AUTH { users: [ { user: auth, password: auth } ] }, A {} }
       authorization { timeout: 1, auth_callout { issuer: ${issuer.getPublicKey()}, account: AUTH, auth_users: [auth] } }`,
    )
    const service = await enter(program, by('auth', 'auth'))
    const forger = createAccount()
    await serve(
      service,
      async ({ nats }) => ({
        jwt: await encodeUser('x', fromPublic(nats.user_nkey), forger, {}, { aud: 'A' }),
      }),
      forger,
    )
    await expect(enter(program, by('a', 'right'))).rejects.toThrow(AuthorizationError)
    await service.flush()
  })

  test('without a service nobody comes in', async () => {
    const program = await startConfigured(
      server,
      `authorization { timeout: 1, users: [ { user: auth, password: auth } ]
         auth_callout { issuer: ${issuer.getPublicKey()}, auth_users: [auth] } }`,
    )
    await expect(enter(program, by('a', 'right'))).rejects.toThrow()
    await (await enter(program, by('auth', 'auth'))).flush()
  })

  test('in operator mode an account asks for it, and signs', async () => {
    const operator = new TestOperator()
    const [account, target] = [new TestAccount('AUTH'), new TestAccount('A')]
    const auth = await account.user()
    const sentinel = await account.user({ bearer_token: true, sub: { allow: [], deny: ['>'] } })
    await operator.sign(account, {
      authorization: { auth_users: [auth.key.getPublicKey()], allowed_accounts: [target.id] },
    })
    await operator.sign(target)
    const program = await startConfigured(server, await operator.config())
    const service = await enter(program, { authenticator: credsAuthenticator(auth.creds) })
    await serve(
      service,
      async ({ nats }) => {
        const { user = 'x', pass } = nats.connect_opts
        if (pass !== 'right') return { error: 'no' }
        return { jwt: await encodeUser(user, fromPublic(nats.user_nkey), target.key, {}, {}) }
      },
      account.key,
    )
    const as = (pass: string) => ({
      authenticator: [jwtAuthenticator(sentinel.jwt), usernamePasswordAuthenticator('u', pass)],
    })
    const user = await enter(program, as('right'))
    const native = await enter(program, { authenticator: credsAuthenticator((await target.user()).creds) })
    const subscription = native.subscribe('hello', { max: 1 })
    await native.flush()
    user.publish('hello', 'there')
    for await (const message of subscription) expect(message.string()).toBe('there')
    await expect(enter(program, as('wrong'))).rejects.toThrow(AuthorizationError)
  })
})
