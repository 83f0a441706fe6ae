// Rows of connections and of their subscriptions.

import { CLOSED_SUBSCRIPTIONS_MAX } from '../base/constants.ts'
import type { Subscription } from '../routing/subscription.ts'
import { properText } from '../subjects/byte-string.ts'
import type { ReportedClient } from './client.ts'
import type { Measurable } from './connection-order.ts'
import { credentialsOf, tlsOf } from './credentials.ts'
import type { ConnectionRow, SubscriptionRow } from './rows.ts'

/** What a row is made of, besides its connection. */
export interface RowSource {
  /** The display name of an account. */
  readonly admission: { accountTag(name: string): string }
  /** Milliseconds since 1970 of an instant on the shard's clock. */
  wallClock(ms: number): number
}

export function subscriptionRow(shard: RowSource, subscription: Subscription): SubscriptionRow {
  const { name } = subscription.account
  return {
    account: name,
    accountTag: shard.admission.accountTag(name),
    subject: properText(subscription.subject),
    queue: properText(subscription.queue),
    sid: properText(subscription.sid),
    delivered: subscription.delivered,
    max: subscription.max,
    connection: subscription.receiver.id,
  }
}

/** The user of a connection, or the one that it claimed, as pages may show it; empty while unknown. */
export function authorizedUserOf({ login }: ReportedClient): string {
  return login.identity?.user ?? login.claimedUser
}

/** Without its subscriptions. */
export function connectionRow(
  shard: RowSource,
  client: ReportedClient,
  detail: { readonly credentials: boolean },
): ConnectionRow {
  const { clientType, ip, port, droppedMessages, readGate, options, account } = client
  const { name, lang, version } = options
  const row = {
    ...emptyMeasures(),
    type: clientType,
    ip,
    port,
    droppedMessages,
    stalls: readGate?.stalls ?? 0,
    name,
    lang,
    version,
    account: account.name,
    accountTag: shard.admission.accountTag(account.name),
    authorizedUser: authorizedUserOf(client),
    tls: tlsOf(client),
    credentials: detail.credentials ? credentialsOf(client) : undefined,
    subscriptions: [],
  }
  measure(row, client, shard)
  return row
}

/** What is remembered of a connection that has gone: it may have had very many subscriptions. */
export function closedRow(shard: RowSource, client: ReportedClient): ConnectionRow {
  const row = connectionRow(shard, client, { credentials: true })
  for (const subscription of client.subscriptions.values()) {
    if (row.subscriptions.length === CLOSED_SUBSCRIPTIONS_MAX) break
    row.subscriptions.push(subscriptionRow(shard, subscription))
  }
  return row
}

export function emptyMeasures(): Measurable {
  return {
    id: 0,
    startedAt: 0,
    lastActivityAt: 0,
    closedAt: 0,
    reason: '',
    rttMs: 0,
    pendingBytes: 0,
    inMessages: 0,
    outMessages: 0,
    inBytes: 0,
    outBytes: 0,
    subscriptionCount: 0,
  }
}

/** One object is filled again for each client: thousands of rows for the sake of their keys would be garbage. */
export function measure(to: Measurable, client: ReportedClient, shard: RowSource): void {
  to.id = client.id
  to.startedAt = shard.wallClock(client.startMs)
  to.lastActivityAt = shard.wallClock(client.lastActivityMs)
  to.closedAt = client.closing ? shard.wallClock(client.closedAtMs) : 0
  to.reason = client.closeReason ?? ''
  to.rttMs = client.rttMs
  to.pendingBytes = client.outbound.pendingBytes
  to.inMessages = client.inMessages
  to.outMessages = client.outMessages
  to.inBytes = client.inBytes
  to.outBytes = client.outBytes
  to.subscriptionCount = client.subscriptions.size
}
