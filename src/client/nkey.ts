// NKeys: Ed25519 keys of users in base32, with a prefix that tells their kind and a checksum. WebCrypto signs, which
// Node and browsers have; so no cryptography is written here.

import { BLANK } from './bytes.ts'
import { InvalidArgumentError } from './errors.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** First byte of a seed, in its upper five bits. */
const SEED = 18 << 3
/** First byte of the public key of a user: `U`. */
const USER = 20 << 3
const SEED_BYTES = 32
/** PKCS #8 around the 32 bytes of a private key of Ed25519 (RFC 8410). */
const PKCS8 = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]

export interface Signer {
  readonly publicKey: string
  /** The signature in base64url, without padding. */
  sign(bytes: Uint8Array): Promise<string>
}

/** Who signs with this seed. Throws InvalidArgumentError if it is none of a user. */
export async function signerOf(seed: Uint8Array): Promise<Signer> {
  const raw = decodeSeed(seed)
  const der = new Uint8Array([...PKCS8, ...raw])
  const key = await crypto.subtle.importKey('pkcs8', der, 'Ed25519', true, ['sign'])
  const { x } = await crypto.subtle.exportKey('jwk', key)
  return {
    publicKey: encodeUser(fromBase64Url(x ?? '')),
    sign: async (bytes) => {
      const signature = await crypto.subtle.sign('Ed25519', key, new Uint8Array(bytes))
      return toBase64Url(new Uint8Array(signature))
    },
  }
}

/** The 32 bytes of a seed of a user. */
function decodeSeed(seed: Uint8Array): Uint8Array {
  const bytes = fromBase32(seed)
  if (bytes === undefined || bytes.length !== SEED_BYTES + 4) throw notASeed('is no nkey seed')
  const checksum = bytes[bytes.length - 2] | (bytes[bytes.length - 1] << 8)
  if (checksum !== crc16(bytes.subarray(0, -2))) throw notASeed('has a wrong checksum')
  const kind = ((bytes[0] & 7) << 5) | (bytes[1] >> 3)
  if ((bytes[0] & 0xf8) !== SEED || kind !== USER) throw notASeed('is not the seed of a user')
  return bytes.subarray(2, -2)
}

function notASeed(why: string): InvalidArgumentError {
  return InvalidArgumentError.format('seed', why)
}

function encodeUser(key: Uint8Array): string {
  const bytes = new Uint8Array(key.length + 3)
  bytes[0] = USER
  bytes.set(key, 1)
  const checksum = crc16(bytes.subarray(0, -2))
  bytes[bytes.length - 2] = checksum & 0xff
  bytes[bytes.length - 1] = checksum >> 8
  return toBase32(bytes)
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc
}

/** undefined: not base32. Blanks and line ends at the end do not count. */
function fromBase32(text: Uint8Array): Uint8Array | undefined {
  let end = text.length
  while (end > 0 && text[end - 1] <= BLANK) end--
  const bytes = new Uint8Array(Math.floor((end * 5) / 8))
  let bits = 0
  let value = 0
  let at = 0
  for (let i = 0; i < end; i++) {
    const digit = ALPHABET.indexOf(String.fromCharCode(text[i]))
    if (digit < 0) return undefined
    value = ((value << 5) | digit) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (value >> bits) & 0xff
    }
  }
  return bytes
}

function toBase32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(value >> bits) & 31]
    }
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text
}

function toBase64Url(bytes: Uint8Array): string {
  const plain = btoa(String.fromCharCode(...bytes))
  return plain.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function fromBase64Url(text: string): Uint8Array {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (char) => char.charCodeAt(0))
}
