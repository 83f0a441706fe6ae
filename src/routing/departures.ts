// Members of queue groups that leave while messages for them may be on their way. A member that is gone from the index
// is no longer picked, but other shards may have routed messages to it: until each of them has confirmed that what it
// routed is here (Peer.askFence), the member still takes messages for its group that have no other member here. So no
// message has to go to a third shard, where later ones of its publisher could have come before it.
//
// A broken connection cannot take messages: they go to another member (Router.receive).

import type { Account } from '../accounts/account.ts'
import { attempt, type OnBug } from '../base/guarded.ts'
import { type Run, subjectOf } from '../protocol/run.ts'
import { matches } from '../subjects/subject.ts'
import type { Peer } from './peer.ts'
import type { Sublist } from './sublist.ts'
import { LEAVING, type Subscription } from './subscription.ts'

interface Departure {
  readonly members: readonly Subscription[]
  readonly done: () => void
}

/** What departures need of their shard. */
export interface DeparturesOwner {
  readonly peers: readonly Pick<Peer, 'askFence'>[]
  readonly sublist: Pick<Sublist, 'isAlone' | 'remove'>
  readonly bugMet: OnBug
}

export class Departures {
  private readonly owner: DeparturesOwner
  private readonly leaving = new Set<Subscription>()
  /** Those that the next round of fences is for; one round is under way at a time. */
  private next: Departure[] = []
  private isUnderWay = false

  constructor(owner: DeparturesOwner) {
    this.owner = owner
  }

  /**
   * Takes a member of a queue group out of the index. Returns true if messages for it may still come: then `done` is
   * called when that is over.
   */
  begin(subscription: Subscription, done: () => void): boolean {
    const { sublist, peers } = this.owner
    const members = [subscription, ...(subscription.imported ?? [])].filter((one) => sublist.isAlone(one))
    sublist.remove(subscription)
    if (members.length === 0 || peers.length === 0) return false
    for (const member of members) {
      member.node = LEAVING
      this.leaving.add(member)
    }
    this.next.push({ members, done })
    if (!this.isUnderWay) this.beginRound()
    return true
  }

  /** The member that leaves and takes the messages of a run for its group; undefined: there is none. */
  find(account: Account, queue: string, run: Run): Subscription | undefined {
    if (this.leaving.size === 0) return undefined
    const subject = subjectOf(run)
    for (const member of this.leaving) {
      const { receiver } = member
      if (member.account !== account || member.queue !== queue || receiver.closing) continue
      if (matches(member.subject, subject)) return member
    }
    return undefined
  }

  private beginRound(): void {
    const round = this.next
    this.next = []
    this.isUnderWay = true
    const peers = [...this.owner.peers]
    let awaited = peers.length
    const arrived = (): void => {
      if (--awaited === 0) this.endRound(round)
    }
    for (const peer of peers) peer.askFence(arrived)
    if (peers.length === 0) this.endRound(round)
  }

  private endRound(round: readonly Departure[]): void {
    this.isUnderWay = false
    for (const { members } of round) {
      for (const member of members) {
        member.node = 0
        this.leaving.delete(member)
      }
    }
    if (this.next.length > 0) this.beginRound()
    for (const { done } of round) attempt(this.owner.bugMet, done)
  }
}
