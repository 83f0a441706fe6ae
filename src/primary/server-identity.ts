// The server's identity: the members of INFO that are equal for every client (docs/reference/handshake.md, "INFO").

import { parseHostPort } from '../base/addresses.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'

/**
 * The identity of a server that listens on `port`. There are no `connect_urls` in it: a single server has no other
 * address to offer, and its own ones, behind NAT, would lead clients astray.
 */
export function identityOf(serverId: string, options: Options, port: number): ServerIdentity {
  const { name, host, clientAdvertise, maxPayload, noHeaderSupport, jetstream } = options
  const advertised = clientAdvertise === '' ? undefined : parseHostPort(clientAdvertise, port)
  return {
    serverId,
    serverName: name === '' ? serverId : name,
    host: advertised?.host ?? host,
    port: advertised?.port ?? port,
    headers: !noHeaderSupport,
    maxPayload,
    ...(jetstream === undefined ? {} : { streams: { domain: jetstream.domain } }),
    lameDuck: false,
  }
}
