// This shard's part of /subsz. In two steps as for connections: first how many subscriptions of each connection are
// asked for, then those of the connections that the page begins and ends with.

import type { Client } from '../../client.ts'
import type { Query, SubscriptionFilter } from '../../messages.ts'
import type { Shard } from '../../shard.ts'
import { properText, type SubscriptionRow, subscriptionRow } from '../../stats.ts'
import { matches } from '../../subjects/subject.ts'
import type { Subscription } from '../../subjects/sublist.ts'

/** Connection and how many of its subscriptions are meant, in turn; connections without any are left out. */
export function countSubscriptions(shard: Shard, { filter }: Extract<Query, { kind: 'countSubscriptions' }>): number[] {
  const counts: number[] = []
  for (const client of shard.clients.values()) {
    if (!isMeant(client, filter)) continue
    let count = 0
    if (filter.test === '' && filter.subject === '') count = client.subscriptions.size
    else for (const subscription of client.subscriptions.values()) if (isWanted(subscription, filter)) count++
    if (count > 0) counts.push(client.id, count)
  }
  return counts
}

/** The subscriptions of connections `from` to `to`, in the order of their coming; no more than `max` of each. */
export function describeSubscriptions(
  shard: Shard,
  { filter, from, to, max }: Extract<Query, { kind: 'subscriptions' }>,
): SubscriptionRow[] {
  const rows: SubscriptionRow[] = []
  for (const client of shard.clients.values()) {
    if (client.id < from || client.id > to || !isMeant(client, filter)) continue
    let left = max
    for (const subscription of client.subscriptions.values()) {
      if (!isWanted(subscription, filter)) continue
      if (left-- === 0) break
      rows.push(subscriptionRow(subscription))
    }
  }
  return rows
}

function isMeant(client: Client, { account }: SubscriptionFilter): boolean {
  return !client.closing && (account === '' || account === client.account.name)
}

function isWanted(subscription: Subscription, { test, subject }: SubscriptionFilter): boolean {
  if (test === '' && subject === '') return true
  const text = properText(subscription.subject)
  return (test === '' || matches(text, test)) && (subject === '' || text === subject)
}
