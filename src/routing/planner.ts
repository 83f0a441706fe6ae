// Finds the plan of a subject: its receivers on this shard and on the others, and the imports by which it goes on into
// other accounts. A plan is looked up once, then found in the run or in the cache.

import type { Account } from '../accounts/account.ts'
import { Work } from '../base/turns.ts'
import { type Block, hashText } from '../memory/block.ts'
import { Origin, type Run } from '../protocol/run.ts'
import { LinkPlans, type LinksOfShard } from './link-plan.ts'
import type { RouterOwner } from './owner.ts'
import type { Plan } from './plan.ts'
import { PlanCache } from './plan-cache.ts'
import type { ReceiverGroup } from './queue-plan.ts'
import { SiblingPlans } from './sibling-plans.ts'
import type { Receiver } from './subscription.ts'
import { type Entry, ImportedSubscription, InternalSubscription, Subscription } from './subscription.ts'

/** What subjects begin with that may be the server's own. */
const DOLLAR = 0x24
/** Where in the hash of a plan the origin of its messages is. */
const ORIGIN_SHIFT = 28

const DOT = 0x2e
/**
 * What clients say about messages of streams, what they ask streams for directly, and what they put into buckets: the
 * server has a part in none of those that begin so, or in all. Streams and consumers hear them by subscriptions.
 */
const ALIKE = ['$JS.ACK.', '$JS.API.DIRECT.GET.', '$KV.', '$O.']

/** What a planner needs of its shard. */
export type PlannerOwner = Pick<
  RouterOwner,
  'turns' | 'peers' | 'sublist' | 'generations' | 'seed' | 'abroad' | 'extendPlan'
>

const NOWHERE: readonly Account[] = []

export class Planner {
  readonly cache: PlanCache
  private readonly siblings: SiblingPlans
  private readonly owner: PlannerOwner

  constructor(owner: PlannerOwner) {
    this.owner = owner
    this.cache = new PlanCache(owner.generations, owner.seed)
    this.siblings = new SiblingPlans(this.cache, owner.seed)
  }

  /** The plan of a run that is published in `account`. */
  planOf(run: Run, account: Account): Plan {
    const known = run.memo as Plan | undefined
    if (known !== undefined && this.cache.isFresh(known)) return known
    const { line, subjectStart, subjectEnd, isImported, origin, cluster } = run
    // What came by a service import, or from another server, has other plans: a subject has another hash for them, and
    // so they stay apart.
    const published = this.cache.hash(line, subjectStart, subjectEnd)
    const foreign = origin === Origin.local ? published : published ^ (origin << ORIGIN_SHIFT)
    const ofCluster = cluster === '' ? foreign : foreign ^ hashText(cluster, this.owner.seed)
    const hash = isImported ? ~ofCluster : ofCluster
    let plan = this.cache.find(account, line, subjectStart, subjectEnd, hash)
    // Of two clusters whose hashes are the same, one has its plans looked up each time.
    if (plan?.cluster !== cluster)
      plan = this.siblingOf(run, account, hash) ?? this.lookUp(run, account, hash, plan === undefined)
    run.memo = plan
    return plan
  }

  /**
   * The plan of a run whose subject is likely to be published once, as that of an answer of the server is: that of a
   * sibling is looked for first.
   */
  planOnce(run: Run, account: Account): Plan {
    const { line, subjectEnd, subjectStart } = run
    return this.siblings.find(account, line, subjectStart, subjectEnd) ?? this.planOf(run, account)
  }

  /** The plan that siblings of a subject have, if it is seen for the first time; later it gets its own. */
  private siblingOf(
    { line, subjectStart, subjectEnd, isImported, origin, cluster }: Run,
    account: Account,
    hash: number,
  ): Plan | undefined {
    if (isImported || origin !== Origin.local || cluster !== '' || this.cache.wasSighted(hash)) return undefined
    const plan = this.siblings.find(account, line, subjectStart, subjectEnd)
    if (plan !== undefined) this.cache.sight(hash)
    return plan
  }

  /** Whether some client of this server has subscribed to exactly this subject (byte string). */
  hasExact(account: Account, subject: string): boolean {
    const bytes = Buffer.from(subject, 'latin1')
    const { peers, sublist } = this.owner
    return sublist.hasExact(account, bytes) || peers.some(({ interest }) => interest.hasExact(account, bytes))
  }

  private lookUp(run: Run, account: Account, hash: number, isKept: boolean): Plan {
    const { line, subjectStart: start, subjectEnd: end, isImported, origin, cluster } = run
    const plan = this.cache.create(account, line, start, end)
    plan.cluster = cluster
    const { bytes } = line
    const { sublist, turns } = this.owner
    let isForSiblings = origin === Origin.local && !isImported && cluster === '' && account.serviceImports.length === 0
    if (isForServer(bytes, start)) isForSiblings = false
    turns.left -= Work.lookUp
    turns.left -= sublist.match(
      account,
      bytes,
      start,
      end,
      (entry) => {
        if (asksForSubject(entry)) isForSiblings = false
        if (isWithinReach(entry, isImported)) addReceiver(plan, entry, line, start, end)
      },
      (name, members) => {
        for (const member of members as readonly Subscription[]) {
          if (asksForSubject(member)) isForSiblings = false
          if (!isWithinReach(member, isImported)) continue
          const group = groupOf(member, line, start, end)
          // A group without a permitted member does not want it.
          if (mayHave(member, group, line, start, end)) plan.queueNamed(name).local.push(group)
        }
      },
    )
    // The generation of a plan is that of its subject's first token.
    let free = Math.max(sublist.freeFrom, behindFirstToken(bytes, start, end))
    const foreign = this.abroadFor(account, origin)
    for (const space of foreign) this.addLinks(plan, space, isLast(space, account), line, start, end)
    // Only where a request is published it takes an import: of one by a route the answer alone comes here.
    if (account.serviceImports.length > 0 && origin !== Origin.route) {
      turns.left -= account.serviceImports.length * Work.step
      const services = account.servicesFor(bytes.toString('latin1', start, end))
      if (services.length > 0) plan.services = services
    }
    if (bytes[start] === DOLLAR) this.owner.extendPlan(plan, bytes.toString('latin1', start, end), origin)
    if (plan.own !== undefined || plan.services !== undefined) isForSiblings = false
    for (const peer of this.owner.peers) {
      const interest = peer.interest.read(account, bytes, start, end, isImported)
      turns.left -= Work.lookUp + peer.interest.stepsTaken * Work.step
      free = Math.max(free, peer.interest.freeFrom)
      if (interest.guessed === true) plan.guessed = true
      if (interest.plain) {
        plan.peers ??= []
        plan.peers.push(peer)
      }
      if (interest.queues === undefined) continue
      turns.left -= interest.queues.size * Work.match
      for (const [name, members] of interest.queues) {
        const queue = plan.queueNamed(name)
        queue.remote.push({ peer, members })
        queue.remoteMembers += members
      }
    }
    if (foreign.length > 0) this.addPeersWithLinks(plan, account, foreign, bytes, start, end)
    plan.complete(this.cache.audiences)
    if (isForSiblings && foreign.length === 0 && !plan.guessed) this.siblings.keep(plan, line, start, end, free)
    if (!plan.guessed && isKept) this.cache.add(plan, line, start, end, hash)
    return plan
  }

  /** Drops stale plans, and with them closed connections that they name. */
  sweep(): void {
    this.cache.sweep()
    this.siblings.sweep()
  }

  /** What other servers want counts for messages of an account by their origin. */
  private abroadFor(account: Account, origin: Origin): readonly Account[] {
    const { routes, hubs, leafs } = this.owner.abroad
    if (!(routes || hubs || leafs)) return NOWHERE
    const spaces: Account[] = []
    if (routes && origin === Origin.local) spaces.push(account.routes)
    if (hubs && origin !== Origin.route) spaces.push(account.hubs)
    if (leafs) spaces.push(account.leafs)
    return spaces
  }

  /** Adds the links of this shard that want the subject. */
  private addLinks(plan: Plan, space: Account, isLast: boolean, line: Block, start: number, end: number): void {
    const { sublist, turns } = this.owner
    const found = new LinkPlans()
    const add = (subscription: Subscription): void => {
      if (plan.cluster !== '' && subscription.leafCluster === plan.cluster) return
      const group = groupOf(subscription, line, start, end)
      if (mayHave(subscription, group, line, start, end)) found.add(subscription, group.subject)
    }
    turns.left -= sublist.match(
      space,
      line.bytes,
      start,
      end,
      (entry) => add(entry as Subscription),
      (_, members) => {
        for (const member of members) add(member as Subscription)
      },
    )
    const { all, weights } = found
    if (weights.size === 0) {
      for (const { subscription } of all) plan.addReceiver(groupOf(subscription, line, start, end))
      return
    }
    plan.links = [...(plan.links ?? []), ...all]
    for (const [name, weight] of weights) addLinkMembers(plan, name, { peer: undefined, weight, isLast })
  }

  /** Adds other shards that have links which want the subject. */
  private addPeersWithLinks(
    plan: Plan,
    account: Account,
    spaces: readonly Account[],
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    for (const peer of this.owner.peers) {
      for (const space of spaces) {
        const interest = peer.interest.read(space, bytes, start, end, false)
        this.owner.turns.left -= Work.lookUp + peer.interest.stepsTaken * Work.step
        if (interest.guessed === true) plan.guessed = true
        if (interest.plain && plan.peers?.includes(peer) !== true) {
          plan.peers ??= []
          plan.peers.push(peer)
        }
        for (const [name, weight] of interest.queues ?? [])
          addLinkMembers(plan, name, { peer, weight, isLast: isLast(space, account) })
      }
    }
  }

  /** The sid of a receiver's own plain subscription in `account` that matches a subject (byte string). */
  plainSidOf(receiver: Receiver, account: Account, subject: string): string | undefined {
    const { sublist, turns } = this.owner
    const bytes = Buffer.from(subject, 'latin1')
    let sid: string | undefined
    turns.left -= sublist.match(
      account,
      bytes,
      0,
      bytes.length,
      (entry) => {
        if (entry instanceof Subscription && entry.receiver === receiver) sid ??= entry.sid
      },
      () => undefined,
    )
    return sid
  }
}

function behindFirstToken(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== DOT) at++
  return at + 1
}

/** Whether what a receiver has of a message depends on more than that its filter matches. */
function asksForSubject(entry: Entry): boolean {
  return entry instanceof ImportedSubscription || (entry instanceof Subscription && entry.origin.filtered)
}

/** Whether the server itself may have a part in a message, which is for extendPlan() to say of each subject. */
function isForServer(bytes: Buffer, start: number): boolean {
  return bytes[start] === DOLLAR && !ALIKE.some((prefix) => beginsWith(bytes, start, prefix))
}

function beginsWith(bytes: Buffer, start: number, prefix: string): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix.charCodeAt(i)) return false
  return true
}

/** Members of queue groups behind leaf nodes and hubs are picked where there are no others. */
function isLast(space: Account, account: Account): boolean {
  return space !== account.routes
}

function addLinkMembers(plan: Plan, name: string, links: LinksOfShard): void {
  const queue = plan.queueNamed(name)
  queue.links ??= []
  queue.links.push(links)
  plan.dealsToLinks = true
}

/** What came into an account by a service import (Run.isImported) does not leave it by a stream import. */
export function isWithinReach(entry: Entry, isImported: boolean): boolean {
  return !isImported || !(entry instanceof ImportedSubscription)
}

/** A receiver of its own for the subject line[start, end). */
export function groupOf(subscription: Subscription, line: Block, start: number, end: number): ReceiverGroup {
  const subject =
    subscription instanceof ImportedSubscription
      ? subscription.via.subjectHere(line.bytes.toString('latin1', start, end))
      : ''
  const { sid, receiver } = subscription
  const { options, dialect } = receiver
  return { subject, sid, headers: options.headers, dialect, subscriptions: [subscription] }
}

/** Denies inside a wildcard: the message is kept from receivers that are denied its subject. */
export function mayHave(
  subscription: Subscription,
  group: ReceiverGroup,
  line: Block,
  start: number,
  end: number,
): boolean {
  const { origin, receiver, queue } = subscription
  if (!origin.filtered) return true
  const subject = group.subject === '' ? line.bytes.toString('latin1', start, end) : group.subject
  return receiver.rights === undefined || receiver.rights.mayDeliver(subject, queue)
}

function addReceiver(plan: Plan, entry: Entry, line: Block, start: number, end: number): void {
  if (entry instanceof InternalSubscription) {
    plan.internal ??= []
    plan.internal.push(entry)
    return
  }
  const group = groupOf(entry as Subscription, line, start, end)
  if (!mayHave(entry as Subscription, group, line, start, end)) return
  if ((entry as Subscription).origin.max > 0) {
    plan.limited ??= []
    plan.limited.push(group)
    return
  }
  plan.addReceiver(group)
}
