// Liveness of a peer: PINGs to a quiet one, its round trip time, and when it is stale (docs/reference/limits.md,
// "PINGs").

import { FIRST_PING_MS, RTT_AGE_MAX_MS } from '../base/constants.ts'
import type { LoopClock } from '../base/loop-clock.ts'
import type { Timed, TimerWheel } from '../base/timer-wheel.ts'
import type { Options } from '../options/options.ts'

/** Not zero, which means unknown. */
const RTT_MIN_MS = 0.001

/** What planning PINGs needs of the shard. */
export interface KeepAliveShard {
  /** Milliseconds, as of this turn, and as of now. */
  readonly nowMs: number
  clockMs(): number
  /** The loop's clock, by which PINGs are planned: a peer that was not heard has not been silent. */
  readonly clock: Pick<LoopClock, 'nowMs'>
  /** When each connection's next PING is due. */
  readonly pings: TimerWheel<KeepAlive>
}

export interface KeepAliveOwner {
  /** Milliseconds between PINGs. */
  readonly pingInterval: number
  /** Unanswered ones after which the peer is stale. */
  readonly pingMax: number
  sendPing(): void
  /** Does something of this connection's for the event loop. */
  attempt(act: () => unknown): void
  /** The peer has not answered for too long. */
  peerIsStale(): void
}

type PingOptions = Pick<Options, 'pingInterval'>

export class KeepAlive implements Timed {
  bucket: Timed[] | undefined
  place = 0
  /** Milliseconds; 0 = not measured yet. */
  rttMs = 0
  private readonly shard: KeepAliveShard
  private readonly owner: KeepAliveOwner
  /** Latest bytes from the peer, on the shard's clock. */
  private lastReadMs: number
  private pingsOut = 0
  private dueMs = 0
  /** The connection is closing: nothing is planned any more. */
  private stopped = false
  private sentMs = Number.NEGATIVE_INFINITY

  constructor(shard: KeepAliveShard, owner: KeepAliveOwner) {
    this.shard = shard
    this.owner = owner
    this.lastReadMs = shard.nowMs
  }

  /** Plans the first PING, which comes soon. */
  start(): void {
    this.plan(Math.min(FIRST_PING_MS, this.owner.pingInterval) * (1 + Math.random() / 5))
  }

  /** The peer has introduced itself, `startMs` being when it came: an estimate, until the first PING measures it. */
  introduced(startMs: number): void {
    if (this.rttMs === 0) this.rttMs = Math.max(this.shard.clockMs() - startMs, RTT_MIN_MS)
    this.start()
  }

  heard(nowMs: number): void {
    this.lastReadMs = nowMs
  }

  pong(): void {
    if (this.pingsOut > 0) this.rttMs = Math.max(this.shard.clockMs() - this.sentMs, RTT_MIN_MS)
    this.pingsOut = 0
  }

  private plan(afterMs: number): void {
    if (this.stopped) return
    this.dueMs = this.shard.clock.nowMs + afterMs
    this.shard.pings.add(this, this.dueMs)
  }

  attempt(act: () => unknown): void {
    this.owner.attempt(act)
  }

  /** The time for a PING has come: sends one unless the peer was heard of lately, or finds the peer stale. */
  due(nowMs: number): void {
    const { pingInterval, pingMax } = this.owner
    this.plan(pingInterval)
    const needRtt = this.rttMs === 0 || nowMs - this.sentMs > RTT_AGE_MAX_MS
    if (nowMs - this.lastReadMs < pingInterval && !needRtt) return
    if (this.pingsOut + 1 > pingMax) {
      this.owner.peerIsStale()
      return
    }
    this.pingsOut++
    this.sentMs = this.shard.clockMs()
    this.owner.sendPing()
  }

  /** A PING that was to come after the old interval comes within the new one; each peer's at another time. */
  optionsChanged(options: PingOptions, before: PingOptions): void {
    const afterMs = options.pingInterval * Math.random()
    if (options.pingInterval < before.pingInterval && this.dueMs > this.shard.clock.nowMs + afterMs) this.plan(afterMs)
  }

  stop(): void {
    this.stopped = true
    this.shard.pings.remove(this)
  }
}
