// Encryption at rest of what is not in blocks, and the keys of streams. A secret of 32 bytes, made once, is kept sealed
// by the configured key; everything else is sealed by keys that are made of it. So another configured key seals 32
// bytes anew, and nothing more.
//
//     configured key ─scrypt, salt─▶ seals the secret ─hkdf─▶ key of values, keys of streams

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, scryptSync } from 'node:crypto'

/** Where the sealed secret is kept, with its salt: in several copies, as nothing can be read without it. */
export interface SecretShelf {
  /** Copies that are there. */
  get(): readonly Uint8Array[]
  /** Makes all copies the same. */
  set(sealed: Uint8Array): void
}

export const COPIES = 2
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
    const copies = shelf.get()
    if (key === '') {
      if (copies.length > 0) throw new Error('what is stored is encrypted, and there is no key')
      return undefined
    }
    const seal = (secret: Uint8Array): Secrets => {
      const salt = randomBytes(SALT_BYTES)
      shelf.set(Buffer.concat([salt, sealWith(keyFrom(key, salt), secret)]))
      return new Secrets(secret)
    }
    if (copies.length === 0) return seal(randomBytes(KEY_BYTES))
    for (const copy of copies) {
      const secret = openCopy(copy, key)
      if (secret === undefined) continue
      if (copies.length < COPIES || copies.some((other) => Buffer.compare(copy, other) !== 0)) shelf.set(copy)
      return new Secrets(secret)
    }
    const secrets = previousKey === '' ? [] : copies.map((copy) => openCopy(copy, previousKey))
    const secret = secrets.find((one) => one !== undefined)
    if (secret === undefined) throw new Error('what is stored is encrypted with another key')
    return seal(secret)
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

function openCopy(copy: Uint8Array, key: string): Uint8Array | undefined {
  return openWith(keyFrom(key, copy.subarray(0, SALT_BYTES)), copy.subarray(SALT_BYTES))
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
