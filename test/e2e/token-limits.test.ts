// The limits of a user's token, however the token comes: shown by the client, as the scope of a signing key, or as the
// answer of a callout service, in both modes; beside nats-server. What a limit does is the same for each way.

import { decode } from '@nats-io/jwt'
import type { KeyPair } from '@nats-io/nkeys'
import {
  connect,
  credsAuthenticator,
  type NatsConnection,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { claims, createAccount, createUser, sign } from '../auth/material.ts'
import { configuredServers, startConfigured } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import { v1, v2 } from '../support/proxy-protocol.ts'
import type { ServerProgram } from '../support/server.ts'

interface Limit {
  /** Of the token. */
  readonly body: object
  readonly send: string
  /** Everything that comes up to the last PONG, or to the end. */
  readonly answer: string
}

const DENIED = "-ERR 'Authorization Violation'\r\n"
const PAYLOAD = "-ERR 'Maximum Payload Violation'\r\n"
const SUBS = "-ERR 'maximum subscriptions exceeded'\r\n"
const two = 'SUB a 1\r\nSUB b 2\r\n'
const NO_LIMITS = { subs: -1, data: -1, payload: -1 }
/** Six hours from now, for a minute. */
const later = (new Date().getHours() + 6) % 24
const LATER = [{ start: `${later}:00:00`.padStart(8, '0'), end: `${later}:01:00`.padStart(8, '0') }]
const ALL_DAY = [{ start: '00:00:00', end: '23:59:59' }]

const LIMITS: Readonly<Record<string, Limit>> = {
  subscriptions: { body: { subs: 1 }, send: two, answer: `${SUBS}PONG\r\n` },
  'subscriptions without end': { body: { subs: -1 }, send: two, answer: 'PONG\r\n' },
  payload: { body: { payload: 5 }, send: 'PUB a 5\r\nhello\r\nPUB a 6\r\nhello!\r\n', answer: PAYLOAD },
  'no payload': { body: { payload: 0 }, send: 'PUB a 1\r\nx\r\n', answer: PAYLOAD },
  data: { body: { data: 1 }, send: 'PUB a 5\r\nhello\r\n', answer: 'PONG\r\n' },
  'another kind of connection': { body: { allowed_connection_types: ['WEBSOCKET'] }, send: '', answer: DENIED },
  'this kind of connection': { body: { allowed_connection_types: ['STANDARD'] }, send: '', answer: 'PONG\r\n' },
  'other addresses': { body: { src: ['10.0.0.0/8'] }, send: '', answer: DENIED },
  'this address': { body: { src: ['127.0.0.0/8'] }, send: '', answer: 'PONG\r\n' },
  'another time of day': { body: { times: LATER }, send: '', answer: DENIED },
  'a time zone that there is not': { body: { times: ALL_DAY, times_location: 'No/Where' }, send: '', answer: DENIED },
  'publish permissions': {
    body: { pub: { deny: ['a'] } },
    send: 'PUB a 0\r\n\r\nPUB b 0\r\n\r\n',
    answer: `-ERR 'Permissions Violation for Publish to "a"'\r\nPONG\r\n`,
  },
  'subscribe permissions': {
    body: { sub: { allow: ['b'] } },
    send: two,
    answer: `-ERR 'Permissions Violation for Subscription to "a"'\r\nPONG\r\n`,
  },
  'answers only': {
    body: { resp: { max: 1, ttl: 0 } },
    send: 'PUB a 0\r\n\r\n',
    answer: `-ERR 'Permissions Violation for Publish to "a"'\r\nPONG\r\n`,
  },
}

/** What a client gets that comes in with these members of CONNECT and sends this. */
async function answerTo(program: ServerProgram, members: object, { send, answer }: Limit): Promise<string> {
  const client = await dial(program.port)
  await client.readInfo()
  client.send(`CONNECT ${JSON.stringify({ verbose: false, ...members })}\r\n${send}PING\r\n`)
  if (answer.endsWith('PONG\r\n')) return (await client.expectMatch(/^.*?PONG\r\n/s))[0]
  return (await client.readToClose()).toString()
}

/** A user's token without limits but those of `body`. */
const userToken = (subject: string, key: KeyPair, body: object, top: object = {}): string =>
  sign(claims('user', subject, key, { ...NO_LIMITS, ...body }, top), key)

/** A token of somebody who need not sign anything. */
const bearerToken = (key: KeyPair, body: object = {}): string =>
  userToken(createUser().getPublicKey(), key, { ...body, bearer_token: true })

/** Answers each question about a user by a token of `key` with the limits that the user is named for. */
async function serve(service: NatsConnection, signer: KeyPair, key: KeyPair, aud?: string): Promise<void> {
  const answer = (data: Uint8Array): string => {
    const { nats } = decode(new TextDecoder().decode(data)) as unknown as {
      nats: { user_nkey: string; server_id: { id: string }; connect_opts: { user: string } }
    }
    const jwt = userToken(nats.user_nkey, key, LIMITS[nats.connect_opts.user].body, { aud })
    return sign(claims('authorization_response', nats.user_nkey, signer, { jwt }, { aud: nats.server_id.id }), signer)
  }
  service.subscribe('$SYS.REQ.USER.AUTH', { callback: (_, message) => void message.respond(answer(message.data)) })
  await service.flush()
}

async function enter({ port }: ServerProgram, authenticator: object): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, ...authenticator })
  onTestFinished(() => connection.close())
  return connection
}

describe.each(configuredServers('limits of tokens').filter(({ name }) => name !== 'heddle, 4 shards'))(
  '$name',
  (server) => {
    test('by a callout', async () => {
      const issuer = createAccount()
      const program = await startConfigured(
        server,
        `authorization { users: [ { user: auth, password: auth } ]
         auth_callout { issuer: ${issuer.getPublicKey()}, auth_users: [auth] } }`,
      )
      const service = await enter(program, { authenticator: usernamePasswordAuthenticator('auth', 'auth') })
      await serve(service, issuer, issuer, '$G')
      for (const [user, limit] of Object.entries(LIMITS)) {
        expect(await answerTo(program, { user }, limit), user).toBe(limit.answer)
      }
    })

    test('addresses of a token are those that a proxy tells of', async () => {
      const operator = new TestOperator()
      const account = new TestAccount('A')
      await operator.sign(account)
      const jwt = bearerToken(account.key, { src: ['1.2.3.0/24', '2001:db8::/32'] })
      const program = await startConfigured(server, `proxy_protocol: true\n${await operator.config()}`)
      const answerBehind = async (header: string | Buffer): Promise<string> => {
        const client = await dial(program.port)
        client.socket.write(header)
        await client.readInfo()
        client.send(`CONNECT ${JSON.stringify({ verbose: false, jwt })}\r\nPING\r\n`)
        return (await client.expectMatch(/^[^\r]*\r\n/))[0]
      }
      expect(await answerBehind(v1('TCP4 1.2.3.4 5.6.7.8 111 222'))).toBe('PONG\r\n')
      expect(await answerBehind(v2(0x21, 0x11, Buffer.from([1, 2, 3, 9, 5, 6, 7, 8, 0, 80, 0, 80])))).toBe('PONG\r\n')
      expect(await answerBehind(v1('TCP6 2001:DB8::7 ::1 111 222'))).toBe('PONG\r\n')
      expect(await answerBehind(v1('TCP4 1.2.4.4 5.6.7.8 111 222'))).toBe(DENIED)
      expect(await answerBehind('')).toBe(DENIED)
    })

    test('by a token, by the scope of a key, and by a callout of an account', async () => {
      const operator = new TestOperator()
      const [account, asking] = [new TestAccount('A'), new TestAccount('AUTH')]
      const signers = new Map(Object.keys(LIMITS).map((name) => [name, createAccount()]))
      const scopes = [...signers].map(([role, key]) => ({
        kind: 'user_scope',
        key: key.getPublicKey(),
        role,
        template: { ...NO_LIMITS, ...LIMITS[role].body, bearer_token: true },
      }))
      await operator.sign(account, { signing_keys: scopes as unknown as string[] })
      const auth = await asking.user()
      await operator.sign(asking, {
        authorization: { auth_users: [auth.key.getPublicKey()], allowed_accounts: [account.id] },
      })
      const sentinel = bearerToken(asking.key)
      const program = await startConfigured(server, await operator.config())
      const service = await enter(program, { authenticator: credsAuthenticator(auth.creds) })
      await serve(service, asking.key, account.key)
      for (const [name, limit] of Object.entries(LIMITS)) {
        const jwt = bearerToken(account.key, limit.body)
        expect(await answerTo(program, { jwt }, limit), `${name}, token`).toBe(limit.answer)
        const signer = signers.get(name) as KeyPair
        const scoped = claims('user', createUser().getPublicKey(), signer, { issuer_account: account.id })
        expect(await answerTo(program, { jwt: sign(scoped, signer) }, limit), `${name}, scope`).toBe(limit.answer)
        const asked = { jwt: sentinel, user: name }
        expect(await answerTo(program, asked, limit), `${name}, callout`).toBe(limit.answer)
      }
    })
  },
)
