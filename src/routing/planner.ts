// Finds the plan of a subject: its receivers on this shard and on the others, and the imports by which it goes on into
// other accounts. A plan is looked up once, then found in the run or in the cache.

import type { Account } from '../accounts/account.ts'
import { Work } from '../base/turns.ts'
import type { Block } from '../memory/block.ts'
import type { Run } from '../protocol/run.ts'
import type { RouterOwner } from './owner.ts'
import type { Plan } from './plan.ts'
import { PlanCache } from './plan-cache.ts'
import type { ReceiverGroup } from './queue-plan.ts'
import type { Receiver } from './subscription.ts'
import { type Entry, ImportedSubscription, InternalSubscription, Subscription } from './subscription.ts'

/** What subjects begin with that may be the server's own. */
const DOLLAR = 0x24

/** What a planner needs of its shard. */
export type PlannerOwner = Pick<RouterOwner, 'turns' | 'peers' | 'sublist' | 'generations' | 'seed' | 'extendPlan'>

export class Planner {
  readonly cache: PlanCache
  private readonly owner: PlannerOwner

  constructor(owner: PlannerOwner) {
    this.owner = owner
    this.cache = new PlanCache(owner.generations, owner.seed)
  }

  /** The plan of a run that is published in `account`. */
  planOf(run: Run, account: Account): Plan {
    const known = run.memo as Plan | undefined
    if (known !== undefined && this.cache.isFresh(known)) return known
    const { line, subjectStart, subjectEnd, isImported } = run
    // What came by a service import has other plans: a subject has another hash for them, and so they stay apart.
    const published = this.cache.hash(line, subjectStart, subjectEnd)
    const hash = isImported ? ~published : published
    const plan = this.cache.find(account, line, subjectStart, subjectEnd, hash) ?? this.lookUp(run, account, hash)
    run.memo = plan
    return plan
  }

  private lookUp(run: Run, account: Account, hash: number): Plan {
    const { line, subjectStart: start, subjectEnd: end, isImported } = run
    const plan = this.cache.create(account, line, start, end)
    const { bytes } = line
    const { sublist, turns } = this.owner
    turns.left -= Work.lookUp
    turns.left -= sublist.match(
      account,
      bytes,
      start,
      end,
      (entry) => {
        if (isWithinReach(entry, isImported)) addReceiver(plan, entry, line, start, end)
      },
      (name, members) => {
        for (const member of members as readonly Subscription[]) {
          if (!isWithinReach(member, isImported)) continue
          const group = groupOf(member, line, start, end)
          // A group without a permitted member does not want it.
          if (mayHave(member, group, line, start, end)) plan.queueNamed(name).local.push(group)
        }
      },
    )
    if (account.serviceImports.length > 0) {
      turns.left -= account.serviceImports.length * Work.step
      const services = account.servicesFor(bytes.toString('latin1', start, end))
      if (services.length > 0) plan.services = services
    }
    if (bytes[start] === DOLLAR) this.owner.extendPlan(plan, bytes.toString('latin1', start, end))
    for (const peer of this.owner.peers) {
      const interest = peer.interest.read(account, bytes, start, end, isImported)
      turns.left -= Work.lookUp + peer.interest.stepsTaken * Work.step
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
    plan.complete(this.cache.audiences)
    if (!plan.guessed) this.cache.add(plan, line, start, end, hash)
    return plan
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
