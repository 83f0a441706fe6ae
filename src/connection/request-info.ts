// The description of the requestor for the exporting account: the value of the header Nats-Request-Info
// (docs/reference/delivery.md, "Service imports").

import type { ServerIdentity } from '../protocol/handshake.ts'
import type { ClientFacts } from './facts.ts'

/** What it needs of the shard. */
interface Shard {
  readonly identity: Pick<ServerIdentity, 'serverName' | 'cluster'>
  wallClock(ms: number): number
}

/**
 * JSON, as a byte string. Without `share` the account and the round trip time only; nanoseconds. `service`: the
 * account by whose own service the request came, or empty.
 */
export function requestInfo(client: ClientFacts, shard: Shard, share: boolean, service: string): string {
  const names = { acc: client.account.name, svc: service || undefined }
  const info = share ? details(client, shard, names) : { ...names, rtt: rttOf(client) }
  return Buffer.from(JSON.stringify(info)).toString('latin1')
}

function details(client: ClientFacts, shard: Shard, names: object): Readonly<Record<string, unknown>> {
  const { options, login } = client
  const { identity } = login
  const token = identity?.way === 'jwt' ? identity.token : undefined
  return {
    start: new Date(shard.wallClock(client.startMs)).toISOString(),
    host: client.ip,
    id: client.id,
    ...names,
    user: identity?.user || undefined,
    name: options.name || undefined,
    lang: options.lang || undefined,
    ver: options.version || undefined,
    rtt: rttOf(client),
    server: shard.identity.serverName,
    cluster: shard.identity.cluster?.name,
    // A bearer token alone is enough to log in.
    jwt: token?.bearer === false ? token.jwt : undefined,
    issuer_key: token?.issuer,
    name_tag: identity?.nameTag || undefined,
    tags: identity !== undefined && identity.tags.length > 0 ? identity.tags : undefined,
    kind: 'Client',
    client_type: client.clientType,
  }
}

/** Nanoseconds; undefined: not measured yet. */
function rttOf(client: ClientFacts): number | undefined {
  return Math.round(client.rttMs * 1e6) || undefined
}
