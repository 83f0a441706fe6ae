// What a consumer tells those who watch it: events of its own and of its messages.

import { streamEventHead } from '../../base/event-head.ts'
import { goJson } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { byteString, properText } from '../../subjects/byte-string.ts'
import { NEVER, nowMs } from '../clock.ts'
import type { JetStreamOwner } from '../owner.ts'
import type { Sender } from '../sender.ts'
import { destination, type Outlet } from './outlet.ts'

const SUBJECT = '$JS.EVENT.ADVISORY.CONSUMER'
const METRIC = '$JS.EVENT.METRIC.CONSUMER.ACK'

type Members = Readonly<Record<string, Json>>

/** A message and one of its deliveries. */
export interface Delivery {
  readonly consumer_seq: number
  readonly stream_seq: number
  readonly deliveries: number
}

export interface Watched {
  readonly owner: JetStreamOwner
  readonly sender: Sender
  readonly outlet: Outlet
  /** Names of stream and consumer, as configurations have them. */
  readonly stream: string
  readonly consumer: string
}

export class Advisories {
  private readonly watched: Watched

  constructor(watched: Watched) {
    this.watched = watched
  }

  created(): void {
    this.send('CREATED', 'consumer_action', { action: 'create' })
  }

  deleted(): void {
    this.send('DELETED', 'consumer_action', { action: 'delete' })
  }

  /** `until`: RFC 3339; empty: it was resumed before. */
  paused(isPaused: boolean, until: string): void {
    this.send('PAUSE', 'consumer_pause', { paused: isPaused, pause_until: until === '' ? NEVER : until })
  }

  pinned(group: string, id: string): void {
    this.send('PINNED', 'consumer_group_pinned', { group, pinned_id: id }, true)
  }

  unpinned(group: string, reason: 'admin' | 'timeout'): void {
    this.send('UNPINNED', 'consumer_group_unpinned', { group, reason }, true)
  }

  maxDeliveries(seq: number, deliveries: number): void {
    this.send('MAX_DELIVERIES', 'max_deliver', { stream_seq: seq, deliveries })
  }

  refused(delivery: Delivery): void {
    this.send('MSG_NAKED', 'nak', { ...delivery })
  }

  /** `reason`: byte string; empty: none. */
  terminated(delivery: Delivery, reason: string): void {
    this.send('MSG_TERMINATED', 'terminated', { ...delivery, reason: reason === '' ? undefined : reason })
  }

  /** A message was acknowledged `ackTimeMs` after it was delivered. */
  acknowledged({ consumer_seq, stream_seq, deliveries }: Delivery, ackTimeMs: number): void {
    const { consumer, stream } = this.watched
    const members = { stream, consumer, consumer_seq, stream_seq, ack_time: Math.round(ackTimeMs * 1e6), deliveries }
    this.publish(METRIC, 'metric.v1.consumer_ack', members)
  }

  private send(event: string, type: string, members: Members, namesAccount = false): void {
    const { consumer, sender, stream } = this.watched
    const names = { account: namesAccount ? properText(sender.account.name) : undefined, stream, consumer }
    this.publish(`${SUBJECT}.${event}`, `advisory.v1.${type}`, { ...names, ...members })
  }

  private publish(subject: string, type: string, members: Members): void {
    const { consumer, outlet, owner, sender, stream } = this.watched
    const to = `${subject}.${byteString(stream)}.${byteString(consumer)}`
    if (!outlet.hasInterest(destination(to))) return
    const domain = owner.options.jetstream?.domain || undefined
    sender.send(to, goJson({ ...streamEventHead(type, nowMs()), ...members, domain }, 0))
  }
}
