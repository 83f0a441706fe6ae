// A route: who wants a subject, on this shard and on the others. Looked up once and kept while the generations say
// that it still holds.

import { MATCH_CACHE_SLOTS, MATCH_CACHE_WAYS } from './constants.ts'
import type { Generations } from './interest/generations.ts'
import type { AccountKey } from './interest/reader.ts'
import { allocateBlock, type Block, copyBytes, equalBytes, hashBytes } from './memory/block.ts'
import type { Peer } from './peer.ts'
import { encodePrefix } from './protocol/encoder.ts'
import type { Subscription } from './subjects/sublist.ts'

/** Plain subscriptions whose messages look the same on the wire: same sid, same view of headers. */
export class ReceiverGroup {
  readonly sid: string
  readonly headers: boolean
  readonly subscriptions: Subscription[] = []
  private readonly subject: string
  private msgPrefix: Block | undefined
  private hmsgPrefix: Block | undefined

  constructor(subject: string, sid: string, headers: boolean) {
    this.subject = subject
    this.sid = sid
    this.headers = headers
  }

  prefix(withHeader: boolean): Block {
    if (withHeader) {
      this.hmsgPrefix ??= encodePrefix('HMSG', this.subject, this.sid)
      return this.hmsgPrefix
    }
    this.msgPrefix ??= encodePrefix('MSG', this.subject, this.sid)
    return this.msgPrefix
  }
}

/** A queue group over all matching filters and all shards. */
export interface QueueRoute {
  readonly name: string
  readonly local: ReceiverGroup[]
  readonly remote: { readonly peer: Peer; readonly members: number }[]
  remoteMembers: number
}

export class Route {
  readonly account: AccountKey
  /** The subject's bytes, the whole block. */
  readonly subject: Block
  readonly hash: number
  readonly bucket: number
  bucketGeneration = 0
  wildcardGeneration = 0

  /** Receivers of every message. */
  readonly groups: ReceiverGroup[] = []
  /** Plain subscriptions that end after some number of deliveries; each is a group of its own. */
  readonly limited: ReceiverGroup[] = []
  readonly queues: QueueRoute[] = []
  /** Other shards with plain interest. */
  readonly peers: Peer[] = []

  constructor(account: AccountKey, subject: Block, hash: number, bucket: number) {
    this.account = account
    this.subject = subject
    this.hash = hash
    this.bucket = bucket
  }
}

/**
 * The routes looked up last, by account and subject. Set-associative: a subject may live in MATCH_CACHE_WAYS slots,
 * chosen by its hash, where it takes the place of whatever is not used any more. Bounded by construction.
 */
export class RouteCache {
  private readonly slots: (Route | undefined)[] = new Array(MATCH_CACHE_SLOTS).fill(undefined)
  private readonly generations: Generations
  private readonly seed: number
  private victim = 0
  hits = 0
  misses = 0

  constructor(generations: Generations, seed: number) {
    this.generations = generations
    this.seed = seed
  }

  isFresh(route: Route): boolean {
    return (
      this.generations.current(route.bucket) === route.bucketGeneration &&
      this.generations.currentWildcard() === route.wildcardGeneration
    )
  }

  hash(subject: Block, start: number, end: number): number {
    return hashBytes(subject.bytes, start, end, this.seed)
  }

  find(account: AccountKey, subject: Block, start: number, end: number, hash: number): Route | undefined {
    const length = end - start
    const base = slotOf(hash)
    for (let i = base; i < base + MATCH_CACHE_WAYS; i++) {
      const route = this.slots[i]
      if (
        route !== undefined &&
        route.hash === hash &&
        route.account === account &&
        route.subject.capacity === length &&
        equalBytes(route.subject, 0, subject, start, length)
      ) {
        if (!this.isFresh(route)) {
          this.slots[i] = undefined
          break
        }
        this.hits++
        return route
      }
    }
    this.misses++
    return undefined
  }

  /**
   * A new, empty route, not yet cached. The generations are read now, before the caller reads the index, so that a
   * change that comes while it does so makes the route stale.
   */
  create(account: AccountKey, subject: Block, start: number, end: number, hash: number): Route {
    const copy = allocateBlock(end - start)
    copyBytes(copy, 0, subject, start, end - start)
    const bucket = this.generations.bucketOf(copy.bytes, 0, end - start)
    const route = new Route(account, copy, hash, bucket)
    route.bucketGeneration = this.generations.current(bucket)
    route.wildcardGeneration = this.generations.currentWildcard()
    return route
  }

  add(route: Route): void {
    const base = slotOf(route.hash)
    for (let i = base; i < base + MATCH_CACHE_WAYS; i++) {
      if (this.slots[i] === undefined) {
        this.slots[i] = route
        return
      }
    }
    this.victim = (this.victim + 1) % MATCH_CACHE_WAYS
    this.slots[base + this.victim] = route
  }

  /** Lets go of stale routes, and so of closed connections that they name. Called from time to time. */
  sweep(): number {
    let live = 0
    for (let i = 0; i < this.slots.length; i++) {
      const route = this.slots[i]
      if (route === undefined) continue
      if (this.isFresh(route)) live++
      else this.slots[i] = undefined
    }
    return live
  }
}

function slotOf(hash: number): number {
  return ((hash >>> 0) % (MATCH_CACHE_SLOTS / MATCH_CACHE_WAYS)) * MATCH_CACHE_WAYS
}
