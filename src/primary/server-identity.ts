// Who a server says it is: its id, and what INFO tells of it to every client (reference 8.1).

import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { encodePublicKey } from '../auth/nkey.ts'
import { parseHostPort } from '../base/addresses.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'

/**
 * The identity of a server that listens on `port`. There are no `connect_urls` in it: a server that stands alone has no
 * other address to offer, and its own ones, behind NAT, would lead clients astray.
 */
export function identityOf(serverId: string, options: Options, port: number): ServerIdentity {
  const { name, host, clientAdvertise, maxPayload, noHeaderSupport } = options
  const advertised = clientAdvertise === '' ? undefined : parseHostPort(clientAdvertise, port)
  return {
    serverId,
    serverName: name === '' ? serverId : name,
    host: advertised?.host ?? host,
    port: advertised?.port ?? port,
    headers: !noHeaderSupport,
    maxPayload,
    lameDuck: false,
  }
}

/** The server's key pair: who holds it can sign as the server (auth/callout.ts). Plain data, for every thread. */
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
