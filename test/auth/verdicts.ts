// Logins and their verdicts: the same configuration and the same CONNECT for nats-server and for our authenticator.

import { encodeUser } from '@nats-io/jwt'
import type { KeyPair } from '@nats-io/nkeys'
import { hashSync } from 'bcryptjs'
import { type AuthInput, authSettings } from '../../src/auth/settings.ts'
import type { UserOptions } from '../../src/options/shapes.ts'
import { claims, createAccount, createUser, firstClaims, NOW, sign, signFirst, Tree, userOptions } from './material.ts'

/** Members of CONNECT, made when the nonce is known. */
export type Said = (nonce: string) => Readonly<Record<string, string>>

export interface Login {
  readonly name: string
  readonly said: Said
  readonly isAllowed: boolean
  /** Where nats-server decides otherwise, and why we do not follow. */
  readonly natsServer?: string
}

export interface Scenario {
  readonly name: string
  /** nats-server's configuration. */
  readonly config: string
  /** The same for us. */
  readonly input: Partial<AuthInput>
  /** Account tokens, in operator mode. */
  readonly tree?: Tree
  readonly logins: readonly Login[]
  /** Where nats-server's INFO asks otherwise, and why we do not follow. */
  readonly natsServerAsks?: string
}

const says =
  (said: Readonly<Record<string, string>>): Said =>
  () =>
    said
const login = (name: string, said: Readonly<Record<string, string>>, isAllowed: boolean): Login => {
  return { name, said: says(said), isAllowed }
}
const NOTHING = login('nothing', {}, false)

const signs =
  (key: KeyPair, more: Readonly<Record<string, string>>, kind: 'base64url' | 'base64' = 'base64url'): Said =>
  (nonce) => ({ ...more, sig: Buffer.from(key.sign(Buffer.from(nonce))).toString(kind) })

const authorization = (rest: Partial<NonNullable<AuthInput['authorization']>>): Partial<AuthInput> => ({
  authorization: {
    username: '',
    password: '',
    token: '',
    users: [],
    hasUsers: rest.users !== undefined,
    callout: undefined,
    proxyRequired: false,
    ...rest,
  },
})

const HASH = hashSync('hashed', 4)
const alice = userOptions('alice', { password: 'a' })
const bob = userOptions('bob', { password: HASH })
const ALICE_BOB = `{user: alice, password: a}, {user: bob, password: "${HASH}"}`

/** Users, tokens and nkeys of the configuration. */
export function configuredScenarios(): Scenario[] {
  const nkey = createUser()
  const other = createUser()
  const key = nkey.getPublicKey()
  const nkeyUser: UserOptions = userOptions('', { nkey: key })
  const websocketOnly = userOptions('ws', { password: 'w', connectionTypes: ['WEBSOCKET'] })
  return [
    { name: 'nobody is asked', config: '', input: {}, logins: [login('anything', { user: 'x', pass: 'y' }, true)] },
    {
      name: 'one token',
      config: 'authorization { token: s3cret }',
      input: authorization({ token: 's3cret' }),
      logins: [
        NOTHING,
        login('the token', { auth_token: 's3cret' }, true),
        login('another token', { auth_token: 's3cre' }, false),
        login('the token as password', { user: 'x', pass: 's3cret' }, false),
      ],
    },
    {
      name: 'a hashed token',
      config: `authorization { token: "${HASH}" }`,
      input: authorization({ token: HASH }),
      logins: [login('the token', { auth_token: 'hashed' }, true), login('the hash', { auth_token: HASH }, false)],
    },
    {
      name: 'one user',
      config: 'authorization { user: u, password: p }',
      input: authorization({ username: 'u', password: 'p' }),
      logins: [
        NOTHING,
        login('the user', { user: 'u', pass: 'p' }, true),
        login('a wrong password', { user: 'u', pass: 'pp' }, false),
        login('another user', { user: 'v', pass: 'p' }, false),
        login('no password', { user: 'u' }, false),
        login('a token', { auth_token: 'p' }, false),
      ],
    },
    {
      name: 'users',
      config: `authorization { users = [ ${ALICE_BOB}, {user: open} ] }`,
      input: authorization({ users: [alice, bob, userOptions('open')] }),
      logins: [
        NOTHING,
        login('plain', { user: 'alice', pass: 'a' }, true),
        login('plain, wrong', { user: 'alice', pass: 'b' }, false),
        login('hashed', { user: 'bob', pass: 'hashed' }, true),
        login('the hash itself', { user: 'bob', pass: HASH }, false),
        login('a name that objects have', { user: '__proto__', pass: '' }, false),
        login('a user without a password', { user: 'open' }, true),
        login('such a user with one', { user: 'open', pass: 'x' }, false),
        login('an nkey where there are none', { nkey: key, user: 'alice', pass: 'a' }, true),
      ],
    },
    {
      name: 'an empty list of users',
      config: 'authorization { users = [] }',
      input: authorization({ users: [] }),
      natsServerAsks:
        'it takes an empty list for none and lets everybody in; nothing implicit grants a login (docs/reference/reliability.md)',
      logins: [NOTHING, login('anybody', { user: 'x', pass: 'y' }, false)].map((one) => ({
        ...one,
        natsServer: 'as above',
      })),
    },
    {
      name: 'no_auth_user',
      config: `no_auth_user: alice, authorization { users = [ ${ALICE_BOB} ] }`,
      input: { ...authorization({ users: [alice, bob] }), noAuthUser: 'alice' },
      logins: [
        login('nothing', {}, true),
        login('another user', { user: 'bob', pass: 'hashed' }, true),
        login('that user with a wrong password', { user: 'alice', pass: 'b' }, false),
        login('a password only', { pass: 'b' }, false),
        login('a token', { auth_token: 'b' }, false),
      ],
    },
    {
      name: 'no_auth_user with a hashed password',
      config: `no_auth_user: bob, authorization { users = [ ${ALICE_BOB} ] }`,
      input: { ...authorization({ users: [alice, bob] }), noAuthUser: 'bob' },
      logins: [{ ...login('nothing', {}, true), natsServer: 'it compares the hash with itself as a password' }],
    },
    {
      name: 'no_auth_user with another connection type',
      config: 'no_auth_user: ws, authorization { users = [ {user: ws, password: w, connection_types: [WEBSOCKET]} ] }',
      input: { ...authorization({ users: [websocketOnly] }), noAuthUser: 'ws' },
      logins: [NOTHING, login('by name', { user: 'ws', pass: 'w' }, false)],
    },
    {
      name: 'nkeys',
      config: `authorization { users = [ {nkey: ${key}}, {user: alice, password: a} ] }`,
      input: authorization({ users: [nkeyUser, alice] }),
      logins: [
        NOTHING,
        { name: 'signed', said: signs(nkey, { nkey: key }), isAllowed: true },
        { name: 'signed in standard base64', said: signs(nkey, { nkey: key }, 'base64'), isAllowed: true },
        { name: 'signed by another key', said: signs(other, { nkey: key }), isAllowed: false },
        { name: 'another key', said: signs(other, { nkey: other.getPublicKey() }), isAllowed: false },
        {
          name: 'another key and a good user',
          said: signs(nkey, { nkey: 'x', user: 'alice', pass: 'a' }),
          isAllowed: false,
        },
        login('not signed', { nkey: key }, false),
        login('an empty signature', { nkey: key, sig: '' }, false),
        login('a cut signature', { nkey: key, sig: 'AAAA' }, false),
        login('a signature of strange letters', { nkey: key, sig: '!'.repeat(86) }, false),
        login('a user beside the nkeys', { user: 'alice', pass: 'a' }, true),
      ],
    },
    {
      name: 'an nkey as no_auth_user',
      config: `no_auth_user: ${key}, authorization { users = [ {nkey: ${key}} ] }`,
      input: { ...authorization({ users: [nkeyUser] }), noAuthUser: key },
      logins: [login('nothing', {}, true), login('a password', { pass: 'x' }, false)],
    },
    {
      name: 'accounts',
      config: `accounts { A { users = [ {user: alice, password: a} ] }, B { users = [ {nkey: ${key}} ] } }`,
      input: {
        accounts: [
          { name: 'A', users: [alice], defaultPermissions: undefined },
          { name: 'B', users: [nkeyUser], defaultPermissions: undefined },
        ],
      },
      logins: [
        NOTHING,
        login('of A', { user: 'alice', pass: 'a' }, true),
        { name: 'of B', said: signs(nkey, { nkey: key }), isAllowed: true },
      ],
    },
    {
      name: 'a system account and nothing else',
      config: 'accounts { SYS { users = [ {user: alice, password: a} ] } }, system_account: SYS',
      input: { accounts: [{ name: 'SYS', users: [alice], defaultPermissions: undefined }], systemAccount: 'SYS' },
      logins: [
        login('nothing', {}, true),
        login('the system user', { user: 'alice', pass: 'a' }, true),
        login('with a wrong password', { user: 'alice', pass: 'b' }, false),
        login('an unknown user', { user: 'x', pass: 'b' }, false),
      ],
    },
    ...[
      { name: 'a user', text: '{user: alice, password: a}', users: [alice] },
      { name: 'nobody', text: '', users: [] },
    ].map(({ name, text, users }) => ({
      name: `the account $SYS with ${name}, and nothing else`,
      config: `accounts { $SYS { users = [ ${text} ] } }`,
      input: { accounts: [{ name: '$SYS', users, defaultPermissions: undefined }] },
      logins: [
        login('nothing', {}, true),
        login('the system user', { user: 'alice', pass: 'a' }, users.length > 0),
        login('an unknown user', { user: 'x', pass: 'b' }, false),
      ],
    })),
    {
      name: 'a trusted proxy',
      config: `proxies { trusted = [ {key: ${key}} ] }, authorization { users = [ {user: alice, password: a, proxy_required: true}, {user: bob, password: "${HASH}"} ] }`,
      input: {
        ...authorization({ users: [{ ...alice, proxyRequired: true }, bob] }),
        proxies: [key],
      },
      logins: [
        login('past the proxy', { user: 'alice', pass: 'a' }, false),
        { name: 'through it', said: proxied(nkey, { user: 'alice', pass: 'a' }), isAllowed: true },
        { name: 'through another', said: proxied(other, { user: 'alice', pass: 'a' }), isAllowed: false },
        {
          name: 'through another without need',
          said: proxied(other, { user: 'bob', pass: 'hashed' }),
          isAllowed: false,
        },
        login('past it without need', { user: 'bob', pass: 'hashed' }, true),
      ],
    },
  ]
}

function proxied(key: KeyPair, more: Readonly<Record<string, string>>): Said {
  return (nonce) => ({ ...more, proxy_sig: Buffer.from(key.sign(Buffer.from(nonce))).toString('base64url') })
}

// ── Operator mode ───────────────────────────────────────────────────────────────────────────────────────────

/** Tokens of an operator's tree, good and bad. */
export async function operatorScenarios(): Promise<Scenario[]> {
  const tree = new Tree()
  const user = createUser()
  const revoked = createUser()
  const signer = createAccount()
  const scoped = createAccount()
  const stranger = createAccount()
  const strictAccount = createAccount()
  const orphan = createAccount()
  const narrow = createAccount()
  const operatorSigner = (await import('@nats-io/nkeys')).createOperator()
  const template = {
    subs: -1,
    data: -1,
    payload: -1,
    pub: { allow: ['u.{{name()}}.{{tag(team)}}'] },
    sub: { deny: ['x'] },
  }
  const unfillable = createAccount()
  await tree.addAccount({
    signing_keys: [
      signer.getPublicKey(),
      { kind: 'user_scope', key: scoped.getPublicKey(), role: 'r', template },
      {
        kind: 'user_scope',
        key: unfillable.getPublicKey(),
        role: 'r',
        template: { ...template, sub: { deny: ['x.{{tag(nothing)}}'] } },
      },
    ],
    revocations: { [revoked.getPublicKey()]: NOW + 1000 },
  })
  await tree.addAccount({ limits: { disallow_bearer: true } }, narrow)
  await tree.addAccount({}, strictAccount, { signer: operatorSigner })
  const foreign = new Tree()
  await foreign.addAccount()

  const plain = (body: object, top: object = {}, key = tree.account): string =>
    sign(claims('user', user.getPublicKey(), key, { subs: -1, data: -1, payload: -1, ...body }, top), key)
  const good = await tree.user(user)
  const byKey = (jwt: string, key = user): Said => signs(key, { jwt })
  const cases: [string, Said, boolean][] = [
    ['nothing', says({}), false],
    ['a good token', byKey(good), true],
    ['a good token, signed by another', byKey(good, revoked), false],
    ['a good token, not signed', says({ jwt: good }), false],
    ['a good token without its end', byKey(good.slice(0, -1)), false],
    ['a good token with something behind', byKey(`${good}A`), false],
    ['an account token', byKey(tree.tokens.get(tree.accountKey) ?? ''), false],
    ['a revoked user', byKey(await tree.user(revoked), revoked), false],
    ['a bearer token', says({ jwt: await tree.user(user, { bearer_token: true }) }), true],
    ['a bearer token where none are allowed', says({ jwt: plain({ bearer_token: true }, {}, narrow) }), false],
    ['a signed token where no bearers are allowed', byKey(plain({}, {}, narrow)), true],
    ['an expired token', byKey(plain({}, { exp: NOW - 10 })), false],
    ['a token that expires later', byKey(plain({}, { exp: NOW + 1000 })), true],
    ['a token that is not valid yet', byKey(plain({}, { nbf: NOW + 1000 })), false],
    ['a token that is valid since', byKey(plain({}, { nbf: NOW - 10 })), true],
    ['a token of a stranger', byKey(await encodeUser('x', user, stranger)), false],
    ['a token of an account of another operator', byKey(await foreign.user(user)), false],
    ['a token of an account that nobody knows', byKey(plain({}, {}, orphan)), false],
    ['by a signing key', byKey(await encodeUser('x', user, tree.account, {}, { signer })), true],
    ['by a signing key, without saying for whom', byKey(await encodeUser('x', user, signer)), false],
    [
      'by a key that is not one of the account',
      byKey(await encodeUser('x', user, tree.account, {}, { signer: stranger })),
      false,
    ],
    ['by a scoped key', byKey(await tree.scopedUser(user, scoped)), true],
    ['by a scoped key with rights of its own', byKey(await tree.scopedUser(user, scoped, { subs: -1 })), false],
    ['by a scoped key with an empty list', byKey(await tree.scopedUser(user, scoped, { src: [] })), false],
    ['by a scoped key with limits', byKey(await encodeUser('x', user, tree.account, {}, { signer: scoped })), false],
    ['by a scoped key whose template cannot be filled', byKey(await tree.scopedUser(user, unfillable)), false],
    ['by the main key where signing keys are demanded', byKey(plain({}, {}, strictAccount)), false],
    ['from here', byKey(plain({ src: ['10.0.0.0/8', '127.0.0.1/32'] })), true],
    ['from here, as a text', byKey(plain({ src: '10.0.0.0/8, 127.0.0.0/8' })), true],
    ['from here, with bits beyond the mask', byKey(plain({ src: ['127.1.2.3/8'] })), true],
    ['from here, as IPv6 writes it', byKey(plain({ src: ['::ffff:127.0.0.0/104'] })), true],
    ['from elsewhere', byKey(plain({ src: ['10.0.0.0/8', '::1/128'] })), false],
    ['from no network', byKey(plain({ src: ['127.0.0.1'] })), false],
    ['at any time', byKey(plain({ times: [{ start: '00:00:00', end: '23:59:59' }] })), true],
    ['at no time', byKey(plain({ times: [{ start: '00:00:00', end: '00:00:00' }] })), false],
    ['over midnight', byKey(plain({ times: [{ start: '00:00:01', end: '00:00:00' }] })), true],
    ['at a time that is none', byKey(plain({ times: [{ start: '24:00:00', end: '25:00:00' }] })), false],
    ['without an end', byKey(plain({ times: [{ start: '00:00:00' }] })), false],
    [
      'in a zone',
      byKey(plain({ times: [{ start: '00:00:00', end: '23:59:59' }], times_location: 'Asia/Tokyo' })),
      true,
    ],
    ['in no zone', byKey(plain({ times_location: 'Nowhere/Land' })), false],
    ['in this way', byKey(plain({ allowed_connection_types: ['standard'] })), true],
    ['in another way', byKey(plain({ allowed_connection_types: ['WEBSOCKET'] })), false],
    ['in this way and an unknown one', byKey(plain({ allowed_connection_types: ['STANDARD', 'PIGEON'] })), true],
    ['in unknown ways only', byKey(plain({ allowed_connection_types: ['PIGEON'] })), false],
    ['with permissions that are subjects', byKey(plain({ pub: { allow: ['a.>'] }, sub: { allow: ['a q'] } })), true],
    ['with a queue to publish to', byKey(plain({ pub: { allow: ['a q'] } })), false],
    ['with an empty token', byKey(plain({ sub: { deny: ['a..b'] } })), false],
    ['with three words', byKey(plain({ sub: { allow: ['a b c'] } })), false],
    ['with numbers as subjects', byKey(plain({ sub: { allow: [1] } })), false],
    ['with permissions as a text', byKey(plain({ pub: 'a' })), false],
    ['with a fraction as limit', byKey(plain({ subs: 1.5 })), false],
    [
      'with null for everything',
      byKey(plain({ pub: null, sub: null, resp: null, src: null, times: null, tags: null })),
      true,
    ],
    ['with a name in capitals', byKey(plain({ Bearer_Token: true })), true],
    ['with a proxy demanded', byKey(plain({ proxy_required: true })), false],
    [
      'of a newer form',
      byKey(
        sign(
          { ...claims('user', user.getPublicKey(), tree.account), nats: { type: 'user', version: 3 } },
          tree.account,
        ),
      ),
      false,
    ],
    [
      'of no form',
      byKey(sign({ ...claims('user', user.getPublicKey(), tree.account), nats: { type: 'user' } }, tree.account)),
      false,
    ],
    [
      'of another algorithm',
      byKey(sign(claims('user', user.getPublicKey(), tree.account), tree.account, { typ: 'JWT', alg: 'none' })),
      false,
    ],
    ['of the old form', byKey(oldUser(tree, user)), true],
    ['signed by a user', byKey(sign(claims('user', user.getPublicKey(), user), user)), false],
    ['signed by the operator', byKey(sign(claims('user', user.getPublicKey(), tree.operator), tree.operator)), false],
  ]
  const preload = [...tree.tokens].map(([key, jwt]) => `${key}: ${jwt}`).join('\n')
  const operator = await tree.operatorToken()
  const strict = await signStrict(operatorSigner)
  const sentinel = await tree.user(user, { bearer_token: true })
  const settings = {
    trustedKeys: [tree.operatorKey, operatorSigner.getPublicKey()],
    strictKeys: [operatorSigner.getPublicKey()],
    defaultSentinel: '',
    pinnedAccounts: [],
  }
  const config = `operator: [${operator}, ${strict}]\nresolver: MEMORY\nresolver_preload: {\n${preload}\n}\n`
  const toLogin = ([name, said, isAllowed]: [string, Said, boolean]): Login => ({ name, said, isAllowed })
  return [
    { name: 'tokens', config, input: { operator: settings }, tree, logins: cases.map(toLogin) },
    {
      name: 'tokens with a default sentinel',
      config: `${config}default_sentinel: ${sentinel}\n`,
      input: { operator: { ...settings, defaultSentinel: sentinel } },
      tree,
      logins: [
        login('nothing', {}, true),
        login('something that is no token', { jwt: 'x' }, true),
        { name: 'a token that is refused', said: byKey(plain({}, { exp: NOW - 10 })), isAllowed: false },
      ],
    },
    {
      name: 'pinned accounts',
      config: `${config}resolver_pinned_accounts: [${narrow.getPublicKey()}]\n`,
      input: { operator: { ...settings, pinnedAccounts: [narrow.getPublicKey()] } },
      tree,
      logins: [
        { name: 'a pinned one', said: byKey(plain({}, {}, narrow)), isAllowed: true },
        { name: 'another one', said: byKey(good), isAllowed: false },
      ],
    },
  ]
}

/** Tokens of the first form have their kind outside, and the signature covers the claims only. */
function oldUser(tree: Tree, user: KeyPair): string {
  return signFirst(firstClaims('user', user.getPublicKey(), tree.account, { pub: {}, sub: {} }), tree.account)
}

/** A second operator, who demands signing keys. */
async function signStrict(signingKey: KeyPair): Promise<string> {
  const { createOperator } = await import('@nats-io/nkeys')
  const operator = createOperator()
  const nats = { signing_keys: [signingKey.getPublicKey()], strict_signing_key_usage: true }
  return sign(claims('operator', operator.getPublicKey(), operator, nats), operator)
}

export const settingsOf = (scenario: Scenario) => authSettings(scenario.input)
