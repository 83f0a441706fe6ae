// Requests that go into another account, and the answers that come back (reference 4.3, 10).
//
//     importer's account                         exporter's account
//     client: PUB req.x  reply _INBOX.7   ──▶    PUB svc.x  reply _R_.<shard>.<n>   ──▶ responder, on any shard
//     client: MSG _INBOX.7                ◀──    PUB _R_.<shard>.<n>                ◀──
//
// A shard hears the answers to its own clients' requests: it subscribes to `_R_.<shard>.*` in each exporting account,
// through the shared index like anybody else, and remembers for each number who asked.

import { randomBytes } from 'node:crypto'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import { rewriteRun } from '../protocol/rewrite.ts'
import type { Run } from '../protocol/run.ts'
import type { Publisher, Router } from '../router.ts'
import { InternalSubscription, type Sublist } from '../subjects/sublist.ts'
import type { Account } from './account.ts'
import type { ServiceImport } from './imports.ts'

const PREFIX = '_R_.'
const SHARD_ID_BYTES = 6
/** Calls of calls: an import of a service that rests on another import. Configured cycles are refused before. */
const HOPS_MAX = 16
/** Longest wait for an answer where the export says nothing (reference 9). */
const THRESHOLD_MS = 120_000

interface Call {
  readonly service: ServiceImport
  /** Where the importer waits for the answer. */
  readonly reply: string
  deadlineMs: number
}

/** What the calls need of their shard. */
export interface ServiceCallsOwner {
  readonly pool: ChunkPool
  readonly sublist: Sublist
  readonly router: Router
  /** Milliseconds, monotonic, as of this turn. */
  readonly nowMs: number
  /** The turn is to be ended, as something was sent. */
  schedule(): void
}

export class ServiceCalls {
  private readonly owner: ServiceCallsOwner
  private readonly prefix = `${PREFIX}${randomBytes(SHARD_ID_BYTES).toString('base64url')}.`
  /** By the reply subject that the exporter sees, oldest first for each threshold. */
  private readonly calls = new Map<string, Call>()
  private readonly listening = new Set<Account>()
  private next = 1
  private hops = 0

  constructor(owner: ServiceCallsOwner) {
    this.owner = owner
  }

  /** Publishes a run in the exporting account; answers how many deliveries that led to. */
  call(service: ServiceImport, run: Run, publisher: Publisher): number {
    if (this.hops >= HOPS_MAX) return 0
    const { owner } = this
    const subject = textOf(run, run.subjectStart, run.subjectEnd)
    const reply = textOf(run, run.replyStart, run.replyEnd)
    const there = service.subjectThere(subject)
    const info = publisher.requestInfo(service.share)
    const header = info === '' ? '' : `Nats-Request-Info: ${info}`
    let sent = 0
    this.hops++
    // Each request has an answer of its own.
    for (let i = 0; i < run.count; i++) {
      const returnAddress = reply === '' ? '' : this.remember(service, reply)
      let delivered = 0
      rewriteRun(owner.pool, run, i, 1, { subject: there, reply: returnAddress, header }, (request) => {
        const { router } = owner
        delivered =
          router.trace?.dispatchImported(request, service.exporter, subject, service.terms.allowTrace, publisher) ??
          router.dispatch(request, service.exporter, publisher)
      })
      if (delivered === 0) this.calls.delete(returnAddress)
      else sent++
    }
    this.hops--
    return sent
  }

  private remember(service: ServiceImport, reply: string): string {
    this.listen(service.exporter)
    const returnAddress = `${this.prefix}${(this.next++).toString(36)}`
    this.calls.set(returnAddress, {
      service,
      reply,
      deadlineMs: this.owner.nowMs + (service.terms.threshold || THRESHOLD_MS),
    })
    return returnAddress
  }

  private listen(exporter: Account): void {
    if (this.listening.has(exporter)) return
    this.listening.add(exporter)
    this.owner.sublist.insert(
      new InternalSubscription(exporter, `${this.prefix}*`, (run, publisher) => this.answered(run, publisher), true),
    )
  }

  /** A responder has published to one of our return addresses. */
  private answered(run: Run, publisher: Publisher): void {
    const { owner } = this
    const returnAddress = textOf(run, run.subjectStart, run.subjectEnd)
    const call = this.calls.get(returnAddress)
    if (call === undefined) return
    const { service } = call
    const single = service.terms.response === 'singleton'
    // An empty message ends a stream of answers.
    if (single || run.size === 0) this.calls.delete(returnAddress)
    else call.deadlineMs = owner.nowMs + (service.terms.threshold || THRESHOLD_MS)
    const reply = textOf(run, run.replyStart, run.replyEnd)
    const count = single ? 1 : run.count
    rewriteRun(owner.pool, run, 0, count, { subject: call.reply, reply, header: '' }, (answer) => {
      const { trace } = owner.router
      if (trace === undefined) owner.router.dispatch(answer, service.importer, publisher)
      else trace.dispatchImported(answer, service.importer, returnAddress, false, publisher)
    })
  }

  /** Forgets those who were not answered in time. Called every second or so. */
  sweep(): void {
    const { nowMs } = this.owner
    for (const [returnAddress, { deadlineMs }] of this.calls) {
      if (deadlineMs < nowMs) this.calls.delete(returnAddress)
    }
  }
}

function textOf(run: Run, start: number, end: number): string {
  return run.line.bytes.toString('latin1', start, end)
}
