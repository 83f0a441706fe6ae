// PINGs as planned on a shard's wheel: a connection that is closed is forgotten, whatever was going on.

import { beforeEach, describe, expect, test } from 'vitest'
import { TimerWheel } from '../../src/base/timer-wheel.ts'
import { KeepAlive, type KeepAliveShard } from '../../src/net/keep-alive.ts'

const PING_INTERVAL_MS = 100

class Clock implements KeepAliveShard {
  nowMs = 0
  readonly clock = this
  readonly pings = new TimerWheel<KeepAlive>(10, 0)

  clockMs(): number {
    return this.nowMs
  }

  goOn(ms: number): void {
    this.nowMs += ms
    this.pings.take(this.nowMs, (keepAlive) => keepAlive.due(this.nowMs))
  }
}

/** A connection that does with a PING what the test says. */
class Connection {
  readonly pingInterval = PING_INTERVAL_MS
  readonly pingMax = 2
  readonly keepAlive: KeepAlive
  pings = 0
  stale = 0
  onPing = (): void => undefined

  constructor(shard: KeepAliveShard) {
    this.keepAlive = new KeepAlive(shard, this)
  }

  sendPing(): void {
    this.pings++
    this.onPing()
  }

  attempt(act: () => unknown): void {
    act()
  }

  peerIsStale(): void {
    this.stale++
    this.keepAlive.stop()
  }
}

describe('a connection that is closed', () => {
  let clock: Clock
  beforeEach(() => {
    clock = new Clock()
  })

  test('while another one of the same step is pinged is not pinged any more', () => {
    // Which of the two comes first is chance, as the first PING is: whichever does closes the other.
    const connections = [new Connection(clock), new Connection(clock)]
    connections.forEach((connection, i) => {
      connection.onPing = () => connections[1 - i].keepAlive.stop()
      connection.keepAlive.start()
    })
    clock.goOn(10 * PING_INTERVAL_MS)
    expect(connections.map(({ pings }) => pings).sort()).toEqual([0, 1])
    expect(clock.pings.size).toBe(1)
  })

  test('by its own PING, or as it is stale, is not planned again', () => {
    const byPing = new Connection(clock)
    byPing.onPing = () => byPing.keepAlive.stop()
    byPing.keepAlive.start()
    const asStale = new Connection(clock)
    asStale.keepAlive.start()
    for (let i = 0; i < 100; i++) clock.goOn(10)
    expect(byPing.pings).toBe(1)
    expect([asStale.pings, asStale.stale]).toEqual([2, 1])
    expect(clock.pings.size).toBe(0)
  })

  test('is not planned by what comes later: its start after a TLS handshake, a CONNECT, a reload', () => {
    const { keepAlive } = new Connection(clock)
    keepAlive.stop()
    keepAlive.start()
    keepAlive.introduced(0)
    keepAlive.optionsChanged({ pingInterval: 50 }, { pingInterval: PING_INTERVAL_MS })
    expect(clock.pings.size).toBe(0)
  })
})
