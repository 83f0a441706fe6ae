// The timers of a shard: its heartbeat for the primary, PINGs that are due, and checks for peers that read nothing.
// Peers are judged by the loop's clock: none is closed for a silence during which the loop did not read.

import { HEARTBEAT_MS } from '../base/constants.ts'
import { attempt, guarded } from '../base/guarded.ts'
import { ownThreadId } from '../base/thread-time.ts'
import { TimerWheel } from '../base/timer-wheel.ts'
import { TurnQueue } from '../base/turn-queue.ts'
import type { Expiring } from '../connection/owner.ts'
import type { KeepAlive } from '../net/keep-alive.ts'
import type { Options } from '../options/options.ts'
import type { Gauges } from '../reports/gauges.ts'
import type { TimersOwner } from './owner.ts'

const SWEEP_MAX_MS = 1000
const PING_STEP_MAX_MS = 100
const STEP_MIN_MS = 10
/** Tokens that were issued together end together. */
const EXPIRIES_A_TURN = 32

/** How often to check spans that are `spanMs` long: exact to a quarter of them, within bounds. */
function stepMs(spanMs: number, maxMs: number): number {
  return Math.min(maxMs, Math.max(STEP_MIN_MS, spanMs / 4))
}

type SweepOptions = Pick<Options, 'writeDeadline'>

/** Where it beats. */
type BeatGauges = Pick<Gauges, 'setThread' | 'beat'>

export class ShardTimers {
  /** When each connection's next PING is due, on the loop's clock. */
  readonly pings: TimerWheel<KeepAlive>
  /** When the identity of each connection ends, on the wall clock. */
  readonly expiries: TimerWheel<Expiring>
  private readonly expired = new TurnQueue(EXPIRIES_A_TURN)
  private readonly shard: TimersOwner
  private readonly gauges: BeatGauges
  private sweepTimer: NodeJS.Timeout
  private readonly pingTimer: NodeJS.Timeout
  private readonly heartbeatTimer: NodeJS.Timeout

  constructor(shard: TimersOwner, gauges: BeatGauges) {
    this.shard = shard
    this.gauges = gauges
    const { pingInterval, websocket, writeDeadline } = shard.options
    const pingStepMs = stepMs(
      Math.min(pingInterval, websocket?.pingInterval || Number.POSITIVE_INFINITY),
      PING_STEP_MAX_MS,
    )
    this.pings = new TimerWheel(pingStepMs, shard.clock.nowMs)
    this.expiries = new TimerWheel(pingStepMs, shard.clock.dateMs)
    this.pingTimer = setInterval(this.pingSoon, pingStepMs)
    this.sweepTimer = setInterval(this.sweepSoon, stepMs(writeDeadline, SWEEP_MAX_MS))
    this.heartbeatTimer = setInterval(() => this.beat(), HEARTBEAT_MS)
    gauges.setThread(shard.index, ownThreadId())
    gauges.beat(shard.index)
  }

  optionsChanged({ writeDeadline }: SweepOptions, before: SweepOptions): void {
    if (writeDeadline === before.writeDeadline) return
    clearInterval(this.sweepTimer)
    this.sweepTimer = setInterval(this.sweepSoon, stepMs(writeDeadline, SWEEP_MAX_MS))
  }

  stop(): void {
    clearInterval(this.sweepTimer)
    clearInterval(this.pingTimer)
    clearInterval(this.heartbeatTimer)
  }

  /** The clock was put forward: does at once what is due. */
  catchUp(): void {
    this.ping()
    this.sweep()
  }

  private beat(): void {
    const { shard } = this
    shard.clock.tick()
    this.gauges.beat(shard.index)
    attempt(shard.bugMet, () => {
      shard.log.follow()
      shard.records.addUpTraffic()
    })
  }

  // Both judge the silence of peers. A loop that was late runs timers before it reads; they wait for the check phase,
  // which follows reads.

  private readonly pingSoon = (): void => {
    setImmediate(guarded(this.shard.bugMet, () => this.ping()))
  }

  private ping(): void {
    const { shard } = this
    shard.wake()
    this.pings.take(shard.clock.nowMs, (keepAlive) => keepAlive.attempt(() => keepAlive.due(shard.nowMs)))
    this.expiries.take(shard.clock.dateMs, (login) =>
      this.expired.add(() => attempt(shard.bugMet, () => login.expired())),
    )
  }

  private readonly sweepSoon = (): void => {
    setImmediate(guarded(this.shard.bugMet, () => this.sweep()))
  }

  private sweep(): void {
    const { shard } = this
    const { slowWatch } = shard.records
    shard.wake()
    slowWatch.beginSweep(shard.nowMs)
    for (const client of shard.clients.values()) {
      client.attempt(() => {
        slowWatch.look(client, shard.nowMs)
        client.sweep(shard.nowMs)
      })
    }
    slowWatch.endSweep(shard.nowMs)
    for (const link of shard.links.values()) link.attempt(() => link.sweep())
    shard.router.planner.sweep()
    for (const peer of shard.peers) peer.sweep()
    shard.pool.trim()
    shard.serviceCalls.sweep()
    shard.log.complaintsCounted()
  }
}
