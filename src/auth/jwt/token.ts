// A NATS token: header, claims and signature, each in base64, joined by dots. This is the envelope that operators,
// accounts, users, activations and callout answers share; what the claims mean stands in the files beside this one.
//
// Schema and lengths come before cryptography, and any doubt refuses (R9). Nothing throws.

import { decodePublicKey, isSignedBy, type KeyKind } from '../nkey.ts'
import { Members } from './members.ts'

/** Longest token that is looked at. */
export const TOKEN_MAX = 1024 * 1024
const VERSION = 2

export type ClaimKind = 'operator' | 'account' | 'user' | 'activation' | 'authorization_response'

/** Who may sign which claims. */
const SIGNERS: Readonly<Record<ClaimKind, readonly KeyKind[]>> = {
  operator: ['operator'],
  account: ['account', 'operator'],
  user: ['account'],
  activation: ['account', 'operator'],
  authorization_response: ['account'],
}

/** What all claims have. Times are seconds, 0: not set. */
export interface Claims {
  readonly id: string
  readonly name: string
  readonly subject: string
  readonly issuer: string
  readonly audience: string
  readonly issuedAt: number
  readonly expires: number
  readonly notBefore: number
  readonly tags: readonly string[]
}

/** A token whose signature is its issuer's. Whether the issuer is to be trusted is another question. */
export interface Token {
  readonly kind: string
  /** 1 for tokens of the first form, which are still read. */
  readonly version: number
  readonly claims: Claims
  /** The members under `nats`; reading them adds to the problems. */
  readonly body: Members
  /** In the first form this stood beside `nats`, not in it. */
  readonly issuerAccount: string
  readonly problems: string[]
}

/** Why something is not accepted; for the log. */
export interface Invalid {
  readonly invalid: string
}

export const invalid = (why: string): Invalid => ({ invalid: why })

export function isInvalid(value: object): value is Invalid {
  return 'invalid' in value
}

/** Reads a token of the kind. */
export function decodeToken(text: string, kind: ClaimKind): Token | Invalid {
  const token = decodeAnyToken(text)
  if (isInvalid(token)) return token
  if (token.kind !== kind) return invalid(`not a token of ${kind}`)
  const signer = decodePublicKey(token.claims.issuer)?.kind
  if (signer === undefined || !SIGNERS[kind].includes(signer)) return invalid('issuer cannot sign such a token')
  return token
}

/** Reads a token of any kind, as directories of them do. Who may sign it is left open. */
export function decodeAnyToken(text: string): Token | Invalid {
  if (text.length > TOKEN_MAX) return invalid('token too large')
  const chunks = text.split('.')
  if (chunks.length !== 3) return invalid('token has not three parts')
  const problems: string[] = []
  const header = parse(chunks[0])
  const payload = parse(chunks[1])
  const signature = decodeBase64(chunks[2])
  if (header === undefined || payload === undefined || signature === undefined) return invalid('token is not readable')
  const algorithm = new Members(header, 'header', problems)
  const top = new Members(payload, '', problems)
  if (algorithm.text('typ').toUpperCase() !== 'JWT') return invalid('header names another type')
  if (!/^ed25519(?:-nkey)?$/i.test(algorithm.text('alg'))) return invalid('header names another algorithm')

  const body = top.object('nats')
  const oldKind = top.text('type')
  const version = oldKind === '' ? body.integer('version') : 1
  if (version > VERSION) return invalid('token is of a newer form')
  const holder = oldKind === '' ? body : top
  const claims: Claims = {
    id: top.text('jti'),
    name: top.text('name'),
    subject: top.text('sub'),
    issuer: top.text('iss'),
    audience: top.text('aud'),
    issuedAt: top.integer('iat'),
    expires: top.integer('exp'),
    notBefore: top.integer('nbf'),
    tags: holder.texts('tags') ?? [],
  }
  const kind = oldKind || body.text('type')
  const issuerAccount = holder.text('issuer_account')
  if (problems.length > 0) return invalid(problems[0])
  const signed = version <= 1 ? chunks[1] : text.slice(0, chunks[0].length + 1 + chunks[1].length)
  if (!isSignedBy(claims.issuer, Buffer.from(signed), signature)) return invalid('signature does not match')
  return { kind, version, claims, body, issuerAccount, problems }
}

/** What is wrong with the time, or undefined. */
export function whyNotNow({ expires, notBefore }: Claims, nowMs: number): string | undefined {
  const now = Math.floor(nowMs / 1000)
  if (expires > 0 && now > expires) return 'token has expired'
  return notBefore > 0 && notBefore > now ? 'token is not valid yet' : undefined
}

/** A token out of a file: alone, or below the line that marks it in credentials. */
export function undecorate(text: string): string {
  const lines = text.split('\n').map((line) => line.trim())
  const mark = lines.findIndex((line, i) => line.startsWith('---') && /^[\w.-]+$/.test(lines[i + 1] ?? ''))
  return mark < 0 ? text.trim() : lines[mark + 1]
}

/** Base64 of the URL kind, without padding and without anything else. */
function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 === 1 || !/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  return Buffer.from(text, 'base64url')
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function parse(chunk: string): unknown {
  const bytes = decodeBase64(chunk)
  if (bytes === undefined) return undefined
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch {
    return undefined
  }
}
