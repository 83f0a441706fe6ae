// This shard's part of /subsz. In two steps as for connections: first the number of matching subscriptions of each
// connection, then those of the connections with which the page begins and ends.

import type { Subscription } from '../routing/subscription.ts'
import { properText } from '../subjects/byte-string.ts'
import { matches } from '../subjects/subject.ts'
import type { ReportedClient } from './client.ts'
import { subscriptionRow } from './connection-row.ts'
import type { Query, SubscriptionFilter } from './query.ts'
import { type LongReport, TurnWork } from './report-queue.ts'
import type { SubscriptionRow } from './rows.ts'
import type { ReportSource } from './source.ts'

/** Parts: connection and how many of its subscriptions are meant, in turn; connections without any are left out. */
export function* countSubscriptions(
  shard: ReportSource,
  { filter }: Extract<Query, { kind: 'countSubscriptions' }>,
): LongReport<number[]> {
  const work = new TurnWork()
  let counts: number[] = []
  for (const client of shard.clients.values()) {
    if (!isMeant(client, filter)) continue
    let count = 0
    if (isForAll(filter)) count = client.subscriptions.size
    else {
      for (const subscription of client.subscriptions.values()) {
        if (isWanted(subscription, filter)) count++
        if (work.isUpAfter(1)) yield undefined
      }
    }
    if (count > 0) counts.push(client.id, count)
    if (work.isUpAfter(1)) {
      yield counts
      counts = []
    }
  }
  yield counts
}

/** Parts: the subscriptions of connections `from` to `to`, in the order of their coming; no more than `max` of each. */
export function* describeSubscriptions(
  shard: ReportSource,
  { filter, from, to, max }: Extract<Query, { kind: 'subscriptions' }>,
): LongReport<SubscriptionRow[]> {
  const work = new TurnWork()
  let rows: SubscriptionRow[] = []
  for (const client of shard.clients.values()) {
    if (work.isUpAfter(1)) yield undefined
    if (client.id < from || client.id > to || !isMeant(client, filter)) continue
    let left = max
    for (const subscription of client.subscriptions.values()) {
      const isShown = isWanted(subscription, filter)
      if (isShown) {
        if (left-- === 0) break
        rows.push(subscriptionRow(shard, subscription))
      }
      if (work.isUpAfter(1)) {
        yield rows
        rows = []
      }
    }
  }
  yield rows
}

function isMeant(client: ReportedClient, { account }: SubscriptionFilter): boolean {
  return !client.closing && (account === '' || account === client.account.name)
}

function isForAll({ test, subject, within = '', queue = '' }: SubscriptionFilter): boolean {
  return test === '' && subject === '' && within === '' && queue === ''
}

function isWanted(subscription: Subscription, filter: SubscriptionFilter): boolean {
  if (isForAll(filter)) return true
  const { test, subject, within = '', queue = '' } = filter
  const text = properText(subscription.subject)
  return (
    (test === '' || matches(text, test)) &&
    (subject === '' || text === subject) &&
    (within === '' || isPart(text, within)) &&
    (queue === '' || properText(subscription.queue) === queue)
  )
}

/** Whether all that a filter matches is matched by another one as well. */
function isPart(filter: string, of: string): boolean {
  const tokens = filter.split('.')
  const wider = of.split('.')
  for (let i = 0; i < wider.length; i++) {
    if (wider[i] === '>') return tokens.length > i
    if (i >= tokens.length || tokens[i] === '>') return false
    if (wider[i] !== '*' && wider[i] !== tokens[i]) return false
  }
  return tokens.length === wider.length
}
