// /subsz and /subscriptionsz: the subscriptions of all shards (docs/reference/monitoring.md, "subsz"). As on
// nats-server, `total` is 0 unless they are listed. Only in Heddle: `filter` lists those on exactly this filter.

import { nowMs } from '../../base/clock.ts'
import { goTime } from '../../base/go-format.ts'
import type { SubscriptionFilter } from '../../reports/query.ts'
import type { SubscriptionRow } from '../../reports/rows.ts'
import { isValidLiteral } from '../../subjects/subject.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import { countRequest, missingShards, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'
import { sublistStats } from './sublist-stats.ts'
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
  const filter = { account, test: parameters.text('test'), subject: parameters.text('filter') }
  if (!listed) return answer({ rows: [], total: 0 })
  const key = `subsz ${JSON.stringify([filter, offset, limit])}`
  return context.queue.share(key, async () => answer(await gather(filter, offset, limit, context)))

  async function answer({ rows, total }: Gathered): Promise<Answer> {
    return jsonAnswer({
      server_id: context.server.identity.serverId,
      now: goTime(nowMs()),
      ...(await stats(account, context)),
      total,
      offset,
      limit,
      subscriptions_list: rows.length > 0 ? rows.map((row) => subscriptionDetail(row, true)) : undefined,
      ...missingShards(context),
    })
  }
}

async function stats(account: string, context: PageContext): Promise<ReturnType<typeof sublistStats>> {
  if (account === '') return sublistStats(await context.totals.read())
  const found = (await context.accounts.read()).get(account)
  return sublistStats(found === undefined ? [] : [found])
}

interface Gathered {
  readonly rows: readonly SubscriptionRow[]
  readonly total: number
}

/** Connection by connection, each one's in the order of their coming; the page's connections only are asked for. */
async function gather(
  filter: SubscriptionFilter,
  offset: number,
  limit: number,
  context: PageContext,
): Promise<Gathered> {
  const counts = (await context.reports.askAll({ kind: 'countSubscriptions', filter })).flatMap(pairs)
  counts.sort(([a], [b]) => a - b)
  const end = Math.min(offset + limit, Number.MAX_SAFE_INTEGER)
  let total = 0
  let skip = 0
  let from = 0
  let to = 0
  for (const [connection, count] of counts) {
    if (total <= offset) {
      from = connection
      skip = offset - total
    }
    if (total < end) to = connection
    total += count
  }
  if (total <= offset) return { rows: [], total }
  const max = Math.min(skip + limit, Number.MAX_SAFE_INTEGER)
  const rows = (await context.reports.askAll({ kind: 'subscriptions', filter, from, to, max })).flat()
  rows.sort((a, b) => a.connection - b.connection)
  return { rows: rows.slice(skip, Math.min(skip + limit, rows.length)), total }
}

function pairs(flat: readonly number[]): [number, number][] {
  const list: [number, number][] = []
  for (let at = 0; at < flat.length; at += 2) list.push([flat[at], flat[at + 1]])
  return list
}
