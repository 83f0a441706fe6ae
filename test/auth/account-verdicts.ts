// Accounts that make sense and accounts that do not: what their tokens say, and whether their users come in.

import { createCurve, type KeyPair } from '@nats-io/nkeys'
import { claims, createAccount, createUser, NOW, publicKey, sign, Tree, UNLIMITED } from './material.ts'
import type { Login, Scenario } from './verdicts.ts'

type Case = readonly [name: string, body: object, isAllowed: boolean, top?: object]

const stream = (subject: string, rest: object = {}) => ({ type: 'stream', name: 'n', subject, ...rest })
const service = (subject: string, rest: object = {}) => ({ type: 'service', name: 'n', subject, ...rest })
const limits = (rest: object) => ({ limits: { ...UNLIMITED, ...rest } })

/** `$name` stands for what is made for each account anew. */
function cases(exporter: string, importer: string): Case[] {
  const from = (one: object, rest: object = {}) => ({ imports: [{ ...one, account: exporter, ...rest }] })
  const curve = createCurve().getPublicKey()
  const userKey = publicKey(createUser())
  return [
    ['nothing', {}, true],
    ['no limits, which is none of everything', { limits: {}, exports: [stream('a')] }, false],
    ['expired', {}, false, { exp: NOW - 10 }],
    ['not valid yet', {}, false, { nbf: NOW + 1000 }],
    // ── Exports ──
    ['an export', { exports: [stream('a.>'), service('b.*')] }, true],
    ['an export of no subject', { exports: [stream('')] }, false],
    ['an export with an empty token', { exports: [stream('a..b')] }, false],
    ['an export of no kind', { exports: [{ name: 'n', subject: 'a' }] }, false],
    ['an export that is null', { exports: [null] }, false],
    ['an export within another', { exports: [stream('a.>'), stream('a.b')] }, false],
    ['the same export twice', { exports: [service('a'), service('a')] }, false],
    ['the same subject as both kinds', { exports: [stream('a'), service('a')] }, true],
    ['exports that only touch', { exports: [stream('a.*'), stream('a.*.b')] }, true],
    ['a response type', { exports: [service('a', { response_type: 'Stream' })] }, true],
    ['an unknown response type', { exports: [service('a', { response_type: 'Many' })] }, false],
    ['a response type of a stream', { exports: [stream('a', { response_type: 'Stream' })] }, false],
    ['a threshold', { exports: [service('a', { response_threshold: 1e9 })] }, true],
    ['a negative threshold', { exports: [service('a', { response_threshold: -1 })] }, false],
    ['a threshold of a stream', { exports: [stream('a', { response_threshold: 1e9 })] }, false],
    ['latency', { exports: [service('a', { service_latency: { sampling: 50, results: 'r' } })] }, true],
    [
      'latency by headers',
      { exports: [service('a', { service_latency: { sampling: 'headers', results: 'r' } })] },
      true,
    ],
    ['too much latency', { exports: [service('a', { service_latency: { sampling: 101, results: 'r' } })] }, false],
    ['latency to a wildcard', { exports: [service('a', { service_latency: { sampling: 1, results: 'r.*' } })] }, false],
    ['latency of a stream', { exports: [stream('a', { service_latency: { sampling: 1, results: 'r' } })] }, false],
    ['a token position', { exports: [stream('a.*', { account_token_position: 2 })] }, true],
    ['a token position elsewhere', { exports: [stream('a.*', { account_token_position: 1 })] }, false],
    ['a token position behind the end', { exports: [stream('a.*', { account_token_position: 3 })] }, false],
    ['a traced service', { exports: [service('a', { allow_trace: true })] }, true],
    ['a traced stream', { exports: [stream('a', { allow_trace: true })] }, false],
    ['too many exports', { ...limits({ exports: 1 }), exports: [stream('a'), stream('b')] }, false],
    [
      'wildcards where none are allowed',
      { ...limits({ exports: 1, wildcards: false }), exports: [stream('a.*')] },
      false,
    ],
    ['wildcards without a limit', { ...limits({ wildcards: false }), exports: [stream('a.*')] }, true],
    ['a description', { description: 'd', info_url: 'https://example.com/x' }, true],
    ['information nowhere', { info_url: 'example' }, false],
    ['a long description', { description: 'd'.repeat(8193) }, false],
    // ── Imports ──
    ['an import', from(stream('a')), true],
    ['an import that is null', { imports: [null] }, false],
    ['an import of no kind', from({ name: 'n', subject: 'a' }), false],
    ['an import from nobody', { imports: [stream('a')] }, false],
    ['an import of no subject', from(stream('')), false],
    ['a local subject', from(stream('a.*.b'), { local_subject: 'x.$1' }), true],
    ['a local subject with *', from(service('a.*.b'), { local_subject: 'x.*' }), true],
    ['a local subject that takes up too little', from(stream('a.*'), { local_subject: 'x' }), false],
    ['a local subject that refers to nothing', from(stream('a.*'), { local_subject: 'x.$2' }), false],
    ['a local subject that ends otherwise', from(stream('a.>'), { local_subject: 'x' }), false],
    ['both ends open', from(stream('a.>'), { local_subject: 'x.>' }), true],
    ['two local subjects', from(stream('a'), { local_subject: 'x', to: 'y' }), false],
    ['the old way', from(stream('a'), { to: 'y' }), true],
    ['a shared service', from(service('a'), { share: true }), true],
    ['a shared stream', from(stream('a'), { share: true }), false],
    ['a traced import', from(stream('a'), { allow_trace: true }), true],
    ['a traced service import', from(service('a'), { allow_trace: true }), false],
    [
      'services that overlap',
      { imports: [service('a.*', { account: exporter }), service('a.b', { account: exporter })] },
      false,
    ],
    [
      'services of two accounts',
      { imports: [service('a', { account: exporter }), service('a', { account: importer })] },
      true,
    ],
    [
      'streams that overlap',
      { imports: [stream('a.*', { account: exporter }), stream('a.b', { account: exporter })] },
      true,
    ],
    ['too many imports', { ...limits({ imports: 0 }), ...from(stream('a')) }, false],
    ['an activation', from(stream('t.a'), { token: '$good' }), true],
    ['an activation for another', from(stream('t.a'), { token: '$other' }), false],
    ['an activation by another', from(stream('t.a'), { token: '$stranger' }), false],
    ['an activation of another kind', from(service('t.a'), { token: '$good' }), false],
    ['an activation of another subject', from(stream('u.a'), { token: '$good' }), false],
    ['an activation that has expired', from(stream('t.a'), { token: '$expired' }), true],
    ['an activation that is none', from(stream('t.a'), { token: 'x' }), false],
    // ── Mappings and the rest ──
    [
      'a mapping',
      {
        mappings: {
          a: [
            { subject: 'b', weight: 50 },
            { subject: 'c', weight: 50 },
          ],
        },
      },
      true,
    ],
    ['a mapping of clusters', { mappings: { a: [{ subject: 'b', cluster: 'x' }, { subject: 'c' }] } }, true],
    [
      'a mapping of too much',
      {
        mappings: {
          a: [
            { subject: 'b', weight: 60 },
            { subject: 'c', weight: 50 },
          ],
        },
      },
      false,
    ],
    [
      'a mapping without a weight, and more',
      { mappings: { a: [{ subject: 'b' }, { subject: 'c', weight: 1 }] } },
      false,
    ],
    ['a mapping of no subject', { mappings: { '': [{ subject: 'b' }] } }, false],
    ['a mapping to no subject', { mappings: { a: [{ subject: 'b c' }] } }, false],
    ['default permissions', { default_permissions: { pub: { allow: ['a'] }, sub: { allow: ['a q'] } } }, true],
    ['default permissions with a queue to publish to', { default_permissions: { pub: { allow: ['a q'] } } }, false],
    ['a signing key', { signing_keys: [publicKey(createAccount())] }, true],
    ['a signing key that is none', { signing_keys: ['x'] }, false],
    ['a signing key of a user', { signing_keys: [userKey] }, false],
    ['a scope without a key', { signing_keys: [{ kind: 'user_scope', role: 'r', template: {} }] }, false],
    ['traces', { trace: { dest: 'a', sampling: 10 } }, true],
    ['traces to a wildcard', { trace: { dest: 'a.*' } }, false],
    ['traces of too much', { trace: { dest: 'a', sampling: 101 } }, false],
    ['cluster traffic', { cluster_traffic: 'owner' }, true],
    ['unknown cluster traffic', { cluster_traffic: 'other' }, false],
    ['tiers', limits({ tiered_limits: { R1: { mem_storage: 1 } } }), true],
    ['a tier without a name', limits({ tiered_limits: { '': { mem_storage: 1 } } }), false],
    ['a callout with its own user only', { authorization: { auth_users: ['$user'], xkey: curve } }, true],
    ['a callout with accounts but no users', { authorization: { allowed_accounts: [exporter] } }, false],
    ['a callout with any account', { authorization: { auth_users: ['$user'], allowed_accounts: ['*'] } }, true],
    [
      'a callout with any account and another',
      { authorization: { auth_users: ['$user'], allowed_accounts: ['*', exporter] } },
      false,
    ],
    ['a callout with a user that is none', { authorization: { auth_users: ['$user', 'bob'] } }, false],
    ['a callout with a wrong curve key', { authorization: { auth_users: ['$user'], xkey: userKey } }, false],
  ]
}

export async function accountScenario(): Promise<Scenario> {
  const tree = new Tree()
  await tree.addAccount({ exports: [] })
  const user = createUser()
  const stranger = createAccount()
  const logins: Login[] = []
  const activate = (subject: string, issuer: KeyPair, top: object = {}) =>
    sign(claims('activation', subject, issuer, { subject: 't.>', kind: 'stream' }, top), issuer)
  for (const [name, body, isAllowed, top] of cases(tree.accountKey, publicKey(stranger))) {
    const key = createAccount()
    const text = JSON.stringify({ limits: UNLIMITED, ...body })
      .replaceAll('$user', publicKey(user))
      .replaceAll('$good', () => activate(publicKey(key), tree.account))
      .replaceAll('$other', () => activate(publicKey(stranger), tree.account))
      .replaceAll('$stranger', () => activate(publicKey(key), stranger))
      .replaceAll('$expired', () => activate(publicKey(key), tree.account, { exp: NOW - 10 }))
    const jwt = sign(claims('account', publicKey(key), tree.operator, JSON.parse(text) as object, top), tree.operator)
    tree.tokens.set(publicKey(key), jwt)
    const token = sign(
      claims('user', publicKey(user), key, { subs: -1, data: -1, payload: -1, bearer_token: true }),
      key,
    )
    logins.push({ name, said: () => ({ jwt: token }), isAllowed })
  }
  const preload = [...tree.tokens].map(([key, jwt]) => `${key}: ${jwt}`).join('\n')
  return {
    name: 'accounts of an operator',
    config: `operator: ${await tree.operatorToken()}\nresolver: MEMORY\nresolver_preload: {\n${preload}\n}\n`,
    input: {
      operator: { trustedKeys: [tree.operatorKey], strictKeys: [], defaultSentinel: '', pinnedAccounts: [] },
    },
    tree,
    logins,
  }
}
