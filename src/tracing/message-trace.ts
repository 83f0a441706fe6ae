// A traced message on one shard: it takes the same ways as in router.ts, one receiver at a time, and each is recorded
// (docs/reference/tracing.md, "The trace event"). Off the fast path: an untraced run pays one branch in router.ts.
//
//     publisher's shard    in, sm ─▶ dispatch ─┬─ receivers here      eg, or se and eg
//                                              ├─ frame to a shard    its events come back when it has delivered
//                                              └─ service import      si, and on in the other account
//     another shard        receive ─▶ receivers there, and what follows from them ─▶ events to the publisher's shard

import type { Account } from '../accounts/account.ts'
import { composeRaw } from '../protocol/compose.ts'
import { type Run, replyOf, shownOf, subjectOf } from '../protocol/run.ts'
import type { Peer } from '../routing/peer.ts'
import type { Plan } from '../routing/plan.ts'
import { groupOf, isWithinReach, mayHave } from '../routing/planner.ts'
import { noteSent, type Publisher } from '../routing/publisher.ts'
import {
  peerOfMember,
  type QueuePlan,
  type ReceiverGroup,
  randomMember,
  randomRemoteMember,
} from '../routing/queue-plan.ts'
import type { Routing } from '../routing/routing.ts'
import { ImportedSubscription, InternalSubscription, type Subscription } from '../routing/subscription.ts'
import type { Trace } from '../routing/trace.ts'
import { properText } from '../subjects/byte-string.ts'
import type { TraceEvent } from './event.ts'
import { withTracingDisabled } from './headers.ts'
import type { TracingOwner } from './owner.ts'

/** Why a receiver did not get the message. */
const NotDelivered = {
  noEcho: 'Not delivered because of no echo',
  denied: 'Not delivered because subscription denies this subject',
  subscriptionClosed: 'Not delivered because subscription is closed',
  clientClosed: 'Not delivered because client is closed',
  autoUnsubscribe: 'Not delivered because auto-unsubscribe exceeded',
  slow: 'Not delivered because fast producer not stalled and consumer is slow',
} as const

/** What a trace needs of its owner. */
export interface TraceOwner {
  readonly shard: TracingOwner
  /** The time of an event. */
  now(): string
  /**
   * Sends a traced message to another shard and calls back with what happened there: all that is known of it, after a
   * while. Returns false if it was not sent.
   */
  ask(peer: Peer, run: Run, routing: Omit<Routing, 'trace'>, callback: (events: readonly TraceEvent[]) => void): boolean
}

const NOT_FOLLOWED: Pick<Plan, 'peers' | 'queues'> = { peers: undefined, queues: undefined }

export class MessageTrace implements Trace {
  /** Nothing is delivered. */
  readonly isOnlyTraced: boolean
  readonly events: TraceEvent[] = []
  private readonly owner: TraceOwner
  /** Whose egresses need not name their account; empty: all name it. */
  private readonly account: string
  /** Called once, when every shard has reported. */
  private readonly onDone: () => void
  /** Others that have not told yet, and itself while the message is under way here. */
  private awaited = 1

  constructor(owner: TraceOwner, account: string, isOnlyTraced: boolean, onDone: () => void) {
    this.owner = owner
    this.account = account
    this.isOnlyTraced = isOnlyTraced
    this.onDone = onDone
  }

  // ── What happens to the message ───────────────────────────────────────────────────────────────────────

  note(event: Omit<TraceEvent, 'ts'>): void {
    const { type, ...rest } = event
    this.events.push({ type, ts: this.owner.now(), ...rest })
  }

  /** Its publisher is not allowed to publish it. */
  refused(error: string): void {
    this.events[0] = { ...this.events[0], error }
  }

  /** A mapping has given it another subject (byte string). */
  mapped(subject: string): void {
    this.note({ type: 'sm', to: properText(subject) })
  }

  /** The message has been sent on all its ways. */
  sent(): void {
    this.told([])
  }

  private told(events: readonly TraceEvent[]): void {
    for (const event of events) {
      this.events.push(event.type === 'eg' && event.acc === this.account ? { ...event, acc: undefined } : event)
    }
    this.awaited--
    if (this.awaited === 0) this.onDone()
  }

  // ── Its ways ──────────────────────────────────────────────────────────────────────────────────────────

  /** As Router.dispatch(), for a run of one message. */
  dispatch(run: Run, account: Account, publisher: Publisher): number {
    const { shard } = this.owner
    const plan = shard.router.planner.planOf(run, account)
    const { services, own } = plan
    // Where queue groups are dealt over servers, the trace has what this shard delivers to plain subscriptions.
    const { peers, queues } = plan.dealsToLinks ? NOT_FOLLOWED : plan
    const routing = {
      account: account.name,
      hops: 0,
      asked: 0,
      question: 0,
      publisher: publisher.id,
      isOnlyTraced: this.isOnlyTraced,
      toLinks: false,
    }
    let sent = this.deliver(run, account, publisher)
    if (plan.dealsToLinks && !this.isOnlyTraced) sent += shard.router.deal(run, plan, plan.queues ?? [], publisher)
    for (const peer of peers ?? []) sent += this.ask(peer, run, { ...routing, plain: true, queue: '' }, publisher)
    for (const queue of queues ?? []) {
      const picked = peerOfMember(queue, randomMember(queue))
      if (picked === undefined && this.deliverQueue(run, queue, publisher)) sent++
      else if (queue.remoteMembers > 0) {
        const peer = picked ?? (peerOfMember(queue, randomRemoteMember(queue)) as Peer)
        sent += this.ask(peer, run, { ...routing, plain: false, queue: queue.name }, publisher)
      }
    }
    for (const service of services ?? []) sent += shard.serviceCalls.call(service, run, publisher)
    // What the server itself answers is another message, and not traced.
    if (own !== undefined && !this.isOnlyTraced) {
      shard.router.tracing(undefined, () => {
        sent += own.take(run, publisher)
      })
    }
    return sent
  }

  private ask(peer: Peer, run: Run, routing: Omit<Routing, 'trace'>, publisher: Publisher): number {
    if (this.owner.ask(peer, run, routing, (events) => this.told(events))) this.awaited++
    noteSent(publisher, peer)
    return 1
  }

  /** To all plain subscriptions of this shard; returns how many there were that it could go to. */
  deliver(run: Run, account: Account, publisher: Publisher): number {
    const { line, subjectStart, subjectEnd } = run
    const entries: (Subscription | InternalSubscription)[] = []
    // Not by the plan: it does not include receivers that are denied the message.
    this.owner.shard.sublist.match(
      account,
      line.bytes,
      subjectStart,
      subjectEnd,
      (entry) => {
        if (isWithinReach(entry, run.isImported)) entries.push(entry as Subscription | InternalSubscription)
      },
      () => undefined,
    )
    const { groups, links } = this.owner.shard.router.planner.planOf(run, account)
    let sent = 0
    // Links to other servers are no entries of the account.
    if (links === undefined) {
      for (const group of groups) {
        if (!group.subscriptions[0].account.isInternal) continue
        for (const subscription of group.subscriptions) {
          if (this.deliverTo(run, { ...group, subscriptions: [subscription] }, publisher)) sent++
        }
      }
    }
    for (const entry of entries) {
      if (entry instanceof InternalSubscription) {
        // What the server itself does about a message is not part of it, unless it passes an answer on.
        const { shard } = this.owner
        if (entry.passesOn) entry.handle(run, publisher)
        else shard.router.tracing(undefined, () => entry.handle(run, publisher))
        sent++
      } else if (this.deliverTo(run, groupOf(entry, line, subjectStart, subjectEnd), publisher)) sent++
    }
    return sent
  }

  /** To one member of a queue group of this shard; returns false if none took it. */
  deliverQueue(run: Run, { local }: QueuePlan, publisher: Publisher): boolean {
    const first = Math.floor(Math.random() * local.length)
    for (let i = 0; i < local.length; i++) {
      if (this.deliverTo(run, local[(first + i) % local.length], publisher)) return true
    }
    return false
  }

  /** To one receiver; returns whether it was delivered, or would have been. */
  private deliverTo(run: Run, group: ReceiverGroup, publisher: Publisher): boolean {
    const { router } = this.owner.shard
    const [subscription] = group.subscriptions
    const { receiver } = subscription
    if (subscription instanceof ImportedSubscription) {
      this.note({ type: 'se', acc: properText(receiver.account.name), to: properText(group.subject) })
      if (!subscription.via.allowTrace)
        return this.isOnlyTraced || router.delivery.toGroup(run, group, 0, 1, publisher) > 0
    }
    const error = whyNot(run, group, publisher)
    if (error !== undefined || this.isOnlyTraced) {
      this.noteEgress(subscription, error)
      return error === undefined
    }
    const dropped = receiver.droppedMessages
    router.delivery.toGroup(run, group, 0, 1, publisher)
    const isDropped = receiver.slowConsumerPolicy === 'drop_newest' && receiver.droppedMessages > dropped
    this.noteEgress(subscription, isDropped ? NotDelivered.slow : undefined)
    return true
  }

  private noteEgress({ receiver, subject, queue }: Subscription, error: string | undefined): void {
    const account = properText(receiver.account.name)
    this.note({
      type: 'eg',
      kind: receiver.kind,
      cid: receiver.id,
      name: receiver.options.name || undefined,
      acc: account === this.account ? undefined : account,
      sub: properText(subject),
      queue: queue === '' ? undefined : properText(queue),
      error,
    })
  }

  /**
   * A service import has made `run`, in `account`, of what was published as `from` (byte string): a request, or an
   * answer. Where its export does not allow traces, it goes on without.
   */
  dispatchImported(run: Run, account: Account, from: string, allowTrace: boolean, publisher: Publisher): number {
    const { shard } = this.owner
    const to = subjectOf(run)
    this.note({ type: 'si', acc: properText(account.name), from: properText(from), to: properText(to) })
    if (allowTrace) return this.dispatch(run, account, publisher)
    if (this.isOnlyTraced) return 0
    let sent = 0
    shard.router.tracing(undefined, () =>
      withoutTrace(shard, run, (silent) => {
        sent = shard.router.dispatch(silent, account, publisher)
      }),
    )
    return sent
  }
}

/** Calls back with a run of the same message, whose headers say that it is not to be traced. */
export function withoutTrace({ pool }: Pick<TracingOwner, 'pool'>, run: Run, callback: (run: Run) => void): void {
  const { block, first, headerSize, size, isImported } = run
  composeRaw(
    pool,
    {
      subject: subjectOf(run),
      shown: shownOf(run),
      reply: replyOf(run),
      header: withTracingDisabled(block.bytes.toString('latin1', first, first + headerSize)),
      payload: block.bytes.subarray(first + headerSize, first + size),
      isImported,
    },
    callback,
  )
}

function whyNot(run: Run, group: ReceiverGroup, publisher: Publisher): string | undefined {
  const [subscription] = group.subscriptions
  const { receiver, origin, node } = subscription
  if (receiver.id === publisher.id && !receiver.options.echo) return NotDelivered.noEcho
  if (!mayHave(subscription, group, run.line, run.subjectStart, run.subjectEnd)) return NotDelivered.denied
  if (node === 0) return NotDelivered.subscriptionClosed
  if (origin.max > 0 && origin.delivered >= origin.max) return NotDelivered.autoUnsubscribe
  return receiver.closing ? NotDelivered.clientClosed : undefined
}
