// Requests that go into another account, and the answers that come back (docs/reference/delivery.md, "Service
// imports").
//
//     importer's account                         exporter's account
//     client: PUB req.x  reply _INBOX.7   ──▶    PUB svc.x  reply _R_.<shard>.<n>   ──▶ responder, on any shard
//     client: MSG _INBOX.7                ◀──    PUB _R_.<shard>.<n>                ◀──
//
// A shard hears the answers to its own clients' requests: it subscribes to `_R_.<shard>.*` in each account that
// answers, through the shared index like any subscriber, and remembers the requestor of each number. An answer that has
// a reply subject itself is a request the other way: it gets a return address as well, in the account that asked.
//
// In its new account, a request or an answer passes mappings, subscriptions, queue groups and further service imports,
// but no stream imports (docs/security.md has the rules).

import { randomBytes } from 'node:crypto'
import type { Account, ServiceImport } from '../accounts/account.ts'
import { CALLS_MAX } from '../base/constants.ts'
import { attempt } from '../base/guarded.ts'
import { Work } from '../base/turns.ts'
import type { ExportOptions } from '../options/shapes.ts'
import { rewriteRun } from '../protocol/rewrite.ts'
import { type Run, replyOf, subjectOf } from '../protocol/run.ts'
import type { Publisher } from '../routing/publisher.ts'
import { InternalSubscription } from '../routing/subscription.ts'
import { isSampled, LatencySample } from './latency.ts'
import type { ServicesOwner } from './owner.ts'

const PREFIX = '_R_.'
/** Of subjects on which messages of streams are acknowledged. */
const ACK_PREFIX = '$JS.ACK.'
const SHARD_ID_BYTES = 6
/** Calls of calls, and answers that are requests themselves. No export is passed twice on one way. */
const HOPS_MAX = 16
/** Longest wait for an answer where the export says nothing (docs/reference/limits.md, "Deadlines"). */
const THRESHOLD_MS = 120_000
/** The cost of checking one for lateness, in units of work. */
const SWEEP_WORK = 4

interface Call {
  readonly service: ServiceImport
  /** The importer, or for what is asked back, the exporter; and where it waits for the answer. */
  readonly asker: Account
  readonly reply: string
  deadlineMs: number
  /** What is measured of it, until the first answer; undefined: nothing. */
  sample: LatencySample | undefined
}

export class ServiceCalls {
  private readonly owner: ServicesOwner
  private readonly prefix = `${PREFIX}${randomBytes(SHARD_ID_BYTES).toString('base64url')}.`
  /** By the reply subject that the exporter sees, oldest first for each threshold. */
  private readonly calls = new Map<string, Call>()
  /** The same by the account that asks, oldest first. */
  private readonly waiting = new Map<Account, Set<string>>()
  private readonly listening = new Set<Account>()
  private next = 1
  private isSweeping = false
  /** The exports that the current message has passed, there or back. */
  private path: ExportOptions[] = []
  /** What the first import of the current call says. */
  private sharing = false

  constructor(owner: ServicesOwner) {
    this.owner = owner
  }

  /** Publishes a run in the exporting account; returns how many deliveries that led to. */
  call(service: ServiceImport, run: Run, publisher: Publisher): number {
    const { owner, path } = this
    if (!this.mayPass(service)) return 0
    const subject = subjectOf(run)
    const reply = replyOf(run)
    const there = service.subjectThere(subject)
    // In a chain of services the requestor is described as far as its own import shares, not the next.
    const { sharing } = this
    if (path.length === 0) this.sharing = service.share
    const info = publisher.requestInfo(this.sharing, path.length === 0 ? '' : service.importer.name)
    const header = info === '' ? '' : `Nats-Request-Info: ${info}`
    let sent = 0
    path.push(service.terms)
    try {
      // Each request has an answer of its own.
      for (let i = 0; i < run.count; i++) {
        const sample = this.sampleOf(service, run, i, info)
        if (reply === '') sample?.failed('badRequest')
        const { importer, exporter, terms } = service
        const returnAddress = isKept(reply) ? reply : this.remember({ service, asker: importer, reply, sample })
        let delivered = 0
        rewriteRun(
          owner.pool,
          run,
          i,
          1,
          { subject: there, reply: returnAddress, header, isImported: true },
          (request) => {
            delivered = this.publish(request, exporter, subject, terms.allowTrace, publisher)
          },
        )
        if (delivered > 0) sent++
        else this.forget(returnAddress)?.sample?.failed('nobody')
      }
    } finally {
      path.pop()
      this.sharing = sharing
    }
    return sent
  }

  /** What `work` publishes has come no way yet, whichever message is under way just now. */
  apart(work: () => void): void {
    const { path } = this
    this.path = []
    try {
      work()
    } finally {
      this.path = path
    }
  }

  private mayPass({ terms }: ServiceImport): boolean {
    return this.path.length < HOPS_MAX && !this.path.includes(terms)
  }

  /** Publishes a run in the account that it came to, by the mappings there. Returns how many deliveries follow. */
  private publish(run: Run, account: Account, from: string, allowTrace: boolean, publisher: Publisher): number {
    const { router } = this.owner
    let delivered = 0
    router.map(run, account, (mapped) => {
      delivered +=
        router.trace?.dispatchImported(mapped, account, from, allowTrace, publisher) ??
        router.dispatch(mapped, account, publisher)
    })
    return delivered
  }

  private sampleOf(service: ServiceImport, run: Run, i: number, info: string): LatencySample | undefined {
    const { latency } = service.terms
    const sampling = latency === undefined ? undefined : isSampled(latency, run, i)
    return sampling === undefined ? undefined : new LatencySample(this.owner, service, info, sampling)
  }

  /** Makes the return address at which an answer is awaited. */
  private remember(call: Omit<Call, 'deadlineMs'>): string {
    const { service, asker } = call
    this.listen(asker === service.importer ? service.exporter : service.importer)
    const returnAddress = `${this.prefix}${(this.next++).toString(36)}`
    const deadlineMs = this.owner.nowMs + (service.terms.threshold || THRESHOLD_MS)
    this.calls.set(returnAddress, { ...call, deadlineMs })
    let waiting = this.waiting.get(asker)
    if (waiting === undefined) {
      waiting = new Set()
      this.waiting.set(asker, waiting)
    }
    waiting.add(returnAddress)
    // A requestor with too many unanswered requests loses its own answers, not those of others.
    if (waiting.size > CALLS_MAX) this.expire(waiting.values().next().value as string)
    return returnAddress
  }

  private forget(returnAddress: string): Call | undefined {
    const call = this.calls.get(returnAddress)
    if (call === undefined) return undefined
    this.calls.delete(returnAddress)
    const waiting = this.waiting.get(call.asker)
    waiting?.delete(returnAddress)
    if (waiting?.size === 0) this.waiting.delete(call.asker)
    return call
  }

  private expire(returnAddress: string): void {
    this.forget(returnAddress)?.sample?.failed('timeout')
  }

  private listen(account: Account): void {
    if (this.listening.has(account)) return
    const handle = (run: Run, publisher: Publisher): void => this.answered(run, publisher)
    const heard = new InternalSubscription(account, `${this.prefix}*`, handle, true)
    // Where the index is full, the next call tries again.
    if (this.owner.sublist.insert(heard)) this.listening.add(account)
  }

  /** A responder has published to one of our return addresses. */
  private answered(run: Run, publisher: Publisher): void {
    const { owner } = this
    const returnAddress = subjectOf(run)
    const call = this.calls.get(returnAddress)
    if (call === undefined || !this.mayPass(call.service)) return
    const { service, asker } = call
    const single = service.terms.response === 'singleton'
    // An empty message ends a stream of answers.
    if (single || run.size === 0) this.forget(returnAddress)
    else call.deadlineMs = owner.nowMs + (service.terms.threshold || THRESHOLD_MS)
    if (call.sample !== undefined) publisher.introduce(call.sample.answered())
    call.sample = undefined
    const reply = replyOf(run)
    const count = single ? 1 : run.count
    // Each answer that can be answered has a return address of its own.
    const step = reply === '' ? count : 1
    this.path.push(service.terms)
    try {
      for (let i = 0; i < count; i += step) {
        const back = isKept(reply) ? reply : this.askBack(call, reply)
        const rewrite = { subject: call.reply, reply: back, header: '', isImported: true }
        rewriteRun(owner.pool, run, i, step, rewrite, (answer) => {
          this.publish(answer, asker, returnAddress, false, publisher)
        })
      }
    } finally {
      this.path.pop()
    }
  }

  /** The return address, in the account that asked, of an answer that has a reply subject. */
  private askBack({ service, asker }: Call, reply: string): string {
    const { importer, exporter } = service
    return this.remember({ service, asker: asker === importer ? exporter : importer, reply, sample: undefined })
  }

  /** Forgets requests that were not answered in time, in as many turns as that takes. Called every second or so. */
  sweep(): void {
    const { owner } = this
    if (this.isSweeping) return
    this.isSweeping = true
    owner.turns.inPieces(
      this.calls,
      SWEEP_WORK,
      ([returnAddress, { deadlineMs }]) => {
        if (deadlineMs >= owner.nowMs) return
        owner.turns.left -= Work.internal
        attempt(owner.bugMet, () => this.expire(returnAddress))
      },
      () => {
        this.isSweeping = false
      },
    )
  }
}

/** Whether a reply subject is the same in the account that a message goes into. */
function isKept(reply: string): boolean {
  return reply === '' || reply.startsWith(ACK_PREFIX)
}
