// Keys and tokens for tests, made by the official libraries; malformed ones are made by sign().

import { createPrivateKey, type KeyObject, sign as signBytes } from 'node:crypto'
import { encodeAccount, encodeOperator, encodeUser } from '@nats-io/jwt'
import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys'
import { AccountBook } from '../../src/auth/jwt/account-book.ts'
import { type AuthRequest, type Credentials, NO_CREDENTIALS, type Soon } from '../../src/auth/request.ts'
import type { UserOptions } from '../../src/options/shapes.ts'

export const NOW_MS = Date.now()
export const NOW = Math.floor(NOW_MS / 1000)

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const DER_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const privateKeys = new WeakMap<KeyPair, KeyObject>()

/** The same key for node:crypto, which signs a hundred times faster. The seed stands behind two bytes of prefix. */
function privateKey(key: KeyPair): KeyObject {
  let made = privateKeys.get(key)
  if (made === undefined) {
    const letters = [...new TextDecoder().decode(key.getSeed())].map((letter) => ALPHABET.indexOf(letter))
    const bits = letters.map((value) => value.toString(2).padStart(5, '0')).join('')
    const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
    const der = Buffer.concat([DER_PREFIX, bytes.subarray(2, 34)])
    made = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    privateKeys.set(key, made)
  }
  return made
}

const publicKeys = new WeakMap<KeyPair, string>()

/** The library works it out anew each time. */
export function publicKey(key: KeyPair): string {
  const known = publicKeys.get(key) ?? key.getPublicKey()
  publicKeys.set(key, known)
  return known
}

/** Signs anything as if it were a token. */
export function sign(claims: unknown, key: KeyPair, header: unknown = { typ: 'JWT', alg: 'ed25519-nkey' }): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${signBytes(null, Buffer.from(signed), privateKey(key)).toString('base64url')}`
}

/** The same in the first form, where the signature covers the claims alone. */
export function signFirst(claims: unknown, key: KeyPair, header: unknown = { typ: 'jwt', alg: 'ed25519' }): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signature = signBytes(null, Buffer.from(encode(claims)), privateKey(key)).toString('base64url')
  return `${encode(header)}.${encode(claims)}.${signature}`
}

/** Claims of a kind in the first form, as signFirst() takes them. */
export function firstClaims(kind: string, subject: string, key: KeyPair, nats?: object): object {
  return { jti: 'X', iat: NOW, iss: publicKey(key), name: 'n', sub: subject, type: kind, nats }
}

/** Claims of a kind, as sign() takes them. */
export function claims(kind: string, subject: string, key: KeyPair, nats: object = {}, top: object = {}): object {
  const common = { iss: publicKey(key), sub: subject, iat: NOW, name: 'n' }
  return { ...common, ...top, nats: { ...nats, type: kind, version: 2 } }
}

export const UNLIMITED = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
} as const

type AccountBody = NonNullable<Parameters<typeof encodeAccount>[2]>
type UserBody = NonNullable<Parameters<typeof encodeUser>[3]>
type UserTimes = NonNullable<Parameters<typeof encodeUser>[4]>

/** An operator with one account and whatever is added to them. */
export class Tree {
  readonly operator = createOperator()
  readonly account = createAccount()
  readonly tokens = new Map<string, string>()

  get operatorKey(): string {
    return this.operator.getPublicKey()
  }

  get accountKey(): string {
    return this.account.getPublicKey()
  }

  operatorToken(body: Parameters<typeof encodeOperator>[2] = {}): Promise<string> {
    return encodeOperator('op', this.operator, body)
  }

  /** Signs an account and keeps its token for the book. `signer`: by default the operator's own key. */
  async addAccount(
    body: AccountBody = {},
    key: KeyPair = this.account,
    options: Parameters<typeof encodeAccount>[3] = {},
  ): Promise<string> {
    const full = { ...body, limits: { ...UNLIMITED, ...body.limits } }
    const jwt = await encodeAccount('acc', key, full, { signer: this.operator, ...options })
    this.tokens.set(key.getPublicKey(), jwt)
    return jwt
  }

  user(key: KeyPair, body: UserBody = {}, options: UserTimes = {}): Promise<string> {
    return encodeUser('alice', key, this.account, body, options)
  }

  /** A user signed by a signing key, with nothing of its own. */
  scopedUser(key: KeyPair, signer: KeyPair, body: UserBody = {}): Promise<string> {
    return encodeUser('alice', key, this.account, body, { signer, scopedUser: true })
  }

  book(strictKeys: readonly string[] = [], trustedKeys: readonly string[] = [this.operatorKey]): AccountBook {
    return new AccountBook({ trustedKeys, strictKeys }, (key) => this.tokens.get(key))
  }
}

/** A request of a plain client that says this. */
export function request(said: Partial<Credentials> = {}, rest: Partial<AuthRequest> = {}): AuthRequest {
  return {
    credentials: { ...NO_CREDENTIALS, ...said },
    client: { name: '', lang: 'node', version: '1', protocol: 1 },
    nonce: 'nonce-of-15-chr',
    ip: '127.0.0.1',
    connectionId: 7,
    connectionType: 'STANDARD',
    certificate: undefined,
    tls: undefined,
    nowMs: NOW_MS,
    ...rest,
  }
}

/** A signature of the nonce as clients write it. */
export function signNonce(key: KeyPair, nonce = 'nonce-of-15-chr'): string {
  return Buffer.from(key.sign(Buffer.from(nonce))).toString('base64url')
}

/** What a client sends that has a token and its key. */
export function byToken(jwt: string, key: KeyPair): Partial<Credentials> {
  return { jwt, signature: signNonce(key) }
}

export function userOptions(name: string, rest: Partial<UserOptions> = {}): UserOptions {
  const nothing = { password: '', nkey: '', permissions: undefined, connectionTypes: undefined, proxyRequired: false }
  return { username: name, ...nothing, ...rest }
}

/** Fails a test where an answer that must be there at once is a promise. */
export function atOnce<T>(value: Soon<T>): T {
  if (value instanceof Promise) throw new Error('it is not there yet')
  return value
}

export { createAccount, createOperator, createUser }
