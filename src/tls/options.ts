// The `tls` block of the client port as an operator writes it (reference 4.4): plain data, nothing read or checked yet.

/** A certificate chain and its private key, each the name of a PEM file. */
export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** Every member may be left out. */
export interface TlsOptions {
  /** PEM files of the server's certificate chain and its key. */
  readonly certFile?: string
  readonly keyFile?: string
  /** PEM file of the authorities that client certificates must come from. Default: those of the system. */
  readonly caFile?: string
  /** Instead of certFile and keyFile: several pairs, chosen by the name that the client asks for. */
  readonly certs?: readonly CertificateFiles[]
  /** Clients must show a certificate. Default false. */
  readonly verify?: boolean
  /** … and it names the user. Includes `verify`. Default false. */
  readonly verifyAndMap?: boolean
  /** By the names of Go, such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`. Default: all that are not insecure. */
  readonly cipherSuites?: readonly string[]
  readonly allowInsecureCipherSuites?: boolean
  /** By the names of Go, such as `X25519MLKEM768` and `CurveP256`; the first is preferred. */
  readonly curvePreferences?: readonly string[]
  /** `1.2` (default) or `1.3`. */
  readonly minVersion?: string
  /** Milliseconds for a handshake. Default 2 s. */
  readonly timeout?: number
  /** Handshakes a second for the whole server; 0 = no limit (default). */
  readonly connectionRateLimit?: number
  /** Hexadecimal SHA-256 of the public key info of the client certificates that may connect. Default: any. */
  readonly pinnedCerts?: readonly string[]
  /** TLS comes before INFO: always, never (default), or if the client begins within so many milliseconds. */
  readonly handshakeFirst?: boolean | number
}
