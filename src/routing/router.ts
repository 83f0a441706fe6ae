// From a publish to its deliveries: match → plan. There is one path for every message, whether it comes from a client
// of this shard or from the ring of another shard.
//
//     planOf(run) ─▶ Plan ─┬─ groups    every plain subscription; encoded once a group, queued for each receiver
//                          ├─ limited   those that end after some deliveries, counted one by one
//                          ├─ peers     the run's raw bytes, once, into the ring of each interested shard
//                          └─ queues    one member of each group, over all shards
//
// Deliveries (delivery.ts) are only queued; the shard flushes each receiver once at the end of the turn.

import assert from 'node:assert/strict'
import type { Account } from '../accounts/account.ts'
import { isConstant, mapSubject } from '../accounts/mapping.ts'
import { QUEUE_NAME_MAX, REROUTE_MAX } from '../base/constants.ts'
import { Work } from '../base/turns.ts'
import type { KeptMessage, ReplyWriter } from '../protocol/encoder.ts'
import { rewriteRun } from '../protocol/rewrite.ts'
import { type Run, replyOf, subjectOf } from '../protocol/run.ts'
import { Delivery } from './delivery.ts'
import { Departures } from './departures.ts'
import { type LinkDialect, type LinkPlan, randomLink } from './link-plan.ts'
import { Outbox } from './outbox.ts'
import type { RouterOwner } from './owner.ts'
import type { Peer } from './peer.ts'
import type { Plan } from './plan.ts'
import { groupOf, Planner } from './planner.ts'
import { noteSent, type Publisher, type RemotePublisher } from './publisher.ts'
import {
  membersHere,
  membersOf,
  peerOfMember,
  type QueuePlan,
  randomLinks,
  randomMember,
  randomRemoteMember,
} from './queue-plan.ts'
import { ASKED_MAX, type Routing } from './routing.ts'
import type { Trace } from './trace.ts'

export class Router {
  readonly planner: Planner
  readonly delivery: Delivery
  /** Members of queue groups that are leaving. */
  readonly departures: Departures
  /** Runs of the current read that are for other shards. */
  readonly outbox: Outbox
  private readonly owner: RouterOwner
  /** Of the latest request about which other shards were asked. */
  private question = 0
  /** The one message that is under way just now is traced. */
  trace: Trace | undefined

  constructor(owner: RouterOwner) {
    this.owner = owner
    this.planner = new Planner(owner)
    this.delivery = new Delivery(owner)
    this.departures = new Departures(owner)
    this.outbox = new Outbox(owner.peers)
  }

  /**
   * Calls back with what the account's mappings make of a run: the run itself, or its messages under other subjects,
   * one way for all or each its own. Those that a mapping loses are left out.
   */
  map(run: Run, account: Account, callback: (mapped: Run) => void): void {
    const subject = subjectOf(run)
    const mapping = account.mappings.isEmpty ? undefined : account.mappings.find(subject)
    if (mapping === undefined) {
      callback(run)
      return
    }
    const reply = replyOf(run)
    const step = isConstant(mapping) ? run.count : 1
    for (let from = 0; from < run.count; from += step) {
      this.owner.turns.left -= Work.mapping
      const mapped = mapSubject(mapping, subject)
      if (mapped === undefined) continue
      rewriteRun(this.owner.pool, run, from, step, { subject: mapped, reply, header: '', isImported: false }, callback)
    }
  }

  /**
   * Sends a run on its ways, from the shard where it came to be: published by a client, made by an import, or come from
   * another server. `dealt`: the queue groups that the other server dealt to this one; undefined: all are dealt here.
   */
  dispatch(
    run: Run,
    account: Account,
    publisher: Publisher,
    plan = this.planner.planOf(run, account),
    dealt?: readonly string[],
  ): number {
    if (this.trace !== undefined) return this.trace.dispatch(run, account, publisher)
    // What the parser counts for a message is all that one takes which nobody wants.
    if (plan.isEmpty) return 0
    this.owner.turns.left -= plan.workOf(run.count, run.size)
    let sent = this.deliverPlain(run, plan, publisher)
    if (plan.only === undefined) sent += this.goOtherWays(run, plan, publisher, sent === 0, dealt)
    this.delivery.endRun()
    return sent
  }

  /**
   * As dispatch(), of one message that is kept, straight into the output of its only receiver. Returns whether it could
   * do so; if not, the message has to be dispatched as a run.
   */
  sendKept(message: KeptMessage, reply: ReplyWriter, plan: Plan, publisher: Publisher): boolean {
    const { only } = plan
    if (only === undefined || this.trace !== undefined || !this.planner.cache.isFresh(plan)) return false
    if (!this.delivery.keptToOne(message, reply, only, publisher)) return false
    this.owner.turns.left -= plan.workOf(1, message.end - message.headersStart)
    this.delivery.endRun()
    return true
  }

  private goOtherWays(
    run: Run,
    plan: Plan,
    publisher: Publisher,
    isUnheard: boolean,
    dealt: readonly string[] | undefined,
  ): number {
    const { peers, services, own } = plan
    const queues = dealt === undefined ? plan.queues : plan.queues?.filter(({ name }) => dealt.includes(name))
    let sent = 0
    if (plan.dealsToLinks) sent += this.deal(run, plan, queues ?? [], publisher)
    else {
      const asked = isUnheard ? framesToAsk(run, plan, publisher) : 0
      if (asked > 0) this.question = (this.question % 0x7fff_ffff) + 1
      if (peers !== undefined) sent += this.sendToPeers(run, plan, peers, publisher, asked)
      if (queues !== undefined) for (const queue of queues) sent += this.deliverQueue(run, queue, publisher, asked)
    }
    sent += callInternal(run, plan, publisher)
    if (services !== undefined) {
      for (const service of services) sent += this.owner.serviceCalls.call(service, run, publisher)
    }
    // Only here and not in receive(): of all shards, the one where a request is published takes it.
    if (own !== undefined) sent += own.take(run, publisher)
    return sent
  }

  /** Calls back when these shards have dealt with all that was sent to them, and what of it goes on is on its way. */
  whenPassed(shards: ReadonlySet<number>, then: () => void): void {
    let awaited = 1
    const passed = (): void => {
      if (--awaited > 0) return
      this.owner.wake()
      then()
    }
    for (const peer of this.owner.peers) {
      if (!shards.has(peer.index)) continue
      awaited++
      peer.whenPassed(passed)
    }
    passed()
  }

  /** `work` sends one message that is traced, or, with undefined, one that is not. */
  tracing(trace: Trace | undefined, work: () => void): void {
    const { trace: before } = this
    this.trace = trace
    try {
      work()
    } finally {
      this.trace = before
      this.delivery.endRun()
    }
  }

  private deliverPlain(run: Run, plan: Plan, publisher: Publisher): number {
    if (plan.here !== undefined) return this.delivery.toOne(run, plan.here, '', 0, run.count, publisher)
    let delivered = this.delivery.toAll(run, plan, publisher)
    if (plan.limited !== undefined)
      for (const group of plan.limited) delivered += this.delivery.toGroup(run, group, 0, run.count, publisher)
    return delivered
  }

  private sendToPeers(run: Run, plan: Plan, peers: readonly Peer[], publisher: Publisher, asked: number): number {
    const { account } = plan
    // Of what may go on from there it is noted where it is.
    const place = asked > 0 || isServiceAnswer(run) ? -1 : this.outbox.add(run, account, publisher, plan.number)
    if (place >= 0) for (const { link } of peers) link.pick(this.outbox, place)
    else this.sendAtOnce(run, routingOf(account, '', 0, publisher, asked, this.question), peers, publisher)
    return peers.length * run.count
  }

  private sendAtOnce(run: Run, routing: Routing, peers: readonly Peer[], publisher: Publisher): void {
    for (const peer of peers) {
      peer.link.send(run, routing, 0, run.count)
      if (isServiceAnswer(run)) notePassing(publisher, peer)
      noteSent(publisher, peer)
    }
  }

  /** Delivers a run that another shard has sent here. */
  receive(run: Run, account: Account, routing: Routing, publisher: RemotePublisher): void {
    const plan = this.planner.planOf(run, account)
    this.owner.turns.left -= Work.run + (routing.plain ? plan.workOf(run.count, run.size) : run.count * Work.encoding)
    let reached = 0
    if (routing.plain) reached = this.deliverPlain(run, plan, publisher) + callInternal(run, plan, publisher)
    if (routing.toLinks || (routing.plain && plan.links !== undefined)) {
      const dealt = routing.queue === '' ? [] : routing.queue.split(' ')
      const { sent, left } = this.deliverToLinks(run, plan, dealt, 0, run.count, publisher, routing.hops > 0)
      reached += sent
      for (const group of left) reached += this.dealAgain(run, plan, group, publisher, routing.hops + 1)
    } else if (routing.queue !== '') {
      const queue = plan.findQueue(routing.queue)
      const isLocal = queue !== undefined && queue.local.length > 0
      const done = isLocal ? 0 : this.deliverToLeaving(run, account, routing.queue, publisher)
      // The member that was picked here may be gone: then any other will do, here or on another shard.
      reached += done
      if (queue !== undefined && done < run.count) {
        reached = this.deliverQueueHere(run, queue, publisher, routing.hops, done)
      }
    }
    if (reached === 0 && routing.asked > 0) publisher.nobodyHeard(run, routing.asked, routing.question)
    this.delivery.endRun()
  }

  // ── Queue groups ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * One member of the group for each message, every member of every shard being as likely as any other. A run is
   * parted into as many equal blocks as there are members, dealt out in turn from a random start: one message goes to
   * a random member, a long run is spread evenly and still encoded in few pieces.
   */
  private deliverQueue(run: Run, queue: QueuePlan, publisher: Publisher, asked: number): number {
    const members = queue.local.length + queue.remoteMembers
    assert(members > 0, 'a queue group without a member is in a plan')
    const block = Math.max(1, Math.floor(run.count / members))
    let member = randomMember(queue)
    let sent = 0
    for (let from = 0; from < run.count; from += block) {
      const count = Math.min(block, run.count - from)
      sent += this.deliverToMember(run, queue, member, from, count, publisher, asked)
      member = (member + 1) % members
    }
    return sent
  }

  private deliverToMember(
    run: Run,
    queue: QueuePlan,
    member: number,
    from: number,
    count: number,
    publisher: Publisher,
    asked = 0,
  ): number {
    const peer = peerOfMember(queue, member)
    if (peer !== undefined) {
      this.sendToMember(run, queue, peer, from, count, publisher, 0, asked)
      return count
    }
    const done = this.delivery.toGroup(run, queue.local[member], from, count, publisher)
    // The picked member could not take them all: it is closing, or has had its last, or is the publisher itself.
    return done === count ? count : done + this.deliverToAnyMember(run, queue, from + done, count - done, publisher, 0)
  }

  // ── Links to other servers ────────────────────────────────────────────────────────────────────────────

  /**
   * A run to other shards and to queue groups, some of which have members on other servers. Each group is dealt first;
   * then each link gets the messages once, with the groups that were dealt to it. Parted as in deliverQueue().
   */
  deal(run: Run, plan: Plan, queues: readonly QueuePlan[], publisher: Publisher): number {
    let most = 1
    for (const queue of queues) most = Math.max(most, membersOf(queue))
    const block = Math.max(1, Math.floor(run.count / most))
    let sent = 0
    for (let from = 0; from < run.count; from += block) {
      const count = Math.min(block, run.count - from)
      const dealt = new Map<Peer | undefined, string[]>()
      for (const peer of plan.peers ?? []) dealt.set(peer, [])
      for (const queue of queues) {
        let links = randomLinks(queue, membersHere(queue))
        if (links === undefined) {
          const taken = this.deliverToMember(run, queue, randomMember(queue), from, count, publisher)
          sent += taken
          // No member of this server could take them: one of another server may.
          if (taken === 0) links = randomLinks(queue, 0)
        }
        if (links === undefined) continue
        const groups = dealt.get(links.peer) ?? []
        dealt.set(links.peer, groups)
        if (hasRoomFor(queue.name, groups)) groups.push(queue.name)
        else this.owner.groupLeftOut(queue.name, count)
      }
      for (const [peer, groups] of dealt) {
        if (peer === undefined) continue
        const plain = plan.peers?.includes(peer) === true
        const routing = { ...routingOf(plan.account, groups.join(' '), 0, publisher, 0, 0), plain, toLinks: true }
        peer.link.send(run, routing, from, count)
        noteSent(publisher, peer)
        sent += count
      }
      sent += this.deliverToLinks(run, plan, dealt.get(undefined) ?? [], from, count, publisher).sent
    }
    return sent
  }

  /**
   * To links of this shard: to those with plain interest, and for each of the groups to one. `isAgain`: those with
   * plain interest have had it. Returns too which groups have no link here that may have it.
   */
  private deliverToLinks(
    run: Run,
    { links: all = [] }: Plan,
    groups: readonly string[],
    from: number,
    count: number,
    publisher: Publisher,
    isAgain = false,
  ): { sent: number; left: readonly string[] } {
    const dealt = new Map<LinkPlan, string[]>()
    const left: string[] = []
    const links = isAgain ? all.filter((link) => !link.plain) : all
    for (const link of links) if (link.plain) dealt.set(link, [])
    for (const group of groups) {
      const link = randomLink(links, group)
      if (link === undefined) {
        left.push(group)
        continue
      }
      const others = dealt.get(link)
      if (others === undefined) dealt.set(link, [group])
      else others.push(group)
    }
    let sent = 0
    for (const [{ subscription, subject }, names] of dealt) {
      const dialect = subscription.receiver.dialect as LinkDialect
      // What is encoded for others together has no groups in it.
      this.delivery.endFanOut()
      dialect.queues = names
      try {
        sent += this.delivery.toOne(run, subscription, subject, from, count, publisher)
      } finally {
        dialect.queues = []
      }
    }
    return { sent, left }
  }

  /**
   * A group was dealt to links of this shard, and none is left, or all are of the cluster that the run came from: the
   * index does not say of which clusters another shard's are. Dealt again, here or by another shard.
   */
  private dealAgain(
    run: Run,
    { account, queues = [] }: Plan,
    group: string,
    publisher: Publisher,
    hops: number,
  ): number {
    const queue = queues.find(({ name }) => name === group)
    if (queue === undefined || hops >= REROUTE_MAX) return 0
    const elsewhere = queue.links?.filter(({ peer }) => peer !== undefined)
    const links = randomLinks({ ...queue, links: elsewhere }, membersHere(queue))
    if (links?.peer === undefined) {
      return membersHere(queue) === 0
        ? 0
        : this.deliverToMember(run, queue, randomMember(queue), 0, run.count, publisher)
    }
    const routing = { ...routingOf(account, group, hops, publisher, 0, 0), toLinks: true }
    links.peer.link.send(run, routing, 0, run.count)
    noteSent(publisher, links.peer)
    return run.count
  }

  /** To a member that has left, but not before these messages were routed to it; returns how many it takes. */
  private deliverToLeaving(run: Run, account: Account, queue: string, publisher: Publisher): number {
    const leaving = this.departures.find(account, queue, run)
    if (leaving === undefined) return 0
    const group = groupOf(leaving, run.line, run.subjectStart, run.subjectEnd)
    return this.delivery.toGroup(run, group, 0, run.count, publisher)
  }

  /**
   * A member of this shard was picked by another one, for the messages from `done` on. Returns how many have reached
   * somebody, or are on their way.
   */
  private deliverQueueHere(run: Run, queue: QueuePlan, publisher: Publisher, hops: number, done: number): number {
    const { local } = queue
    let reached = done
    if (local.length > 0) {
      const block = Math.max(1, Math.floor(run.count / local.length))
      let member = Math.floor(Math.random() * local.length)
      while (done < run.count) {
        const count = Math.min(block, run.count - done)
        let taken = this.delivery.toGroup(run, local[member], done, count, publisher)
        if (taken < count) {
          taken += this.deliverToAnyMember(run, queue, done + taken, count - taken, publisher, hops + 1)
        }
        reached += taken
        done += count
        member = (member + 1) % local.length
      }
    } else reached += this.deliverToAnyMember(run, queue, done, run.count - done, publisher, hops + 1)
    return reached
  }

  private deliverToAnyMember(
    run: Run,
    queue: QueuePlan,
    from: number,
    count: number,
    publisher: Publisher,
    hops: number,
  ): number {
    let done = 0
    let member = 0
    for (; member < queue.local.length && done < count; member++) {
      done += this.delivery.toGroup(run, queue.local[member], from + done, count - done, publisher)
    }
    this.owner.turns.left -= member * Work.step
    if (done < count && queue.remoteMembers > 0 && hops < REROUTE_MAX) {
      const peer = peerOfMember(queue, randomRemoteMember(queue)) as Peer
      this.sendToMember(run, queue, peer, from + done, count - done, publisher, hops)
      done = count
    }
    return done
  }

  private sendToMember(
    run: Run,
    { account, name }: QueuePlan,
    peer: Peer,
    from: number,
    count: number,
    publisher: Publisher,
    hops: number,
    asked = 0,
  ): void {
    peer.link.send(run, routingOf(account, name, hops, publisher, asked, this.question), from, count)
    notePassing(publisher, peer)
    noteSent(publisher, peer)
  }
}

/** The run answers a request that came from another account: its shard sends the answer on (service-calls.ts). */
function isServiceAnswer({ line: { bytes }, subjectStart: at }: Run): boolean {
  return bytes[at] === 0x5f && bytes[at + 1] === 0x52 && bytes[at + 2] === 0x5f && bytes[at + 3] === 0x2e
}

/** Whether the head of a frame, and a line between servers, has room for one more name. */
function hasRoomFor(name: string, others: readonly string[]): boolean {
  let bytes = name.length
  for (const other of others) bytes += other.length + 1
  return bytes <= QUEUE_NAME_MAX
}

function notePassing(publisher: Publisher, { index }: Peer): void {
  if (publisher.passing === undefined) publisher.passing = new Set([index])
  else publisher.passing.add(index)
}

/** `queue` empty: for all plain subscriptions. */
function routingOf(
  { name }: Account,
  queue: string,
  hops: number,
  { id }: Publisher,
  asked: number,
  question: number,
): Routing {
  return {
    plain: queue === '',
    account: name,
    queue,
    hops,
    asked,
    question,
    publisher: id,
    trace: 0,
    isOnlyTraced: false,
    toLinks: false,
  }
}

/**
 * How many frames to other shards are to be asked whether they reached anybody, as no other way leads to somebody; 0 if
 * the publisher need not know. Rules of users are known on their own shard only.
 */
function framesToAsk(run: Run, plan: Plan, { awaitsResponders }: Publisher): number {
  if (!awaitsResponders || run.replyEnd === run.replyStart) return 0
  const { peers = [], queues = [], internal, services, own } = plan
  if ((internal ?? services ?? own) !== undefined || queues.some(({ local }) => local.length > 0)) return 0
  const frames = peers.length + queues.length
  // Of more than can be counted, some would say in time that all had been asked.
  return frames <= ASKED_MAX ? frames : 0
}

function callInternal(run: Run, plan: Plan, publisher: Publisher): number {
  if (plan.internal === undefined) return 0
  for (const { handle } of plan.internal) handle(run, publisher)
  return plan.internal.length * run.count
}
