// The `tls` block of the client port as the configuration hands it over (reference 4.4): plain data with the names of
// files, whose members the configuration has checked one by one. Other members it may have are not for this port.

import type { OcspPeerOptions } from '../options/shapes.ts'

/** A certificate chain and its private key, each the name of a PEM file. */
export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

export interface TlsOptions {
  /** One, or several that are chosen by the name that the client asks for. */
  readonly certificates: readonly CertificateFiles[]
  /** PEM file of the authorities that client certificates must come from; empty: those of the system. */
  readonly caFile: string
  /** Clients must show a certificate … */
  readonly verify: boolean
  /** … or need not, but if they do, it has to be good … */
  readonly verifyOptional: boolean
  /** … or it names the user. */
  readonly verifyAndMap: boolean
  /** By the names of Go, such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`; empty: all that are not insecure. */
  readonly cipherSuites: readonly string[]
  /** By the names of Go, such as `X25519MLKEM768` and `CurveP256`, the best first; empty: all. */
  readonly curvePreferences: readonly string[]
  readonly minVersion: '1.2' | '1.3'
  /** Milliseconds for a handshake; 0 = the default. */
  readonly timeout: number
  /** Handshakes a second for the whole server; 0 = no limit. */
  readonly connectionRateLimit: number
  /** Lower-case hexadecimal SHA-256 of the public key info of those that may connect; empty: any. */
  readonly pinnedCerts: readonly string[]
  /** TLS comes before INFO … */
  readonly handshakeFirst: boolean
  /** … unless the client has said nothing for so many milliseconds; 0 = however long. */
  readonly handshakeFirstFallback: number
  /** Whether certificates of clients are still good is asked of their responders; undefined: it is not. */
  readonly ocspPeer?: OcspPeerOptions | undefined
}
