import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode, encodeAuthorizationResponse, encodeUser } from '@nats-io/jwt'
import { createCurve, createServer, fromPublic } from '@nats-io/nkeys'
import { connect } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { Authenticator } from '../../src/auth/authenticator.ts'
import { Callout, type CalloutMessage, type CalloutServer } from '../../src/auth/callout.ts'
import { type Identity, isRefusal, type Refusal } from '../../src/auth/identity.ts'
import type { AuthRequest } from '../../src/auth/request.ts'
import { type AuthInput, authSettings, CALLOUT_SUBJECT } from '../../src/auth/settings.ts'
import { TurnQueue } from '../../src/base/turn-queue.ts'
import { missing, peers } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startNatsServer } from '../support/server.ts'
import {
  byToken,
  claims,
  createAccount,
  createUser,
  NOW,
  publicKey,
  request,
  sign,
  Tree,
  userOptions,
} from './material.ts'

const issuer = createAccount()
const serviceXkey = createCurve()
const server: CalloutServer = {
  name: 'srv',
  host: '0.0.0.0',
  version: '2.12.0',
  cluster: '',
  tags: [],
  key: createServer(),
  xkey: createCurve(),
}
const serverId = server.key.getPublicKey()

/** What the service is told, as the official library decodes it. */
interface Asked {
  aud: string
  sub: string
  iss: string
  nats: {
    user_nkey: string
    server_id: Record<string, unknown>
    client_info: Record<string, unknown>
    connect_opts: Record<string, unknown>
  }
}

/** A service: a user token, or undefined for no answer at all; wrapped as the server expects it. */
type Service = (asked: Asked, message: CalloutMessage) => Promise<Uint8Array | undefined>

const answerWith = async (asked: Asked, data: object, signer = issuer, options: object = {}): Promise<Uint8Array> =>
  Buffer.from(
    await encodeAuthorizationResponse(fromPublic(asked.nats.user_nkey), fromPublic(serverId), signer, data, options),
  )

const userIn =
  (account: string, body: object = {}, options: object = {}): Service =>
  async (asked) => {
    const jwt = await encodeUser('bob', fromPublic(asked.nats.user_nkey), issuer, body, { aud: account, ...options })
    return answerWith(asked, { jwt })
  }

/** An authenticator of a server with a callout, and the requests that it made. */
function configured(service: Service, rest: Partial<NonNullable<AuthInput['authorization']>['callout'] & object> = {}) {
  const callout = {
    issuer: publicKey(issuer),
    account: '$G',
    authUsers: ['auth'],
    xkey: '',
    allowedAccounts: [],
    ...rest,
  }
  const settings = authSettings({
    authorization: {
      username: '',
      password: '',
      token: '',
      users: [userOptions('auth', { password: 'p' })],
      hasUsers: true,
      callout,
      proxyRequired: false,
    },
    accounts: [
      { name: 'A', users: [userOptions('alice', { password: 'a' })], defaultPermissions: { publish: { deny: ['d'] } } },
      { name: 'B', users: [], defaultPermissions: undefined },
    ],
  })
  const sent: CalloutMessage[] = []
  const publish = async (message: CalloutMessage): Promise<Uint8Array | undefined> => {
    sent.push(message)
    const opened = serviceXkey.open.bind(serviceXkey)
    const bytes = callout.xkey === '' ? message.payload : opened(message.payload, server.xkey.getPublicKey())
    return service(decode(Buffer.from(bytes ?? []).toString()) as unknown as Asked, message)
  }
  const asks = new Callout(server, { book: undefined, configured: settings.accounts }, publish, 2000, new TurnQueue(4))
  const passwords = { verify: async () => 'mismatch' as const }
  return { authenticator: new Authenticator(settings, { passwords, callout: asks }), sent }
}

const ask = async (service: Service, said: object = {}, rest: Partial<AuthRequest> = {}) =>
  configured(service).authenticator.authenticate(request(said, rest))

function who(answer: Identity | Refusal): Identity {
  if (isRefusal(answer)) throw new Error(answer.cause)
  return answer
}

describe('a callout', () => {
  it('asks about those whom nobody knows, and takes the answer for it', async () => {
    const { authenticator, sent } = configured(userIn('B', { pub: { allow: ['x'] }, tags: ['t'] }, { exp: NOW + 60 }))
    const answer = await authenticator.authenticate(request({ user: 'carol', password: 'secret', token: 't' }))
    expect(who(answer)).toMatchObject({
      way: 'callout',
      user: 'bob',
      account: 'B',
      permissions: { publish: { allow: ['x'] } },
      limits: { subscriptions: -1, payload: -1 },
      expiresAtMs: (NOW + 60) * 1000,
      nameTag: 'bob',
      tags: ['t'],
      token: { jwt: '' },
    })
    const [{ account, headers, payload }] = sent
    expect({ account, headers }).toEqual({ account: '$G', headers: {} })
    const asked = decode(Buffer.from(payload).toString()) as unknown as Asked
    expect(asked).toMatchObject({
      aud: 'nats-authorization-request',
      iss: serverId,
      sub: publicKey(issuer),
      nats: {
        server_id: { name: 'srv', host: '0.0.0.0', id: serverId, version: '2.12.0' },
        client_info: { host: '127.0.0.1', id: 7, user: 'carol', kind: 'Client', type: 'nats' },
        connect_opts: { user: 'carol', pass: 'secret', auth_token: 't', lang: 'node', version: '1', protocol: 1 },
      },
    })
  })

  it('puts users into accounts with their default permissions, and keeps them off its subject', async () => {
    expect(who(await ask(userIn('A'))).permissions).toEqual({ publish: { deny: ['d'] } })
    expect(who(await ask(userIn('$G'))).permissions?.publish?.deny).toEqual([CALLOUT_SUBJECT])
    expect(who(await ask(userIn('$G', { pub: { deny: ['x'] } }))).permissions?.publish?.deny).toEqual([
      'x',
      CALLOUT_SUBJECT,
    ])
  })

  it('does not ask about the service itself, nor about those who only say so', async () => {
    const { authenticator, sent } = configured(userIn('B'))
    const service = await authenticator.authenticate(request({ user: 'auth', password: 'p' }))
    expect(who(service)).toMatchObject({ user: 'auth', permissions: { publish: { deny: [CALLOUT_SUBJECT] } } })
    expect(isRefusal(await authenticator.authenticate(request({ user: 'auth', password: 'x' })))).toBe(true)
    expect(sent.length).toBe(0)
    // Somebody who is known, but sends the service's name as an nkey, does not get past it.
    const other = await authenticator.authenticate(request({ user: 'alice', password: 'a', nkey: 'auth' }))
    expect(who(other).way).toBe('callout')
  })

  it('asks about users of the accounts that it is for', async () => {
    const alice = request({ user: 'alice', password: 'a' })
    for (const [allowedAccounts, way] of [
      [[], 'callout'],
      [['A'], 'callout'],
      [['B'], 'password'],
    ] as const) {
      const { authenticator } = configured(userIn('B'), { allowedAccounts })
      expect(who(await authenticator.authenticate(alice)).way, String(allowedAccounts)).toBe(way)
    }
  })

  it('is encrypted for the service, which may encrypt its answer', async () => {
    const xkey = serviceXkey.getPublicKey()
    for (const isSealed of [true, false]) {
      const service: Service = async (asked, message) => {
        expect(message.headers).toEqual({ 'Nats-Server-Xkey': server.xkey.getPublicKey() })
        expect(Buffer.from(message.payload).toString('latin1')).not.toContain('eyJ')
        expect(asked.nats.server_id['xkey']).toBe(server.xkey.getPublicKey())
        const answer = (await userIn('B')(asked, message)) ?? new Uint8Array()
        return isSealed ? serviceXkey.seal(answer, server.xkey.getPublicKey()) : answer
      }
      const { authenticator } = configured(service, { xkey })
      expect(who(await authenticator.authenticate(request({ user: 'x' }))).account).toBe('B')
    }
    const stranger = createCurve()
    const sealedBy: Service = async (asked, message) =>
      stranger.seal((await userIn('B')(asked, message)) ?? new Uint8Array(), server.xkey.getPublicKey())
    const { authenticator } = configured(sealedBy, { xkey })
    expect(isRefusal(await authenticator.authenticate(request({ user: 'x' })))).toBe(true)
  })

  it('lets nobody in by an answer that is not one, and repeats nothing of it', async () => {
    const stranger = createAccount()
    const encodeFor = (asked: Asked, signer = issuer, aud = 'B', options: object = {}) =>
      encodeUser('bob', fromPublic(asked.nats.user_nkey), signer, {}, { aud, ...options })
    const answers: Record<string, Service> = {
      none: async () => undefined,
      empty: async () => new Uint8Array(),
      garbage: async () => Buffer.from('marker'),
      'bytes that are no text': async () => Buffer.from([0xff, 0xfe, 0]),
      'a cut answer': async (asked, message) => (await userIn('B')(asked, message))?.subarray(0, -3),
      'a user and an error': async (asked) => answerWith(asked, { jwt: await encodeFor(asked), error: 'marker' }),
      'neither of both': (asked) => answerWith(asked, {}),
      'signed by another key': async (asked) => answerWith(asked, { jwt: await encodeFor(asked) }, stranger),
      'a user without its envelope': async (asked) => Buffer.from(await encodeFor(asked)),
      'a user that is none': (asked) => answerWith(asked, { jwt: 'marker' }),
      'for another server': async (asked) =>
        Buffer.from(
          await encodeAuthorizationResponse(
            fromPublic(asked.nats.user_nkey),
            createServer(),
            issuer,
            { jwt: await encodeFor(asked) },
            {},
          ),
        ),
      'for another question': async (asked) =>
        Buffer.from(
          await encodeAuthorizationResponse(
            createUser(),
            fromPublic(serverId),
            issuer,
            { jwt: await encodeFor(asked) },
            {},
          ),
        ),
      'about another user': async (asked) =>
        answerWith(asked, { jwt: await encodeUser('bob', createUser(), issuer, {}, { aud: 'B' }) }),
      'an expired answer': async (asked) =>
        answerWith(asked, { jwt: await encodeFor(asked) }, issuer, { exp: NOW - 10 }),
      'an expired user': async (asked) =>
        answerWith(asked, { jwt: await encodeFor(asked, issuer, 'B', { exp: NOW - 10 }) }),
      'by another issuer': async (asked) => answerWith(asked, { jwt: await encodeFor(asked, stranger) }),
      'with an issuer account': async (asked) =>
        answerWith(asked, {
          jwt: await encodeUser('bob', fromPublic(asked.nats.user_nkey), issuer, {}, { aud: 'B', signer: issuer }),
        }),
      'into no account': async (asked) => answerWith(asked, { jwt: await encodeFor(asked, issuer, 'nowhere') }),
      'into no account at all': async (asked) => answerWith(asked, { jwt: await encodeFor(asked, issuer, '') }),
      'by another way': userIn('B', { allowed_connection_types: ['WEBSOCKET'] }),
      'from elsewhere': userIn('B', { src: ['10.0.0.0/8'] }),
      'at no time': userIn('B', { times: [{ start: '00:00:00', end: '00:00:00' }] }),
      'by a proxy': userIn('B', { proxy_required: true }),
    }
    for (const [name, service] of Object.entries(answers)) {
      const answer = await ask(service, { user: 'x', password: 'marker', proxySignature: 'x' })
      expect(isRefusal(answer), name).toBe(true)
      expect(JSON.stringify(answer), name).not.toContain('marker')
    }
  })
})

describe('a callout of an account', () => {
  it('is asked about its users, and puts them where it may', async () => {
    const tree = new Tree()
    const other = createAccount()
    const third = createAccount()
    const auth = createUser()
    const sentinel = createUser()
    const authorization = { auth_users: [publicKey(auth)], allowed_accounts: [publicKey(other)], xkey: '' }
    await tree.addAccount({ authorization })
    await tree.addAccount({}, other)
    await tree.addAccount({}, third)
    const book = tree.book()
    const operator = { trustedKeys: [tree.operatorKey], strictKeys: [], defaultSentinel: '', pinnedAccounts: [] }
    const settings = authSettings({ operator })
    const sent: Asked[] = []
    let service: Service = async () => undefined
    const publish = async (message: CalloutMessage) => {
      expect(message.account).toBe(tree.accountKey)
      const asked = decode(Buffer.from(message.payload).toString()) as unknown as Asked
      sent.push(asked)
      return service(asked, message)
    }
    const callout = new Callout(server, { book, configured: settings.accounts }, publish, 2000, new TurnQueue(4))
    const passwords = { verify: async () => 'mismatch' as const }
    const authenticator = new Authenticator(settings, { passwords, accounts: book, callout })
    const login = async (key: typeof auth, more: object = {}) =>
      authenticator.authenticate(request({ ...byToken(await tree.user(key, { bearer_token: true }), key), ...more }))
    const userOf =
      (signer: typeof other, answerer = tree.account): Service =>
      async (asked) => {
        const jwt = sign(claims('user', asked.nats.user_nkey, signer, { subs: 1 }), signer)
        return answerWith(asked, { jwt }, answerer)
      }

    expect(who(await login(auth)).way).toBe('jwt')
    expect(sent.length).toBe(0)
    service = userOf(other)
    expect(who(await login(sentinel))).toMatchObject({ way: 'callout', account: publicKey(other) })
    expect(sent[0].nats.connect_opts['jwt']).toMatch(/^eyJ/)
    service = userOf(tree.account)
    const own = who(await login(sentinel))
    expect(own).toMatchObject({ account: tree.accountKey, permissions: { publish: { deny: [CALLOUT_SUBJECT] } } })
    service = userOf(third)
    expect(isRefusal(await login(sentinel))).toBe(true)
    service = userOf(other, other)
    expect(isRefusal(await login(sentinel))).toBe(true)
    service = userOf(createAccount())
    expect(isRefusal(await login(sentinel))).toBe(true)
    // Naming the service's own key does not get past the question.
    const asked = sent.length
    expect(isRefusal(await login(sentinel, { nkey: publicKey(auth) }))).toBe(true)
    expect(sent.length).toBe(asked + 1)
    // Those who are nobody are not asked about.
    expect(isRefusal(await authenticator.authenticate(request({ user: 'x' })))).toBe(true)
    expect(sent.length).toBe(asked + 1)
  })
})

describe.skipIf(missing('natsServer', 'the comparison of callout requests with nats-server'))('nats-server', () => {
  it('sends the same members in its requests', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'heddle-callout-'))
    const file = join(directory, 'callout.conf')
    const users = '{user: auth, password: p}'
    const callout = `auth_callout { issuer: ${publicKey(issuer)}, auth_users: [auth] }`
    writeFileSync(file, `server_name: srv\nauthorization { users = [ ${users} ], ${callout} }\n`)
    const theirs = await startNatsServer(peers.natsServer ?? '', ['-c', file])
    try {
      const service = await connect({ port: theirs.port, user: 'auth', pass: 'p' })
      const requests = service.subscribe(CALLOUT_SUBJECT, { max: 1 })
      await service.flush()
      const client = await RawClient.connect(theirs.port)
      const said = { user: 'carol', pass: 'x', auth_token: 't', name: 'n', lang: 'l', version: '1', protocol: 1 }
      client.send(`CONNECT ${JSON.stringify(said)}\r\n`)
      let asked: object = {}
      for await (const message of requests) asked = decode(Buffer.from(message.data).toString())
      await client.close()
      await service.close()

      const { authenticator, sent } = configured(async () => undefined)
      const credentials = { user: 'carol', password: 'x', token: 't' }
      const about = { name: 'n', lang: 'l', version: '1', protocol: 1 }
      await authenticator.authenticate(request(credentials, { client: about }))
      const ours = decode(Buffer.from(sent[0].payload).toString())
      expect(shapeOf(ours)).toEqual(shapeOf(asked))
    } finally {
      await theirs.stop()
      rmSync(directory, { recursive: true })
    }
  })
})

/** Names and kinds of all members. */
function shapeOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [`${path}: ${typeof value}`]
  return Object.entries(value)
    .flatMap(([name, member]) => shapeOf(member, `${path}.${name}`))
    .sort()
}
