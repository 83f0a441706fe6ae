// /subjectz: the tree of subjects with subscribers, a level at a time. Only in Heddle. It is read from the shared index
// (interest/census.ts), so that it costs the shards nothing.

import { nowMs } from '../../base/clock.ts'
import { goTime } from '../../base/go-format.ts'
import { takeCensus } from '../../interest/census.ts'
import { properText } from '../../subjects/byte-string.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'

const LIMIT_DEFAULT = 256

interface Sum {
  here: number
  total: number
  queues: number
  hasMore: boolean
}

/** `acc` names the account; without it the accounts are listed. `prefix` is a filter without its last tokens. */
export async function subjectz(parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/subjectz')
  const account = parameters.bytes('acc')
  const prefix = parameters.bytes('prefix')
  const offset = Math.max(0, parameters.integer('offset'))
  const wanted = parameters.integer('limit')
  if (account === '' && prefix !== '') parameters.refuseWith('prefix only valid with account')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  const limit = wanted <= 0 ? LIMIT_DEFAULT : wanted
  const path = account === '' ? [] : [account, ...(prefix === '' ? [] : prefix.split('.'))]
  return context.queue.share(`subjectz ${JSON.stringify([path, offset, limit])}`, async () => {
    const branches = gather(path, context)
    const shown = branches.slice(Math.min(offset, branches.length), Math.min(branches.length, offset + limit))
    return jsonAnswer({
      server_id: context.server.identity.serverId,
      now: goTime(nowMs()),
      account: account === '' ? undefined : properText(account),
      prefix: prefix === '' ? undefined : properText(prefix),
      total: branches.length,
      offset,
      limit,
      branches: shown.map(([token, { here, total, queues, hasMore }]) => ({
        token: properText(token),
        subscriptions: here,
        subscriptions_below: total,
        queue_groups: queues,
        has_more: hasMore,
      })),
    })
  })
}

/** The branches of all shards together, those with most subscriptions first. */
function gather(path: readonly string[], { server }: PageContext): [string, Sum][] {
  const sums = new Map<string, Sum>()
  for (const { region, state } of server.shardStates) {
    if (state === 'down') continue
    for (const [token, branch] of takeCensus(region, path) ?? []) {
      const known = sums.get(token) ?? { here: 0, total: 0, queues: 0, hasMore: false }
      known.here += branch.here
      known.total += branch.total
      // The same groups have members on several shards: the shard with most of them says how many there are at least.
      known.queues = Math.max(known.queues, branch.queues)
      known.hasMore ||= branch.hasMore
      sums.set(token, known)
    }
  }
  return [...sums].sort(([a, x], [b, y]) => y.total - x.total || (a < b ? -1 : 1))
}
