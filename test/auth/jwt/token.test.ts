import { encodeAccount, encodeActivation, encodeOperator, encodeUser } from '@nats-io/jwt'
import { createServer } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { decodeAccount } from '../../../src/auth/jwt/account.ts'
import { whyNotAccount } from '../../../src/auth/jwt/account-check.ts'
import { decodeActivation } from '../../../src/auth/jwt/activation.ts'
import { decodeOperator } from '../../../src/auth/jwt/operator.ts'
import { decodeToken, isInvalid, TOKEN_MAX, undecorate, whyNotNow } from '../../../src/auth/jwt/token.ts'
import { decodeUser, whyNotUser } from '../../../src/auth/jwt/user.ts'
import { chooseSeed, Random } from '../../support/random.ts'
import { claims, createAccount, createOperator, createUser, NOW, NOW_MS, publicKey, sign } from '../material.ts'

const operator = createOperator()
const account = createAccount()
const user = createUser()
const good = await encodeUser('alice', user, account, { tags: ['a:b'] }, { exp: NOW + 100, nbf: NOW - 100 })

/** Every reader of tokens, and what comes after it. None may throw on anything. */
function readAll(text: string): void {
  decodeToken(text, 'authorization_response')
  decodeOperator(text)
  decodeActivation(text)
  const one = decodeUser(text)
  if (!isInvalid(one)) whyNotUser(one, NOW_MS)
  const other = decodeAccount(text)
  if (!isInvalid(other)) whyNotAccount(other, NOW_MS)
}

describe('a token', () => {
  it('is read with all that it says', () => {
    const token = decodeUser(good)
    expect(token).toMatchObject({
      claims: {
        name: 'alice',
        subject: publicKey(user),
        issuer: account.getPublicKey(),
        expires: NOW + 100,
        notBefore: NOW - 100,
        tags: ['a:b'],
      },
      issuerAccount: '',
      rights: { subscriptions: -1, payload: -1, bearer: false },
    })
  })

  it('is of one kind only', async () => {
    const tokens = {
      user: good,
      account: await encodeAccount('a', account, {}, { signer: operator }),
      operator: await encodeOperator('o', operator),
      activation: await encodeActivation('x', createAccount(), account, 'stream', { subject: 'a' }),
    }
    for (const [kind, text] of Object.entries(tokens)) {
      for (const asked of ['user', 'account', 'operator', 'activation', 'authorization_response'] as const) {
        expect(isInvalid(decodeToken(text, asked)), `${kind} as ${asked}`).toBe(kind !== asked)
      }
    }
  })

  it('is refused when cut anywhere, or with anything behind', () => {
    for (let length = 0; length < good.length; length++) {
      expect(isInvalid(decodeUser(good.slice(0, length))), `cut at ${length}`).toBe(true)
    }
    for (const more of ['A', '=', '==', '.', ' ', '\n', '\0', 'ä']) {
      expect(isInvalid(decodeUser(good + more)), more).toBe(true)
    }
  })

  it('is refused with one letter changed, anywhere', () => {
    let accepted = 0
    for (let at = 0; at < good.length; at++) {
      const other = good[at] === 'A' ? 'B' : 'A'
      if (!isInvalid(decodeUser(good.slice(0, at) + other + good.slice(at + 1)))) accepted++
    }
    // The last letter of a signature has bits that stand for nothing.
    expect(accepted).toBeLessThanOrEqual(1)
  })

  it('is refused when its signer may not sign such claims, or another key signed', () => {
    const signers = [operator, user, createServer(), createAccount()]
    for (const key of signers.slice(0, 3)) {
      expect(isInvalid(decodeUser(sign(claims('user', publicKey(user), key), key)))).toBe(true)
    }
    expect(isInvalid(decodeUser(sign(claims('user', publicKey(user), account), signers[3])))).toBe(true)
    expect(isInvalid(decodeUser(sign(claims('user', publicKey(user), account), account)))).toBe(false)
  })

  it('is refused when its issuer is no key, of whatever length', () => {
    const key = account.getPublicKey()
    const issuers: unknown[] = [
      '',
      'A',
      key.slice(0, -1),
      `${key}A`,
      key.toLowerCase(),
      'A'.repeat(56),
      null,
      5,
      [key],
      {},
    ]
    for (let length = 0; length < key.length; length += 5) issuers.push(key.slice(0, length))
    for (const iss of issuers) {
      const body = { ...claims('user', publicKey(user), account), iss }
      expect(isInvalid(decodeUser(sign(body, account))), String(iss)).toBe(true)
    }
  })

  it('is refused when too large, before anything else', () => {
    expect(decodeUser('a'.repeat(TOKEN_MAX + 1))).toEqual({ invalid: 'token too large' })
    readAll(`${'.'.repeat(TOKEN_MAX)}`)
  })

  it('is refused when it is no UTF-8, no JSON or no object', () => {
    const encode = (bytes: Buffer) => bytes.toString('base64url')
    const header = encode(Buffer.from('{"typ":"JWT","alg":"ed25519-nkey"}'))
    const payloads = [
      'null',
      '5',
      '"x"',
      '[]',
      '',
      '{',
      '{}',
      '{"nats":5}',
      '{"nats":[]}',
      '{"iss":{}}',
      '['.repeat(300_000),
    ]
    const bytes = [
      ...payloads.map((text) => Buffer.from(text)),
      Buffer.from([0xff, 0xfe]),
      Buffer.from([0x7b, 0xc3, 0x7d]),
    ]
    for (const payload of bytes) {
      const signed = `${header}.${encode(payload)}`
      const signature = encode(Buffer.from(account.sign(Buffer.from(signed))))
      expect(isInvalid(decodeUser(`${signed}.${signature}`)), payload.toString()).toBe(true)
    }
  })

  it('is refused when a header names another type or algorithm', () => {
    const body = claims('user', publicKey(user), account)
    for (const header of [null, 5, [], {}, { typ: 'JWT' }, { alg: 'ed25519' }, { typ: 'JWS', alg: 'ed25519-nkey' }]) {
      expect(isInvalid(decodeUser(sign(body, account, header)))).toBe(true)
    }
    for (const alg of ['none', 'HS256', 'ed25519-nkey2', '', 'ed25519 ']) {
      expect(isInvalid(decodeUser(sign(body, account, { typ: 'JWT', alg })))).toBe(true)
    }
  })

  it('changes nothing about objects, whatever its members are called', () => {
    const text = '{"iss":"x","__proto__":{"polluted":1},"nats":{"__proto__":{"bearer_token":true},"constructor":5}}'
    const encode = (value: string) => Buffer.from(value).toString('base64url')
    const header = encode('{"typ":"JWT","alg":"ed25519-nkey"}')
    readAll(`${header}.${encode(text)}.${'A'.repeat(86)}`)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    const body = JSON.parse(`{"__proto__":{"bearer_token":true},"type":"user","version":2}`) as object
    const token = decodeUser(sign({ ...claims('user', publicKey(user), account), nats: body }, account))
    expect(token).toMatchObject({ rights: { bearer: false } })
  })

  it('never throws, whatever kind its members are of', () => {
    const kinds: unknown[] = [null, true, -1, 1.5, 1e300, 'x', [], [null], [5], {}, { a: {} }]
    const bodies: Record<string, readonly string[]> = {
      user: 'pub sub resp src times times_location subs data payload bearer_token proxy_required allowed_connection_types issuer_account tags version type'.split(
        ' ',
      ),
      account:
        'limits exports imports signing_keys revocations default_permissions mappings authorization trace cluster_traffic description info_url tags version type'.split(
          ' ',
        ),
      operator: 'signing_keys system_account assert_server_version strict_signing_key_usage tags version type'.split(
        ' ',
      ),
      activation: 'subject kind issuer_account tags version type'.split(' '),
      authorization_response: 'jwt error issuer_account tags version type'.split(' '),
    }
    const keys = { user: account, account: operator, operator, activation: account, authorization_response: account }
    for (const [kind, names] of Object.entries(bodies)) {
      const key = keys[kind as keyof typeof keys]
      for (const value of kinds) {
        for (const name of names) readAll(sign(claims(kind, publicKey(user), key, { [name]: value }), key))
        for (const name of ['aud', 'exp', 'jti', 'iat', 'iss', 'name', 'nbf', 'sub', 'nats', 'type', 'tags']) {
          readAll(sign({ ...claims(kind, publicKey(user), key), [name]: value }, key))
        }
        for (const list of ['exports', 'imports', 'signing_keys', 'times']) {
          readAll(sign(claims(kind, publicKey(user), key, { [list]: [value] }), key))
        }
      }
    }
  })

  it('is refused for every member that is of another kind', () => {
    const values: Record<string, unknown> = { text: 'x', number: 5, flag: true, list: ['x'], object: {}, numbers: [5] }
    const members: Record<string, readonly string[]> = {
      text: ['times_location', 'issuer_account'],
      number: ['subs', 'data', 'payload'],
      flag: ['bearer_token', 'proxy_required'],
      list: ['allowed_connection_types', 'tags'],
      object: ['pub', 'sub', 'resp'],
    }
    for (const [right, names] of Object.entries(members)) {
      for (const [kind, value] of Object.entries(values)) {
        for (const name of names) {
          const text = sign(claims('user', publicKey(user), account, { [name]: value }), account)
          expect(isInvalid(decodeUser(text)), `${name}: ${kind}`).toBe(kind !== right)
        }
      }
    }
    for (const name of ['exp', 'nbf', 'iat', 'sub', 'name', 'aud', 'jti']) {
      const wrong = ['exp', 'nbf', 'iat'].includes(name) ? '5' : 5
      expect(isInvalid(decodeUser(sign({ ...claims('user', publicKey(user), account), [name]: wrong }, account)))).toBe(
        true,
      )
    }
  })

  it('is refused after 20,000 random mutations, and never throws', () => {
    const random = new Random(chooseSeed('tokens'))
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0ä'
    for (let i = 0; i < 20_000; i++) {
      const letters = [...good]
      for (let n = 1 + random.below(4); n > 0; n--) {
        const at = random.below(letters.length)
        if (random.chance(0.3)) letters.splice(at, 1)
        else letters.splice(at, random.below(2), alphabet[random.below(alphabet.length)])
      }
      const text = letters.join('')
      if (text !== good && text.slice(0, -1) !== good.slice(0, -1)) expect(isInvalid(decodeUser(text)), text).toBe(true)
    }
  })
})

it('is not yet, still, and no more valid by the second', () => {
  const { claims: of } = decodeUser(good) as Exclude<ReturnType<typeof decodeUser>, { invalid: string }>
  expect(whyNotNow(of, (NOW - 101) * 1000)).toBe('token is not valid yet')
  expect(whyNotNow(of, (NOW - 100) * 1000)).toBeUndefined()
  expect(whyNotNow(of, (NOW + 100) * 1000 + 999)).toBeUndefined()
  expect(whyNotNow(of, (NOW + 101) * 1000)).toBe('token has expired')
})

it('is found in files, with marks around it or alone', () => {
  const seed = new TextDecoder().decode(user.getSeed())
  const marked = `-----BEGIN NATS USER JWT-----\n${good}\n------END NATS USER JWT------\n\n***\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`
  expect(undecorate(marked)).toBe(good)
  expect(undecorate(marked.replaceAll('\n', '\r\n'))).toBe(good)
  expect(undecorate(`  ${good}\n`)).toBe(good)
})
