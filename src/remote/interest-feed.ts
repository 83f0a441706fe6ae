// What this server wants: the interest of all its shards together, counted by account, for links that tell it to other
// servers. Each shard tells the others what its own list gains and loses, through the rings: so a link hears of a
// subscription before it gets a message that was published behind it.
//
//     shard 0   SUB a ─▶ Sublist ─▶ feed: { $G a: +1 } ──ring──▶ shard 1   feed: $G a: 0 → 1 ─▶ link ─▶ RS+ $G a
//
// Changes that belong together travel as one message, in the account for messages between shards.

import type { Account } from '../accounts/account.ts'
import { BETWEEN_SHARDS } from '../accounts/accounts.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import { composeRun } from '../protocol/compose.ts'
import type { Run } from '../protocol/run.ts'
import type { Peer } from '../routing/peer.ts'
import type { Routing } from '../routing/routing.ts'
import type { Sublist, SublistWatcher } from '../routing/sublist.ts'
import { type Entry, InternalSubscription } from '../routing/subscription.ts'
import { BETWEEN } from './interest-key.ts'

/** Interest of this server and its leaf nodes, or of other servers; byte strings. */
export interface LocalInterest {
  readonly account: string
  readonly subject: string
  /** Empty: plain. */
  readonly queue: string
  /** The cluster of the leaf node that has it (empty: the leaf node names none); undefined: it is no leaf node's. */
  readonly origin: string | undefined
  /** Which other servers want it, where it is not this one: those that routes, or hubs, lead to. */
  readonly abroad: 'routes' | 'hubs' | undefined
  /** Subscriptions, or members of the queue group, on all shards; 0: it has ended. */
  readonly count: number
}

/** A link that tells another server. */
export interface FeedListener {
  /** The count of something has changed. Plain interest matters when it begins and ends, that of groups each time. */
  interestChanged(interest: LocalInterest, before: number): void
  /** The same for what other servers want; left out by who does not tell it. */
  interestAbroadChanged?(interest: LocalInterest, before: number): void
}

/** What the feed needs of its shard. */
export interface FeedOwner {
  readonly index: number
  readonly pool: ChunkPool
  readonly peers: readonly Peer[]
  readonly sublist: Pick<Sublist, 'insert'>
  readonly accounts: { named(name: string): Account }
  /** Whether there may be leaf nodes, which are told what other servers want too. */
  readonly abroad: { readonly leafs: boolean }
  /** Asks for the end of the turn. */
  schedule(): void
}

/** The publisher of its messages: no connection has this number, and nothing of it is dropped (mesh/link.ts). */
const FEED_ID = Number.MIN_SAFE_INTEGER
const SUBJECT = 'interest'
/** Lines in a message at most. */
const LINES_MAX = 256
const NO_ORIGIN = '-'
const ABROAD = { routes: 'r', hubs: 'h' } as const

/** Counts by key, of one shard or of all. */
type Counts = Map<string, number>

export class InterestFeed implements SublistWatcher {
  private readonly owner: FeedOwner
  private readonly listeners = new Set<FeedListener>()
  /** By account, then by the rest of the key. */
  private readonly all = new Map<string, Counts>()
  /** What each shard has told, this one too. */
  private readonly shards = new Map<number, Counts>()
  /** What is not told yet. */
  private untold: Counts = new Map()

  constructor(owner: FeedOwner) {
    this.owner = owner
    this.shards.set(owner.index, new Map())
    const between = owner.accounts.named(BETWEEN_SHARDS)
    owner.sublist.insert(new InternalSubscription(between, SUBJECT, (run) => this.receive(run)))
  }

  // ── This shard's own ──────────────────────────────────────────────────────────────────────────────────

  changed(entry: Entry, isThere: boolean): void {
    const key = keyOf(entry, this.owner.abroad.leafs)
    if (key === undefined) return
    this.untold.set(key, (this.untold.get(key) ?? 0) + (isThere ? entry.weight : -entry.weight))
  }

  settled(): void {
    const { untold, owner } = this
    if (untold.size === 0) return
    this.untold = new Map()
    for (const [key, change] of untold) if (change !== 0) this.apply(owner.index, key, change)
    if (owner.peers.length > 0) this.send(untold, owner.peers)
  }

  /** Tells a shard that has come what there is here. */
  introduce(peer: Peer): void {
    this.send(this.shards.get(this.owner.index) as Counts, [peer])
  }

  private send(counts: Counts, peers: readonly Peer[]): void {
    let lines: string[] = []
    const flush = (): void => {
      const payload = Buffer.from(`${this.owner.index}\n${lines.join('')}`, 'latin1')
      const message = { subject: SUBJECT, reply: '', headers: {}, payload }
      composeRun(this.owner.pool, message, (run) => {
        for (const { link } of peers) link.send(run, ROUTING, 0, 1)
      })
      lines = []
    }
    for (const [key, change] of counts) {
      if (change === 0) continue
      if (lines.push(`${change} ${key}\n`) >= LINES_MAX) flush()
    }
    if (lines.length > 0) flush()
    this.owner.schedule()
  }

  // ── All shards' ───────────────────────────────────────────────────────────────────────────────────────

  private receive(run: Run): void {
    const { block, first, size } = run
    const [shard, ...lines] = block.bytes.toString('latin1', first, first + size).split('\n')
    for (const line of lines) {
      const blank = line.indexOf(' ')
      if (blank > 0) this.apply(Number(shard), line.slice(blank + 1), Number(line.slice(0, blank)))
    }
  }

  private apply(shard: number, key: string, change: number): void {
    let own = this.shards.get(shard)
    if (own === undefined) {
      own = new Map()
      this.shards.set(shard, own)
    }
    add(own, key, change)
    const { account, rest } = partsOf(key)
    let counts = this.all.get(account)
    if (counts === undefined) {
      counts = new Map()
      this.all.set(account, counts)
    }
    const { before, now } = add(counts, rest, change)
    if (counts.size === 0) this.all.delete(account)
    if (before === now) return
    const interest = interestOf(account, rest, now)
    for (const listener of this.listeners) {
      if (interest.abroad === undefined) listener.interestChanged(interest, before)
      else listener.interestAbroadChanged?.(interest, before)
    }
  }

  /** A shard has died, and with it its connections. */
  forget(shard: number): void {
    const own = this.shards.get(shard)
    if (own === undefined) return
    for (const [key, count] of [...own]) this.apply(shard, key, -count)
    this.shards.delete(shard)
  }

  // ── For links ─────────────────────────────────────────────────────────────────────────────────────────

  add(listener: FeedListener): void {
    this.listeners.add(listener)
  }

  remove(listener: FeedListener): void {
    this.listeners.delete(listener)
  }

  /** Accounts with interest. */
  get accounts(): readonly string[] {
    return [...this.all.keys()]
  }

  /** All that is wanted of an account (byte string) here. */
  *of(account: string): Iterable<LocalInterest> {
    for (const interest of this.everythingOf(account)) if (interest.abroad === undefined) yield interest
  }

  /** … and what other servers want of it. */
  *everythingOf(account: string): Iterable<LocalInterest> {
    for (const [rest, count] of this.all.get(account) ?? []) yield interestOf(account, rest, count)
  }
}

function add(counts: Counts, key: string, change: number): { before: number; now: number } {
  const before = counts.get(key) ?? 0
  const now = before + change
  if (now <= 0) counts.delete(key)
  else counts.set(key, now)
  return { before, now: Math.max(0, now) }
}

/** Undefined: it is not told to other servers. */
function keyOf({ account, subject, queue, leafCluster }: Entry, tellsAbroad: boolean): string | undefined {
  const { base } = account
  if (base === undefined && account.isInternal) return undefined
  const isLeafs = base === undefined || account === base.leafs
  if (!isLeafs && !tellsAbroad) return undefined
  const ours = leafCluster === undefined ? NO_ORIGIN : `+${leafCluster}`
  const origin = isLeafs ? ours : (account === base.routes ? ABROAD.routes : ABROAD.hubs) + (leafCluster ?? '')
  return [origin, (base ?? account).name, subject, queue].join(BETWEEN)
}

function partsOf(key: string): { account: string; rest: string } {
  const [origin, account, subject, queue] = key.split(BETWEEN)
  return { account, rest: [origin, subject, queue].join(BETWEEN) }
}

function interestOf(account: string, rest: string, count: number): LocalInterest {
  const [mark, subject, queue] = rest.split(BETWEEN)
  const abroad = mark[0] === ABROAD.routes ? 'routes' : mark[0] === ABROAD.hubs ? 'hubs' : undefined
  return { account, subject, queue, count, abroad, origin: mark === NO_ORIGIN ? undefined : mark.slice(1) }
}

const ROUTING: Routing = {
  account: BETWEEN_SHARDS,
  plain: true,
  queue: '',
  toLinks: false,
  hops: 0,
  asked: 0,
  question: 0,
  publisher: FEED_ID,
  trace: 0,
  isOnlyTraced: false,
}
