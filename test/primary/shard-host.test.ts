// A shard as the primary sees it, by itself: real threads, which say what a test has them say.

import { once } from 'node:events'
import { Packr } from 'msgpackr'
import { expect, onTestFinished, test } from 'vitest'
import { normaliseOptions } from '../../src/config/normalise.ts'
import type { Arrival } from '../../src/net/handle.ts'
import { introduce, LocalShardHost, type ShardObserver, WorkerShardHost } from '../../src/primary/shard-host.ts'
import { ShardThreads } from '../../src/primary/shard-threads.ts'
import type { Query } from '../../src/reports/query.ts'
import type { FromShard } from '../../src/threads/messages.ts'
import { accept } from '../support/accept.ts'
import { identity } from '../support/identity.ts'
import { shardSetup } from '../support/lone-shard.ts'
import { until } from '../support/until.ts'

/** Tells what it hears as lines of the log, says what it is told to say, and serves a connection with its number. */
const PUPPET = `
import { parentPort } from 'node:worker_threads'
import { Socket } from 'node:net'
const tell = (what) => parentPort.postMessage({ kind: 'logLine', level: 'info', line: JSON.stringify(what) })
let rings
parentPort.on('message', (message) => {
  const { kind } = message
  if (kind === 'say') for (const one of message.all) parentPort.postMessage(one)
  else if (kind === 'throw') throw new Error('a bug')
  else if (kind === 'mark') new Int32Array(rings.ringOut)[0] = 77
  else if (kind === 'look') tell(['look', new Int32Array(rings.ringIn)[0]])
  else if (kind === 'connections') {
    tell([kind, ...message.arrivals.map(({ id }) => id)])
    for (const { id, handle } of message.arrivals) new Socket({ handle }).end(String(id))
  } else if (kind === 'peer') {
    rings = message.peer
    tell([kind, rings.index])
  } else if (kind === 'setup') tell([kind, message.setup.index])
  else {
    tell(message)
    if (kind === 'stop') process.exit(0)
  }
})`

const ENTRY = new URL(`data:text/javascript,${encodeURIComponent(PUPPET)}`)
const QUERY: Query = { kind: 'closings' }
const packr = new Packr({ useRecords: true })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A host, what its thread heard, and what its owner was told. */
function stage(index = 0) {
  const heard: unknown[] = []
  const events: unknown[] = []
  const bugs: unknown[] = []
  const lost: string[] = []
  const asked: { about: string; gone: AbortSignal; answer: (answer: string | undefined) => void }[] = []
  const observer = {
    onDeath: (dead: WorkerShardHost): void => {
      events.push(dead === host ? 'died' : 'another died')
    },
    onLog: (message): void => {
      if (message.kind === 'logLine') heard.push(JSON.parse(message.line))
      else events.push(message.kind)
    },
    onConnectionsChanged: (accounts): void => {
      events.push(accounts)
    },
    onHookEvents: (shard, told): void => {
      events.push(`${told.length} events of shard ${shard}`)
    },
    answerers: {
      account: ({ key }: { key: string }, gone: AbortSignal) =>
        new Promise<string | undefined>((answer) => asked.push({ about: key, gone, answer })),
    } as ShardObserver['answerers'],
    bugMet: (error: unknown): void => void bugs.push(error),
    onConnectionLost: (of: WorkerShardHost, { id }: Arrival, why: string): void => {
      expect(of).toBe(host)
      lost.push(`${id}: ${why}`)
    },
  } satisfies ShardObserver
  const thread = new ShardThreads(ENTRY).take(index)
  onTestFinished(async () => {
    thread.end()
    await thread.exited
  })
  const host: WorkerShardHost = new WorkerShardHost(thread, shardSetup({ index }), observer)
  return {
    host,
    observer,
    heard,
    events,
    bugs,
    lost,
    asked,
    /** The thread says this; resolves when the primary has heard it. */
    say: async (...all: unknown[]): Promise<void> => {
      thread.worker.postMessage({ kind: 'say', all: [...all, { kind: 'logLine', level: 'info', line: '"said"' }] })
      await until('it to be heard', () => heard.at(-1) === 'said')
      heard.pop()
    },
    order: (kind: string): void => thread.worker.postMessage({ kind }),
    hears: (what: unknown) => until('it to be heard', () => JSON.stringify(heard.at(-1)) === JSON.stringify(what)),
    /** It dies of a bug. */
    die: async (): Promise<void> => {
      thread.worker.postMessage({ kind: 'throw' })
      await thread.exited
      await turn()
    },
  }
}

const part = (id: number, report: unknown): FromShard => ({ kind: 'reportPart', id, part: packr.pack(report) })
const end = (id: number, complete = true): FromShard => ({ kind: 'reportEnd', id, complete })

// ── Birth and death ─────────────────────────────────────────────────────────────────────────────────────

test('a thread hears first what it is to be, and is ready when it says so', async () => {
  const { host, say, heard } = stage(3)
  let isReady = false
  void host.ready.then(() => {
    isReady = true
  })
  await say()
  expect([heard, isReady]).toEqual([[['setup', 3]], false])
  await say({ kind: 'ready' })
  await host.ready
  // It takes connections when the others know it, as its owner decides.
  expect(host.isReady).toBe(false)
})

test('one that dies before it is ready says of what; its owner hears of it once', async () => {
  const { host, die, events } = stage()
  await die()
  await expect(host.ready).rejects.toThrow('a bug')
  expect([events, host.dead, host.isReady]).toEqual([['died'], true, false])
})

test('one that ends before it is ready, of nothing in particular, is an error that names it', async () => {
  const { host } = stage(3)
  host.thread.end()
  await expect(host.ready).rejects.toThrow('shard 3 ended before it was ready')
})

test('a stop is an order to the thread, and over when it has ended', async () => {
  const { host, events, heard } = stage()
  await host.stop()
  await turn()
  expect([heard.at(-1), events, host.thread.error]).toEqual([{ kind: 'stop' }, ['died'], undefined])
  await host.stop()
})

test('a thread that is gone is told nothing more, and nobody waits for it', async () => {
  const { host, die, bugs, lost } = stage()
  await die()
  host.evict(1, 'shutdown')
  host.tellSystem([])
  host.claimsChanged(['A'])
  host.setIdentity(identity())
  await host.setOptions(normaliseOptions({}), {})
  expect(await host.query(QUERY)).toBeUndefined()
  await host.join({ index: 1, region: host.region, ringOut: host.region, ringIn: host.region, port: null as never })
  expect([bugs, lost]).toEqual([[], []])
})

// ── What it is told ─────────────────────────────────────────────────────────────────────────────────────

test('what is told arrives in its order', async () => {
  const { host, heard, hears } = stage()
  host.setIdentity(identity())
  host.evict(2, 'shutdown')
  host.claimsChanged(['A', 'B'])
  host.tellSystem([])
  await hears({ kind: 'tell', messages: [] })
  expect(heard).toEqual([
    ['setup', 0],
    { kind: 'identity', identity: identity() },
    { kind: 'evict', count: 2, eviction: 'shutdown' },
    { kind: 'claims', accounts: ['A', 'B'] },
    { kind: 'tell', messages: [] },
  ])
})

test('options are in force in the order in which they were sent, or when the thread has died', async () => {
  const { host, say, die } = stage()
  const done: number[] = []
  const all = [0, 1, 2].map(async (number) => {
    await host.setOptions(normaliseOptions({}), {})
    done.push(number)
  })
  await say({ kind: 'applied' })
  await turn()
  expect(done).toEqual([0])
  await say({ kind: 'applied' })
  await turn()
  expect(done).toEqual([0, 1])
  await die()
  await Promise.all(all)
  expect(done).toEqual([0, 1, 2])
})

// ── What it says ────────────────────────────────────────────────────────────────────────────────────────

test('the owner hears of the log and of accounts', async () => {
  const { say, events } = stage()
  await say({ kind: 'logFull' }, { kind: 'connectionsChanged', accounts: ['A'] })
  expect(events).toEqual(['logFull', ['A']])
})

test('a bug in hearing costs what was said, and not the thread', async () => {
  const { observer, say, bugs, events } = stage()
  observer.onConnectionsChanged = () => {
    throw new Error('a bug')
  }
  await say({ kind: 'connectionsChanged', accounts: ['A'] }, { kind: 'logFull' })
  expect([bugs, events]).toEqual([[new Error('a bug')], ['logFull']])
})

test('a question is answered, and nobody works on it once the thread has withdrawn it or died', async () => {
  const { say, asked, hears, die, bugs } = stage()
  const ask = (id: number, key: string): FromShard => ({ kind: 'ask', id, about: 'account', question: { key } })
  await say(ask(1, 'A'), ask(2, 'B'), ask(3, 'C'))
  expect(asked.map(({ about }) => about)).toEqual(['A', 'B', 'C'])
  asked[0].answer('token')
  await hears({ kind: 'answer', id: 1, answer: 'token' })
  await say({ kind: 'withdraw', id: 2 })
  expect(asked.map(({ gone }) => gone.aborted)).toEqual([false, true, false])
  await die()
  expect(asked[2].gone.aborted).toBe(true)
  asked[2].answer('late')
  await turn()
  expect(bugs).toEqual([])
})

// ── Queries ─────────────────────────────────────────────────────────────────────────────────────────────

test('an answer is that of its query, whichever is first, with its parts in their order', async () => {
  const { host, say } = stage()
  const [one, other] = [host.query(QUERY), host.query(QUERY)]
  await say(part(2, [3]), part(1, [1]), part(2, [4]), end(2), part(1, [2]), end(1))
  expect(await one).toEqual([1, 2])
  expect(await other).toEqual([3, 4])
})

test('an answer that could not be made is none, whatever of it has come', async () => {
  const { host, say } = stage()
  const answer = host.query(QUERY)
  await say(part(1, [1]), end(1, false))
  expect(await answer).toBeUndefined()
})

test('a part that cannot be read is a bug, and costs that answer', async () => {
  const { host, say, bugs } = stage()
  const [broken, other] = [host.query(QUERY), host.query(QUERY)]
  await say({ kind: 'reportPart', id: 1, part: Uint8Array.of(0xdc) }, end(1), part(2, [7]), end(2))
  expect(await broken).toBeUndefined()
  expect(await other).toEqual([7])
  expect(bugs).toHaveLength(1)
})

test('queries are given up when the owner says so, and what comes late is for nobody', async () => {
  const { host, say, bugs } = stage()
  const early = host.query(QUERY)
  host.giveUpQueries()
  expect(await early).toBeUndefined()
  const next = host.query(QUERY)
  await say(part(1, [1]), end(1), part(2, [2]), end(2), end(9))
  expect([await next, bugs]).toEqual([[2], []])
})

test('a thread that dies in the middle of an answer has not answered', async () => {
  const { host, say, die } = stage()
  const answer = host.query(QUERY)
  await say(part(1, [1]))
  await die()
  expect(await answer).toBeUndefined()
})

// ── Connections ─────────────────────────────────────────────────────────────────────────────────────────

test('connections of one turn go in one message', async () => {
  const { host, heard, hears } = stage()
  const [one, two, three] = [await accept(), await accept(), await accept()].map(({ arrival }) => arrival)
  for (const arrival of [one, two]) host.accept(arrival)
  await hears(['connections', one.id, two.id])
  host.accept(three)
  await hears(['connections', three.id])
  expect(heard).toHaveLength(3)
})

test('one that cannot go is lost alone', async () => {
  const { host, lost, heard, bugs } = stage()
  const others = [await accept(), await accept()]
  const broken = { ...others[0].arrival, id: -1, handle: (() => undefined) as never }
  for (const { arrival } of [others[0], { arrival: broken }, others[1]]) host.accept(arrival)
  for (const { peer } of others) await once(peer.resume(), 'close')
  expect(lost).toEqual([expect.stringMatching(new RegExp(`^${broken.id}: .`))])
  expect(heard.slice(1)).toEqual(others.map(({ arrival }) => ['connections', arrival.id]))
  expect(bugs).toEqual([])
})

test('those given to a thread that has died are lost, each told once', async () => {
  const { host, lost, die } = stage()
  await die()
  const arrivals = [await accept(), await accept()].map(({ arrival }) => arrival)
  for (const arrival of arrivals) host.accept(arrival)
  await until('both to be lost', () => lost.length === 2)
  expect(lost).toEqual(arrivals.map(({ id }) => `${id}: the shard has died`))
  for (const { handle } of arrivals) handle.close()
})

test('a bug in dealing with a lost one costs it alone', async () => {
  const { host, observer, lost, bugs, die } = stage()
  await die()
  const [first, second] = [await accept(), await accept()].map(({ arrival }) => arrival)
  const { onConnectionLost } = observer
  observer.onConnectionLost = (of, arrival, why) => {
    if (arrival === first) throw new Error('a bug')
    onConnectionLost(of, arrival, why)
  }
  for (const arrival of [first, second]) host.accept(arrival)
  await until('the second one to be lost', () => lost.length === 1)
  expect(bugs).toEqual([new Error('a bug')])
  for (const { handle } of [first, second]) handle.close()
})

// ── Introductions ───────────────────────────────────────────────────────────────────────────────────────

test('two know each other when both say so: the ring out of one is the ring into the other', async () => {
  const [a, b] = [stage(0), stage(1)]
  let known = false
  const introduced = introduce(a.host, b.host, 2).then(() => {
    known = true
  })
  await Promise.all([a.hears(['peer', 1]), b.hears(['peer', 0])])
  await a.say({ kind: 'joined', index: 1 })
  await b.say({ kind: 'joined', index: 7 })
  expect(known).toBe(false)
  await b.say({ kind: 'joined', index: 0 })
  await introduced
  for (const [from, to] of [
    [a, b],
    [b, a],
  ]) {
    from.order('mark')
    await from.say()
    to.order('look')
    await to.hears(['look', 77])
  }
})

test('one that dies meanwhile holds up nobody', async () => {
  const [a, b] = [stage(0), stage(1)]
  const introduced = introduce(a.host, b.host, 2)
  await a.say({ kind: 'joined', index: 1 })
  await b.die()
  await introduced
})

// ── On the same thread ──────────────────────────────────────────────────────────────────────────────────

test('a shard on this thread does the same, but for its death', async () => {
  const { observer, asked } = stage()
  const host = await LocalShardHost.create(shardSetup(), observer, undefined)
  await host.ready
  expect(host).toMatchObject({ isReady: true, index: 0 })
  const { arrival, peer } = await accept()
  host.accept(arrival)
  const [info] = await once(peer, 'data')
  expect(String(info)).toMatch(/^INFO /)
  const connections: Query = { kind: 'connections', state: 'open', subscriptions: 'none', id: 0 }
  expect(await host.query(connections)).toMatchObject([{ id: arrival.id }])
  await host.setOptions(normaliseOptions({ port: -1, workers: 0 }), {})
  host.claimsChanged([])
  host.tellSystem([])
  const ended = once(peer, 'close')
  host.evict(1, 'shutdown')
  await ended
  await host.stop()
  expect(asked).toEqual([])
})
