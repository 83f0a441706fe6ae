// Message tracing of one shard (docs/reference/tracing.md, "The trace event"): which messages are traced, the reports
// of other shards, and where traces are published. A message has one trace, with the events of every shard. It is
// published when all shards have reported, or when their time is over.

import type { Account } from '../accounts/account.ts'
import { SHARD_ANSWER_MS, TRACES_AWAITED_MAX } from '../base/constants.ts'
import { Refusals } from '../base/errors.ts'
import { goTime } from '../base/go-format.ts'
import { guarded } from '../base/guarded.ts'
import { Work } from '../base/turns.ts'
import { composeRun } from '../protocol/compose.ts'
import { type Run, subjectOf } from '../protocol/run.ts'
import type { Peer } from '../routing/peer.ts'
import type { Routing } from '../routing/routing.ts'
import { SERVER } from '../routing/server-publisher.ts'
import type { TracedPublisher } from '../routing/trace.ts'
import { properText } from '../subjects/byte-string.ts'
import { isPublishSubject } from '../subjects/filter.ts'
import { isReservedSubject } from '../subjects/subject.ts'
import { serverInfo } from '../system/server-info.ts'
import type { TraceEvent } from './event.ts'
import { mayAskForTrace, readTraceHeaders, type TraceHeaders } from './headers.ts'
import { MessageTrace, type TraceOwner, withoutTrace } from './message-trace.ts'
import type { TracePeer, TracingOwner } from './owner.ts'

interface Awaited {
  readonly peer: Peer
  readonly timer: NodeJS.Timeout
  readonly callback: (events: readonly TraceEvent[]) => void
}

/** What goes on with a message that may be traced, if it goes on. */
type Process = (run: Run) => void

export class Tracing implements TraceOwner {
  readonly shard: TracingOwner
  /** What other shards have been asked, by number. */
  private readonly awaited = new Map<number, Awaited>()
  private next = 1

  constructor(shard: TracingOwner) {
    this.shard = shard
  }

  now(): string {
    return goTime(this.shard.wallClock(performance.now()))
  }

  // ── Messages of clients ───────────────────────────────────────────────────────────────────────────────

  /** Whether any message of a run with headers may ask for a trace. */
  mayConcern({ block, first, stride, headerSize, count }: Run, account: Account): boolean {
    return mayAskForTrace(block.bytes, first, headerSize, stride, count, account.trace !== undefined)
  }

  /** Deals with a run that mayConcern(), a message at a time; `process` is what is done with any message. */
  publish(run: Run, client: TracedPublisher, process: Process): void {
    const { first, count } = run
    run.count = 1
    for (let i = 0; i < count && !client.closing; i++) {
      run.first = first + i * run.stride
      this.publishOne(run, client, process)
    }
    run.first = first
    run.count = count
  }

  private publishOne(run: Run, client: TracedPublisher, process: Process): void {
    const { first, headerSize, block } = run
    const asked = readTraceHeaders(block.bytes.subarray(first, first + headerSize))
    const destination = asked?.destination || client.account.trace?.destination
    if (asked === undefined || destination === undefined) process(run)
    else if (asked.hasOriginAccount || !isChosen(asked, client)) {
      if (!asked.isOnlyTraced) withoutTrace(this.shard, run, process)
    } else if (!isPublishSubject(destination)) {
      client.log.violation(`Destination ${JSON.stringify(destination)} is not valid, won't be able to trace events`)
      if (!asked.isOnlyTraced) process(run)
    } else if (!mayPublishTo(destination, client)) {
      client.refuse(Refusals.publish(Buffer.from(destination).toString('latin1')))
    } else this.trace(run, client, asked, destination, process)
  }

  private trace(run: Run, client: TracedPublisher, asked: TraceHeaders, destination: string, process: Process): void {
    const { account } = client
    const request = { header: asked.headers, msgsize: run.size }
    const trace = new MessageTrace(this, properText(account.name), asked.isOnlyTraced, () =>
      this.publishDocument({ request, events: trace.events }, account, destination, asked.acceptsGzip),
    )
    trace.note({
      type: 'in',
      kind: 0,
      cid: client.id,
      name: client.options.name || undefined,
      acc: properText(account.name),
      subj: properText(subjectOf(run)),
    })
    this.shard.turns.left -= Work.trace
    this.shard.router.tracing(trace, () => process(run))
    trace.sent()
  }

  private publishDocument(document: object, account: Account, destination: string, isCompressed: boolean): void {
    const { shard } = this
    const text = Buffer.from(JSON.stringify({ server: serverInfo(shard, shard.sequence), ...document }))
    const message = {
      subject: Buffer.from(destination).toString('latin1'),
      reply: '',
      headers: isCompressed ? { 'Content-Encoding': 'gzip' } : {},
      payload: isCompressed ? process.getBuiltinModule('node:zlib').gzipSync(text) : text,
    }
    shard.wake()
    shard.router.tracing(undefined, () =>
      composeRun(shard.pool, message, (run) => shard.router.dispatch(run, account, SERVER)),
    )
    shard.schedule()
  }

  // ── Between shards ────────────────────────────────────────────────────────────────────────────────────

  ask(peer: Peer, run: Run, routing: Omit<Routing, 'trace'>, callback: Awaited['callback']): boolean {
    // Others that come meanwhile are sent all the same; what happens to them there is not told.
    const isAwaited = this.awaited.size < TRACES_AWAITED_MAX
    const number = isAwaited ? this.next : -1
    peer.link.send(run, { ...routing, trace: number }, 0, run.count)
    if (!isAwaited) return false
    this.next = (this.next % 0x7fff_ffff) + 1
    const timer = setTimeout(
      guarded(this.shard.bugMet, () => this.answered(number, [])),
      SHARD_ANSWER_MS,
    )
    this.awaited.set(number, { peer, timer, callback })
    return true
  }

  /** Another shard tells what happened there, or it is known that it will not. */
  answered(number: number, events: readonly TraceEvent[]): void {
    const asked = this.awaited.get(number)
    if (asked === undefined) return // too late
    clearTimeout(asked.timer)
    this.awaited.delete(number)
    asked.callback(events)
  }

  /** A shard is gone: it tells nothing more. */
  forget(peer: Peer): void {
    for (const [number, asked] of [...this.awaited]) if (asked.peer === peer) this.answered(number, [])
  }

  /** A message that is traced has come from another shard. */
  receive(run: Run, account: Account, routing: Routing, peer: TracePeer): void {
    const { shard } = this
    const { trace: number, plain, queue: name, isOnlyTraced } = routing
    const { publisher } = peer
    const trace = new MessageTrace(this, '', isOnlyTraced, () => peer.tellTrace(number, trace.events))
    shard.router.tracing(trace, () => {
      if (plain) trace.deliver(run, account, publisher)
      if (name === '') return
      const queue = shard.router.planner.planOf(run, account).findQueue(name)
      if (queue === undefined || trace.deliverQueue(run, queue, publisher) || isOnlyTraced) return
      // No member is left here: any other will do, and is not reported.
      const rest: Routing = { ...routing, trace: 0, plain: false }
      shard.router.tracing(undefined, () => shard.router.receive(run, account, rest, publisher))
    })
    trace.sent()
  }
}

/** Those that ask by `traceparent` are traced as often as their account says. */
function isChosen({ destination }: TraceHeaders, { account }: TracedPublisher): boolean {
  const sampling = account.trace?.sampling ?? 100
  return destination !== '' || Math.random() * 100 < sampling
}

function mayPublishTo(destination: string, { rights }: TracedPublisher): boolean {
  const subject = Buffer.from(destination).toString('latin1')
  return !isReservedSubject(subject) && (rights === undefined || rights.mayPublish(subject))
}
