// nkeys: Ed25519 keys written as text, and signatures by them (docs/reference/authentication.md, "Nkeys").
//
// A public key is 56 letters of base32: a byte for its kind, the 32 bytes of the key, and a CRC-16 of both. Each length
// is checked before any cryptography (docs/reference/reliability.md, "Keys and tokens"; a truncated key crashed
// nats-server, GHSA-g33f-6538-grxh). Nothing throws.

import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, verify } from 'node:crypto'

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
const BYTES_LENGTH = 35
const SIGNATURE_BYTES = 64
const NONCE_BYTES = 11
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** The prefix of a raw Ed25519 key in DER form. */
const DER_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** 11 random bytes as 15 characters: what a client signs. New for each connection. */
export function createNonce(): string {
  return randomBytes(NONCE_BYTES).toString('base64url')
}

/** A public key from its text, or undefined where length, letters, checksum or kind are not right. */
export function decodePublicKey(text: string): PublicKey | undefined {
  if (text.length !== TEXT_LENGTH) return undefined
  const bytes = Buffer.alloc(BYTES_LENGTH)
  let bits = 0
  let waiting = 0
  let at = 0
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter)
    if (value < 0) return undefined
    bits = ((bits << 5) | value) & 0xfff
    waiting += 5
    if (waiting >= 8) {
      waiting -= 8
      bytes[at++] = (bits >> waiting) & 0xff
    }
  }
  const kind = KINDS[bytes[0]]
  if (kind === undefined || bytes.readUInt16LE(BYTES_LENGTH - 2) !== crc16(bytes.subarray(0, -2))) return undefined
  return { kind, raw: bytes.subarray(1, -2) }
}

/**
 * The text of a key.
 *
 *     56 letters A–Z, 2–7      base32 of:  kind (1 byte) · public key (32) · CRC-16 of both (2, low byte first)
 */
export function encodePublicKey(kind: KeyKind, key: KeyObject): string {
  const { x } = key.export({ format: 'jwk' })
  const code = Number(Object.keys(KINDS).find((one) => KINDS[Number(one)] === kind))
  const body = Buffer.concat([Buffer.of(code), Buffer.from(x as string, 'base64url')])
  const sum = crc16(body)
  return base32(Buffer.concat([body, Buffer.of(sum & 0xff, sum >> 8)]))
}

/** A public user key without a known seed: it names one question. */
export function createUserKey(): string {
  return encodePublicKey('user', generateKeyPairSync('ed25519').publicKey)
}

/** Five bits a letter; 35 bytes are 56 letters, with no bit left over. */
function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    for (; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31]
  }
  return text
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

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
  }
  return crc
}
