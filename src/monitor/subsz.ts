// /subsz and /subscriptionsz: the subscriptions of all shards (reference 11.3). As on nats-server, `total` is 0
// unless they are listed.

import type { SubscriptionRow, TotalsReport } from '../stats.ts'
import { isValidLiteral } from '../subjects/subject.ts'
import { type Answer, type Json, jsonAnswer, refusal } from './answer.ts'
import { goTime } from './go-format.ts'
import { ACCOUNT, countRequest, nowMs, type PageContext, pageOf } from './page.ts'
import type { Parameters } from './parameters.ts'
import { subscriptionDetail } from './subscription-detail.ts'

const LIMIT_DEFAULT = 1024

export async function subsz(parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/subsz')
  const listed = parameters.boolean('subs')
  const offset = Math.max(0, parameters.integer('offset'))
  const wanted = parameters.integer('limit')
  const limit = wanted <= 0 ? LIMIT_DEFAULT : wanted
  const test = parameters.bytes('test')
  if (test !== '' && !isValidLiteral(test)) {
    parameters.refuseWith(`invalid test subject, must be valid publish subject: ${test}`)
  }
  if (parameters.refused !== undefined) return refusal(parameters.refused)

  const account = parameters.text('acc')
  const exists = account === '' || account === ACCOUNT
  const totals = exists ? await context.reports.totals() : []
  const rows = exists && listed ? await gather(parameters.text('test'), context) : []
  const page = pageOf(rows, offset, limit)
  return jsonAnswer({
    server_id: context.server.identity.serverId,
    now: goTime(nowMs()),
    ...describeLists(totals),
    total: rows.length,
    offset,
    limit,
    subscriptions_list: page.length > 0 ? page.map((row) => subscriptionDetail(row, ACCOUNT)) : undefined,
  })
}

/** Those that match the test subject, connection by connection, each one's in the order of their coming. */
async function gather(test: string, context: PageContext): Promise<SubscriptionRow[]> {
  const reports = await context.reports.subscriptions({ kind: 'subscriptions', list: true, account: '', test })
  return reports.flatMap(({ rows }) => rows).sort((a, b) => a.connection - b.connection)
}

/** The shards' lists added up. A match is one look into a shard's route cache; how wide it fans out is not known. */
function describeLists(totals: readonly TotalsReport[]): { readonly [member: string]: Json } {
  const sum = (member: keyof TotalsReport): number => totals.reduce((total, report) => total + report[member], 0)
  const matches = sum('routeHits') + sum('routeMisses')
  return {
    num_subscriptions: sum('subscriptions'),
    num_cache: sum('routesCached'),
    num_inserts: sum('inserts'),
    num_removes: sum('removes'),
    num_matches: matches,
    cache_hit_rate: matches === 0 ? 0 : sum('routeHits') / matches,
    max_fanout: 0,
    avg_fanout: 0,
  }
}
