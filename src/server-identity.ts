// Who a server says it is: its id, and what INFO tells of it to every client (reference 8.1).

import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { parseHostPort } from './addresses.ts'
import type { Options } from './options.ts'
import type { ServerIdentity } from './protocol/handshake.ts'

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

const KIND_SERVER = 13 << 3
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

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
 *
 *     N ‥ 56 letters A–Z, 2–7      base32 of:  kind (1 byte) · public key (32) · CRC-16 of both (2, low byte first)
 */
export function createServerKey(): ServerKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x } = publicKey.export({ format: 'jwk' })
  const body = Buffer.concat([Buffer.of(KIND_SERVER), Buffer.from(x as string, 'base64url')])
  const sum = crc16(body)
  const id = base32(Buffer.concat([body, Buffer.of(sum & 0xff, sum >> 8)]))
  return { id, privateKey: new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })) }
}

export function signAs({ privateKey }: ServerKey, bytes: Uint8Array): Uint8Array {
  return sign(null, bytes, createPrivateKey({ key: Buffer.from(privateKey), type: 'pkcs8', format: 'der' }))
}

/** CRC-16 with polynomial 0x1021, from 0 (XMODEM). */
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
  }
  return crc
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
