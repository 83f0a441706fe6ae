// Watches the slow connections of this shard, and the causes. The sweep reports every connection with pending bytes;
// such a connection is sampled once a second until nothing was pending for a minute. Those that were closed as slow are
// kept with their samples. Connections that keep up cost nothing.

import type { SlowConsumerPolicy } from '../options/shapes.ts'
import type { Subscription } from '../routing/subscription.ts'
import { properText } from '../subjects/byte-string.ts'
import type { ReportedClient } from './client.ts'

const SAMPLE_MS = 1_000
/** A minute of samples. */
const SAMPLES = 60
const FOLLOWED_MAX = 1_024
const CUT_MAX = 100
/** Subscriptions of a connection that are compared, and that are reported. */
const SUBSCRIPTIONS_MAX = 1_000
const TOP_MAX = 5

/** Plain data; texts are proper strings, times milliseconds since 1970. */
export interface SlowRow {
  readonly connection: number
  readonly name: string
  readonly peer: string
  readonly account: string
  readonly lang: string
  readonly version: string
  /** When it was first seen behind. */
  readonly since: number
  /** When it was closed, and why; 0 and empty while it is open. */
  readonly closedAt: number
  readonly reason: string
  readonly pendingBytes: number
  readonly pendingMax: number
  /** How long its socket has taken nothing, in milliseconds. */
  readonly waitingMs: number
  readonly outMessages: number
  readonly outBytes: number
  readonly policy: SlowConsumerPolicy
  /** Of outMessages, those that were dropped. */
  readonly droppedMessages: number
  readonly subscriptionCount: number
  /** Bytes waiting, one a second, the latest last; a minute at most. */
  readonly pending: readonly number[]
  /** The subscriptions that were given most in the last minute, as far as that is known. */
  readonly top: readonly { readonly subject: string; readonly messages: number }[]
}

interface Followed {
  readonly client: ReportedClient
  readonly sinceMs: number
  readonly pending: number[]
  /** Samples in a row in which nothing waited. */
  quiet: number
  seen: boolean
  /** What its subscriptions had been given half a minute to a minute ago, and half a minute later. */
  deliveredBefore: Map<Subscription, number>
  deliveredLater: Map<Subscription, number>
  /** Samples since then. */
  age: number
}

export class SlowWatch {
  private readonly pendingMax: number
  private readonly wallClock: (ms: number) => number
  private readonly followed = new Map<ReportedClient, Followed>()
  private readonly cut: SlowRow[] = []
  private sampleDueMs = 0
  private sampling = false
  private sum = 0
  /** Bytes that waited for all connections together at the latest sample. */
  pendingBytes = 0

  /** `wallClock` turns the shard's clock into the time of day. */
  constructor(pendingMax: number, wallClock: (ms: number) => number) {
    this.pendingMax = pendingMax
    this.wallClock = wallClock
  }

  /** A sweep begins; it may come more often than there are samples. */
  beginSweep(nowMs: number): void {
    this.sampling = nowMs >= this.sampleDueMs
    this.sum = 0
  }

  /** Shown every connection during a sweep. */
  look(client: ReportedClient, nowMs: number): void {
    const { pendingBytes } = client.outbound
    if (pendingBytes === 0 || !this.sampling) return
    this.sum += pendingBytes
    let entry = this.followed.get(client)
    if (entry === undefined) {
      if (this.followed.size >= FOLLOWED_MAX) return
      entry = follow(client, nowMs, deliveredOf(client))
      this.followed.set(client, entry)
    }
    entry.seen = true
    this.sample(entry, pendingBytes)
  }

  endSweep(nowMs: number): void {
    if (!this.sampling) return
    this.sampleDueMs = nowMs + SAMPLE_MS * 0.9
    this.pendingBytes = this.sum
    for (const entry of this.followed.values()) {
      if (!entry.seen) this.sample(entry, 0)
      entry.quiet = entry.seen ? 0 : entry.quiet + 1
      entry.seen = false
      if (entry.quiet >= SAMPLES || entry.client.closing) this.followed.delete(entry.client)
    }
  }

  private sample(entry: Followed, pendingBytes: number): void {
    entry.pending.push(pendingBytes)
    if (entry.pending.length > SAMPLES) entry.pending.shift()
    if (++entry.age < SAMPLES / 2) return
    entry.age = 0
    entry.deliveredBefore = entry.deliveredLater
    entry.deliveredLater = deliveredOf(entry.client)
  }

  /** A connection is closed for being too slow; its subscriptions are still there to be counted. */
  cutOff(client: ReportedClient, reason: string, nowMs: number): void {
    // Of one that was not followed only the numbers since its coming are known: they may be of long ago.
    const isYoung = nowMs - client.startMs < SAMPLES * SAMPLE_MS
    const entry = this.followed.get(client) ?? follow(client, nowMs, isYoung ? new Map() : deliveredOf(client))
    this.sample(entry, client.outbound.pendingBytes)
    this.cut.push({ ...this.row(entry), closedAt: this.wallClock(nowMs), reason })
    if (this.cut.length > CUT_MAX) this.cut.shift()
    this.followed.delete(client)
  }

  /** Connections that are slow now, or were a moment ago, and those that were closed. */
  report(): SlowRow[] {
    return [...[...this.followed.values()].map((entry) => this.row(entry)), ...this.cut]
  }

  private row({ client, sinceMs, pending, deliveredBefore }: Followed): SlowRow {
    const { options, outbound } = client
    return {
      connection: client.id,
      name: options.name,
      peer: client.peer,
      account: client.account.name,
      lang: options.lang,
      version: options.version,
      since: this.wallClock(sinceMs),
      closedAt: 0,
      reason: '',
      pendingBytes: outbound.pendingBytes,
      pendingMax: this.pendingMax,
      waitingMs: outbound.waitingMs,
      outMessages: client.outMessages,
      outBytes: client.outBytes,
      policy: client.slowConsumerPolicy,
      droppedMessages: client.droppedMessages,
      subscriptionCount: client.subscriptions.size,
      pending: [...pending],
      top: topOf(client, deliveredBefore),
    }
  }
}

function follow(client: ReportedClient, sinceMs: number, delivered: Map<Subscription, number>): Followed {
  const [deliveredBefore, deliveredLater] = [delivered, delivered]
  return { client, sinceMs, pending: [], quiet: 0, seen: false, deliveredBefore, deliveredLater, age: 0 }
}

function* firstSubscriptions(client: ReportedClient): Generator<Subscription> {
  let left = SUBSCRIPTIONS_MAX
  for (const subscription of client.subscriptions.values()) {
    if (left-- === 0) return
    yield subscription
  }
}

function deliveredOf(client: ReportedClient): Map<Subscription, number> {
  const delivered = new Map<Subscription, number>()
  for (const subscription of firstSubscriptions(client)) delivered.set(subscription, subscription.delivered)
  return delivered
}

function topOf(client: ReportedClient, before: ReadonlyMap<Subscription, number>): SlowRow['top'] {
  const top: { subject: string; messages: number }[] = []
  for (const subscription of firstSubscriptions(client)) {
    const messages = subscription.delivered - (before.get(subscription) ?? 0)
    if (messages === 0) continue
    top.push({ subject: properText(subscription.subject), messages })
    top.sort((a, b) => b.messages - a.messages)
    if (top.length > TOP_MAX) top.pop()
  }
  return top
}
