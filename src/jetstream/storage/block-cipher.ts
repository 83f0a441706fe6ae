// Encryption at rest of one block file. Every sealed part of a file (the body of a record, a page, the summary) is
// authenticated. The key is made of the stream's key and the salt of the file, the nonce of the part's offset in the
// file. Nothing is written twice to the same place of a file, so no nonce serves twice.

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { TAG_BYTES } from './record.ts'

export type CipherName = 'chacha' | 'aes'

/** How a stream's files are encrypted. Blocks that are there may have another cipher, or none. */
export interface Encryption {
  readonly cipher: CipherName
  /** 32 bytes, of this stream alone. */
  readonly key: Uint8Array
}

const KEY_BYTES = 32
const NONCE_BYTES = 12
const OPTIONS = { authTagLength: TAG_BYTES } as const

/** Of a block that is encrypted; undefined: it is not. Throws where there is no key for it. */
export function cipherOf(
  { cipher, salt }: { readonly cipher: CipherName | undefined; readonly salt: Uint8Array },
  encryption: Encryption | undefined,
): BlockCipher | undefined {
  if (cipher === undefined) return undefined
  if (encryption === undefined) throw new Error('a block is encrypted, and there is no key')
  return new BlockCipher(cipher, encryption.key, salt)
}

export class BlockCipher {
  private readonly cipher: CipherName
  private readonly key: Uint8Array
  private readonly nonce = Buffer.alloc(NONCE_BYTES)

  constructor(cipher: CipherName, key: Uint8Array, salt: Uint8Array) {
    this.cipher = cipher
    this.key = new Uint8Array(hkdfSync('sha256', key, salt, 'heddle block', KEY_BYTES))
  }

  /** Encrypts bytes for a place of the file; the tag is behind them. `head`: authenticated too. */
  seal(plain: Uint8Array, offset: number, head: Uint8Array): Buffer {
    const nonce = this.nonceAt(offset)
    const cipher =
      this.cipher === 'aes'
        ? createCipheriv('aes-256-gcm', this.key, nonce, OPTIONS)
        : createCipheriv('chacha20-poly1305', this.key, nonce, OPTIONS)
    cipher.setAAD(head, { plaintextLength: plain.length })
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  }

  /** The bytes again; undefined: they, or the key, are not the ones. */
  open(sealed: Uint8Array, offset: number, head: Uint8Array): Buffer | undefined {
    const end = sealed.length - TAG_BYTES
    if (end < 0) return undefined
    const nonce = this.nonceAt(offset)
    const cipher =
      this.cipher === 'aes'
        ? createDecipheriv('aes-256-gcm', this.key, nonce, OPTIONS)
        : createDecipheriv('chacha20-poly1305', this.key, nonce, OPTIONS)
    cipher.setAAD(head, { plaintextLength: end })
    cipher.setAuthTag(sealed.subarray(end))
    try {
      return Buffer.concat([cipher.update(sealed.subarray(0, end)), cipher.final()])
    } catch {
      return undefined
    }
  }

  private nonceAt(offset: number): Buffer {
    this.nonce.writeDoubleLE(offset, 0)
    return this.nonce
  }
}
