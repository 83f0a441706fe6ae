// The key pair of a server: its public key is the server's id, and what it signs comes from the server.

import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { encodePublicKey } from './nkey.ts'

/** The server's key pair: its holder can sign as the server (auth/callout.ts). Plain data, for every thread. */
export interface ServerKey {
  /** The public key as text. */
  readonly id: string
  /** PKCS #8. */
  readonly privateKey: Uint8Array
}

/**
 * A new key pair. Its id is the text form of an Ed25519 public key. It is made here and not by @nats-io/nkeys because
 * loading that, and making a key in JavaScript, take a tenth of the time that a start may take.
 */
export function createServerKey(): ServerKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    id: encodePublicKey('server', publicKey),
    privateKey: new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })),
  }
}

/** What signs as the server. */
export function signerOf({ privateKey }: ServerKey): (bytes: Uint8Array) => Uint8Array {
  const key = createPrivateKey({ key: Buffer.from(privateKey), type: 'pkcs8', format: 'der' })
  return (bytes) => sign(null, bytes, key)
}
