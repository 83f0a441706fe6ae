// What operations do, of a client on a shard whose turns the test ends.

import { expect, test } from 'vitest'
import { AuthFaults, identity, refuse } from '../../src/auth/identity.ts'
import { QUEUE_NAME_MAX } from '../../src/base/constants.ts'
import { CloseReason } from '../../src/base/errors.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import type { Peer } from '../../src/routing/peer.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { GUARDED } from './facts.ts'
import { type Stage, stage, TestShard } from './stage.ts'

const HELLO = 'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n'

/** A client that has connected; what it has been told so far is read. */
async function connected(shard = new TestShard(), hello = HELLO): Promise<Stage> {
  const staged = await stage(shard)
  staged.send(`${hello}PING\r\n`)
  await staged.read('PONG\r\n')
  return staged
}

/** What operations are answered, before the PONG to the PING behind them. */
async function answerTo(staged: Stage, operations: string): Promise<string> {
  staged.send(`${operations}PING\r\n`)
  return (await staged.read('PONG\r\n')).slice(0, -'PONG\r\n'.length)
}

/** A shard with one user, who may do so much. */
function shardFor(rest: Parameters<typeof identity>[3]): TestShard {
  const shard = new TestShard()
  shard.answer = () => identity('password', 'joe', '$G', rest)
  return shard
}

function withOptions(options: Parameters<typeof normaliseOptions>[0]): TestShard {
  const shard = new TestShard()
  shard.options = normaliseOptions({ port: -1, workers: 0, ...options })
  return shard
}

// ── SUB, PUB, UNSUB ─────────────────────────────────────────────────────────────────────────────────────

test('what is published comes to those who subscribe, and not to those who have ended that', async () => {
  const staged = await connected()
  expect(await answerTo(staged, 'SUB a.* 1\r\nPUB a.b 2\r\nhi\r\nUNSUB 1\r\nPUB a.b 2\r\nno\r\n')).toBe(
    'MSG a.b 1 2\r\nhi\r\n',
  )
  expect(staged.client).toMatchObject({ inMessages: 2, inBytes: 4, outMessages: 1, outBytes: 2 })
  expect(staged.shard.sublist.count).toBe(0)
})

test('a limit counts what was delivered before; one that is reached already ends the subscription', async () => {
  const staged = await connected()
  const pub = 'PUB a 1\r\nx\r\n'
  const msg = 'MSG a 1 1\r\nx\r\n'
  expect(await answerTo(staged, `SUB a 1\r\n${pub}UNSUB 1 3\r\n${pub.repeat(5)}`)).toBe(msg.repeat(3))
  expect(await answerTo(staged, `SUB a 1\r\n${pub.repeat(2)}UNSUB 1 2\r\n${pub}`)).toBe(msg.repeat(2))
  expect(staged.client.subscriptions.size).toBe(0)
})

test('a sid in use keeps its first subscription, and an unknown one ends nothing', async () => {
  const staged = await connected()
  expect(await answerTo(staged, 'SUB a 1\r\nSUB b 1\r\nUNSUB 2\r\nPUB b 0\r\n\r\nPUB a 0\r\n\r\n')).toBe(
    'MSG a 1 0\r\n\r\n',
  )
})

const REFUSED: readonly (readonly [what: string, operation: string, text: string])[] = [
  ['a filter that is none', 'SUB a..b 1\r\n', 'Invalid Subject'],
  ['a queue group with too long a name', `SUB a ${'q'.repeat(QUEUE_NAME_MAX + 1)} 1\r\n`, 'Invalid Queue Name'],
  [
    'a filter of too many tokens',
    'SUB a.b.c.d 1\r\n',
    'Permissions Violation for Subscription to "a.b.c.d", too many tokens',
  ],
]

test.each(REFUSED)('%s is refused, and the connection goes on', async (_, operation, text) => {
  const staged = await connected(withOptions({ maxSubscriptionTokens: 3, maxControlLine: 32 * 1024 }))
  expect(await answerTo(staged, operation)).toBe(`-ERR '${text}'\r\n`)
  expect(staged.client.subscriptions.size).toBe(0)
  expect(staged.shard.sublist.count).toBe(0)
})

test('subscriptions are taken up to the limit, and again when one has ended', async () => {
  const staged = await connected(shardFor({ limits: { subscriptions: 2, payload: -1 } }))
  const refused = "-ERR 'maximum subscriptions exceeded'\r\n"
  expect(await answerTo(staged, 'SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n')).toBe(refused)
  expect(await answerTo(staged, 'UNSUB 1\r\nSUB c 3\r\n')).toBe('')
})

test('the lowest of what the server, the account and the user allow holds', async () => {
  const shard = shardFor({ limits: { subscriptions: 5, payload: 100 } })
  shard.options = normaliseOptions({ port: -1, workers: 0, maxSubscriptions: 3 })
  shard.accounts.global.limits = { connections: -1, subscriptions: 4, payload: 50, leafnodes: -1 }
  const staged = await connected(shard)
  expect(staged.client.limits).toEqual({ subscriptions: 3, payload: 50 })
  staged.send(`PUB a 51\r\n${'x'.repeat(51)}\r\n`)
  expect(await staged.readToEnd()).toBe("-ERR 'Maximum Payload Violation'\r\n")
})

test('an index that is full refuses a subscription, and keeps those that are there', async () => {
  const staged = await connected()
  // Of tokens that no other has.
  const filterOf = (i: number): string => Array.from({ length: 500 }, (_, at) => `${i}-${at}`).join('.')
  for (let i = 0; i < 1_000; i++) {
    const answer = await answerTo(staged, `SUB ${filterOf(i)} ${i}\r\n`)
    if (answer === '') continue
    expect(answer).toBe("-ERR 'maximum subscriptions exceeded'\r\n")
    expect(staged.client.subscriptions.size).toBe(i)
    expect(await answerTo(staged, `PUB ${filterOf(0)} 0\r\n\r\n`)).toBe(`MSG ${filterOf(0)} 0 0\r\n\r\n`)
    return
  }
  expect.fail('the index was never full')
})

// ── What a user may do ──────────────────────────────────────────────────────────────────────────────────

test('what may not be published or subscribed to is refused with the subject; the rest passes', async () => {
  const permissions = { publish: { allow: ['a.>'] }, subscribe: { allow: ['a.>', 'b.c'], deny: ['a.x'] } }
  const staged = await connected(shardFor({ permissions }))
  expect(await answerTo(staged, 'PUB b 0\r\n\r\nSUB c 1\r\nSUB c q 1\r\nPUB a.b 0\r\n\r\n')).toBe(
    [
      'Permissions Violation for Publish to "b"',
      'Permissions Violation for Subscription to "c"',
      'Permissions Violation for Subscription to "c" using queue "q"',
    ]
      .map((text) => `-ERR '${text}'\r\n`)
      .join(''),
  )
  expect(await answerTo(staged, 'SUB a.* 1\r\nPUB a.x 0\r\n\r\nPUB a.y 0\r\n\r\n')).toBe('MSG a.y 1 0\r\n\r\n')
})

test('of a run of answers as many pass as may; the others are refused one by one', async () => {
  const permissions = { publish: { allow: [] }, responses: { maxMessages: 1, expires: -1 } }
  const staged = await connected(shardFor({ permissions }))
  const other = await connected(staged.shard, HELLO)
  await answerTo(staged, 'SUB work 1\r\n')
  other.client.operations.rights = undefined
  expect(await answerTo(other, 'SUB r 1\r\nPUB work r 0\r\n\r\n')).toBe('')
  await staged.read('MSG work 1 r 0\r\n\r\n')
  expect(await answerTo(staged, 'PUB r 1\r\nx\r\n'.repeat(4))).toBe(
    `-ERR 'Permissions Violation for Publish to "r"'\r\n`.repeat(3),
  )
  expect(await answerTo(other, '')).toBe('MSG r 1 1\r\nx\r\n')
})

test.each([
  ['subject', 'PUB $NRG.abc 0\r\n\r\n', 'Permissions Violation for Publish to "$NRG.abc"'],
  ['reply', 'PUB a _R_.abc 0\r\n\r\n', 'Permissions Violation for Publish with Reply of "_R_.abc"'],
])('a %s that is for the server alone is refused to everybody', async (_, operation, text) => {
  const staged = await connected()
  expect(await answerTo(staged, `SUB a 1\r\n${operation}`)).toBe(`-ERR '${text}'\r\n`)
})

// ── Requests without an answer ──────────────────────────────────────────────────────────────────────────

test('a request that nobody takes is answered so, where the client wants that', async () => {
  const hello = 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'
  const staged = await connected(new TestShard(), hello)
  expect(await answerTo(staged, 'SUB r.* 1\r\nPUB a r.1 0\r\n\r\n')).toMatch(
    /^HMSG r\.1 1 \d+ \d+\r\nNATS\/1\.0 503\r\n/,
  )
  expect(await answerTo(staged, 'PUB a 0\r\n\r\nPUB a x 0\r\n\r\nSUB a 2\r\n')).toBe('')
  expect(await answerTo(staged, 'PUB a r.1 0\r\n\r\n')).toBe('MSG a 2 r.1 0\r\n\r\n')
})

// ── CONNECT ─────────────────────────────────────────────────────────────────────────────────────────────

const ENDS: readonly (readonly [what: string, json: string, text: string, reason: CloseReason])[] = [
  ['JSON that is none', '{', '', CloseReason.protocolViolation],
  ['a protocol of the future', '{"protocol":2}', "-ERR 'invalid client protocol'\r\n", CloseReason.badProtocolVersion],
  [
    'no_responders without headers',
    '{"no_responders":true}',
    "-ERR 'no responders requires headers support'\r\n",
    CloseReason.noRespondersHeaders,
  ],
  ['an account that is named', '{"account":"A"}', "-ERR 'Authorization Violation'\r\n", CloseReason.authentication],
]

test.each(ENDS)('%s ends the connection', async (_, json, text, reason) => {
  const staged = await stage()
  await staged.read(' \r\n')
  staged.send(`CONNECT ${json}\r\nPING\r\n`)
  expect(await staged.readToEnd()).toBe(text)
  expect(staged.shard.events[0]).toBe(`closed: ${reason}`)
})

test('nothing but CONNECT is taken where it is due', async () => {
  const shard = new TestShard()
  shard.greeting = GUARDED
  const staged = await stage(shard)
  await staged.read(' \r\n')
  staged.send('SUB a 1\r\n')
  expect(await staged.readToEnd()).toBe("-ERR 'Authorization Violation'\r\n")
  expect(shard.sublist.count).toBe(0)
})

test('what comes behind a CONNECT that is not decided waits, and is carried out as who it is', async () => {
  const shard = new TestShard()
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof identity>>()
  shard.answer = () => promise
  const staged = await stage(shard)
  await staged.read(' \r\n')
  staged.send(`${HELLO}SUB a 1\r\nSUB b 2\r\nPING\r\n`)
  expect(shard.sublist.count).toBe(0)
  resolve(identity('password', 'joe', 'A', { permissions: { subscribe: { deny: ['b'] } } }))
  expect(await staged.read('PONG\r\n')).toContain('-ERR')
  expect(staged.client.account.name).toBe('A')
  expect(shard.sublist.count).toBe(1)
})

test('what comes behind a CONNECT that is refused is not carried out', async () => {
  const shard = new TestShard()
  shard.greeting = GUARDED
  shard.answer = async () => refuse('no such user')
  const staged = await stage(shard)
  await staged.read(' \r\n')
  staged.send(`${HELLO}SUB a 1\r\nPING\r\n`)
  expect(await staged.readToEnd()).toBe("-ERR 'Authorization Violation'\r\n")
  expect(shard.sublist.inserts).toBe(0)
})

test('a second CONNECT ends all subscriptions, and may lead elsewhere', async () => {
  const staged = await connected()
  await answerTo(staged, 'SUB a 1\r\nSUB b q 2\r\n')
  staged.shard.answer = () => identity('password', 'joe', 'B')
  expect(await answerTo(staged, HELLO)).toBe('')
  expect(staged.client.subscriptions.size).toBe(0)
  expect([staged.shard.sublist.count, staged.client.account.name]).toEqual([0, 'B'])
})

test('who is verbose is told of each operation', async () => {
  const staged = await connected(new TestShard(), 'CONNECT {"verbose":true,"pedantic":true}\r\n')
  expect(await answerTo(staged, 'SUB a 1\r\nUNSUB 1\r\nPUB a 0\r\n\r\n')).toBe('+OK\r\n'.repeat(3))
  expect(await answerTo(staged, 'PUB a.* 0\r\n\r\n')).toContain("-ERR 'Invalid Publish Subject'\r\n")
})

// ── Connections of an account ───────────────────────────────────────────────────────────────────────────

test('an account takes as many connections as it may have, and another when one has left', async () => {
  const shard = new TestShard()
  shard.accounts.global.limits = { connections: 1, subscriptions: -1, payload: -1, leafnodes: -1 }
  const first = await connected(shard)
  const second = await stage(shard)
  await second.read(' \r\n')
  second.send(`${HELLO}PING\r\n`)
  expect(await second.readToEnd()).toBe("-ERR 'maximum account active connections exceeded'\r\n")
  first.client.close(AuthFaults.forgotten)
  await connected(shard)
})

test('who goes to another account is counted out of the one that it was in, once', async () => {
  const shard = new TestShard()
  shard.accounts.global.limits = { connections: 1, subscriptions: -1, payload: -1, leafnodes: -1 }
  const first = await connected(shard)
  shard.answer = () => identity('password', 'joe', 'B')
  await answerTo(first, HELLO)
  shard.answer = () => identity('none', '', '$G')
  const second = await connected(shard)
  first.client.close(AuthFaults.forgotten)
  await first.readToEnd()
  expect([shard.bugs, shard.events[0], second.client.closing]).toEqual([[], 'closed: Client Closed', false])
})

test('an account that may have fewer by now closes those that are asked to go, and counts them out once', async () => {
  const shard = new TestShard()
  const [first, second] = [await connected(shard), await connected(shard)]
  shard.accounts.global.limits = { connections: 1, subscriptions: -1, payload: -1, leafnodes: -1 }
  for (const { client } of [first, second]) client.operations.recount()
  for (const { client } of [second, first]) client.operations.closeIfExcess()
  expect([first.client.closing, second.client.closing]).toEqual([false, true])
  first.client.close(AuthFaults.forgotten)
  expect(shard.bugs).toEqual([])
  await connected(shard)
})

// ── After a reload ──────────────────────────────────────────────────────────────────────────────────────

test('a subscription that is not allowed any more is removed with a word; others are filtered from now on', async () => {
  const staged = await connected()
  await answerTo(staged, 'SUB a 1\r\nSUB b.* 2\r\nSUB c q 3\r\n')
  staged.client.login.stay(
    identity('password', 'joe', '$G', { permissions: { subscribe: { deny: ['a', 'b.x', 'c'] } } }),
  )
  expect(await answerTo(staged, 'PUB a 0\r\n\r\nPUB b.x 0\r\n\r\nPUB b.y 0\r\n\r\n')).toBe(
    `-ERR 'Permissions Violation for Subscription to "a" (sid "1")'\r\n` +
      `-ERR 'Permissions Violation for Subscription to "c" using queue "q" (sid "3")'\r\n` +
      'MSG b.y 2 0\r\n\r\n',
  )
  expect([...staged.client.subscriptions.keys()]).toEqual(['2'])
})

test('who has more subscriptions than it may have by now is closed', async () => {
  const staged = await connected()
  await answerTo(staged, 'SUB a 1\r\nSUB b 2\r\n')
  staged.client.login.stay(identity('none', '', '$G', { limits: { subscriptions: 1, payload: -1 } }))
  expect(await staged.readToEnd()).toBe("-ERR 'maximum subscriptions exceeded'\r\n")
})

// ── Other shards ────────────────────────────────────────────────────────────────────────────────────────

/** Another shard, whose answers a test gives. */
function peerOf(shard: TestShard): { fences: (() => void)[]; passed: (() => void)[] } {
  const [fences, passed]: (() => void)[][] = [[], []]
  const peer: Peer = {
    index: 1,
    interest: { read: () => ({ plain: false, queues: undefined }), stepsTaken: 0, freeFrom: 0, hasExact: () => false },
    link: {
      send: () => undefined,
      pick: () => undefined,
      sendPicked: () => false,
      dropPicked: () => undefined,
      congested: false,
      whenRelieved: () => undefined,
    },
    askFence: (then) => void fences.push(then),
    whenPassed: (then) => void passed.push(then),
  }
  shard.peers.push(peer)
  return { fences, passed }
}

test.each([
  ['PING', 'PING\r\n', 'PONG\r\n'],
  ['SUB', 'SUB b 2\r\nPING\r\n', 'PONG\r\n'],
  ['a second CONNECT', `${HELLO}PING\r\n`, 'PONG\r\n'],
])('%s behind a queue member that ended waits for what is on its way to it', async (_, operation, end) => {
  const shard = new TestShard()
  const staged = await connected(shard)
  const { fences } = peerOf(shard)
  await answerTo(staged, 'SUB a q 1\r\n')
  staged.send('UNSUB 1\r\n')
  staged.send(operation)
  shard.flush()
  expect(staged.client.outbound.pendingBytes).toBe(0)
  expect(shard.sublist.count).toBe(0)
  for (const fence of fences.splice(0)) fence()
  expect(await staged.read(end)).toBe(end)
})

test('an operation that waits for a queue member is not carried out once the connection has closed', async () => {
  const shard = new TestShard()
  const staged = await connected(shard)
  const { fences } = peerOf(shard)
  await answerTo(staged, 'SUB a q 1\r\n')
  staged.send('UNSUB 1\r\nSUB b 2\r\nPING\r\n')
  staged.client.close(AuthFaults.forgotten)
  for (const fence of fences) fence()
  expect(await staged.readToEnd()).toBe('')
  expect([shard.sublist.count, shard.bugs]).toEqual([0, []])
})

test('the PONG to one whose messages may go on elsewhere comes when they have', async () => {
  const shard = new TestShard()
  const staged = await connected(shard)
  const { passed } = peerOf(shard)
  staged.client.passing = new Set([1])
  staged.send('PING\r\nPING\r\n')
  shard.flush()
  expect(staged.client.outbound.pendingBytes).toBe(0)
  expect(passed).toHaveLength(1)
  passed[0]()
  expect(await staged.read('PONG\r\nPONG\r\n')).toBe('PONG\r\nPONG\r\n')
})

test.each([
  ['PING', 'PING\r\n'],
  ['SUB', 'SUB b 2\r\n'],
  ['UNSUB', 'UNSUB 1\r\n'],
  ['CONNECT', HELLO],
])('%s is not carried out if what other shards had sent before closes the connection', async (_, operation) => {
  const shard = new TestShard()
  const staged = await connected(shard)
  await answerTo(staged, 'SUB a 1\r\n')
  shard.onCatchUp = () => staged.client.close(AuthFaults.forgotten)
  staged.send(operation)
  expect(await staged.readToEnd()).toBe('')
  expect([shard.sublist.inserts, shard.bugs]).toEqual([1, []])
})

// ── A model ─────────────────────────────────────────────────────────────────────────────────────────────

test('whatever a client subscribes to, ends and publishes, it gets what a naive list says', async () => {
  const random = new Random(chooseSeed('operations'))
  const staged = await connected()
  /** By sid: the subject, and how many messages are still wanted. */
  const wanted = new Map<string, { subject: string; delivered: number; max: number }>()
  let [operations, expected] = ['', '']
  for (let i = 0; i < 600; i++) {
    const sid = String(random.below(8))
    const subject = `s${random.below(4)}`
    const kind = random.below(3)
    if (kind === 0) {
      operations += `SUB ${subject} ${sid}\r\n`
      if (!wanted.has(sid)) wanted.set(sid, { subject, delivered: 0, max: 0 })
    } else if (kind === 1) {
      const max = random.below(4)
      operations += max === 0 ? `UNSUB ${sid}\r\n` : `UNSUB ${sid} ${max}\r\n`
      const one = wanted.get(sid)
      if (one !== undefined && max > one.delivered) one.max = max
      else wanted.delete(sid)
    } else {
      operations += `PUB ${subject} 1\r\nx\r\n`
      const heard: string[] = []
      for (const [to, one] of wanted) {
        if (one.subject !== subject) continue
        heard.push(to)
        if (++one.delivered === one.max) wanted.delete(to)
      }
      operations += `PUB end 0\r\n\r\n`
      expected += `${heard.sort().join(' ')};`
    }
  }
  staged.send(`SUB end e\r\n${operations}PING\r\n`)
  const got = await staged.read('PONG\r\n')
  let [heard, text]: [string[], string] = [[], '']
  for (const [, sid] of got.matchAll(/^MSG \S+ (\S+) \d+\r\n/gm)) {
    if (sid !== 'e') heard.push(sid)
    else {
      text += `${heard.sort().join(' ')};`
      heard = []
    }
  }
  expect(text, `seed ${random.seed}`).toBe(expected)
})
