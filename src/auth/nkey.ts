// nkeys: Ed25519 keys written as text, and signatures by them (docs/reference/authentication.md, "Nkeys").
//
// A public key is 56 letters of base32: a byte for its kind, the 32 bytes of the key, and a CRC-16 of both. Each length
// is checked before any cryptography (docs/reference/reliability.md, "Keys and tokens"; a truncated key crashed
// nats-server, GHSA-g33f-6538-grxh). Nothing throws.

import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, verify } from 'node:crypto'
import { decodeKeyText, encodeKeyText } from '../text/key-text.ts'

/** The kind of a key, by the first letter of its text. */
export type KeyKind = 'operator' | 'account' | 'user' | 'server' | 'cluster' | 'curve'

const KINDS: Readonly<Record<number, KeyKind>> = {
  [14 << 3]: 'operator',
  [0 << 3]: 'account',
  [20 << 3]: 'user',
  [13 << 3]: 'server',
  [2 << 3]: 'cluster',
  [23 << 3]: 'curve',
}

export interface PublicKey {
  readonly kind: KeyKind
  /** 32 bytes. */
  readonly raw: Buffer
}

const TEXT_LENGTH = 56
const SIGNATURE_BYTES = 64
const NONCE_BYTES = 11
/** The prefix of a raw Ed25519 key in DER form. */
const DER_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** 11 random bytes as 15 characters: what a client signs. New for each connection. */
export function createNonce(): string {
  return randomBytes(NONCE_BYTES).toString('base64url')
}

/** A public key from its text, or undefined where length, letters, checksum or kind are not right. */
export function decodePublicKey(text: string): PublicKey | undefined {
  const bytes = text.length === TEXT_LENGTH ? decodeKeyText(text) : undefined
  const kind = bytes && KINDS[bytes[0]]
  return kind && { kind, raw: Buffer.from(bytes.subarray(1)) }
}

/**
 * The text of a key.
 *
 *     56 letters A–Z, 2–7      base32 of:  kind (1 byte) · public key (32) · CRC-16 of both (2, low byte first)
 */
export function encodePublicKey(kind: KeyKind, key: KeyObject): string {
  const { x } = key.export({ format: 'jwk' })
  const code = Number(Object.keys(KINDS).find((one) => KINDS[Number(one)] === kind))
  return encodeKeyText(Buffer.concat([Buffer.of(code), Buffer.from(x as string, 'base64url')]))
}

/** A public user key without a known seed: it names one question. */
export function createUserKey(): string {
  return encodePublicKey('user', generateKeyPairSync('ed25519').publicKey)
}

export function isPublicKey(text: string, kind: KeyKind): boolean {
  return decodePublicKey(text)?.kind === kind
}

/** The 64 bytes of a signature in base64, of the URL kind without padding or of the standard kind with it. */
export function decodeSignature(text: string): Buffer | undefined {
  if (!/^(?:[A-Za-z0-9_-]{86}|[A-Za-z0-9+/]{86}==)$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === SIGNATURE_BYTES ? bytes : undefined
}

/** Whether the key with this text signed the message. Anything that is not a key that can sign, did not. */
export function isSignedBy(publicKey: string, message: Uint8Array, signature: Uint8Array): boolean {
  const key = decodePublicKey(publicKey)
  if (key === undefined || key.kind === 'curve' || signature.length !== SIGNATURE_BYTES) return false
  return verify(null, message, keyObject(key.raw), signature)
}

function keyObject(raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([DER_PREFIX, raw]), format: 'der', type: 'spki' })
}
