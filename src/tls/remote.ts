// TLS as a client of other servers (`resolver_tls`): the settings for node's https from a `tls` block.

import type { AgentOptions } from 'node:https'
import tls from 'node:tls'
import type { TlsOptions } from '../options/shapes.ts'
import type { Result } from './pem.ts'
import { readTls } from './read-settings.ts'

export type RemoteTls = Pick<
  AgentOptions,
  'cert' | 'key' | 'ca' | 'ciphers' | 'ecdhCurve' | 'minVersion' | 'rejectUnauthorized'
>

/**
 * Reads the files and checks everything; errors are worded as nats-server words them. Plain data, which tells by
 * comparison whether anything changed. It holds a private key: never print it. Undefined `options`: as nothing is said.
 */
export function readRemoteTls(options: TlsOptions | undefined): Result<RemoteTls> {
  if (options === undefined) return { value: { ca: tls.getCACertificates('system') } }
  const read = readTls(options, false)
  if ('error' in read) return read
  const { pairs, authorities, ciphers, curves, minVersion } = read.value
  const [pair] = pairs
  const own = pair === undefined ? {} : { cert: pair.cert, key: pair.key }
  const ca = [...(authorities ?? tls.getCACertificates('system'))]
  return { value: { ...own, ca, ciphers, ecdhCurve: curves, minVersion, rejectUnauthorized: !options.insecure } }
}
