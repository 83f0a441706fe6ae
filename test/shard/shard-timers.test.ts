// What a shard does by the clock, with timers that are as short as they may be: each test waits for what happens, and
// for nothing else.

import { expect, onTestFinished, test } from 'vitest'
import { attempt } from '../../src/base/guarded.ts'
import { ownThreadId } from '../../src/base/thread-time.ts'
import type { Expiring } from '../../src/connection/owner.ts'
import { KeepAlive } from '../../src/net/keep-alive.ts'
import { ShardTimers } from '../../src/shard/shard-timers.ts'
import { until } from '../support/until.ts'

/** As short as a span is looked at. */
const SHORT_MS = 10
const LONG_MS = 10_000_000

/** A client that notes when it is swept. */
function clientThat(sweep: () => void = () => undefined) {
  const client = {
    sweeps: 0,
    bugs: [] as unknown[],
    attempt: (act: () => unknown) => attempt((error) => client.bugs.push(error), act),
    sweep: () => {
      client.sweeps++
      sweep()
    },
  }
  return client
}

function stage({ pingInterval = LONG_MS, writeDeadline = LONG_MS } = {}) {
  const events: string[] = []
  const bugs: unknown[] = []
  const clients: ReturnType<typeof clientThat>[] = []
  const gauges = { beats: 0, threads: [] as number[] }
  const shard = {
    index: 3,
    nowMs: 5,
    options: { pingInterval, writeDeadline, websocket: undefined, pingMax: 2 },
    clock: {
      ticks: 0,
      get nowMs() {
        return performance.now()
      },
      get dateMs() {
        return Date.now()
      },
      tick: () => void shard.clock.ticks++,
    },
    bugMet: (error: unknown) => void bugs.push(error),
    wake: () => undefined,
    log: { follow: (): void => {}, complaintsCounted: () => void events.push('complaints') },
    clients: { values: () => clients },
    records: {
      slowWatch: {
        beginSweep: () => void events.push('begin'),
        look: () => void events.push('look'),
        endSweep: () => void events.push('end'),
      },
      addUpTraffic: () => void events.push('traffic'),
    },
    router: { planner: { sweep: () => void events.push('plans') } },
    peers: [],
    serviceCalls: { sweep: () => void events.push('requests') },
    links: { values: () => [] },
    pool: { trim: () => void events.push('memory') },
  }
  const timers = new ShardTimers(shard, {
    setThread: (index, id) => void gauges.threads.push(index, id),
    beat: (index) => {
      expect(index).toBe(3)
      gauges.beats++
    },
  })
  onTestFinished(() => timers.stop())
  return { shard, timers, events, bugs, clients, gauges }
}

/** A peer to which PINGs go, and what happens to it. */
function peerOf({ shard, timers }: ReturnType<typeof stage>, sendPing: () => void = () => undefined) {
  const peer = {
    pings: 0,
    bugs: [] as unknown[],
    pingInterval: shard.options.pingInterval,
    sendPing: () => {
      peer.pings++
      sendPing()
    },
    attempt: (act: () => unknown) => attempt((error) => peer.bugs.push(error), act),
    pingMax: 2,
    peerIsStale: () => undefined,
  }
  const keepAlive = new KeepAlive({ ...shard, clockMs: () => performance.now(), pings: timers.pings }, peer)
  keepAlive.start()
  return peer
}

function expiringThat(expired: () => void): Expiring {
  return { bucket: undefined, place: 0, expired }
}

test('it says at once which thread it is, and beats from then on', async () => {
  const { gauges, shard, events } = stage()
  expect(gauges).toEqual({ beats: 1, threads: [3, ownThreadId()] })
  await until('another beat', () => gauges.beats > 2)
  expect(shard.clock.ticks).toBe(gauges.beats - 1)
  expect(events).toEqual(Array(shard.clock.ticks).fill('traffic'))
})

test('a bug in what goes with a beat does not keep it from beating', async () => {
  const { gauges, shard, bugs } = stage()
  shard.log.follow = () => {
    throw new Error('a bug')
  }
  await until('another beat', () => gauges.beats > 2)
  expect(bugs).toHaveLength(gauges.beats - 1)
})

test('PINGs go to those for whom they are due; a bug with one costs that one', async () => {
  const staged = stage({ pingInterval: SHORT_MS })
  const faulty = peerOf(staged, () => {
    throw new Error('a bug')
  })
  const sound = peerOf(staged)
  await until('both PINGs', () => sound.pings > 0 && faulty.pings > 0)
  expect(faulty.bugs).toHaveLength(faulty.pings)
  expect([sound.bugs, staged.bugs]).toEqual([[], []])
})

test('identities end when their time has come, however many at once, and not before', async () => {
  const { timers, bugs } = stage({ pingInterval: SHORT_MS })
  let expired = 0
  const early = expiringThat(() => expect.fail('it was not due'))
  timers.expiries.add(early, Date.now() + LONG_MS)
  for (let i = 0; i < 100; i++)
    timers.expiries.add(
      expiringThat(() => expired++),
      Date.now(),
    )
  for (let before = 0; expired < 100; before = expired) {
    await new Promise(setImmediate)
    // In one turn of the loop, as many as fit.
    expect(expired - before).toBeLessThan(50)
  }
  expect([timers.expiries.size, bugs]).toEqual([1, []])
})

test('a bug with an identity that ends is told, and the others end all the same', async () => {
  const { timers, bugs } = stage({ pingInterval: SHORT_MS })
  let expired = 0
  const bug = new Error('a bug')
  const faulty = expiringThat(() => {
    throw bug
  })
  for (let i = 0; i < 3; i++)
    timers.expiries.add(
      expiringThat(() => expired++),
      Date.now(),
    )
  timers.expiries.add(faulty, Date.now())
  for (let i = 0; i < 3; i++)
    timers.expiries.add(
      expiringThat(() => expired++),
      Date.now(),
    )
  await until('the others have ended', () => expired === 6)
  expect(bugs).toEqual([bug])
})

test('a sweep looks at every client, and then at what is left over', async () => {
  const { clients, events } = stage({ writeDeadline: SHORT_MS })
  clients.push(clientThat(), clientThat())
  await until('a sweep', () => events.includes('complaints'))
  expect(events.slice(0, 8)).toEqual(['begin', 'look', 'look', 'end', 'plans', 'memory', 'requests', 'complaints'])
  expect(clients[0].sweeps).toBeGreaterThan(0)
})

test('a bug with one client costs that one: the sweep goes on', async () => {
  const { clients, bugs } = stage({ writeDeadline: SHORT_MS })
  const faulty = clientThat(() => {
    throw new Error('a bug')
  })
  clients.push(faulty, clientThat())
  await until('the other is swept', () => clients[1].sweeps > 1)
  expect(faulty.bugs.length).toBeGreaterThan(0)
  expect(bugs).toEqual([])
})

test('a bug in the sweep itself is told, and the next one comes', async () => {
  const { shard, bugs } = stage({ writeDeadline: SHORT_MS })
  shard.serviceCalls.sweep = () => {
    throw new Error('a bug')
  }
  await until('two sweeps', () => bugs.length > 1)
})

test('another write deadline is looked for as often as it needs, at once', async () => {
  const { timers, events } = stage()
  timers.optionsChanged({ writeDeadline: SHORT_MS }, { writeDeadline: LONG_MS })
  await until('two sweeps', () => events.filter((event) => event === 'begin').length > 1)
})

test('once stopped, nothing happens by the clock any more', async () => {
  const options = { pingInterval: SHORT_MS, writeDeadline: SHORT_MS }
  const [stopped, other] = [stage(options), stage(options)]
  const peer = peerOf(stopped)
  stopped.timers.stop()
  await until('the other has beaten, swept and pinged', () => other.gauges.beats > 2 && other.events.includes('end'))
  expect([stopped.gauges.beats, stopped.events, peer.pings]).toEqual([1, [], 0])
})
