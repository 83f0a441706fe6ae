// The connections of this shard that were closed last, for /connz?state=closed. Each is kept as text and not as
// objects: some 300 bytes, of which the garbage collector sees one string. What can be long, the subscriptions and the
// credentials, is kept apart and bounded for all connections together: beyond the bound those of the oldest connections
// are dropped. So the whole list is bounded, whatever the subscriptions and names of its clients.

import { CLOSED_DETAIL_CHARS_MAX, CLOSED_ROWS_CHARS_MAX, CLOSED_SUBSCRIPTIONS_MAX } from '../base/constants.ts'
import type { ConnectionRow, SubscriptionRow } from './rows.ts'

interface Closed {
  /** Milliseconds since 1970. */
  readonly closedAt: number
  /** Values of MEMBERS, as JSON. */
  readonly row: string
  /** Credentials and subscriptions, as JSON; empty: not kept. */
  detail: string
}

/** The fields in the text of a row, in this order. */
const MEMBERS = [
  'id',
  'type',
  'ip',
  'port',
  'startedAt',
  'lastActivityAt',
  'closedAt',
  'reason',
  'rttMs',
  'pendingBytes',
  'inMessages',
  'outMessages',
  'inBytes',
  'outBytes',
  'droppedMessages',
  'stalls',
  'subscriptionCount',
  'name',
  'lang',
  'version',
  'account',
  'accountTag',
  'authorizedUser',
  'tls',
] as const satisfies readonly Exclude<keyof ConnectionRow, 'subscriptions' | 'credentials'>[]

export class ClosedConnections {
  /** By number, in the order of their closing: the oldest first. */
  private readonly closed = new Map<number, Closed>()
  private rowsChars = 0
  private detailChars = 0

  get size(): number {
    return this.closed.size
  }

  /** Characters kept: one byte each, or two where a name is not Latin-1. */
  get chars(): number {
    return this.rowsChars + this.detailChars
  }

  /** Keeps a row of one that has gone; of all, the `max` latest. */
  add(row: ConnectionRow, max: number): void {
    const text = JSON.stringify(MEMBERS.map((member) => row[member]))
    const detail = packDetail(row)
    this.closed.set(row.id, { closedAt: row.closedAt, row: text, detail })
    this.rowsChars += text.length
    this.detailChars += detail.length
    while (this.closed.size > max || this.rowsChars > CLOSED_ROWS_CHARS_MAX) this.forgetOldest()
    if (this.detailChars > CLOSED_DETAIL_CHARS_MAX) this.dropDetails()
  }

  private forgetOldest(): void {
    for (const [id, { row, detail }] of this.closed) {
      this.closed.delete(id)
      this.rowsChars -= row.length
      this.detailChars -= detail.length
      return
    }
  }

  /** Of the oldest, until there is room again for a while: each call walks over the ones without any. */
  private dropDetails(): void {
    for (const one of this.closed.values()) {
      if (this.detailChars <= CLOSED_DETAIL_CHARS_MAX * 0.75) return
      this.detailChars -= one.detail.length
      one.detail = ''
    }
  }

  /** When they were closed, oldest first, in milliseconds since 1970. */
  times(): number[] {
    return Array.from(this.closed.values(), ({ closedAt }) => closedAt)
  }

  /** Those that were closed after `after` and until `until`, oldest first; details only where they are asked for. */
  *rows(after: number, until: number, withDetail: boolean): Generator<ConnectionRow> {
    for (const one of this.closed.values()) {
      if (one.closedAt > after && one.closedAt <= until) yield unpack(one, withDetail)
    }
  }

  /** With all that is kept of it. */
  get(id: number): ConnectionRow | undefined {
    const one = this.closed.get(id)
    return one && unpack(one, true)
  }
}

/** A subscription, without what its connection says. */
type PackedSubscription = readonly [subject: string, queue: string, sid: string, delivered: number, max: number]

function packDetail({ credentials, subscriptions }: ConnectionRow): string {
  const packed = subscriptions
    .slice(0, CLOSED_SUBSCRIPTIONS_MAX)
    .map(({ subject, queue, sid, delivered, max }): PackedSubscription => [subject, queue, sid, delivered, max])
  return credentials === undefined && packed.length === 0 ? '' : JSON.stringify([credentials, packed])
}

function unpack({ row: text, detail }: Closed, withDetail: boolean): ConnectionRow {
  const values = JSON.parse(text) as unknown[]
  const row = Object.fromEntries(
    MEMBERS.map((member, i) => [member, values[i] ?? undefined]),
  ) as unknown as ConnectionRow
  row.credentials = undefined
  row.subscriptions = []
  if (!withDetail || detail === '') return row
  const [credentials, packed] = JSON.parse(detail) as [ConnectionRow['credentials'] | null, PackedSubscription[]]
  const { account, accountTag, id: connection } = row
  row.credentials = credentials ?? undefined
  row.subscriptions = packed.map(([subject, queue, sid, delivered, max]): SubscriptionRow => {
    return { account, accountTag, subject, queue, sid, delivered, max, connection }
  })
  return row
}
