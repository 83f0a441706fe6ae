// The TLS settings of a shard, as plain data that crosses threads. It holds private keys: never print it.

import type { OcspPeerOptions } from '../options/shapes.ts'
import type { KeyPair } from './pem.ts'

/** What a shard needs to serve TLS. */
export interface TlsSettings {
  /** The first is for clients that ask for no name, or for none that there is. */
  readonly pairs: readonly KeyPair[]
  /** Where client certificates must come from, in PEM; undefined: the system's authorities. */
  readonly authorities: readonly string[] | undefined
  /** Clients are asked for a certificate. */
  readonly verify: boolean
  /** They may come without one. */
  readonly certificateOptional: boolean
  /** In OpenSSL's form. */
  readonly ciphers: string
  readonly curves: string
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly timeoutMs: number
  /** Lower-case hexadecimal; empty: any certificate will do. */
  readonly pinnedCerts: readonly string[]
  /** TLS comes before INFO. */
  readonly handshakeFirst: boolean
  /** … unless the client has said nothing for so long; 0 or less = however long. */
  readonly fallbackMs: number
  /** Clients that do not begin TLS are served in plain. */
  readonly allowNonTls: boolean
  /** For clients that ask whether the first certificate is still good (ocsp/stapling.ts). */
  readonly staple?: Staple
  /** Certificates of clients are asked about (ocsp/peers.ts); undefined: they are not. */
  readonly ocspPeer?: OcspPeerOptions
}

/** An OCSP answer about a certificate. */
export interface Staple {
  /** DER. */
  readonly certificate: Uint8Array
  readonly response: Uint8Array
  /** Wall clock, in milliseconds; undefined: no end is known. */
  readonly validUntilMs: number | undefined
}

/** TLS of each port; undefined: the port does without. */
export interface TlsOfPorts {
  readonly client?: TlsSettings | undefined
  readonly webSocket?: TlsSettings | undefined
  readonly http?: TlsSettings | undefined
  readonly leaf?: TlsSettings | undefined
  readonly cluster?: TlsSettings | undefined
}
