// All shards of a server, by themselves: real threads and connections, which do what a test has them do.

import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { createServerKey } from '../../src/auth/server-key.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import type { Placement } from '../../src/options/shapes.ts'
import { Descriptors } from '../../src/primary/descriptors.ts'
import { Program } from '../../src/primary/program.ts'
import { ShardThread } from '../../src/primary/shard-threads.ts'
import { Shards } from '../../src/primary/shards.ts'
import { accept } from '../support/accept.ts'
import { identity } from '../support/identity.ts'
import { until } from '../support/until.ts'

/** `silent`: never ready; `stillborn`: dies at its setup; `shy`: when it meets another; `ending`: ends then. */
type Way = 'serves' | 'silent' | 'stillborn' | 'shy' | 'ending'

/** Beats, tells what it hears as lines of the log, and serves a connection with its own number and what it is told. */
const PUPPET = `
import { Socket } from 'node:net'
import { parentPort } from 'node:worker_threads'
import { Gauges } from '${new URL('../../src/reports/gauges.ts', import.meta.url).href}'
const BEAT_MS = 50
let setup, gauges, beats = true
const tell = (...what) =>
  parentPort.postMessage({ kind: 'logLine', level: 'info', line: [setup.index, ...what].join(' ') })
setInterval(() => { if (beats) gauges?.beat(setup.index) }, BEAT_MS)
parentPort.on('message', (message) => {
  const { kind } = message
  if (kind === 'setup') {
    setup = message.setup
    gauges = new Gauges(setup.gauges)
    tell(kind)
    if (WAY === 'stillborn') throw new Error('a bug')
    if (WAY !== 'silent') parentPort.postMessage({ kind: 'ready' })
  } else if (kind === 'peer') {
    if (WAY === 'shy') throw new Error('a bug')
    if (WAY === 'ending') process.exit()
    tell(kind, message.peer.index)
    parentPort.postMessage({ kind: 'joined', index: message.peer.index })
  } else if (kind === 'connections') {
    for (const { id, refused, handle } of message.arrivals)
      new Socket({ handle }).end([setup.index, id, refused ? 'refused' : 'served'].join(' '))
  } else if (kind === 'throw') throw new Error('a bug')
  else if (kind === 'beats') beats = message.beats
  else if (kind === 'work') for (const end = performance.now() + message.ms; performance.now() < end; );
  else if (kind === 'close') {
    gauges.connectionClosed(setup.index)
    tell('closed')
  } else if (kind === 'fill') {
    // As if so many were open: as many fewer have been closed.
    Atomics.sub(new Int32Array(setup.gauges), 0, message.count)
    tell('filled')
  } else if (kind === 'stop') process.exit()
  else tell(kind, message.index ?? '')
})`

const entry = (way: Way): URL =>
  new URL(`data:text/javascript,${encodeURIComponent(`const WAY = '${way}'\n${PUPPET}`)}`)

interface Staged {
  workers?: number
  maxConnections?: number
  placement?: Placement
  /** By the shard: what its threads do, one after the other; those not named serve. */
  ways?: Record<number, Way[]>
}

/** Shards, what their threads told, and the log. */
function stage({ workers = 1, maxConnections = 1_000, placement = 'round_robin', ways = {} }: Staged = {}) {
  const heard: string[] = []
  const lines: string[] = []
  const bugs: unknown[] = []
  const taken: ShardThread[] = []
  /** The thread of each shard that is there now. */
  const threads: ShardThread[] = []
  const seen = { reliefs: 0 }
  const log = {
    bug: (error: unknown): void => void bugs.push(error),
    error: (text: string): void => void lines.push(text.split('\n')[0]),
    info: (text: string): void => void lines.push(text),
    warn: (text: string): void => void lines.push(text.replace(/\d+ ms/, 'N ms')),
    relay: ({ line }: { readonly line: string }): void => void heard.push(line.trim()),
    rotate: (): void => undefined,
  }
  const take = (index: number): ShardThread => {
    threads[index] = new ShardThread(entry(ways[index]?.shift() ?? 'serves'), `shard ${index}`)
    taken.push(threads[index])
    return threads[index]
  }
  const nobodyAsks = (): never => expect.fail('nothing is asked')
  const answerers = {
    password: nobodyAsks,
    account: nobodyAsks,
    certificate: nobodyAsks,
    custom: nobodyAsks,
    rules: nobodyAsks,
  }
  const shards = new Shards(
    { ...normaliseOptions({ port: -1, workers, placement }), maxConnections },
    identity(),
    { take, keepSpare: nobodyAsks, endSpare: async () => undefined },
    log,
    new SharedArrayBuffer(4),
    () => void seen.reliefs++,
    { answerers },
    new Program({}, log),
    nobodyAsks,
    createServerKey(),
  )
  onTestFinished(async () => {
    await shards.stop()
    for (const thread of taken) thread.end()
    await Promise.all(taken.map(({ exited }) => exited))
  })
  const hears = (line: string): Promise<unknown> => until(line, () => heard.includes(line))
  const states = (): string[] => shards.states.map(({ state }) => state)
  return {
    shards,
    heard,
    lines,
    bugs,
    threads,
    seen,
    log,
    hears,
    states,
    start: async (): Promise<void> => {
      await shards.start({})
      await shards.startOthers()
    },
    order: (index: number, kind: string, members = {}): void => threads[index].worker.postMessage({ kind, ...members }),
    logged: (line: string): Promise<unknown> => until(line, () => lines.includes(line)),
    /** It turns its loop no more, as far as anyone can see. */
    silence: async (index: number): Promise<void> => {
      threads[index].worker.postMessage({ kind: 'beats', beats: false })
      await until('it to be late', () => states()[index] === 'late')
    },
    /** Its thread dies of a bug, and a connection is given to it at the last moment; `said` is what that is told. */
    dieWith: async (index: number): Promise<{ readonly said: Promise<string> }> => {
      const { arrival, peer } = await accept()
      const said = whatIsSaidTo(peer)
      const { worker } = threads[index]
      const given = new Promise<boolean>((resolve) =>
        worker.once('exit', () => resolve(shards.clients.take(arrival.handle, 'client'))),
      )
      worker.postMessage({ kind: 'throw' })
      expect(await given).toBe(true)
      return { said }
    },
  }
}

async function whatIsSaidTo(peer: Awaited<ReturnType<typeof accept>>['peer']): Promise<string> {
  let said = ''
  peer.on('data', (bytes) => {
    said += bytes
  })
  await once(peer, 'close')
  return said
}

/** Gives a connection to the shards, and tells what it is told: its shard, its number, and how it fares. */
async function connect(shards: Shards): Promise<string> {
  const { arrival, peer } = await accept()
  const said = whatIsSaidTo(peer)
  expect(shards.clients.take(arrival.handle, 'client')).toBe(true)
  return said
}

// ── Start ───────────────────────────────────────────────────────────────────────────────────────────────

test('the first shard serves alone until there are others, and each pair is introduced once', async () => {
  const { shards, heard, states, seen } = stage({ workers: 3 })
  expect(shards.serving).toBe(false)
  await shards.start({})
  expect([shards.serving, states(), seen.reliefs]).toEqual([true, ['serving'], 1])
  await shards.startOthers()
  expect([states(), seen.reliefs]).toEqual([['serving', 'serving', 'serving'], 3])
  const pairs = ['0 peer 1', '0 peer 2', '1 peer 0', '1 peer 2', '2 peer 0', '2 peer 1']
  expect(heard.filter((line) => line.includes('peer')).sort()).toEqual(pairs)
})

test('a start whose thread dies is rejected with what it died of, and nobody replaces it', async () => {
  const { shards, lines, states } = stage({ ways: { 0: ['stillborn'] } })
  await expect(shards.start({})).rejects.toThrow('a bug')
  expect([shards.serving, states(), lines, shards.restarts]).toEqual([false, ['down'], [], 0])
})

test('so is one whose thread dies when it meets the others, or just ends', async () => {
  for (const [way, why] of [
    ['shy', 'a bug'],
    ['ending', 'shard 1 ended while it started'],
  ] as const) {
    const { start, states, shards } = stage({ workers: 2, ways: { 1: [way] } })
    await expect(start()).rejects.toThrow(why)
    expect([states(), shards.restarts]).toEqual([['serving', 'down'], 0])
  }
})

test('a shard that is not ready yet gets no connections', async () => {
  const { shards, start, hears, states } = stage({ workers: 2, ways: { 1: ['silent'] } })
  const started = expect(start()).rejects.toThrow('shard 1 ended before it was ready')
  await hears('1 setup')
  expect(states()).toEqual(['serving', 'down'])
  expect([await connect(shards), await connect(shards)]).toEqual(['0 1 served', '0 2 served'])
  await shards.stop()
  await started
})

// ── Connections ─────────────────────────────────────────────────────────────────────────────────────────

test('connections go to one shard after the other', async () => {
  const { shards, start } = stage({ workers: 3 })
  await start()
  const told: string[] = []
  for (let i = 0; i < 6; i++) told.push(await connect(shards))
  expect(told).toEqual(['0 1 served', '1 2 served', '2 3 served', '0 4 served', '1 5 served', '2 6 served'])
  expect([shards.clients.totalConnections, shards.clients.openConnections]).toEqual([6, 6])
  expect(shards.clients.shuffledConnections().sort()).toEqual([0, 0, 1, 1, 2, 2])
})

test('packed connections go to the first shard until it is busy; a reload spreads those that follow', async () => {
  const { shards, start, order } = stage({ workers: 2, placement: 'pack' })
  await start()
  const next = async (): Promise<string> => {
    const { arrival, peer } = await accept()
    expect(shards.clients.take(arrival.handle, 'client')).toBe(true)
    return (await whatIsSaidTo(peer))[0]
  }
  // Threads that have just started may have been busy with that.
  await until('the first to be idle', async () => (await next()) === '0')
  await until('the first to be busy', async () => {
    order(0, 'work', { ms: 400 })
    return (await next()) === '1'
  })
  await until('the first to be idle again', async () => (await next()) === '0')
  const applied = shards.setOptions(normaliseOptions({ port: -1, workers: 2 }), {})
  expect(new Set([await next(), await next()])).toEqual(new Set(['0', '1']))
  await shards.stop()
  await applied
})

test('before there is a shard, none is taken', async () => {
  const { shards } = stage()
  const { arrival } = await accept()
  expect(shards.clients.take(arrival.handle, 'client')).toBe(false)
  expect(shards.clients.totalConnections).toBe(0)
  arrival.handle.close()
})

test('those beyond the limit are refused and do not count, until another has closed', async () => {
  const { shards, start, order, hears } = stage({ maxConnections: 1 })
  await start()
  expect([await connect(shards), await connect(shards)]).toEqual(['0 1 served', '0 2 refused'])
  expect(shards.clients.openConnections).toBe(1)
  order(0, 'close')
  await hears('0 closed')
  expect(await connect(shards)).toBe('0 3 served')
})

const { limit, kept } = new Descriptors({ error: () => undefined })
const limited = test.skipIf(limit >= 2 ** 31)

limited('when too many files are open, a few are refused and the others closed without a word', async () => {
  const { shards, start, order, hears, lines } = stage({ maxConnections: Number.POSITIVE_INFINITY })
  await start()
  order(0, 'fill', { count: limit })
  await hears('0 filled')
  const accepted = await Promise.all(Array.from({ length: Math.ceil(kept / 4) + 1 }, accept))
  const said = accepted.map(({ peer }) => whatIsSaidTo(peer))
  for (const { arrival } of accepted) expect(shards.clients.take(arrival.handle, 'client')).toBe(true)
  const told = await Promise.all(said)
  expect(told.pop()).toBe('')
  expect(told).toEqual(told.map((_, index) => `0 ${index + 1} refused`))
  expect(shards.clients.totalConnections).toBe(told.length)
  expect(lines).toEqual([expect.stringMatching('too many open files, 1 refused')])
})

limited('a bug in handing one over costs that connection', async () => {
  const { shards, start, order, hears, log, bugs } = stage({ maxConnections: Number.POSITIVE_INFINITY })
  await start()
  order(0, 'fill', { count: limit })
  await hears('0 filled')
  const { error } = log
  log.error = () => {
    log.error = error
    throw new Error('a bug')
  }
  expect(await connect(shards)).toBe('')
  expect(bugs).toEqual([new Error('a bug')])
  expect(await connect(shards)).toBe('0 1 refused')
})

test('one that cannot go to a shard that lives is closed, and counts no more', async () => {
  const { shards, start, lines } = stage()
  await start()
  const closed = Promise.withResolvers<void>()
  const broken = Object.assign(() => undefined, { close: closed.resolve })
  expect(shards.clients.take(broken as never, 'client')).toBe(true)
  expect(shards.clients.openConnections).toBe(1)
  await closed.promise
  expect(lines).toEqual([expect.stringMatching(/^Error handing a connection over to shard 0: ./)])
  expect(shards.clients.openConnections).toBe(0)
  expect(await connect(shards)).toBe('0 2 served')
})

test.each(['route', 'leaf'] as const)('a %s that cannot go there has ended', async (kind) => {
  const { shards, start } = stage()
  await start()
  const ended: unknown[] = []
  shards.onRoute = (event) => void ended.push({ ...event, of: 'route' })
  shards.onLeaf = (event) => void ended.push({ ...event, of: 'leaf' })
  const broken = Object.assign(() => undefined, { close: () => undefined })
  const given = shards.takeLink(broken as never, kind, {})
  await until('it to be told', () => ended.length > 0)
  expect(ended).toEqual([expect.objectContaining({ of: kind, kind: 'ended', link: given?.link })])
})

// ── Deaths ──────────────────────────────────────────────────────────────────────────────────────────────

test('one stranded by a death goes to another shard', async () => {
  const { start, dieWith } = stage({ workers: 2, ways: { 0: ['serves', 'silent'] } })
  await start()
  const { said } = await dieWith(0)
  expect(await said).toBe('1 1 served')
})

test('where there is no other, it waits for the replacement', async () => {
  const { start, dieWith, shards } = stage()
  await start()
  const { said } = await dieWith(0)
  expect(await said).toBe('0 1 served')
  expect([shards.restarts, shards.clients.openConnections]).toEqual([1, 1])
})

test('a dead thread is replaced, and the others are told that it is gone and meet the new one', async () => {
  const { shards, start, order, heard, hears, lines, logged, states } = stage({ workers: 2 })
  await start()
  expect([await connect(shards), await connect(shards)]).toEqual(['0 1 served', '1 2 served'])
  heard.length = 0
  order(0, 'throw')
  await hears('1 peerGone 0')
  expect(shards.clients.openConnections).toBe(1)
  await logged('Shard 0 was replaced and serves again')
  expect([states(), shards.restarts]).toEqual([['serving', 'serving'], 1])
  expect(lines).toEqual(['Shard 0 died: Error: a bug', 'Shard 0 was replaced and serves again'])
  expect(heard.toSorted()).toEqual(['0 peer 1', '0 setup', '1 peer 0', '1 peerGone 0'])
  expect(heard.indexOf('1 peerGone 0')).toBeLessThan(heard.indexOf('1 peer 0'))
  expect(await connect(shards)).toBe('0 3 served')
})

test('a replacement that dies is replaced in its turn', async () => {
  const { shards, start, order, logged, lines } = stage({ ways: { 0: ['serves', 'stillborn'] } })
  await start()
  order(0, 'throw')
  await logged('Shard 0 was replaced and serves again')
  expect(lines.filter((line) => line === 'Shard 0 died: Error: a bug')).toHaveLength(2)
  expect([shards.restarts, await connect(shards)]).toEqual([2, '0 1 served'])
})

// ── Late shards ─────────────────────────────────────────────────────────────────────────────────────────

test('a late shard gets no connections and is told nothing to publish, as long as there is another', async () => {
  const { shards, start, silence, order, heard, hears, seen, states, logged } = stage({ workers: 2 })
  await start()
  shards.tell([])
  await hears('0 tell')
  await silence(0)
  await logged('Shard 0: event loop blocked for N ms')
  heard.length = 0
  shards.tell([])
  await hears('1 tell')
  expect(heard).toEqual(['1 tell'])
  expect([await connect(shards), await connect(shards)]).toEqual(['1 1 served', '1 2 served'])
  await silence(1)
  const { arrival } = await accept()
  expect(shards.clients.take(arrival.handle, 'client')).toBe(false)
  arrival.handle.close()
  shards.tell([])
  await hears('0 tell')
  const { reliefs } = seen
  order(1, 'beats', { beats: true })
  await until('relief', () => seen.reliefs > reliefs)
  expect(states()[1]).toBe('serving')
  await logged('Shard 1 is responsive again')
})

// ── Stop ────────────────────────────────────────────────────────────────────────────────────────────────

test('a stop ends a shard that still starts, whose start fails', async () => {
  const { shards, hears, threads, lines } = stage({ ways: { 0: ['silent'] } })
  const started = expect(shards.start({})).rejects.toThrow('shard 0 ended before it was ready')
  await hears('0 setup')
  await shards.stop()
  await started
  await threads[0].exited
  expect([shards.serving, shards.restarts, lines]).toEqual([false, 0, []])
})

test('a stop ends all, takes no more connections and replaces nobody', async () => {
  const { shards, start, threads, lines, states } = stage({ workers: 2 })
  await start()
  const stopped = shards.stop()
  const { arrival } = await accept()
  expect([shards.serving, shards.clients.take(arrival.handle, 'client')]).toEqual([false, false])
  arrival.handle.close()
  await stopped
  await Promise.all(threads.map(({ exited }) => exited))
  await until('both to be down', () => states().join() === 'down,down')
  expect([shards.restarts, lines]).toEqual([0, []])
})

test('a stop closes stranded connections', async () => {
  const { shards, start, dieWith, hears, heard } = stage({ ways: { 0: ['serves', 'silent'] } })
  await start()
  heard.length = 0
  const { said } = await dieWith(0)
  await hears('0 setup')
  await shards.stop()
  expect(await said).toBe('')
})
