// A route: who wants a subject, on this shard and on the others. Looked up once and kept while the generations say
// that it still holds.

import type { Account } from '../accounts/account.ts'
import type { ServiceImport } from '../accounts/imports.ts'
import type { CompiledPermissions } from '../auth/permissions.ts'
import {
  CHUNK_BYTES,
  MATCH_CACHE_DISPLACE,
  MATCH_CACHE_KEY_BYTES,
  MATCH_CACHE_SIGHTED,
  MATCH_CACHE_SLOTS,
  MATCH_CACHE_WAYS,
  MATCH_CACHE_WEIGHT_MAX,
} from '../base/constants.ts'
import { Work, workOfEncoding } from '../base/turns.ts'
import type { Generations } from '../interest/generations.ts'
import { allocateBlock, type Block, equalBytes, hashBytes } from '../memory/block.ts'
import type { Peer } from '../mesh/shard-peer.ts'
import type { OwnService } from './handler.ts'
import type { InternalSubscription, Subscription } from './sublist.ts'

/** Subscriptions whose messages look the same on the wire: same subject, same sid, same view of headers. */
export interface ReceiverGroup {
  /** The subject that an import gives it; empty: the published one. */
  readonly subject: string
  readonly sid: string
  readonly headers: boolean
  readonly subscriptions: Subscription[]
}

/** A queue group over all matching filters and all shards. */
export interface QueueRoute {
  readonly account: Account
  readonly name: string
  /** Members here, each a group of its own. */
  readonly local: ReceiverGroup[]
  readonly remote: { readonly peer: Peer; readonly members: number }[]
  remoteMembers: number
}

/** What a message has besides its payload, about. */
const HEAD_BYTES = 32
/** As many groups are looked through one by one; of more, a map is made. */
const GROUPS_FEW = 8

/**
 * What every message of the subject looks at is declared first: there are thousands of routes, and each line of memory
 * that a message needs is one that the processor waits for.
 */
export class Route {
  readonly account: Account
  /** Bytes of the subject. */
  readonly length: number
  /** The generation before the index was read: if it has moved, the route is stale. */
  readonly bucket: number
  readonly generation: number
  /** It rests on a guess, and holds for one run only. */
  guessed = false
  /** Whose permissions have been found to allow publishing to this subject: the last, and the others. */
  allowedFor: CompiledPermissions | undefined
  /** The one that takes every message, if there is nobody and nothing else. */
  only: Subscription | undefined
  /** What a message costs, in units of work, and how often its bytes are encoded. */
  private work = 0
  private encodings = 0
  /** What a run costs besides, in each piece of it: as much of it as is encoded into one chunk, and shared as one. */
  private piece = 0

  /** Receivers of every message. */
  readonly groups: ReceiverGroup[] = []
  /** Plain subscriptions that end after some number of deliveries; each is a group of its own. */
  limited: ReceiverGroup[] | undefined
  queues: QueueRoute[] | undefined
  /** Other shards with plain interest. */
  peers: Peer[] | undefined
  /** The server's own. */
  internal: InternalSubscription[] | undefined
  /** Imports by which it goes on into other accounts. */
  services: readonly ServiceImport[] | undefined
  /** What the server itself does with it (src/system/). */
  own: OwnService | undefined
  alsoAllowedFor: WeakSet<CompiledPermissions> | undefined
  /** Where there are many: groups by what they share, while receivers are added, and queue groups by name. */
  private groupsByKey: Map<string, ReceiverGroup> | undefined
  private queuesByName: Map<string, QueueRoute> | undefined

  constructor(account: Account, length: number, bucket: number, generation: number) {
    this.account = account
    this.length = length
    this.bucket = bucket
    this.generation = generation
  }

  /** Remembers that a user may publish to the subject; others who were remembered stay so. */
  allow(permissions: CompiledPermissions): void {
    if (this.allowedFor !== undefined) {
      this.alsoAllowedFor ??= new WeakSet()
      this.alsoAllowedFor.add(this.allowedFor)
    }
    this.allowedFor = permissions
  }

  isAllowed(permissions: CompiledPermissions): boolean {
    return this.allowedFor === permissions || this.alsoAllowedFor?.has(permissions) === true
  }

  /** Adds a receiver, which comes as a group of its own: those whose messages look the same share one. */
  addReceiver(group: ReceiverGroup): void {
    const same = this.groupLike(group)
    if (same !== undefined) {
      same.subscriptions.push(group.subscriptions[0])
      return
    }
    this.groups.push(group)
    this.groupsByKey?.set(keyOf(group), group)
  }

  private groupLike(group: ReceiverGroup): ReceiverGroup | undefined {
    const { groups } = this
    if (groups.length <= GROUPS_FEW) {
      const { subject, sid, headers } = group
      return groups.find((one) => one.sid === sid && one.headers === headers && one.subject === subject)
    }
    this.groupsByKey ??= new Map(groups.map((one) => [keyOf(one), one]))
    return this.groupsByKey.get(keyOf(group))
  }

  /** The queue group of a name; a new one, without members, if it has none yet. */
  queueNamed(name: string): QueueRoute {
    let queue = this.findQueue(name)
    if (queue === undefined) {
      queue = { account: this.account, name, local: [], remote: [], remoteMembers: 0 }
      this.queues ??= []
      this.queues.push(queue)
      this.queuesByName?.set(name, queue)
    }
    return queue
  }

  findQueue(name: string): QueueRoute | undefined {
    const { queues } = this
    if (queues === undefined || queues.length <= GROUPS_FEW) return queues?.find((queue) => queue.name === name)
    this.queuesByName ??= new Map(queues.map((queue) => [queue.name, queue]))
    return this.queuesByName.get(name)
  }

  /** Called when all receivers are known. */
  complete(): void {
    this.groupsByKey = undefined
    this.appraise()
    const { groups, limited, queues, peers, internal, services, own } = this
    if (limited ?? queues ?? peers ?? internal ?? services ?? own) return
    if (groups.length !== 1) return
    const [{ subject, subscriptions }] = groups
    if (subject === '' && subscriptions.length === 1) this.only = subscriptions[0]
  }

  private appraise(): void {
    const { groups, limited = [], queues = [], peers = [], internal = [], services = [], own } = this
    let shares = 0
    for (const { subscriptions } of groups) shares += subscriptions.length - 1
    this.encodings = groups.length + limited.length + queues.length
    this.piece = shares * Work.slice + this.encodings * Work.receiver + peers.length * Work.frame
    this.work =
      Work.message +
      this.encodings * Work.encoding +
      queues.length * Work.frame +
      internal.length * Work.internal +
      services.length * Work.service +
      (own === undefined ? 0 : Work.own)
  }

  /** What `count` messages of so many bytes, in one run, cost in units of work. */
  workOf(count: number, bytes: number): number {
    return count * this.workOfEach(bytes) + Math.ceil(count / messagesInPiece(bytes)) * this.piece
  }

  /** How many messages of so many bytes, in one run, there is time for in `left` units of work: one at least. */
  fitting(left: number, bytes: number): number {
    const each = this.workOfEach(bytes)
    const together = messagesInPiece(bytes)
    // A piece for more receivers than there is time for is sent all the same, and is as long as a piece may be.
    const pieces = Math.max(1, Math.floor(left / (this.piece + together * each)))
    return Math.max(1, Math.min(Math.floor(left / each), pieces * together))
  }

  private workOfEach(bytes: number): number {
    return this.work + this.encodings * workOfEncoding(bytes)
  }

  /** How much it names: receivers, members of queue groups, and other shards. So much memory it takes. */
  get weight(): number {
    let weight = this.fanout
    if (this.queues !== undefined) for (const { local, remote } of this.queues) weight += local.length + remote.length
    return weight
  }

  /** How many take a message: receivers here, queue groups, and other shards, whose receivers are not known. */
  get fanout(): number {
    let receivers = (this.limited?.length ?? 0) + (this.queues?.length ?? 0) + (this.peers?.length ?? 0)
    for (const { subscriptions } of this.groups) receivers += subscriptions.length
    return receivers
  }
}

/** So many messages of a run are encoded into one chunk. */
function messagesInPiece(bytes: number): number {
  return Math.max(1, Math.floor(CHUNK_BYTES / (bytes + HEAD_BYTES)))
}

/** No two groups of a route have the same; a sid has no blank. */
function keyOf({ subject, sid, headers }: ReceiverGroup): string {
  return `${headers ? '+' : '-'}${sid} ${subject}`
}

/**
 * The routes looked up last, by account and subject. Set-associative: a subject may live in MATCH_CACHE_WAYS slots,
 * chosen by its hash, where it takes the place of another. A slot's key stands in its piece of one block, so that a
 * subject makes no garbage. Their number is bounded by the slots, and what they name all together by `weightMax`.
 *
 * A subject is kept when it is seen for the second time (`sighted`): reply subjects are published to once. Where there
 * is no room, only one in a few takes another's place: of more subjects than there are slots, each would be thrown out
 * before it is needed again, and would be garbage that has grown old.
 */
export class RouteCache {
  private readonly routes: (Route | undefined)[] = new Array(MATCH_CACHE_SLOTS).fill(undefined)
  private readonly hashes = new Int32Array(MATCH_CACHE_SLOTS)
  private readonly keys: Block = allocateBlock(MATCH_CACHE_SLOTS * MATCH_CACHE_KEY_BYTES)
  private readonly sighted = new Int32Array(MATCH_CACHE_SIGHTED)
  private readonly generations: Generations
  private readonly seed: number
  private readonly weights = new Uint32Array(MATCH_CACHE_SLOTS)
  private readonly weightMax: number
  /** Of all that are kept. */
  private weight = 0
  /** The slot that was emptied last to make room for weight. */
  private emptied = 0
  /** How often there was no room. */
  private crowded = 0

  constructor(generations: Generations, seed: number, weightMax = MATCH_CACHE_WEIGHT_MAX) {
    this.generations = generations
    this.seed = seed
    this.weightMax = weightMax
  }

  private keep(slot: number, route: Route | undefined, weight: number): void {
    this.weight += weight - this.weights[slot]
    this.weights[slot] = weight
    this.routes[slot] = route
  }

  private drop(slot: number): void {
    this.keep(slot, undefined, 0)
  }

  /** Whether so much more fits in, others being dropped for it now and then. */
  private makesRoomFor(weight: number): boolean {
    if (this.weight + weight <= this.weightMax) return true
    this.crowded++
    if (weight > this.weightMax || this.crowded % MATCH_CACHE_DISPLACE !== 0) return false
    while (this.weight + weight > this.weightMax) {
      this.emptied = (this.emptied + 1) % MATCH_CACHE_SLOTS
      this.drop(this.emptied)
    }
    return true
  }

  isFresh(route: Route): boolean {
    return !route.guessed && this.generations.current(route.bucket) === route.generation
  }

  hash(subject: Block, start: number, end: number): number {
    return hashBytes(subject.bytes, start, end, this.seed)
  }

  find(account: Account, subject: Block, start: number, end: number, hash: number): Route | undefined {
    const length = end - start
    const base = slotOf(hash)
    for (let slot = base; slot < base + MATCH_CACHE_WAYS; slot++) {
      if (this.hashes[slot] !== hash) continue
      const route = this.routes[slot]
      if (route === undefined || route.account !== account || route.length !== length) continue
      if (!equalBytes(this.keys, slot * MATCH_CACHE_KEY_BYTES, subject, start, length)) continue
      if (!this.isFresh(route)) {
        this.drop(slot)
        break
      }
      account.counters.routeHits++
      return route
    }
    account.counters.routeMisses++
    return undefined
  }

  /**
   * A new, empty route, not yet cached. The generation is read now, before the caller reads the index, so that a
   * change that comes while it does so makes the route stale.
   */
  create(account: Account, subject: Block, start: number, end: number): Route {
    const bucket = this.generations.bucketOf(subject.bytes, start, end)
    return new Route(account, end - start, bucket, this.generations.current(bucket))
  }

  /** Keeps a route, if its subject was seen before. */
  add(route: Route, subject: Block, start: number, end: number, hash: number): void {
    const length = end - start
    if (length > MATCH_CACHE_KEY_BYTES) return
    const mark = (hash >>> 0) % MATCH_CACHE_SIGHTED
    if (this.sighted[mark] !== hash) {
      this.sighted[mark] = hash
      return
    }
    const { weight } = route
    if (!this.makesRoomFor(weight)) return
    const base = slotOf(hash)
    let slot = base
    while (slot < base + MATCH_CACHE_WAYS && this.routes[slot] !== undefined) slot++
    if (slot === base + MATCH_CACHE_WAYS) {
      this.crowded++
      if (this.crowded % MATCH_CACHE_DISPLACE !== 0) return
      slot = base + ((this.crowded / MATCH_CACHE_DISPLACE) % MATCH_CACHE_WAYS)
    }
    this.keep(slot, route, weight)
    this.hashes[slot] = hash
    // A word-wise copy would run into the next slot's key.
    const at = slot * MATCH_CACHE_KEY_BYTES
    for (let i = 0; i < length; i++) this.keys.bytes[at + i] = subject.bytes[start + i]
  }

  /** Lets go of stale routes, and so of closed connections that they name; answers and shows those that are left. */
  sweep(show?: (route: Route) => void): number {
    let live = 0
    for (let slot = 0; slot < MATCH_CACHE_SLOTS; slot++) {
      const route = this.routes[slot]
      if (route === undefined) continue
      if (this.isFresh(route)) {
        live++
        show?.(route)
      } else this.drop(slot)
    }
    return live
  }
}

function slotOf(hash: number): number {
  return ((hash >>> 0) % (MATCH_CACHE_SLOTS / MATCH_CACHE_WAYS)) * MATCH_CACHE_WAYS
}
