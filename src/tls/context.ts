// The certificates of a server in OpenSSL's form, and the choice among them for a client.
//
// As in nats-server, it is the first pair whose certificate is valid for the requested server name, or the first of all
// if there is none or no name was requested.

import { constants, X509Certificate } from 'node:crypto'
import type { SecureContext, Server, TlsOptions } from 'node:tls'
import type { KeyPair, Result } from './pem.ts'
import type { Staple, TlsSettings } from './tls-settings.ts'

/** Loaded when there is TLS: each thread takes milliseconds for it, and most servers do without. */
const nodeTls = (): typeof import('node:tls') => process.getBuiltinModule('node:tls')

interface Named {
  readonly certificate: X509Certificate
  readonly context: SecureContext
}

type SniCallback = (name: string, answer: (error: Error | null, context?: SecureContext) => void) => void

/** Only the names in the certificate's extension count, and `*` matches one whole label: as in Go. */
export const NAME_RULES = { subject: 'never', partialWildcards: false, wildcards: true } as const

/**
 * A TLS server that listens nowhere: connections are put into it by its event `connection`, and come out by
 * `secureConnection`, those with certificates that are not trusted included, or by `tlsClientError`. What OpenSSL
 * refuses about the settings is an error in its own words.
 */
export function buildServer(settings: TlsSettings): Result<Server> {
  const { pairs, verify, staple } = settings
  try {
    const select = pairs.length > 1 ? chooser(settings) : undefined
    const server = nodeTls().createServer({
      ...contextOptions(settings, pairs[0]),
      requestCert: verify,
      // An untrusted client is refused in secureConnection, with an alert.
      rejectUnauthorized: false,
      // The server's deadline is absolute; this one restarts with every byte, and only has to be longer.
      handshakeTimeout: Math.max(0, settings.timeoutMs) + 60_000,
      ...(select === undefined ? {} : { SNICallback: select }),
    })
    if (staple !== undefined) {
      server.on('OCSPRequest', (certificate, _issuer, answer) => answer(null, stapleFor(certificate, staple)))
    }
    return { value: server }
  } catch (error) {
    return { error: `error in TLS configuration: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/** The TLS half of an HTTPS server. It requests no client certificate, whatever clients of the NATS port need. */
export class HttpsContext {
  private settings: TlsSettings
  private choose: SniCallback
  private server: Server | undefined

  constructor(settings: TlsSettings) {
    this.settings = { ...settings, verify: false }
    this.choose = chooser(this.settings)
  }

  /** For createServer(); `handshakeMs`: how long a handshake may take. */
  options(handshakeMs: number): TlsOptions {
    return {
      ...contextOptions(this.settings, this.settings.pairs[0]),
      handshakeTimeout: handshakeMs,
      SNICallback: (name, answer) => this.choose(name, answer),
    }
  }

  /** The server that was made with these options. */
  serve(server: Server): void {
    this.server = server
    server.on('OCSPRequest', (certificate, _issuer, answer) => {
      const { staple } = this.settings
      answer(null, staple === undefined ? null : stapleFor(certificate, staple))
    })
  }

  /** Connections that come from now on see these settings. */
  reload(settings: TlsSettings): void {
    this.settings = { ...settings, verify: false }
    this.choose = chooser(this.settings)
    this.server?.setSecureContext(contextOptions(this.settings, this.settings.pairs[0]))
  }
}

/** One that is not for this certificate, or not valid any more, is none: the client decides what it makes of that. */
function stapleFor(certificate: Buffer, staple: Staple): Buffer | null {
  if (!certificate.equals(staple.certificate) || (staple.validUntilMs ?? Number.POSITIVE_INFINITY) < Date.now())
    return null
  return Buffer.from(staple.response)
}

/** The choice by name. It never throws, whatever the name: an exception here would end the process. */
function chooser(settings: TlsSettings): SniCallback {
  const named: Named[] = settings.pairs.map((pair) => ({
    certificate: new X509Certificate(pair.cert),
    context: nodeTls().createSecureContext(contextOptions(settings, pair)),
  }))
  return (name, answer) =>
    answer(null, (named.find(({ certificate }) => isGoodFor(certificate, name)) ?? named.at(0))?.context)
}

function isGoodFor(certificate: X509Certificate, name: string): boolean {
  try {
    return certificate.checkHost(name, NAME_RULES) !== undefined
  } catch {
    return false
  }
}

/** `pair` undefined: a server without a certificate, whose handshakes all fail; nats-server starts like that, too. */
function contextOptions(settings: TlsSettings, pair: KeyPair | undefined) {
  const { verify, authorities } = settings
  // Renegotiation is an attack surface that no NATS client needs. A resumed session would not check the client's
  // certificate again, which may have expired since.
  const secureOptions = constants.SSL_OP_NO_RENEGOTIATION | (verify ? constants.SSL_OP_NO_TICKET : 0)
  return {
    ...(pair === undefined ? {} : { cert: pair.cert, key: pair.key }),
    ...(verify ? { ca: [...(authorities ?? nodeTls().getCACertificates('system'))] } : {}),
    ciphers: settings.ciphers,
    ecdhCurve: settings.curves,
    minVersion: settings.minVersion,
    honorCipherOrder: true,
    secureOptions,
  }
}
