// The records of a shard for the monitoring pages: counters, closed connections, slow connections, delay and load of
// its loop. The shard records events; report.ts makes reports of them.

import type { Account } from '../accounts/account.ts'
import { TrafficTotals } from '../accounts/counters.ts'
import { CROWDED_LOG_MS } from '../base/constants.ts'
import { CloseReason, type Fault } from '../base/errors.ts'
import type { OnBug } from '../base/guarded.ts'
import type { Options } from '../options/options.ts'
import type { ReportedClient } from './client.ts'
import { ClosedConnections } from './closed-connections.ts'
import { closedRow, type RowSource } from './connection-row.ts'
import type { Counters } from './gauges.ts'
import { Incidents } from './incidents.ts'
import { LatencySampler } from './latency.ts'
import { LoadMeter } from './load-meter.ts'
import { SlowWatch } from './slow-watch.ts'

/** What it needs of the shard. */
export interface RecordsOwner extends RowSource {
  /** On the shard's clock, as of this turn. */
  readonly nowMs: number
  readonly clients: { values(): Iterable<ReportedClient> }
  readonly accounts: { values(): Iterable<Account> }
  readonly options: Pick<Options, 'maxPending' | 'maxClosedClients' | 'monitorPort' | 'httpsPort' | 'writeDeadline'>
  readonly bugMet: OnBug
}

export class Records {
  /** When the thread began, on the shard's clock. */
  readonly bornMs: number
  /** In shared memory: what this and earlier threads in this place have done. */
  readonly counters: Counters
  /** The latest closed connections. */
  readonly closed = new ClosedConnections()
  readonly incidents = new Incidents()
  readonly latency = new LatencySampler()
  readonly slowWatch: SlowWatch
  /** Only where there are pages that show it. */
  readonly load: LoadMeter | undefined

  private readonly shard: RecordsOwner
  /** When the log last named a connection for which there was no room. */
  private crowdedAtMs = Number.NEGATIVE_INFINITY

  constructor(shard: RecordsOwner, counters: Counters) {
    const { options } = shard
    this.shard = shard
    this.bornMs = shard.nowMs
    this.counters = counters
    this.slowWatch = new SlowWatch(options.maxPending, (ms) => shard.wallClock(ms))
    this.load = (options.monitorPort ?? options.httpsPort) === undefined ? undefined : new LoadMeter(shard.bugMet)
  }

  /** A connection began to close; its subscriptions are still there. */
  closing(client: ReportedClient, reason: CloseReason): void {
    const { nowMs } = this.shard
    if (reason === CloseReason.slowConsumerPending || reason === CloseReason.slowConsumerDeadline) {
      this.countSlow(client)
      this.slowWatch.cutOff(client, reason, nowMs)
    } else if (reason === CloseReason.staleConnection) this.counters.staleConnection()
    this.incidents.closed(client, reason, this.shard.wallClock(nowMs))
  }

  private countSlow(client: ReportedClient): void {
    this.counters.slowConsumer()
    client.account.counters.slowConsumers++
  }

  /** A connection missed a write deadline and gets more time; `still`: it was given some before. */
  triedAgain(client: ReportedClient, still: boolean): void {
    this.countSlow(client)
    this.tellSlow(client, CloseReason.slowConsumerDeadline, still)
  }

  private tellSlow(client: ReportedClient, reason: CloseReason, still: boolean): void {
    client.log.slowConsumer(reason, client.outbound.pendingBytes, this.shard.options, still)
  }

  /** Messages for a connection were dropped, as more would have waited than may. */
  dropped(client: ReportedClient, messages: number): void {
    this.counters.drop(messages)
    client.account.counters.droppedMessages += messages
  }

  /** Says in the log why a connection began to close, where operators should know. */
  tell(client: ReportedClient, { reason }: Fault): void {
    const { nowMs } = this.shard
    if (reason === CloseReason.slowConsumerPending || reason === CloseReason.slowConsumerDeadline) {
      this.tellSlow(client, reason, client.slowWrites?.wasTriedAgain === true)
    } else if (reason === CloseReason.connectionsExceeded && nowMs - this.crowdedAtMs > CROWDED_LOG_MS) {
      this.crowdedAtMs = nowMs
      client.log.error(reason.toLowerCase())
    }
  }

  /** A connection is gone. */
  gone(client: ReportedClient): void {
    client.account.counters.closed.add(client)
    const { maxClosedClients } = this.shard.options
    if (maxClosedClients === 0) return
    this.closed.add(closedRow(this.shard, client), maxClosedClients)
  }

  /** Brings the shared counters up to date. */
  addUpTraffic(): void {
    const { accounts, clients } = this.shard
    const traffic = new TrafficTotals()
    for (const { counters } of accounts.values()) traffic.add(counters.closed)
    for (const client of clients.values()) traffic.add(client)
    this.counters.setTraffic(traffic)
  }

  stop(): void {
    this.load?.stop()
  }
}
