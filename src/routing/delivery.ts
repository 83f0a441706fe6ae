// From receivers to their output: encode → queue. A single receiver has the messages in its own buffer; several share
// slices of one buffer, encoded once. Large payloads are not copied: the output refers to the memory that holds them.

import { BY_REFERENCE_MIN, FLUSH_EARLY_BYTES } from '../base/constants.ts'
import type { Chunk } from '../memory/chunk-pool.ts'
import type { Outbound } from '../net/outbound.ts'
import { REST } from '../net/slice-queue.ts'
import {
  CLIENT_DIALECT,
  type Dialect,
  type KeptMessage,
  keptMax,
  type ReplyWriter,
  writeKept,
} from '../protocol/encoder.ts'
import { type Run, replyOf } from '../protocol/run.ts'
import { FanOut } from './fan-out.ts'
import type { RouterOwner } from './owner.ts'
import type { Plan } from './plan.ts'
import { mayHold, type Publisher } from './publisher.ts'
import type { ReceiverGroup } from './queue-plan.ts'
import { SharedChunk } from './shared-chunk.ts'
import type { Subscription } from './subscription.ts'

/** What deliveries need of their shard. */
export type DeliveryOwner = Pick<RouterOwner, 'pool' | 'nowMs' | 'options' | 'flush' | 'schedule'>

export class Delivery {
  private readonly owner: DeliveryOwner
  /** Has composed the head of the messages that are being delivered. */
  private head: Dialect = CLIENT_DIALECT
  private readonly shared: SharedChunk
  private readonly fanOut: FanOut
  /** Bytes encoded since the last flush. */
  private turnBytes = 0

  constructor(owner: DeliveryOwner) {
    this.owner = owner
    this.shared = new SharedChunk(owner.pool)
    this.fanOut = new FanOut(owner, this.shared)
  }

  /** Bytes go out at the end of the turn, or sooner if many have come together. */
  endRun(): void {
    if (this.turnBytes > FLUSH_EARLY_BYTES) this.owner.flush()
  }

  /** Called with each flush. Returns whether something was written. */
  endTurn(): boolean {
    this.turnBytes = 0
    return this.fanOut.endTurn()
  }

  /** Anything but a message to be delivered comes next. */
  endFanOut(): void {
    this.fanOut.end()
  }

  /** A run to all groups of its plan; returns how many deliveries that were. */
  toAll(run: Run, plan: Plan, publisher: Publisher): number {
    const { groups, audience } = plan
    const { count } = run
    const taken = audience === undefined ? 0 : this.fanOut.take(run, audience, publisher)
    let delivered = audience === undefined ? 0 : taken * audience.size
    if (taken === count) return delivered
    for (const group of groups) delivered += this.toGroup(run, group, taken, count - taken, publisher)
    return delivered
  }

  /** Messages [from, from + count) of a run to all of a group; returns how many deliveries that were. */
  toGroup(run: Run, group: ReceiverGroup, from: number, count: number, publisher: Publisher): number {
    const { subscriptions } = group
    if (subscriptions.length === 1) return this.toOne(run, subscriptions[0], group.subject, from, count, publisher)
    const withHeader = run.headerSize > 0 && group.headers
    this.head = group.dialect
    this.begin(run, group.subject, group.sid, withHeader)
    if (this.owner.options.trace) this.trace(run, subscriptions, withHeader, from, count, publisher)
    const skip = withHeader ? 0 : run.headerSize
    return run.chunk !== undefined && run.size >= BY_REFERENCE_MIN
      ? this.shareByReference(run, skip, subscriptions, publisher)
      : this.shareEncoded(run, skip, from, count, subscriptions, publisher)
  }

  /** The same to one subscription, under a subject that an import gives it; empty: the published one. */
  toOne(
    run: Run,
    subscription: Subscription,
    subject: string,
    from: number,
    count: number,
    publisher: Publisher,
  ): number {
    const allowed = allowance(subscription, count, publisher)
    if (allowed === 0) return 0
    const { outbound, options, dialect } = subscription.receiver
    this.head = dialect
    const withHeader = run.headerSize > 0 && options.headers
    this.begin(run, subject, subscription.sid, withHeader)
    if (this.owner.options.trace) this.trace(run, [subscription], withHeader, from, allowed, publisher)
    const skip = withHeader ? 0 : run.headerSize
    if (run.chunk !== undefined && run.size >= BY_REFERENCE_MIN) this.encodeByReference(run, skip, outbound)
    // Where messages may be dropped, it is known how many there is room for only when they have been encoded.
    else if (outbound.dropsMessages) return this.shareEncoded(run, skip, from, allowed, [subscription], publisher)
    else this.encodeForOne(run, skip, from, allowed, outbound)
    this.account(run, skip, allowed, subscription, publisher)
    return allowed
  }

  /**
   * A message that is kept to one client, as it is read, written where it waits for the socket. Returns false where it
   * goes another way, or not at all: as a run, toOne() sees to it.
   */
  keptToOne(message: KeptMessage, reply: ReplyWriter, subscription: Subscription, publisher: Publisher): boolean {
    const { receiver, sid } = subscription
    const { dialect, options, outbound, rights } = receiver
    const { headersStart, payloadStart, end } = message
    if (dialect !== CLIENT_DIALECT || outbound.dropsMessages || rights?.mayAnswer === true) return false
    if (end - headersStart >= BY_REFERENCE_MIN || this.owner.options.trace) return false
    if (allowance(subscription, 1, publisher) === 0) return false
    const withHeader = payloadStart > headersStart && options.headers
    outbound.reserve(keptMax(message, sid, reply))
    const start = outbound.tailEnd
    const length = writeKept(outbound.tailBlock, start, message, sid, reply, withHeader) - start
    outbound.commit(length, length)
    this.turnBytes += length
    this.count(1, end - (withHeader ? headersStart : payloadStart), subscription, publisher)
    return true
  }

  /** The head is composed where it is needed by itself: for the log, and in front of a payload that is not copied. */
  private begin(run: Run, subject: string, sid: string, withHeader: boolean): void {
    if (this.owner.options.trace || (run.chunk !== undefined && run.size >= BY_REFERENCE_MIN)) {
      this.head.compose(run, subject, sid, withHeader)
    }
    this.head.begin(run, subject, sid, withHeader)
  }

  private trace(
    run: Run,
    subscriptions: readonly Subscription[],
    withHeader: boolean,
    from: number,
    count: number,
    publisher: Publisher,
  ): void {
    const head = this.head.block.bytes.toString('latin1', 0, this.head.length - 2)
    const headerSize = withHeader ? run.headerSize : 0
    for (const subscription of subscriptions) {
      const allowed = allowance(subscription, count, publisher)
      for (let i = from; i < from + allowed; i++) {
        const start = run.first + i * run.stride
        const message = run.block.bytes.subarray(start + run.headerSize - headerSize, start + run.size)
        subscription.receiver.log.messageWentOut(head, message, headerSize)
      }
    }
  }

  /** Encodes into the receiver's own tail. */
  private encodeForOne(run: Run, skip: number, from: number, count: number, outbound: Outbound): void {
    const headLength = this.head.length
    const messageLength = headLength + run.size - skip + 2
    let next = from
    let left = count
    while (left > 0) {
      // Room for one message at least; more of the run as far as it fits.
      const fit = Math.min(left, Math.floor(outbound.reserve(messageLength) / messageLength))
      this.head.write(outbound.tailBlock, outbound.tailEnd, run, next, fit)
      outbound.commit(fit * messageLength, messageLength)
      if (outbound.isClosed) return
      next += fit
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
    const messageLength = this.head.length + run.size - skip + 2
    let next = from
    let left = count
    let delivered = 0
    // It may want the shared chunk, which nobody holds while it is written here.
    this.fanOut.end()
    while (left > 0) {
      const chunk = this.shared.withRoom(messageLength)
      const start = this.shared.used
      const fit = Math.min(left, Math.floor((chunk.block.capacity - start) / messageLength))
      const end = start + fit * messageLength
      this.head.write(chunk.block, start, run, next, fit)
      this.shared.used = end
      this.turnBytes += end - start
      for (let i = 0; i < subscriptions.length; i++) {
        const subscription = subscriptions[i]
        if (allowance(subscription, fit, publisher) === 0) continue
        subscription.receiver.outbound.shareMessages(chunk, start, end, messageLength)
        this.account(run, skip, fit, subscription, publisher)
        delivered += fit
      }
      next += fit
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
      this.encodeByReference(run, skip, subscription.receiver.outbound)
      this.account(run, skip, 1, subscription, publisher)
      delivered++
    }
    return delivered
  }

  /** Counts deliveries; ends a subscription that has had its last; holds the publisher of a receiver left behind. */
  private account(run: Run, skip: number, count: number, subscription: Subscription, publisher: Publisher): void {
    const { rights } = subscription.receiver
    if (rights?.mayAnswer === true && run.replyEnd > run.replyStart) rights.delivered(replyOf(run))
    this.count(count, run.size - skip, subscription, publisher)
  }

  /** The same of messages of so many bytes each, whatever the receiver may answer. */
  private count(count: number, bytes: number, subscription: Subscription, publisher: Publisher): void {
    const { receiver, origin } = subscription
    origin.delivered += count
    receiver.outMessages += count
    receiver.lastActivityMs = this.owner.nowMs
    receiver.outBytes += count * bytes
    if (origin.max > 0 && origin.delivered >= origin.max) receiver.endSubscription(origin)
    const { outbound } = receiver
    if (outbound.isBehind && mayHold(publisher, this.owner.options)) publisher.holdFor(outbound)
  }
}

/** How many of `count` messages a subscription takes: none if it or its receiver is gone, or if it is its own echo. */
function allowance(subscription: Subscription, count: number, publisher: Publisher): number {
  const { receiver, origin } = subscription
  if (subscription.node === 0 || receiver.closing) return 0
  // By number: its own message may come back from another shard.
  if (receiver.id === publisher.id && !receiver.options.echo) return 0
  return origin.max === 0 ? count : Math.min(count, Math.max(0, origin.max - origin.delivered))
}
