// A shard dies, in every way a thread can: its own clients see their connections closed, nobody else notices
// anything, and another thread takes its place (docs of reliability: R14, F1, F14).

import { readFileSync } from 'node:fs'
import inspector from 'node:inspector'
import { setFlagsFromString } from 'node:v8'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { HEARTBEAT_MS, SHARD_STUCK_MS } from '../../src/base/constants.ts'
import type { ThreadWatch } from '../../src/base/thread-watch.ts'
import { Clients } from '../../src/primary/clients.ts'
import type { Primary } from '../../src/primary/primary.ts'
import { STUCK, WAYS, type Way } from '../support/faulty-ways.ts'
import { ownPrimary } from '../support/harness.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { type ConnectMembers, RawClient } from '../support/raw-client.ts'
import {
  FAULTY_ENTRY,
  hostOf,
  kill,
  letFail,
  openOn as openOnShard,
  settleShard,
  untilReplaced,
} from '../support/shards.ts'
import { Chatter, Listener, settle, Talker } from '../support/streams.ts'
import { until } from '../support/until.ts'
import { writeFiles } from '../tls/files.ts'

/** Workers of this file get a small heap, so that running out of it takes no gigabytes. */
const HEAP_MIB = 96
/** The goal for the time until a dead shard's clients see the close, and what a busy machine is allowed. */
const CLOSE_GOAL_MS = 100
const CLOSE_MAX_MS = 1000
const GAP_MAX_MS = 1000

/** Times a worker is killed under load; more for long runs. */
const KILLS = Number(process.env['HEDDLE_KILLS'] ?? 25)

beforeAll(() => setFlagsFromString(`--max-old-space-size=${HEAP_MIB}`))
afterAll(() => setFlagsFromString('--max-old-space-size=0'))

async function openOn(primary: Primary, shard: number, members?: ConnectMembers): Promise<RawClient> {
  const client = await openOnShard(primary, shard, members)
  onTestFinished(() => client.close())
  return client
}

const RESPONDERS = { headers: true, no_responders: true }
const DEAD = 1

describe('a shard dies', () => {
  test.each(WAYS)('by %s', async (way) => {
    const primary = await ownPrimary({ workers: 3 }, FAULTY_ENTRY)
    const victims = [await openOn(primary, DEAD), await openOn(primary, DEAD), await openOn(primary, DEAD)]
    const requester = await openOn(primary, 0, RESPONDERS)
    requester.send('SUB inbox 1\r\n')
    victims[0].send('SUB only.here 1\r\nSUB shared.here q 2\r\n')
    for (const client of [requester, victims[0]]) await client.sync()
    requester.send('PUB only.here inbox 0\r\n\r\n')
    await victims[0].expect('MSG only.here 1 inbox 0\r\n\r\n')

    // Streams from and to the two other shards, which the dying one hears as well.
    const talkers = [new Talker(await openOn(primary, 0)), new Talker(await openOn(primary, 2))]
    const listeners = [
      await Listener.start(await openOn(primary, 0), 'shard 0', talkers),
      await Listener.start(await openOn(primary, 2), 'shard 2', talkers),
    ]
    for (const victim of victims.slice(1)) await Listener.start(victim, 'victim', talkers)
    const chatter = new Chatter(talkers, 10)
    onTestFinished(() => chatter.stop())
    await until('the streams to flow', () => listeners.every(({ heard }) => heard.size === 2))
    for (const listener of listeners) listener.resetGap()

    const host = hostOf(primary, DEAD)
    const killedAtMs = await kill(primary, DEAD, way)
    const closedAfterMs = await Promise.all(
      victims.map(async (victim) => {
        await until('the close', () => victim.isClosed)
        return victim.closedAtMs - killedAtMs
      }),
    )
    // A shard that fills its heap takes a while to die of it; its clients have nothing to go by until then.
    const worstMs = Math.max(...closedAfterMs)
    if (way !== 'heap out of memory') expect(worstMs).toBeLessThan(CLOSE_MAX_MS)
    await untilReplaced(primary, DEAD, host)
    const replacedAfterMs = performance.now() - killedAtMs

    // Its interest is gone from the index.
    requester.send('PUB only.here inbox 0\r\n\r\nPUB shared.here inbox 0\r\n\r\n')
    await requester.expect(
      'HMSG inbox 1 41 41\r\nNATS/1.0 503\r\nNats-Subject: only.here\r\n\r\n\r\n' +
        'HMSG inbox 1 43 43\r\nNATS/1.0 503\r\nNats-Subject: shared.here\r\n\r\n\r\n',
    )

    // The new thread serves: itself, and to and from the others.
    const reborn = await openOn(primary, DEAD)
    const old = await openOn(primary, 2)
    for (const client of [reborn, old]) client.send('SUB hello.* 7\r\n')
    for (const client of [reborn, old]) await client.sync()
    for (const [i, client] of [reborn, old, requester].entries()) {
      client.send(`PUB hello.${i} 2\r\nhi\r\n`)
      await reborn.expect(`MSG hello.${i} 7 2\r\nhi\r\n`)
      await old.expect(`MSG hello.${i} 7 2\r\nhi\r\n`)
    }
    const newListener = await Listener.start(await openOn(primary, DEAD), 'the new shard', talkers)

    // Nobody else has noticed anything.
    await until('the streams to reach the new shard', () => newListener.heard.size === 2)
    chatter.stop()
    expect(await settle([...listeners, newListener], talkers)).toEqual([])
    for (const { client } of [...listeners, ...talkers]) expect(client.isClosed).toBe(false)
    const gapMs = Math.max(...listeners.map((listener) => listener.gapMs))
    expect(gapMs).toBeLessThan(GAP_MAX_MS)
    expect(primary.restarts).toBe(1)
    report(way, worstMs, replacedAfterMs, gapMs, talkers)
  })

  function report(way: Way, closeMs: number, replacedMs: number, gapMs: number, talkers: readonly Talker[]): void {
    const sent = talkers.reduce((sum, talker) => sum + talker.sent, 0)
    const goal = closeMs <= CLOSE_GOAL_MS ? '' : ` (goal ${CLOSE_GOAL_MS})`
    process.stderr.write(
      `shard death by ${way}: clients saw the close after ${closeMs.toFixed(1)} ms${goal}, replaced after ` +
        `${replacedMs.toFixed(0)} ms, longest gap of the others' streams ${gapMs.toFixed(0)} ms, ${sent} messages\n`,
    )
  }

  test('the only shard there is, and the server lives on', async () => {
    const primary = await ownPrimary({ workers: 1 }, FAULTY_ENTRY)
    for (let round = 1; round <= 3; round++) {
      const client = await openOn(primary, 0)
      client.send('SUB a 1\r\n')
      await client.sync()
      const host = hostOf(primary, 0)
      await kill(primary, 0, 'throw')
      await client.expectClose()
      // A connection that comes when no shard is there to take it waits for the new one.
      await until('the primary to know', () => host.dead)
      const waiting = await openOnShard(primary, 0)
      onTestFinished(() => waiting.close())
      await untilReplaced(primary, 0, host)
      waiting.send('SUB a 1\r\nPUB a 2\r\nhi\r\n')
      await waiting.expect('MSG a 1 2\r\nhi\r\n')
      expect(primary.restarts).toBe(round)
      await waiting.close()
    }
  })

  test('its connections count for no limit any more, before there is another thread', async () => {
    const accounts = { A: { users: [{ user: 'a', password: 'a' }], limits: { maxConnections: 2 } } }
    const primary = await ownPrimary({ workers: 2, maxConnections: 3, accounts }, FAULTY_ENTRY)
    const who = { user: 'a', pass: 'a' }
    // Each death makes the next replacement wait longer.
    for (let deaths = 0; deaths < 2; deaths++) {
      const host = hostOf(primary, DEAD)
      await kill(primary, DEAD, 'throw')
      await untilReplaced(primary, DEAD, host)
    }
    const victim = await openOn(primary, DEAD, who)
    await openOn(primary, 0, who)
    const host = hostOf(primary, DEAD)
    await kill(primary, DEAD, 'throw')
    await victim.expectClose()
    await until('the primary to know', () => host.dead)
    await (await openOn(primary, 0, who)).sync()
  })

  test('several shards at once', async () => {
    const primary = await ownPrimary({ workers: 4 }, FAULTY_ENTRY)
    const talker = new Talker(await openOn(primary, 0))
    const listener = await Listener.start(await openOn(primary, 0), 'shard 0', [talker])
    const victims = [await openOn(primary, 1), await openOn(primary, 2), await openOn(primary, 3)]
    for (const victim of victims) await Listener.start(victim, 'victim', [talker])
    const chatter = new Chatter([talker], 10)
    onTestFinished(() => chatter.stop())
    const hosts = [1, 2, 3].map((shard) => hostOf(primary, shard))
    await Promise.all([1, 2, 3].map((shard) => kill(primary, shard, 'process.exit')))
    for (const victim of victims) await until('the close', () => victim.isClosed)
    await Promise.all([1, 2, 3].map((shard, i) => untilReplaced(primary, shard, hosts[i])))
    // All pairs know each other again.
    const clients = [0, 1, 2, 3].map((shard) => openOn(primary, shard))
    for (const [i, client] of (await Promise.all(clients)).entries()) {
      client.send(`SUB pair.* ${i}\r\n`)
      await client.sync()
    }
    for (const [i, pending] of clients.entries()) {
      ;(await pending).send(`PUB pair.${i} 0\r\n\r\n`)
      for (const [j, other] of clients.entries()) await (await other).expect(`MSG pair.${i} ${j} 0\r\n\r\n`)
    }
    chatter.stop()
    expect(await settle([listener], [talker])).toEqual([])
  })

  test('while large messages are on their way to it and from it', async () => {
    const primary = await ownPrimary({ workers: 3 }, FAULTY_ENTRY)
    const talker = new Talker(await openOn(primary, 0))
    const listener = await Listener.start(await openOn(primary, 2), 'shard 2', [talker])
    const large = `PUB large 900000\r\n${'x'.repeat(900_000)}\r\n`
    for (let round = 0; round < 5; round++) {
      const [to, from, beside] = [await openOn(primary, DEAD), await openOn(primary, DEAD), await openOn(primary, 2)]
      for (const client of [to, beside]) {
        client.onMessage = () => undefined
        client.send('SUB large 1\r\n')
        await client.sync()
      }
      talker.client.send(large.repeat(4))
      from.send(large.repeat(4), large.slice(0, 500_000))
      talker.publish(10)
      const host = hostOf(primary, DEAD)
      await kill(primary, DEAD, 'throw')
      await until('the close', () => to.isClosed && from.isClosed)
      await untilReplaced(primary, DEAD, host)
      talker.publish(10)
      expect(await settle([listener], [talker])).toEqual([])
      await beside.sync()
      await beside.close()
    }
  })

  test('and its publishers, held back on other shards for its sake, go on', async () => {
    const primary = await ownPrimary({ workers: 2 }, FAULTY_ENTRY)
    const talker = new Talker(await openOn(primary, 0))
    const listener = await Listener.start(await openOn(primary, 0), 'shard 0', [talker])
    const victim = await openOn(primary, DEAD)
    await Listener.start(victim, 'victim', [talker])
    // The other shard stops turning, its ring fills, and the publisher is read no further.
    const host = hostOf(primary, DEAD)
    const dying = new SharedArrayBuffer(4)
    host.thread.worker.postMessage({ kind: 'die', way: 'Atomics.wait', dying })
    await until('the shard to be stuck', () => Atomics.load(new Int32Array(dying), 0) === 1)
    talker.publish(200_000)
    await host.thread.worker.terminate()
    await until('the close', () => victim.isClosed)
    await untilReplaced(primary, DEAD, host)
    talker.publish(1000)
    expect(await settle([listener], [talker])).toEqual([])
    await talker.client.sync()
  })
})

test('a connection whose shard dies before it is handed over is served by another one', async () => {
  const primary = await ownPrimary({ workers: 2 }, FAULTY_ENTRY)
  const host = hostOf(primary, DEAD)
  await kill(primary, DEAD, 'process.exit')
  await until('the primary to know', () => host.dead)
  // It was chosen while it lived.
  const spy = vi.spyOn(Clients.prototype as unknown as { pickSlot(): unknown }, 'pickSlot')
  onTestFinished(() => spy.mockRestore())
  spy.mockImplementationOnce(() => ({ handed: 0, host }))
  const client = await RawClient.open(primary.port)
  onTestFinished(() => client.close())
  await client.sync()
  expect(spy.mock.calls.length).toBeGreaterThan(1)
})

test('the log names whom the dead shard served last', async () => {
  const { log: logFile } = writeFiles({ log: '' })
  const primary = await ownPrimary({ workers: 2, log: 'stderr', logFile }, FAULTY_ENTRY)
  const [publisher, subscriber] = [await openOn(primary, 0), await openOn(primary, DEAD)]
  const told = (): string => readFileSync(logFile, 'utf8')
  const { localPort } = subscriber.socket
  subscriber.send('SUB a 1\r\n')
  await subscriber.sync()
  const host = hostOf(primary, DEAD)
  await kill(primary, DEAD, 'throw')
  const served = `Shard ${DEAD} died (last served: 127.0.0.1:${localPort} - cid:${subscriber.info?.client_id}): Error: a test`
  await until(served, () => told().includes(served))
  await untilReplaced(primary, DEAD, host)
  // What another shard's client has sent may be what kills it.
  const next = await openOn(primary, DEAD)
  next.send('SUB a 1\r\n')
  await next.sync()
  publisher.send('PUB a 0\r\n\r\n')
  await next.expect('MSG a 1 0\r\n\r\n')
  await kill(primary, DEAD, 'throw')
  const remote = `Shard ${DEAD} died (last served: cid:${publisher.info?.client_id} of shard 0)`
  await until(remote, () => told().includes(remote))
})

/** What the server has to notice by itself: those that are stuck, and one whose heap fills. */
const NOTICED: readonly Way[] = [...STUCK, 'heap out of memory']

test('shards that are stuck, each in its own way, get no connections after a while, and are replaced', async () => {
  const { log: logFile } = writeFiles({ log: '' })
  const primary = await ownPrimary({ workers: 1 + NOTICED.length, log: 'stderr', logFile }, FAULTY_ENTRY)
  const talker = new Talker(await openOn(primary, 0))
  const listener = await Listener.start(await openOn(primary, 0), 'shard 0', [talker])
  const chatter = new Chatter([talker], 2)
  onTestFinished(() => chatter.stop())
  const failing = NOTICED.map((way, i) => ({ way, shard: i + 1, host: hostOf(primary, i + 1) }))
  const victims = await Promise.all(failing.map(({ shard }) => openOn(primary, shard)))
  await Promise.all(
    failing.map(async ({ way, shard, host }, i) => {
      const dying = letFail(primary, shard, way)
      await until(`the ${way}`, () => Atomics.load(dying, 0) === 1)
      const startMs = performance.now()
      await until(`the end of the ${way}`, () => victims[i].isClosed)
      process.stderr.write(`${way} was noticed after ${(victims[i].closedAtMs - startMs).toFixed(0)} ms\n`)
      await untilReplaced(primary, shard, host)
    }),
  )
  const lines = readFileSync(logFile, 'utf8')
  for (const { shard } of failing.slice(0, STUCK.length)) {
    expect(lines).toMatch(new RegExp(`Shard ${shard}: event loop blocked for \\d+ ms`))
    expect(lines).toMatch(new RegExp(`Shard ${shard} is stuck and is replaced`))
  }
  expect(primary.restarts).toBe(NOTICED.length)
  for (const { shard } of failing) await (await openOn(primary, shard)).sync()
  chatter.stop()
  expect(await settle([listener], [talker])).toEqual([])
}, 40_000)

test('connections that come while a shard is stuck go to the others', async () => {
  const primary = await ownPrimary({ workers: 2 }, FAULTY_ENTRY)
  letFail(primary, DEAD, 'Atomics.wait')
  const { slots } = (primary as unknown as { shards: { slots: { watch: { isLate: boolean } }[] } }).shards
  await until('the primary to notice', () => slots[DEAD].watch.isLate)
  for (let i = 0; i < 4; i++) {
    const client = await openOn(primary, 0)
    await client.sync()
  }
})

test('a shard that a debugger holds is not replaced', async () => {
  const primary = await ownPrimary({ workers: 2 }, FAULTY_ENTRY)
  inspector.open(0, '127.0.0.1')
  onTestFinished(() => inspector.close())
  const host = hostOf(primary, DEAD)
  const dying = letFail(primary, DEAD, 'Atomics.wait')
  await until('the shard to be held', () => Atomics.load(dying, 0) === 1)
  const { watch } = (primary as unknown as { shards: { slots: { watch: ThreadWatch }[] } }).shards.slots[DEAD]
  const look = vi.spyOn(watch, 'look')
  await until('twice as many looks as it takes', () => look.mock.calls.length > (2 * SHARD_STUCK_MS) / HEARTBEAT_MS)
  expect(look.mock.results.map(({ value }) => value)).not.toContain('stuck')
  expect(host.dead).toBe(false)
  inspector.close()
  await untilReplaced(primary, DEAD, host)
})

test(
  `a worker is killed ${KILLS} times under load, and the other shards' streams are intact each time`,
  async () => {
    const SHARDS = 4
    const random = new Random(chooseSeed('shard-death'))
    const ways: Way[] = WAYS.filter((way) => way !== 'heap out of memory' || KILLS > 50)
    const primary = await ownPrimary({ workers: SHARDS }, FAULTY_ENTRY)
    // Shard 0 lives; each shard has a talker and a listener, which are made anew on the shard that died.
    const talkers: Talker[] = []
    const listeners: Listener[] = []
    for (let shard = 0; shard < SHARDS; shard++) talkers.push(new Talker(await openOn(primary, shard)))
    for (let shard = 0; shard < SHARDS; shard++) {
      listeners.push(await Listener.start(await openOn(primary, shard), `shard ${shard}`, talkers))
    }
    const chatter = new Chatter(talkers, 5)
    onTestFinished(() => chatter.stop())
    const closeMs: number[] = []
    const replaceMs: number[] = []
    for (let round = 0; round < KILLS; round++) {
      const shard = 1 + random.below(SHARDS - 1)
      const way = random.pick(ways)
      const [talker, listener] = [talkers[shard], listeners[shard]]
      const host = hostOf(primary, shard)
      const atMs = await kill(primary, shard, way)
      await until('the close', () => talker.client.isClosed && listener.client.isClosed)
      closeMs.push(Math.max(talker.client.closedAtMs, listener.client.closedAtMs) - atMs)
      chatter.talkers.delete(talker)
      await untilReplaced(primary, shard, host)
      replaceMs.push(performance.now() - atMs)
      settleShard(primary, shard)

      // New ones on the new thread, while the others talk on.
      talkers[shard] = new Talker(await openOnShard(primary, shard))
      listeners[shard] = await Listener.start(await openOnShard(primary, shard), `shard ${shard}`, talkers)
      chatter.talkers.add(talkers[shard])
      talkers[shard].publish(1)

      // A pause to count: everything of every living talker has reached every living listener.
      chatter.pause()
      const what = { round, shard, way, seed: random.seed }
      expect({ ...what, faults: await settle(listeners, talkers) }).toEqual({ ...what, faults: [] })
      chatter.resume()
    }
    for (const { client } of [...talkers, ...listeners]) await client.close()
    expect(primary.restarts).toBe(KILLS)
    closeMs.sort((a, b) => a - b)
    replaceMs.sort((a, b) => a - b)
    const middle = Math.floor(KILLS / 2)
    process.stderr.write(
      `${KILLS} kills: clients saw the close after ${closeMs[middle].toFixed(1)} ms (median), ${closeMs[KILLS - 1].toFixed(1)} ms ` +
        `(worst); replaced after ${replaceMs[middle].toFixed(0)} ms (median), ${replaceMs[KILLS - 1].toFixed(0)} ms (worst)\n`,
    )
    expect(closeMs[middle]).toBeLessThan(CLOSE_MAX_MS)
  },
  30_000 + KILLS * 3000,
)
