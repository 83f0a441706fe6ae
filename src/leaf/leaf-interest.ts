// What the other end of a leaf link is told that this server wants of the account: interest of all kinds by subject and
// queue group, in one count each (docs/reference/leaf-nodes.md, "Interest").
//
//     clients, streams, services ─┐
//     leaf nodes of other clusters ┼─▶ count of `orders.> q` ─▶ LS+ orders.> q 3
//     routes and hubs, to spokes ─┘

import type { FeedListener, InterestFeed, LocalInterest } from '../remote/interest-feed.ts'

/** Lines that are sent together. */
const LINES_TOGETHER = 256

/** The end of a link that is told. */
export interface InterestHost {
  /** This server is the spoke: what routes and hubs want is their own affair. */
  readonly isSpoke: boolean
  /** What leaf nodes want is not told. */
  readonly isIsolated: boolean
  /** The cluster of the other server; empty: it names none. */
  readonly cluster: string
  /** Whether it may be told of this filter. */
  mayTell(filter: string): boolean
  sendText(lines: string): void
}

export class LeafInterest implements FeedListener {
  private readonly feed: InterestFeed
  private readonly host: InterestHost
  private readonly account: string
  /** Of each subject and queue group, as told. */
  private readonly counts = new Map<string, number>()

  /** Filters of the server itself, as told. */
  private own: readonly string[] = []

  /** `account`: a byte string. */
  constructor(feed: InterestFeed, host: InterestHost, account: string) {
    this.feed = feed
    this.host = host
    this.account = account
  }

  /** Tells all there is, and from now on each change. `own`: filters of the server itself (byte strings). */
  start(own: readonly string[]): void {
    this.own = own
    for (const subject of own) this.count(subject, '', 1)
    for (const interest of this.feed.everythingOf(this.account)) {
      if (this.isTold(interest)) this.count(interest.subject, interest.queue, interest.count)
    }
    let lines: string[] = []
    for (const [key, count] of this.counts) {
      if (lines.push(lineOf(key, count)) < LINES_TOGETHER) continue
      this.host.sendText(lines.join(''))
      lines = []
    }
    if (lines.length > 0) this.host.sendText(lines.join(''))
    this.feed.add(this)
  }

  /** The server itself takes other filters: imports and mappings are others. */
  change(own: readonly string[]): void {
    const before = new Set(this.own)
    const now = new Set(own)
    this.own = own
    for (const subject of own) if (!before.has(subject)) this.tell(subject, '', 1)
    for (const subject of before) if (!now.has(subject)) this.tell(subject, '', -1)
  }

  stop(): void {
    this.feed.remove(this)
  }

  interestChanged(interest: LocalInterest, before: number): void {
    if (interest.account !== this.account || !this.isTold(interest)) return
    const { subject, queue, count } = interest
    this.tell(subject, queue, count - before)
  }

  private tell(subject: string, queue: string, change: number): void {
    const { was, now } = this.count(subject, queue, change)
    if (was === now || (queue === '' && was > 0 && now > 0)) return
    this.host.sendText(lineOf(keyOf(subject, queue), now))
  }

  interestAbroadChanged(interest: LocalInterest, before: number): void {
    this.interestChanged(interest, before)
  }

  private isTold({ subject, origin, abroad }: LocalInterest): boolean {
    const { isSpoke, isIsolated, cluster } = this.host
    if (abroad !== undefined && isSpoke) return false
    const ofLeaf = abroad === undefined ? origin !== undefined : abroad === 'routes' && origin !== ''
    if (ofLeaf && isIsolated) return false
    // What came by this very link, or from the same cluster by another one. Of those without a name none is told apart.
    if (origin === cluster && (cluster !== '' || abroad === undefined)) return false
    return this.host.mayTell(subject)
  }

  private count(subject: string, queue: string, change: number): { was: number; now: number } {
    const key = keyOf(subject, queue)
    const was = this.counts.get(key) ?? 0
    const now = Math.max(0, was + change)
    if (now === 0) this.counts.delete(key)
    else this.counts.set(key, now)
    return { was, now }
  }
}

/** As lines have it: no name has a blank in it. */
function keyOf(subject: string, queue: string): string {
  return queue === '' ? subject : `${subject} ${queue}`
}

function lineOf(key: string, count: number): string {
  if (count === 0) return `LS- ${key}\r\n`
  return key.includes(' ') ? `LS+ ${key} ${count}\r\n` : `LS+ ${key}\r\n`
}
