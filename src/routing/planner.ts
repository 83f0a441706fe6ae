// From a subject to the route that its messages take: who wants it, on this shard and on the others, and by which
// imports it goes on into other accounts. Looked up once, then found in the run or in the cache.

import type { Account } from '../accounts/account.ts'
import { Work } from '../base/turns.ts'
import type { Client } from '../connection/client.ts'
import type { Block } from '../memory/block.ts'
import type { Run } from '../protocol/run.ts'
import type { Shard } from '../shard/shard.ts'
import { type ReceiverGroup, type Route, RouteCache } from './plan.ts'
import { type Entry, ImportedSubscription, InternalSubscription, Subscription } from './sublist.ts'

/** What subjects begin with that may be the server's own. */
const DOLLAR = 0x24

export class Planner {
  readonly cache: RouteCache
  private readonly shard: Shard

  constructor(shard: Shard) {
    this.shard = shard
    this.cache = new RouteCache(shard.generations, shard.seed)
  }

  /** The route of a run that is published in `account`. */
  routeOf(run: Run, account: Account): Route {
    const known = run.route
    if (known !== undefined && this.cache.isFresh(known)) return known
    const { line, subjectStart, subjectEnd, isImported } = run
    // What came by a service import has other routes: a subject has another hash for them, and so they stay apart.
    const published = this.cache.hash(line, subjectStart, subjectEnd)
    const hash = isImported ? ~published : published
    const route = this.cache.find(account, line, subjectStart, subjectEnd, hash) ?? this.lookUp(run, account, hash)
    run.route = route
    return route
  }

  private lookUp(run: Run, account: Account, hash: number): Route {
    const { line, subjectStart: start, subjectEnd: end, isImported } = run
    const route = this.cache.create(account, line, start, end)
    const { bytes } = line
    const { sublist, turns } = this.shard
    turns.left -= Work.lookUp
    turns.left -= sublist.match(
      account,
      bytes,
      start,
      end,
      (entry) => {
        if (isWithinReach(entry, isImported)) addReceiver(route, entry, line, start, end)
      },
      (name, members) => {
        for (const member of members as readonly Subscription[]) {
          if (!isWithinReach(member, isImported)) continue
          const group = groupOf(member, line, start, end)
          // A group of which nobody may have it does not want it.
          if (mayHave(member, group, line, start, end)) route.queueNamed(name).local.push(group)
        }
      },
    )
    if (account.serviceImports.length > 0) {
      turns.left -= account.serviceImports.length * Work.step
      const services = account.servicesFor(bytes.toString('latin1', start, end))
      if (services.length > 0) route.services = services
    }
    if (bytes[start] === DOLLAR) this.shard.system?.extend(route, bytes.toString('latin1', start, end))
    for (const peer of this.shard.peers) {
      const interest = peer.interest.read(account, bytes, start, end, isImported)
      turns.left -= Work.lookUp + peer.interest.stepsTaken * Work.step
      if (interest.guessed === true) route.guessed = true
      if (interest.plain) {
        route.peers ??= []
        route.peers.push(peer)
      }
      if (interest.queues === undefined) continue
      turns.left -= interest.queues.size * Work.match
      for (const [name, members] of interest.queues) {
        const queue = route.queueNamed(name)
        queue.remote.push({ peer, members })
        queue.remoteMembers += members
      }
    }
    route.complete()
    if (!route.guessed) this.cache.add(route, line, start, end, hash)
    return route
  }

  /** The sid of a client's own plain subscription that matches a subject (byte string). */
  plainSidOf(client: Client, subject: string): string | undefined {
    const { sublist, turns } = this.shard
    const bytes = Buffer.from(subject, 'latin1')
    let sid: string | undefined
    turns.left -= sublist.match(
      client.account,
      bytes,
      0,
      bytes.length,
      (entry) => {
        if (entry instanceof Subscription && entry.client === client) sid ??= entry.sid
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
  return { subject, sid: subscription.sid, headers: subscription.client.options.headers, subscriptions: [subscription] }
}

/** Denies inside a wildcard: the subject, as the receiver sees it, is kept from those who must not have it. */
export function mayHave(
  subscription: Subscription,
  group: ReceiverGroup,
  line: Block,
  start: number,
  end: number,
): boolean {
  const { origin, client, queue } = subscription
  if (!origin.filtered) return true
  const subject = group.subject === '' ? line.bytes.toString('latin1', start, end) : group.subject
  return client.rights === undefined || client.rights.mayDeliver(subject, queue)
}

function addReceiver(route: Route, entry: Entry, line: Block, start: number, end: number): void {
  if (entry instanceof InternalSubscription) {
    route.internal ??= []
    route.internal.push(entry)
    return
  }
  const group = groupOf(entry as Subscription, line, start, end)
  if (!mayHave(entry as Subscription, group, line, start, end)) return
  if ((entry as Subscription).origin.max > 0) {
    route.limited ??= []
    route.limited.push(group)
    return
  }
  route.addReceiver(group)
}
