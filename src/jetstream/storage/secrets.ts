// Encryption at rest of what is not in blocks, and the keys of streams. A secret of 32 bytes, made once, is kept sealed
// by the configured key; everything else is sealed by keys that are made of it. So another configured key seals 32
// bytes anew, and nothing more.
//
//     configured key ─scrypt, salt─▶ seals the secret ─hkdf─▶ key of values, keys of streams

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, scryptSync } from 'node:crypto'

/** Where the sealed secret is kept, with its salt. */
export interface SecretShelf {
  get(): Uint8Array | undefined
  set(sealed: Uint8Array): void
}

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const SALT_BYTES = 16

export class Secrets {
  private readonly secret: Uint8Array
  private readonly valueKey: Uint8Array

  private constructor(secret: Uint8Array) {
    this.secret = secret
    this.valueKey = this.keyFor('values')
  }

  /**
   * Those of a shelf, which are made if there are none. Undefined: nothing is encrypted. Throws if there are some that
   * neither key opens.
   */
  static open(key: string, previousKey: string, shelf: SecretShelf): Secrets | undefined {
    const kept = shelf.get()
    if (key === '') {
      if (kept !== undefined) throw new Error('what is stored is encrypted, and there is no key')
      return undefined
    }
    const salt = kept?.subarray(0, SALT_BYTES) ?? randomBytes(SALT_BYTES)
    const openKept = (text: string): Uint8Array | undefined =>
      kept === undefined || text === '' ? undefined : openWith(keyFrom(text, salt), kept.subarray(SALT_BYTES))
    const known = openKept(key)
    if (known !== undefined) return new Secrets(known)
    const secret = kept === undefined ? randomBytes(KEY_BYTES) : openKept(previousKey)
    if (secret === undefined) throw new Error('what is stored is encrypted with another key')
    shelf.set(Buffer.concat([salt, sealWith(keyFrom(key, salt), secret)]))
    return new Secrets(secret)
  }

  /** A key for one purpose. */
  keyFor(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.secret, '', `heddle ${purpose}`, KEY_BYTES))
  }

  seal(plain: Uint8Array): Uint8Array {
    return sealWith(this.valueKey, plain)
  }

  /** Throws if the bytes are not what was sealed. */
  open(sealed: Uint8Array): Uint8Array {
    const plain = openWith(this.valueKey, sealed)
    if (plain === undefined) throw new Error('what is stored has been changed')
    return plain
  }
}

function keyFrom(text: string, salt: Uint8Array): Uint8Array {
  return scryptSync(text, salt, KEY_BYTES)
}

/** A nonce by chance, the sealed bytes, the tag. */
function sealWith(key: Uint8Array, plain: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function openWith(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
  const cipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES))
  cipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  try {
    return Buffer.concat([cipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()])
  } catch {
    return undefined
  }
}
