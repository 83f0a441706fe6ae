// A plan: the receivers of a subject, on this shard and on the others. It is looked up once and cached while the
// generations confirm it.

import type { Account, ServiceImport } from '../accounts/account.ts'
import { CHUNK_BYTES } from '../base/constants.ts'
import { Work, workOfEncoding } from '../base/turns.ts'
import type { Audience } from './audience.ts'
import type { Audiences } from './audiences.ts'
import type { Handler } from './handler.ts'
import type { LinkPlan } from './link-plan.ts'
import type { Peer } from './peer.ts'
import type { QueuePlan, ReceiverGroup } from './queue-plan.ts'
import type { InternalSubscription, Subscription } from './subscription.ts'

/** What a message has besides its payload, about. */
const HEAD_BYTES = 32
/** As many groups are looked through one by one; of more, a map is made. */
const GROUPS_FEW = 8

/**
 * Fields that every message of the subject reads are declared first: there are thousands of plans, and each line of
 * memory that a message needs is one that the processor waits for.
 */
export class Plan {
  /** The generation before the index was read: if it has moved, the plan is stale. */
  readonly bucket: number
  readonly generation: number
  /** It rests on a guess, and holds for one run only. */
  guessed = false
  /** Nobody wants these messages. */
  isEmpty = false
  /** The only receiver on this shard, if there is one and it takes every message as it is. */
  here: Subscription | undefined
  /** What a message costs, in units of work, and how often its bytes are encoded. */
  private work = 0
  private encodings = 0
  /** What a run costs besides, in each piece of it: as much of it as is encoded into one chunk, and shared as one. */
  private piece = 0
  /** The server's own. */
  internal: InternalSubscription[] | undefined
  // What comes from another shard needs nothing else, if there is one receiver here.
  /** The receiver of every message, if it is the only destination. */
  only: Subscription | undefined
  /** Whose permissions have been found to allow publishing to this subject: the last, and the others. */
  allowedFor: object | undefined
  /** Other shards with plain interest. */
  peers: Peer[] | undefined
  /** By which other shards know its subject; 0: it is not cached. No two plans of a shard have the same. */
  number = 0
  readonly account: Account
  /** As in Run: what goes to other servers goes to none of this cluster. */
  cluster = ''
  /** Bytes of the subject. */
  readonly length: number

  /** Receivers of every message. */
  readonly groups: ReceiverGroup[] = []
  /** The same by connection; undefined: there is not more than one. */
  audience: Audience | undefined
  /** Plain subscriptions that end after some number of deliveries; each is a group of its own. */
  limited: ReceiverGroup[] | undefined
  queues: QueuePlan[] | undefined
  /** Links of this shard, where one of them has members of queue groups: otherwise they are receivers like others. */
  links: LinkPlan[] | undefined
  /** Links to other servers, on whichever shard, have members of queue groups. */
  dealsToLinks = false
  /** Imports by which it goes on into other accounts. */
  services: readonly ServiceImport[] | undefined
  /** What the server itself does with it (src/system/). */
  own: Handler | undefined
  alsoAllowedFor: WeakSet<object> | undefined
  /** Where there are many: groups by what they share, while receivers are added, and queue groups by name. */
  private groupsByKey: Map<string, ReceiverGroup> | undefined
  private queuesByName: Map<string, QueuePlan> | undefined

  constructor(account: Account, length: number, bucket: number, generation: number) {
    this.account = account
    this.length = length
    this.bucket = bucket
    this.generation = generation
  }

  /** Stores that a user may publish to the subject; earlier users stay stored. */
  allow(permissions: object): void {
    if (this.allowedFor !== undefined) {
      this.alsoAllowedFor ??= new WeakSet()
      this.alsoAllowedFor.add(this.allowedFor)
    }
    this.allowedFor = permissions
  }

  isAllowed(permissions: object): boolean {
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
      return groups.find((one) => isLike(one, group))
    }
    this.groupsByKey ??= new Map(groups.map((one) => [keyOf(one), one]))
    return this.groupsByKey.get(keyOf(group))
  }

  /** The queue group of a name; a new one, without members, if it has none yet. */
  queueNamed(name: string): QueuePlan {
    let queue = this.findQueue(name)
    if (queue === undefined) {
      queue = { account: this.account, name, local: [], remote: [], remoteMembers: 0, links: undefined }
      this.queues ??= []
      this.queues.push(queue)
      this.queuesByName?.set(name, queue)
    }
    return queue
  }

  findQueue(name: string): QueuePlan | undefined {
    const { queues } = this
    if (queues === undefined || queues.length <= GROUPS_FEW) return queues?.find((queue) => queue.name === name)
    this.queuesByName ??= new Map(queues.map((queue) => [queue.name, queue]))
    return this.queuesByName.get(name)
  }

  /** Called when all receivers are known; `audiences` are those of the plans before. */
  complete(audiences: Audiences): void {
    this.groupsByKey = undefined
    this.appraise()
    const { groups, limited, queues, links, peers, internal, services, own } = this
    const isElsewhere = (queues ?? links ?? peers ?? internal ?? services ?? own) !== undefined
    this.isEmpty = groups.length === 0 && limited === undefined && !isElsewhere
    if (groups.length > 1 || groups[0]?.subscriptions.length > 1) this.audience = audiences.of(groups)
    if (limited !== undefined || groups.length !== 1) return
    const [{ subject, subscriptions }] = groups
    if (subject !== '' || subscriptions.length !== 1) return
    this.here = subscriptions[0]
    if (!isElsewhere) this.only = this.here
  }

  private appraise(): void {
    const { groups, limited = [], queues = [], links = [], peers = [], internal = [], services = [], own } = this
    let shares = 0
    for (const { subscriptions } of groups) shares += subscriptions.length - 1
    this.encodings = groups.length + limited.length + queues.length + links.length
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
    if (count === 1) return this.workOfEach(bytes) + this.piece
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

/** No two groups of a plan have the same; a sid has no blank. */
function keyOf({ subject, sid, headers }: ReceiverGroup): string {
  return `${headers ? '+' : '-'}${sid} ${subject}`
}

function isLike(a: ReceiverGroup, b: ReceiverGroup): boolean {
  return a.sid === b.sid && a.headers === b.headers && a.subject === b.subject && a.dialect === b.dialect
}
