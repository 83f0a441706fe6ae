// Links to other servers in a plan. What another server wants of an account is listed apart from what is wanted here
// (Account.routes, Account.hubs), so that a plan for messages of one origin has it or has it not, and the rule that a
// message takes one hop between servers costs nothing a message.
//
// A link gets a message once, whatever matches it there: its head lists the queue groups that were dealt to it. So
// where links have members of queue groups, groups are dealt first, and links are served then.

import type { Dialect } from '../protocol/encoder.ts'
import type { Peer } from './peer.ts'
import type { Receiver, Subscription } from './subscription.ts'

/** The dialect of links. The router sets the queue groups that heads are to list, before the messages of a run. */
export interface LinkDialect extends Dialect {
  queues: readonly string[]
}

/** A link of this shard. */
export interface LinkPlan {
  /** One of its subscriptions that match, and the subject that an import gives it; empty: the published one. */
  readonly subscription: Subscription
  readonly subject: string
  /** It wants every message, not only what its queue groups are dealt. */
  plain: boolean
  /** As how many members it counts in each queue group (byte string). */
  readonly weights: Map<string, number>
}

/** The links of a shard that are members of a queue group together, and as how many. */
export interface LinksOfShard {
  /** Undefined: this shard. */
  readonly peer: Peer | undefined
  readonly weight: number
  /** They are picked if nobody else is there. */
  readonly isLast: boolean
}

/** Collects the links of this shard that a subject leads to. */
export class LinkPlans {
  private readonly byReceiver = new Map<Receiver, LinkPlan[]>()

  /** `subject`: the one that an import gives it; empty: the published one. */
  add(subscription: Subscription, subject: string): void {
    const { receiver, queue, weight } = subscription
    let links = this.byReceiver.get(receiver)
    if (links === undefined) {
      links = []
      this.byReceiver.set(receiver, links)
    }
    let link = links.find((one) => one.subject === subject)
    if (link === undefined) {
      link = { subscription, subject, plain: false, weights: new Map() }
      links.push(link)
    }
    if (queue === '') link.plain = true
    else link.weights.set(queue, (link.weights.get(queue) ?? 0) + weight)
  }

  get all(): LinkPlan[] {
    return [...this.byReceiver.values()].flat()
  }

  /** Members of each queue group, all links together. */
  get weights(): Map<string, number> {
    const weights = new Map<string, number>()
    for (const link of this.all) {
      for (const [name, weight] of link.weights) weights.set(name, (weights.get(name) ?? 0) + weight)
    }
    return weights
  }
}

/** The link among these to which a message of a queue group is dealt: each as likely as its members are many. */
export function randomLink(links: readonly LinkPlan[], queue: string): LinkPlan | undefined {
  let all = 0
  for (const { weights } of links) all += weights.get(queue) ?? 0
  let left = Math.random() * all
  for (const link of links) {
    left -= link.weights.get(queue) ?? 0
    if (left < 0) return link
  }
  return undefined
}
