// What an exporting account is told of who asks: the value of the header Nats-Request-Info (reference 10).

import type { Client } from '../client.ts'
import type { Shard } from '../shard.ts'

/** JSON, as a byte string. Without `share` the account and the round trip time only; nanoseconds. */
export function requestInfo(client: Client, shard: Shard, share: boolean): string {
  const { account, options } = client
  const rtt = Math.round(client.rttMs * 1e6)
  const info = share
    ? {
        start: new Date(shard.wallClock(client.startMs)).toISOString(),
        host: client.ip,
        id: client.id,
        acc: account.name,
        name: options.name || undefined,
        lang: options.lang || undefined,
        ver: options.version || undefined,
        rtt,
        server: shard.identity.serverName,
        kind: 'Client',
        client_type: 'nats',
      }
    : { acc: account.name, rtt }
  return Buffer.from(JSON.stringify(info)).toString('latin1')
}
