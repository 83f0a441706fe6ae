// TLS as a client of other servers (`resolver_tls`): the settings for node's https from a `tls` block.

import tls from 'node:tls'
import type { TlsOptions } from '../options/shapes.ts'
import { type DiallerSettings, diallerSettings } from './dialler.ts'
import type { Result } from './pem.ts'
import { readTls } from './read-settings.ts'

export type RemoteTls = DiallerSettings

/**
 * Reads the files and checks everything; errors are worded as nats-server words them. Plain data, which tells by
 * comparison whether anything changed. It holds a private key: never print it. Undefined `options`: as nothing is said.
 */
export function readRemoteTls(options: TlsOptions | undefined): Result<RemoteTls> {
  if (options === undefined) return { value: { ca: tls.getCACertificates('system') } }
  const read = readTls(options, false)
  if ('error' in read) return read
  return { value: diallerSettings(read.value, options.insecure) }
}
