// The nkeys of users. WebCrypto signs, which Node and browsers have; so no cryptography is written here.

import { decodeKeyText, encodeKeyText } from '../text/key-text.ts'
import { textOf } from './bytes.ts'
import { InvalidArgumentError } from './errors.ts'

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
    publicKey: encodeKeyText(new Uint8Array([USER, ...fromBase64Url(x ?? '')])),
    sign: async (bytes) => {
      const signature = await crypto.subtle.sign('Ed25519', key, new Uint8Array(bytes))
      return toBase64Url(new Uint8Array(signature))
    },
  }
}

/** The 32 bytes of a seed of a user. */
function decodeSeed(seed: Uint8Array): Uint8Array {
  const bytes = decodeKeyText(textOf(seed).trimEnd())
  if (bytes === undefined || bytes.length !== SEED_BYTES + 2) throw notASeed('is no nkey seed')
  // The first five bits say that it is a seed, the next eight of whom.
  const kind = ((bytes[0] & 7) << 5) | (bytes[1] >> 3)
  if ((bytes[0] & 0xf8) !== SEED || kind !== USER) throw notASeed('is not the seed of a user')
  return bytes.subarray(2)
}

function notASeed(why: string): InvalidArgumentError {
  return InvalidArgumentError.format('seed', why)
}

function toBase64Url(bytes: Uint8Array): string {
  const plain = btoa(String.fromCharCode(...bytes))
  return plain.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function fromBase64Url(text: string): Uint8Array {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (char) => char.charCodeAt(0))
}
