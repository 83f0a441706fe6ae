// From a publish to deliveries: match → plan → encode. One path for every message, whether a client of this shard
// sent it or another shard's ring brought it.
//
//     route(run) ─▶ Route ─┬─ groups    every plain subscription; encoded once a group, queued for each receiver
//                          ├─ limited   those that end after some deliveries, counted one by one
//                          ├─ peers     the run's raw bytes, once, into the ring of each interested shard
//                          └─ queues    one member of each group, over all shards
//
// Deliveries are only queued here; the shard flushes each receiver once at the end of the turn.

import type { Account } from './accounts/account.ts'
import { isConstant, mapSubject } from './accounts/mapping.ts'
import { BY_REFERENCE_MIN, CHUNK_BYTES, FLUSH_EARLY_BYTES, REROUTE_MAX } from './constants.ts'
import type { Frame, Routing } from './frame.ts'
import { type Block, copyBytes } from './memory/block.ts'
import type { Chunk } from './memory/chunk-pool.ts'
import type { Outbound } from './outbound.ts'
import type { Peer } from './peer.ts'
import { Planner } from './planner.ts'
import { HeadComposer } from './protocol/encoder.ts'
import { rewriteRun } from './protocol/rewrite.ts'
import { type Run, replyOf, subjectOf } from './protocol/run.ts'
import type { QueueRoute, ReceiverGroup, Route } from './route.ts'
import type { Shard } from './shard.ts'
import { REST } from './slice-queue.ts'
import type { Subscription } from './subjects/sublist.ts'
import type { MessageTrace } from './tracing/message-trace.ts'

/** Who published: a client of this shard, or one of another shard. */
export interface Publisher {
  readonly id: number
  /** The receiver has fallen behind: the publisher is not read for a bounded time, or until the receiver caught up. */
  holdFor(receiver: Outbound): void
  /** Frames for another shard wait: the publisher is not read until they are on their way. */
  holdForPeer(peer: Peer): void
  /**
   * What an exporting account is told of it, in JSON as a byte string; empty where it is not known. `service`: the
   * account by whose own service it came there, or empty.
   */
  requestInfo(share: boolean, service: string): string
  /** Calls back, at once or later, with what an account may know of its own members: as one that shares. */
  introduce(then: (info: string) => void): void
}

export class Router {
  readonly planner: Planner
  private readonly shard: Shard
  private readonly head = new HeadComposer()
  /** Where output for several receivers is encoded: one chunk after the other. */
  private shared: Chunk | undefined
  private sharedUsed = 0
  /** Bytes encoded since the last flush. */
  private turnBytes = 0
  /** The one message that is under way just now is traced. */
  trace: MessageTrace | undefined

  constructor(shard: Shard) {
    this.shard = shard
    this.planner = new Planner(shard)
  }

  /**
   * Calls back with what the account's mappings make of a run: the run itself, or its messages under other subjects,
   * one way for all or each its own. Those that a mapping loses are left out.
   */
  map(run: Run, account: Account, callback: (mapped: Run) => void): void {
    const subject = subjectOf(run)
    const mapping = account.mappings.find(subject)
    if (mapping === undefined) {
      callback(run)
      return
    }
    const reply = replyOf(run)
    const step = isConstant(mapping) ? run.count : 1
    for (let from = 0; from < run.count; from += step) {
      const mapped = mapSubject(mapping, subject)
      if (mapped === undefined) continue
      rewriteRun(this.shard.pool, run, from, step, { subject: mapped, reply, header: '' }, callback)
    }
  }

  /** Sends a run on its ways, from the shard where it came to be: published by a client, or made by an import. */
  dispatch(run: Run, account: Account, publisher: Publisher): number {
    if (this.trace !== undefined) return this.trace.dispatch(run, account, publisher)
    const route = this.planner.routeOf(run, account)
    let sent = this.deliverPlain(run, route, publisher)
    if (route.peers !== undefined) sent += this.sendToPeers(run, account, route.peers, publisher)
    if (route.queues !== undefined) {
      for (const queue of route.queues) sent += this.deliverQueue(run, queue, publisher, 0)
    }
    sent += callInternal(run, route, publisher)
    if (route.services !== undefined) {
      for (const service of route.services) sent += this.shard.serviceCalls.call(service, run, publisher)
    }
    // Only here and not in receive(): of all shards, the one where a request is published takes it.
    if (route.own !== undefined) sent += route.own.take(run, publisher)
    this.endRun()
    return sent
  }

  /** `work` sends one message that is traced, or, with undefined, one that is not. */
  tracing(trace: MessageTrace | undefined, work: () => void): void {
    const { trace: before } = this
    this.trace = trace
    try {
      work()
    } finally {
      this.trace = before
      this.endRun()
    }
  }

  /** A run of one message to one receiver; answers how many it took. */
  deliverOne(run: Run, group: ReceiverGroup, publisher: Publisher): number {
    return this.deliverGroup(run, group, 0, allowance(group.subscriptions[0], 1, publisher), publisher)
  }

  private sendToPeers(run: Run, account: Account, peers: readonly Peer[], publisher: Publisher): number {
    const routing = routingOf(account, '', 0, publisher)
    for (const peer of peers) {
      peer.link.send(run, routing, 0, run.count)
      if (peer.link.congested) publisher.holdForPeer(peer)
    }
    return peers.length * run.count
  }

  /** Delivers a run that another shard has sent here. */
  receive(run: Run, account: Account, frame: Frame, publisher: Publisher): void {
    const route = this.planner.routeOf(run, account)
    if (frame.plain) {
      this.deliverPlain(run, route, publisher)
      callInternal(run, route, publisher)
    }
    if (frame.queue !== '') {
      const queue = route.queues?.find((candidate) => candidate.name === frame.queue)
      // The member that was picked here may be gone: then any other will do, here or on another shard.
      if (queue !== undefined) this.deliverQueueHere(run, queue, publisher, frame.hops)
    }
    this.endRun()
  }

  /** Bytes go out at the end of the turn, or sooner if many have come together. */
  private endRun(): void {
    if (this.turnBytes > FLUSH_EARLY_BYTES) this.shard.flush()
  }

  /** Called with each flush. The shared chunk is filled further: a slow receiver of a few bytes keeps all of it. */
  endTurn(): void {
    this.turnBytes = 0
  }

  // ── Plain subscriptions ───────────────────────────────────────────────────────────────────────────────

  private deliverPlain(run: Run, route: Route, publisher: Publisher): number {
    let delivered = 0
    for (const group of route.groups) delivered += this.deliverGroup(run, group, 0, run.count, publisher)
    if (route.limited !== undefined)
      for (const group of route.limited) delivered += this.deliverGroup(run, group, 0, run.count, publisher)
    return delivered
  }

  /** Messages [from, from + count) of a run to all of a group; answers how many deliveries that were. */
  private deliverGroup(run: Run, group: ReceiverGroup, from: number, count: number, publisher: Publisher): number {
    const withHeader = run.headerSize > 0 && group.headers
    this.head.compose(run, group.subject, group.sid, withHeader)
    if (this.shard.options.trace) this.traceGroup(run, group, from, count, publisher)
    const skip = withHeader ? 0 : run.headerSize
    const { subscriptions } = group
    if (subscriptions.length === 1) {
      const subscription = subscriptions[0]
      const allowed = allowance(subscription, count, publisher)
      if (allowed === 0) return 0
      const { outbound } = subscription.client
      if (run.chunk !== undefined && run.size >= BY_REFERENCE_MIN) this.encodeByReference(run, skip, outbound)
      // Where messages may be dropped, it is known how many there is room for only when they have been encoded.
      else if (outbound.dropsMessages) return this.shareEncoded(run, skip, from, allowed, subscriptions, publisher)
      else this.encodeForOne(run, skip, from, allowed, outbound)
      this.account(run, skip, allowed, subscription, publisher)
      return allowed
    }
    return run.chunk !== undefined && run.size >= BY_REFERENCE_MIN
      ? this.shareByReference(run, skip, subscriptions, publisher)
      : this.shareEncoded(run, skip, from, count, subscriptions, publisher)
  }

  private traceGroup(run: Run, group: ReceiverGroup, from: number, count: number, publisher: Publisher): void {
    const head = this.head.block.bytes.toString('latin1', 0, this.head.length - 2)
    const headerSize = group.headers ? run.headerSize : 0
    for (const subscription of group.subscriptions) {
      const allowed = allowance(subscription, count, publisher)
      for (let i = from; i < from + allowed; i++) {
        const start = run.first + i * run.stride
        const message = run.block.bytes.subarray(start + run.headerSize - headerSize, start + run.size)
        subscription.client.log.messageWentOut(head, message, headerSize)
      }
    }
  }

  /** Encodes into the receiver's own tail. */
  private encodeForOne(run: Run, skip: number, from: number, count: number, outbound: Outbound): void {
    const headLength = this.head.length
    const bodyLength = run.size - skip + 2
    const messageLength = headLength + bodyLength
    let source = run.first + from * run.stride + skip
    let left = count
    while (left > 0) {
      // Room for one message at least; more of the run as far as it fits.
      const fit = Math.min(left, Math.floor(outbound.reserve(messageLength) / messageLength))
      const start = outbound.tailEnd
      encodeMessages(outbound.tailBlock, start, this.head, run, source, bodyLength, fit)
      outbound.commit(fit * messageLength, messageLength)
      if (outbound.isClosed) return
      source += fit * run.stride
      left -= fit
    }
    this.turnBytes += count * messageLength
  }

  /** Encodes once, into chunks that all receivers of the group then hold slices of. */
  private shareEncoded(
    run: Run,
    skip: number,
    from: number,
    count: number,
    subscriptions: readonly Subscription[],
    publisher: Publisher,
  ): number {
    const bodyLength = run.size - skip + 2
    const messageLength = this.head.length + bodyLength
    let source = run.first + from * run.stride + skip
    let left = count
    let delivered = 0
    while (left > 0) {
      const chunk = this.sharedChunk(messageLength)
      const start = this.sharedUsed
      const fit = Math.min(left, Math.floor((chunk.block.capacity - start) / messageLength))
      const end = start + fit * messageLength
      encodeMessages(chunk.block, start, this.head, run, source, bodyLength, fit)
      this.sharedUsed = end
      this.turnBytes += end - start
      for (let i = 0; i < subscriptions.length; i++) {
        const subscription = subscriptions[i]
        if (allowance(subscription, fit, publisher) === 0) continue
        subscription.client.outbound.shareMessages(chunk, start, end, messageLength)
        this.account(run, skip, fit, subscription, publisher)
        delivered += fit
      }
      source += fit * run.stride
      left -= fit
    }
    return delivered
  }

  /** A large message: the head by copy, the payload straight from the chunk that it was assembled in. */
  private encodeByReference(run: Run, skip: number, outbound: Outbound): void {
    const payload = run.first + skip
    const bodyLength = run.size - skip + 2
    const messageLength = this.head.length + bodyLength
    if (outbound.dropsMessages && outbound.makeRoom(1, messageLength) === 0) return
    outbound.appendBlock(this.head.block, 0, this.head.length, messageLength)
    outbound.share(run.chunk as Chunk, payload, payload + bodyLength, REST)
    this.turnBytes += run.size
  }

  private shareByReference(
    run: Run,
    skip: number,
    subscriptions: readonly Subscription[],
    publisher: Publisher,
  ): number {
    let delivered = 0
    for (const subscription of subscriptions) {
      if (allowance(subscription, 1, publisher) === 0) continue
      this.encodeByReference(run, skip, subscription.client.outbound)
      this.account(run, skip, 1, subscription, publisher)
      delivered++
    }
    return delivered
  }

  /** The chunk for shared output, with room for at least one message. */
  private sharedChunk(messageLength: number): Chunk {
    let { shared } = this
    if (shared === undefined || shared.block.capacity - this.sharedUsed < messageLength) {
      shared?.release()
      shared = this.shard.pool.acquire(Math.max(messageLength, CHUNK_BYTES - 8))
      this.shared = shared
      this.sharedUsed = 0
    }
    return shared
  }

  /** Counts deliveries; ends a subscription that has had its last; holds the publisher of a receiver left behind. */
  private account(run: Run, skip: number, count: number, subscription: Subscription, publisher: Publisher): void {
    const { client, origin } = subscription
    origin.delivered += count
    client.outMessages += count
    client.lastActivityMs = this.shard.nowMs
    client.outBytes += count * (run.size - skip)
    if (client.rights?.mayAnswer === true && run.replyEnd > run.replyStart) {
      client.rights.delivered(replyOf(run))
    }
    if (origin.max > 0 && origin.delivered >= origin.max) client.endSubscription(origin)
    const { outbound } = client
    if (outbound.isBehind && !this.shard.options.noFastProducerStall) publisher.holdFor(outbound)
  }

  // ── Queue groups ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * One member of the group for each message, every member of every shard being as likely as any other. A run is
   * parted into as many equal blocks as there are members, dealt out in turn from a random start: one message goes to
   * a random member, a long run is spread evenly and still encoded in few pieces.
   */
  private deliverQueue(run: Run, queue: QueueRoute, publisher: Publisher, hops: number): number {
    const members = queue.local.length + queue.remoteMembers
    const block = Math.max(1, Math.floor(run.count / members))
    let member = Math.floor(Math.random() * members)
    let sent = 0
    for (let from = 0; from < run.count; from += block) {
      const count = Math.min(block, run.count - from)
      let left = count
      if (member < queue.local.length) left -= this.deliverToMember(run, queue, member, from, left, publisher)
      else {
        this.sendToMember(run, queue, member - queue.local.length, from, left, publisher, hops)
        left = 0
      }
      // The picked member could not take them all: it is closing, or has had its last, or is the publisher itself.
      if (left > 0) left -= this.deliverToAnyMember(run, queue, from + count - left, left, publisher, hops)
      sent += count - left
      member = (member + 1) % members
    }
    return sent
  }

  /** A member of this shard was picked by another one. */
  private deliverQueueHere(run: Run, queue: QueueRoute, publisher: Publisher, hops: number): void {
    const { local } = queue
    let done = 0
    if (local.length > 0) {
      const block = Math.max(1, Math.floor(run.count / local.length))
      let member = Math.floor(Math.random() * local.length)
      while (done < run.count) {
        const count = Math.min(block, run.count - done)
        let taken = this.deliverToMember(run, queue, member, done, count, publisher)
        if (taken < count) {
          taken += this.deliverToAnyMember(run, queue, done + taken, count - taken, publisher, hops + 1)
        }
        done += count
        member = (member + 1) % local.length
      }
    } else this.deliverToAnyMember(run, queue, 0, run.count, publisher, hops + 1)
  }

  private deliverToMember(
    run: Run,
    queue: QueueRoute,
    member: number,
    from: number,
    count: number,
    publisher: Publisher,
  ): number {
    const group = queue.local[member]
    const allowed = allowance(group.subscriptions[0], count, publisher)
    return allowed === 0 ? 0 : this.deliverGroup(run, group, from, allowed, publisher)
  }

  private deliverToAnyMember(
    run: Run,
    queue: QueueRoute,
    from: number,
    count: number,
    publisher: Publisher,
    hops: number,
  ): number {
    let done = 0
    for (let member = 0; member < queue.local.length && done < count; member++) {
      done += this.deliverToMember(run, queue, member, from + done, count - done, publisher)
    }
    if (done < count && queue.remoteMembers > 0 && hops < REROUTE_MAX) {
      const member = Math.floor(Math.random() * queue.remoteMembers)
      this.sendToMember(run, queue, member, from + done, count - done, publisher, hops)
      done = count
    }
    return done
  }

  private sendToMember(
    run: Run,
    queue: QueueRoute,
    member: number,
    from: number,
    count: number,
    publisher: Publisher,
    hops: number,
  ): void {
    for (const { peer, members } of queue.remote) {
      member -= members
      if (member >= 0) continue
      const { account, name } = queue
      const routing = routingOf(account, name, hops, publisher)
      peer.link.send(run, routing, from, count)
      if (peer.link.congested) publisher.holdForPeer(peer)
      return
    }
  }
}

/** How many of `count` messages a subscription takes: none if it or its client is gone, or if it is its own echo. */
function allowance(subscription: Subscription, count: number, publisher: Publisher): number {
  const { client, origin } = subscription
  if (subscription.node === 0 || client.closing) return 0
  // By number: its own message may come back from another shard.
  if (client.id === publisher.id && !client.options.echo) return 0
  return origin.max === 0 ? count : Math.min(count, Math.max(0, origin.max - origin.delivered))
}

/** The inner loop: head, payload and CRLF of each message, one behind the other. */
function encodeMessages(
  to: Block,
  at: number,
  head: HeadComposer,
  run: Run,
  source: number,
  bodyLength: number,
  count: number,
): void {
  const headLength = head.length
  const headBlock = head.block
  const { block, stride } = run
  for (let i = 0; i < count; i++) {
    copyBytes(to, at, headBlock, 0, headLength)
    at += headLength
    copyBytes(to, at, block, source, bodyLength)
    at += bodyLength
    source += stride
  }
}

/** `queue` empty: for all plain subscriptions. */
function routingOf({ name }: Account, queue: string, hops: number, { id }: Publisher): Routing {
  return { plain: queue === '', account: name, queue, hops, publisher: id, trace: 0, isOnlyTraced: false }
}

function callInternal(run: Run, route: Route, publisher: Publisher): number {
  if (route.internal === undefined) return 0
  for (const { handle } of route.internal) handle(run, publisher)
  return route.internal.length * run.count
}
