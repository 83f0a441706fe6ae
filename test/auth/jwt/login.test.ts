import { describe, expect, it } from 'vitest'
import { Authenticator } from '../../../src/auth/authenticator.ts'
import { AuthFaults, type Identity, isRefusal } from '../../../src/auth/identity.ts'
import type { VerifiedAccount } from '../../../src/auth/jwt/account.ts'
import { AccountBook, FETCHES_MAX } from '../../../src/auth/jwt/account-book.ts'
import { accountOptions } from '../../../src/auth/jwt/account-options.ts'
import { activatedUntilMs } from '../../../src/auth/jwt/activation.ts'
import { isFrom } from '../../../src/auth/jwt/login.ts'
import { standingOf } from '../../../src/auth/jwt/standing.ts'
import { isInvalid } from '../../../src/auth/jwt/token.ts'
import { authSettings } from '../../../src/auth/settings.ts'
import {
  atOnce,
  byToken,
  claims,
  createAccount,
  createUser,
  NOW,
  NOW_MS,
  publicKey,
  request,
  sign,
  Tree,
  UNLIMITED,
} from '../material.ts'

const passwords = { verify: async () => 'mismatch' as const }

function authenticatorOf(tree: Tree): Authenticator {
  const operator = { trustedKeys: [tree.operatorKey], strictKeys: [], defaultSentinel: '', pinnedAccounts: [] }
  return new Authenticator(authSettings({ operator }), { passwords, accounts: tree.book() })
}

function found(account: unknown): VerifiedAccount {
  if (account === undefined || isInvalid(account as object)) throw new Error(JSON.stringify(account))
  return account as VerifiedAccount
}

async function login(tree: Tree, jwt: string, key: ReturnType<typeof createUser>): Promise<Identity> {
  const answer = await authenticatorOf(tree).authenticate(request(byToken(jwt, key)))
  if (isRefusal(answer)) throw new Error(answer.cause)
  return answer
}

describe('an identity by token', () => {
  it('has all that the token grants', async () => {
    const tree = new Tree()
    await tree.addAccount()
    const user = createUser()
    const jwt = await tree.user(
      user,
      { subs: 5, payload: 100, pub: { deny: ['x'] }, tags: ['a:b'], allowed_connection_types: ['STANDARD'] },
      { exp: NOW + 60 },
    )
    expect(await login(tree, jwt, user)).toEqual({
      way: 'jwt',
      user: user.getPublicKey(),
      account: tree.accountKey,
      permissions: { publish: { allow: undefined, deny: ['x'] }, subscribe: undefined, responses: undefined },
      hasDefaultPermissions: false,
      limits: { subscriptions: 5, payload: 100 },
      connectionTypes: ['STANDARD'],
      expiresAtMs: (NOW + 60) * 1000,
      nameTag: 'alice',
      tags: ['a:b'],
      token: {
        jwt,
        subject: user.getPublicKey(),
        issuer: tree.accountKey,
        issuedAt: expect.any(Number),
        bearer: false,
      },
      proxyKey: '',
    })
  })

  it('has the scope of the signing key, with the user’s name in it', async () => {
    const tree = new Tree()
    const signer = createAccount()
    const template = { subs: 7, payload: 9, pub: { allow: ['to.{{name()}}'] }, bearer_token: true }
    await tree.addAccount({
      signing_keys: [{ kind: 'user_scope', key: signer.getPublicKey(), role: 'r', template }],
    })
    const user = createUser()
    const one = await login(tree, await tree.scopedUser(user, signer), user)
    expect(one.limits).toEqual({ subscriptions: 7, payload: 9 })
    expect(one.permissions?.publish?.allow).toEqual(['to.alice'])
    expect(one.token).toMatchObject({ issuer: signer.getPublicKey(), bearer: true })
  })

  it('has the account’s permissions where its token has none', async () => {
    const tree = new Tree()
    await tree.addAccount({ default_permissions: { sub: { allow: ['d'] } } })
    const user = createUser()
    expect(await login(tree, await tree.user(user), user)).toMatchObject({
      permissions: { subscribe: { allow: ['d'] } },
      hasDefaultPermissions: true,
    })
  })

  it('has what answers need where they are allowed', async () => {
    const tree = new Tree()
    await tree.addAccount()
    const user = createUser()
    const defaults = await login(tree, await tree.user(user, { resp: {} }), user)
    expect(defaults.permissions).toEqual({
      publish: { allow: [], deny: undefined },
      subscribe: undefined,
      responses: { maxMessages: 1, expires: 120_000 },
    })
    const own = await login(tree, await tree.user(user, { resp: { max: -1, ttl: 5e9 }, pub: { allow: ['a'] } }), user)
    expect(own.permissions).toMatchObject({
      publish: { allow: ['a'] },
      responses: { maxMessages: -1, expires: 5000 },
    })
  })

  it('ends with the window of time, or with the token if that is sooner', async () => {
    const tree = new Tree()
    await tree.addAccount()
    const user = createUser()
    const times = [{ start: '00:00:00', end: '23:59:59' }]
    const nowMs = Date.parse('2026-05-05T12:00:00Z')
    const ends = async (exp: number) => {
      const body = claims('user', publicKey(user), tree.account, { times, times_location: 'UTC', subs: -1 }, { exp })
      const said = byToken(sign(body, tree.account), user)
      const answer = await authenticatorOf(tree).authenticate(request(said, { nowMs }))
      return isRefusal(answer) ? answer.cause : answer.expiresAtMs
    }
    expect(await ends(0)).toBe(Date.parse('2026-05-05T23:59:59Z'))
    expect(await ends(nowMs / 1000 + 60)).toBe(nowMs + 60_000)
    expect(await ends(nowMs / 1000 + 86_400)).toBe(Date.parse('2026-05-05T23:59:59Z'))
    expect(await ends(nowMs / 1000 - 60)).toBe('token has expired')
  })

  it('shows what the client says it is, as nats-server does', async () => {
    const tree = new Tree()
    await tree.addAccount()
    const user = createUser()
    const said = { ...byToken(await tree.user(user), user), user: 'bob' }
    expect(await authenticatorOf(tree).authenticate(request(said))).toMatchObject({ user: 'bob' })
  })
})

it('addresses are held against networks of both kinds', () => {
  const table: [string[], string, boolean][] = [
    [[], 'anything', true],
    [['10.0.0.0/8'], '10.1.2.3', true],
    [['10.9.9.9/8'], '10.1.2.3', true],
    [['10.0.0.0/8'], '11.1.2.3', false],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
    [['0.0.0.0/0'], '1.2.3.4', true],
    [['fe80::/10', '10.0.0.1/32'], '10.0.0.1', true],
    [['fe80::/10'], 'fe80::1', true],
    [['fe80::/10'], '2001::1', false],
    [['10.0.0.0/8'], '', false],
    [['10.0.0.0/8'], 'localhost', false],
    [['10.0.0.0/33', '0.0.0.0/0'], '1.2.3.4', false],
  ]
  for (const [sources, ip, isAllowed] of table) expect(isFrom(sources, ip), `${sources} ${ip}`).toBe(isAllowed)
})

describe('the account book', () => {
  it('fetches an account once, for all who wait', async () => {
    const tree = new Tree()
    await tree.addAccount()
    let fetches = 0
    const trusted = { trustedKeys: [tree.operatorKey], strictKeys: [] }
    const book = new AccountBook(trusted, async (key) => {
      fetches++
      return tree.tokens.get(key)
    })
    const all = await Promise.all(Array.from({ length: 10 }, () => book.lookup(tree.accountKey, NOW_MS)))
    expect(all.every((account) => account === all[0] && !isInvalid(account))).toBe(true)
    expect(fetches).toBe(1)
    expect(book.lookup(tree.accountKey, NOW_MS)).toBe(all[0])
  })

  it('refuses strangers, and too many of them at once', async () => {
    const tree = new Tree()
    await tree.addAccount()
    const other = new Tree()
    tree.tokens.set(other.accountKey, await other.addAccount())
    const mixed = createAccount()
    tree.tokens.set(mixed.getPublicKey(), tree.tokens.get(tree.accountKey) ?? '')
    const book = tree.book()
    expect(atOnce(book.lookup(other.accountKey, NOW_MS))).toEqual({ invalid: 'account is not signed by the operator' })
    expect(atOnce(book.lookup(mixed.getPublicKey(), NOW_MS))).toEqual({ invalid: 'token is of another account' })
    for (const key of ['', 'x', '../x', createUser().getPublicKey()]) {
      expect(atOnce(book.lookup(key, NOW_MS))).toEqual({ invalid: 'account key is none' })
    }
    const never = new AccountBook({ trustedKeys: [], strictKeys: [] }, () => new Promise(() => undefined))
    const keys = Array.from({ length: FETCHES_MAX + 1 }, () => createAccount().getPublicKey())
    const answers = keys.map((key) => never.lookup(key, NOW_MS))
    expect(atOnce(answers[FETCHES_MAX])).toEqual({ invalid: 'too many accounts are being looked for' })
  })

  it('keeps the old token when the new one is refused, and looks again when it has expired', async () => {
    const tree = new Tree()
    const body = (exp: number) => claims('account', tree.accountKey, tree.operator, { limits: UNLIMITED }, { exp })
    tree.tokens.set(tree.accountKey, sign(body(NOW + 10), tree.operator))
    const book = tree.book()
    const first = found(atOnce(book.lookup(tree.accountKey, NOW_MS)))
    expect(isInvalid(book.update(tree.accountKey, 'x', NOW_MS))).toBe(true)
    expect(book.get(tree.accountKey)).toBe(first)
    const later = (NOW + 11) * 1000
    expect(atOnce(book.lookup(tree.accountKey, later))).toEqual({ invalid: 'token has expired' })
    tree.tokens.set(tree.accountKey, sign(body(NOW + 100), tree.operator))
    expect(found(atOnce(book.lookup(tree.accountKey, later))).claims.expires).toBe(NOW + 100)
    book.remove(tree.accountKey)
    expect(book.get(tree.accountKey)).toBeUndefined()
  })

  it('demands signing keys where the operator does', async () => {
    const tree = new Tree()
    await tree.addAccount({ signing_keys: [createAccount().getPublicKey()] })
    const lax = found(atOnce(tree.book().lookup(tree.accountKey, NOW_MS)))
    const strict = found(atOnce(tree.book([tree.operatorKey]).lookup(tree.accountKey, NOW_MS)))
    expect(lax.signers.has(tree.accountKey)).toBe(true)
    expect(strict.signers.has(tree.accountKey)).toBe(false)
    expect(strict.signers.size).toBe(1)
  })
})

describe('those who are connected', () => {
  it('stay, go or change with their account’s token', async () => {
    const tree = new Tree()
    const user = createUser()
    const signer = createAccount()
    const scope = (subs: number) => ({
      kind: 'user_scope' as const,
      key: signer.getPublicKey(),
      role: 'r',
      template: { subs },
    })
    const accountOf = async (body: Parameters<Tree['addAccount']>[0]) => {
      await tree.addAccount(body)
      return found(atOnce(tree.book().lookup(tree.accountKey, NOW_MS)))
    }
    const before = await accountOf({ signing_keys: [scope(5)] })
    const plain = await login(tree, await tree.user(user), user)
    const bearer = await login(tree, await tree.user(user, { bearer_token: true }), user)
    const scoped = await login(tree, await tree.scopedUser(user, signer), user)
    const standing = (who: Identity, after: VerifiedAccount | undefined, nowMs = NOW_MS) =>
      standingOf(who, before, after, nowMs)

    expect(standing(plain, before)).toEqual({ permissions: undefined, limits: plain.limits })
    expect(standing(plain, undefined)).toBe(AuthFaults.accountExpired)
    const revoked = await accountOf({ signing_keys: [scope(5)], revocations: { [publicKey(user)]: NOW + 1000 } })
    expect(standing(plain, revoked)).toBe(AuthFaults.revoked)
    expect(standing(plain, await accountOf({ revocations: { '*': NOW + 1000 } }))).toBe(AuthFaults.revoked)
    const earlier = await accountOf({ revocations: { '*': NOW - 5, [publicKey(user)]: NOW - 5 } })
    expect(standing(plain, earlier)).toMatchObject({ limits: plain.limits })
    const strict = await accountOf({ limits: { disallow_bearer: true } })
    expect([standing(bearer, strict), standing(plain, strict)]).toMatchObject([AuthFaults.violation, { limits: {} }])
    expect(standing(scoped, await accountOf({}))).toBe(AuthFaults.signerChanged)
    expect(standing(scoped, await accountOf({ signing_keys: [scope(6)] }))).toBe(AuthFaults.signerChanged)
    expect(standing(scoped, await accountOf({ signing_keys: [scope(5)] }))).toMatchObject({ limits: scoped.limits })
    const defaults = await accountOf({ default_permissions: { pub: { deny: ['x'] } } })
    expect(standing(plain, defaults)).toMatchObject({ permissions: { publish: { deny: ['x'] } } })
    const asking = await accountOf({ authorization: { auth_users: [publicKey(createUser())] } })
    expect(standing(plain, asking)).toMatchObject({ permissions: { publish: { deny: ['$SYS.REQ.USER.AUTH'] } } })
    const soon = { ...before, claims: { ...before.claims, expires: NOW } }
    expect(standing(plain, soon, NOW * 1000)).toBe(AuthFaults.accountExpired)
    expect(AuthFaults.revoked.text).toBe('User Authentication Revoked')
  })
})

describe('what accounts share', () => {
  it('comes out as the configuration would have said it', async () => {
    const tree = new Tree()
    const other = createAccount().getPublicKey()
    await tree.addAccount({
      exports: [
        { type: 'stream', name: 's', subject: 's.*', account_token_position: 2, token_req: true },
        {
          type: 'service',
          name: 'q',
          subject: 'q',
          response_type: 'Chunked',
          response_threshold: 5e9,
          service_latency: { sampling: 'headers', results: 'lat' },
        },
      ],
      imports: [
        { type: 'stream', name: 'a', subject: 'a.*', account: other, local_subject: 'x.$1' },
        { type: 'stream', name: 'b', subject: 'b', account: other, to: 'pre' },
        { type: 'service', name: 'c', subject: 'c', account: other, local_subject: 'mine.c', share: true },
        { type: 'service', name: 'd', subject: 'mine.d', account: other, to: 'theirs.d' },
      ],
      limits: { conn: 3, mem_storage: 1 },
    })
    const options = accountOptions(found(atOnce(tree.book().lookup(tree.accountKey, NOW_MS))))
    expect(options).toMatchObject({
      name: tree.accountKey,
      nameTag: 'acc',
      limits: { maxConnections: 3, maxSubscriptions: -1, maxPayload: -1, maxLeafnodes: -1 },
      jetstream: { maxMemory: 1, maxFile: 0 },
    })
    expect(options.exports).toMatchObject([
      { kind: 'stream', subject: 's.*', accountTokenPosition: 2, tokenRequired: true, response: 'singleton' },
      { kind: 'service', response: 'chunked', threshold: 5000, latency: { sampling: 0, subject: 'lat' } },
    ])
    const told = options.imports.map(({ subject, to, prefix, share }) => [subject, to, prefix, share])
    expect(told).toEqual([
      ['a.*', 'x.$1', '', false],
      ['b', '', 'pre', false],
      ['c', 'mine.c', '', true],
      ['theirs.d', 'mine.d', '', false],
    ])
  })

  it('needs leave that is for it, by the right account, and in force', async () => {
    const tree = new Tree()
    const signer = createAccount()
    await tree.addAccount({ signing_keys: [signer.getPublicKey()] })
    const exporter = found(atOnce(tree.book().lookup(tree.accountKey, NOW_MS)))
    const importer = createAccount().getPublicKey()
    const until = (nats: object, top: object, key = tree.account, revoked: [string, number][] = []) => {
      const token = sign(claims('activation', importer, key, { subject: 't.>', kind: 'stream', ...nats }, top), key)
      const one = { kind: 'stream' as const, subject: 't.a', account: tree.accountKey, token, to: '', localSubject: '' }
      const whole = { ...one, share: false, allowTrace: false }
      return activatedUntilMs(whole, importer, exporter, new Map(revoked), NOW_MS)
    }
    expect(until({}, {})).toBe(Number.POSITIVE_INFINITY)
    expect(until({}, { exp: NOW + 10 })).toBe((NOW + 10) * 1000)
    expect(until({ issuer_account: tree.accountKey }, {}, signer)).toBe(Number.POSITIVE_INFINITY)
    const refused: [object, object, typeof signer, [string, number][]][] = [
      [{}, { exp: NOW }, tree.account, []],
      [{}, { nbf: NOW + 10 }, tree.account, []],
      [{}, { sub: tree.accountKey }, tree.account, []],
      [{ kind: 'service' }, {}, tree.account, []],
      [{ subject: 'u' }, {}, tree.account, []],
      [{}, {}, signer, []],
      [{ issuer_account: tree.accountKey }, {}, createAccount(), []],
      [{}, {}, tree.account, [[importer, NOW]]],
      [{}, {}, tree.account, [['*', NOW]]],
    ]
    for (const [nats, top, key, revoked] of refused) {
      expect(until(nats, top, key, revoked), JSON.stringify([nats, top])).toMatchObject({ invalid: expect.any(String) })
    }
    expect(until({}, {}, tree.account, [['*', NOW - 1]])).toBe(Number.POSITIVE_INFINITY)
  })
})
