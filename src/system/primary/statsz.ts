// The numbers of the whole server and of one account, as the system account shows them
// (docs/reference/system-account.md, "Events of the server").

import { availableParallelism } from 'node:os'
import { goTime } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { unlessEmpty } from '../../base/json.ts'
import type { PageContext } from '../../monitor/page.ts'
import { streamMembers } from '../../monitor/pages/jetstream.ts'
import { isInUse } from '../../monitor/sources/server-accounts.ts'
import { sum } from '../../monitor/sources/server-totals.ts'

/** The member `statsz`. */
export async function serverStats(context: PageContext): Promise<Json> {
  const { server } = context
  const [totals, accounts] = await Promise.all([context.totals.read(), context.accounts.read()])
  const sent = { msgs: sum(totals, 'outMessages'), bytes: sum(totals, 'outBytes') }
  const received = { msgs: sum(totals, 'inMessages'), bytes: sum(totals, 'inBytes') }
  const slow = sum(totals, 'slowConsumers')
  const stale = sum(totals, 'staleConnections')
  return {
    start: goTime(server.startedAt),
    mem: process.memoryUsage.rss(),
    cores: availableParallelism(),
    cpu: context.cpuPercent,
    connections: sum(totals, 'connections'),
    total_connections: server.totalConnections,
    active_accounts: [...accounts.values()].filter(isInUse).length,
    subscriptions: sum(totals, 'subscriptions'),
    sent,
    sent_to_clients: sent,
    received,
    received_from_clients: received,
    slow_consumers: slow,
    slow_consumer_stats: perKind(slow),
    stale_connections: unlessEmpty(stale),
    stale_connection_stats: perKind(stale),
    stalled_clients: unlessEmpty(sum(totals, 'stalls')),
    active_servers: 1,
    jetstream: server.options.jetstream === undefined ? undefined : streamMembers(server),
    gomaxprocs: Math.max(1, server.options.workers),
  }
}

/** Left out if there are none. */
function perKind(clients: number): Json {
  return clients === 0 ? undefined : { clients, routes: 0, gateways: 0, leafs: 0 }
}
