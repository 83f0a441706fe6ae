// /slowz: slow connections, and the causes. Only in Heddle. Each shard watches its connections with pending bytes
// (reports/slow-watch.ts); those that were closed as slow are listed last.

import { nowMs } from '../../base/clock.ts'
import { goTime } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { unlessEmpty } from '../../base/json.ts'
import type { SlowRow } from '../../reports/slow-watch.ts'
import type { Answer } from '../answer.ts'
import { jsonAnswer } from '../answer.ts'
import { countRequest, missingShards, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'
import { sum } from '../sources/server-totals.ts'

export async function slowz(_parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/slowz')
  const [slow, totals] = await Promise.all([context.reports.ask({ kind: 'slow' }), context.totals.read()])
  const rows = slow.flat()
  const open = rows.filter(({ closedAt }) => closedAt === 0).sort((a, b) => b.pendingBytes - a.pendingBytes)
  const closed = rows.filter(({ closedAt }) => closedAt > 0).sort((a, b) => b.closedAt - a.closedAt)
  return jsonAnswer({
    server_id: context.server.identity.serverId,
    now: goTime(nowMs()),
    slow_consumers: sum(totals, 'slowConsumers'),
    dropped_msgs: sum(totals, 'droppedMessages'),
    pending_bytes: sum(totals, 'pendingBytes'),
    stalled_clients: sum(totals, 'stalls'),
    behind: open.map(describe),
    closed: closed.map(describe),
    ...missingShards(context),
  })
}

function describe(row: SlowRow): Json {
  return {
    cid: row.connection,
    name: unlessEmpty(row.name),
    peer: row.peer,
    account: row.account,
    lang: unlessEmpty(row.lang),
    version: unlessEmpty(row.version),
    behind_since: goTime(row.since),
    stop: row.closedAt > 0 ? goTime(row.closedAt) : undefined,
    reason: unlessEmpty(row.reason),
    pending_bytes: row.pendingBytes,
    max_pending: row.pendingMax,
    waiting_ms: Math.round(row.waitingMs),
    out_msgs: row.outMessages,
    out_bytes: row.outBytes,
    policy: row.policy,
    dropped_msgs: row.droppedMessages,
    subscriptions: row.subscriptionCount,
    pending_last_minute: row.pending,
    top_subjects: row.top.map(({ subject, messages }) => ({ subject, msgs: messages })),
  }
}
