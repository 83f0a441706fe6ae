// Numbers of one account for tools: connections, and the subscribers of a subject (docs/reference/system-account.md,
// "Services").

import { nowMs } from '../../base/clock.ts'
import { eventHead } from '../../base/event-head.ts'
import type { Json } from '../../base/json.ts'
import type { PageContext } from '../../monitor/page.ts'
import { describeTraffic } from '../../monitor/pages/accountz.ts'
import { type AccountTotals, isInUse } from '../../monitor/sources/server-accounts.ts'
import { sum } from '../../monitor/sources/server-totals.ts'
import type { SubscriptionFilter } from '../../reports/query.ts'
import { properText } from '../../subjects/byte-string.ts'
import type { AnnouncementsOwner } from './owner.ts'
import type { Reply, ServiceCall } from './service.ts'

/** `$SYS.REQ.ACCOUNT.<account>.CONNS`: as in the event of a change; no answer if there are none. */
export async function accountConnections({ request, options, context, system }: ServiceCall): Promise<Reply> {
  const name = properText(request.service.account)
  const asked = options.text('acc')
  const totals = (await context.accounts.read()).get(name)
  if ((asked !== '' && asked !== name) || totals === undefined || totals.connections === 0) return undefined
  return { bare: connectionsEvent(totals)(system) }
}

/** One event; each message that tells it is signed by itself. */
export function connectionsEvent(totals: AccountTotals): (system: Pick<AnnouncementsOwner, 'signed'>) => Json {
  const head = eventHead('advisory.v1.account_connections', nowMs())
  return (system) => ({ ...head, ...system.signed(describeTraffic(totals)) })
}

/** `$SYS.REQ.ACCOUNT.NSUBS`: `{acc, subject, queue}`, the queue in base64; silence where nothing is connected. */
export async function countSubscriptions({ options, context }: ServiceCall): Promise<Reply> {
  const account = options.text('acc')
  const queue = Buffer.from(options.text('queue'), 'base64').toString()
  const count = await subscribers(account, options.text('subject'), queue, context)
  const totals = (await context.accounts.read()).get(account)
  if (totals === undefined || !isInUse(totals)) return undefined
  return { texts: [String(count)] }
}

/** `$SYS.DEBUG.SUBSCRIBERS`: `subject` or `subject queue` as the body, in the account of the requestor. */
export async function countSubscribers({ request, context }: ServiceCall): Promise<Reply> {
  const [subject, queue = ''] = Buffer.from(request.body).toString().trim().split(' ')
  return { texts: [String(await subscribers(request.asker, subject, queue, context))] }
}

/** The subscribers that a message on a subject would reach; for a filter, those with an overlapping subscription. */
async function subscribers(account: string, subject: string, queue: string, { reports }: PageContext): Promise<number> {
  if (account === '' || subject === '') return 0
  const isFilter = subject.split('.').some((token) => token === '*' || token === '>')
  const which = isFilter ? { test: '', within: subject } : { test: subject, within: '' }
  const filter: SubscriptionFilter = { account, subject: '', queue, ...which }
  const counts = (await reports.askAll({ kind: 'countSubscriptions', filter })).flat()
  // Connection and count in turn.
  return sum(
    counts.filter((_, i) => i % 2 === 1).map((count) => ({ count })),
    'count',
  )
}
