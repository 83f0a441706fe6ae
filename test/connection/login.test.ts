// The way in of one connection, over a desk that answers as a test says: at once, or when it likes.

import { expect, test } from 'vitest'
import type { Greeting } from '../../src/auth/authenticator.ts'
import { AuthFaults, type Identity, identity, type Refusal, refuse } from '../../src/auth/identity.ts'
import { type AuthRequest, type Credentials, NO_CREDENTIALS, type Soon } from '../../src/auth/request.ts'
import type { Fault } from '../../src/base/errors.ts'
import { attempt } from '../../src/base/guarded.ts'
import { LoopClock } from '../../src/base/loop-clock.ts'
import { TimerWheel } from '../../src/base/timer-wheel.ts'
import { Login, type LoginHost } from '../../src/connection/login.ts'
import type { Expiring } from '../../src/connection/owner.ts'
import type { TlsSession } from '../../src/tls/upgrade.ts'
import type { WebSocketSession } from '../../src/websocket/handshake.ts'
import { connectOptions, GUARDED, OPEN } from './facts.ts'

const JOE: Credentials = { ...NO_CREDENTIALS, user: 'joe', password: 'p' }
const AS_JOE = identity('password', 'joe', 'A')
const NO_WAY = refuse('no such user')
const LONG_MS = 100_000

type Answer = Soon<Identity | Refusal>

/** A connection that logs in, and what happens to it. */
function stage({ greeting = GUARDED, timeoutMs = LONG_MS }: { greeting?: Greeting; timeoutMs?: number } = {}) {
  const events: string[] = []
  const closed: Fault[] = []
  const requests: AuthRequest[] = []
  const permissions: boolean[] = []
  /** The end of the wait for CONNECT. */
  const { promise: timeOut, resolve: timerFired } = Promise.withResolvers<void>()
  const desk = {
    authenticator: { greeting: () => greeting, knowsUser: () => true, proofOf: () => '' },
    timeoutMs,
    answer: (() => AS_JOE) as (request: AuthRequest) => Answer,
    identify: (request: AuthRequest): Answer => {
      requests.push(request)
      return desk.answer(request)
    },
    identifyInTurn: (request: AuthRequest, isGone: () => boolean): Answer => {
      expect(isGone()).toBe(client.closing)
      return desk.identify(request)
    },
    accountTag: (name: string) => name,
  }
  const shard = {
    admission: desk,
    clock: new LoopClock(),
    tls: { certificateOf: () => undefined, detailsOf: () => undefined, hello: () => undefined },
    expiries: new TimerWheel<Expiring>(10, 0),
    wake: () => void events.push('shard wakes'),
  }
  const close = (fault: Fault): void => {
    closed.push(fault)
    client.closing = true
    login.stop()
  }
  const client = {
    id: 7,
    ip: '10.1.2.3',
    closing: false as boolean,
    tls: undefined as TlsSession | undefined,
    clientType: 'nats' as const,
    webSocket: undefined as WebSocketSession | undefined,
    options: connectOptions(),
    subscriptions: { size: 0 },
    parser: { connectDue: greeting.expectsConnect },
    log: { namedBesideCertificate: (user: string) => void events.push(`named ${user}`) },
    attempt: (act: () => unknown) => attempt((error) => events.push(String(error)), act),
    suspend: () => {
      events.push('held')
      return () => void events.push('goes on')
    },
    close,
    closeByTimer: (fault: Fault) => {
      close(fault)
      timerFired()
    },
  } satisfies LoginHost
  const outcome = {
    connectReceived: true,
    admitted: ({ user }: Identity) => void events.push(`admitted ${user}`),
    refused: ({ cause, fault }: Refusal) => {
      events.push(`refused: ${cause}`)
      close(fault)
    },
    stayed: ({ user }: Identity, hasOtherPermissions: boolean) => {
      events.push(`stayed ${user}`)
      permissions.push(hasOtherPermissions)
    },
  }
  const login = new Login(shard, client, outcome)
  return { login, desk, shard, client, outcome, events, closed, requests, permissions, timeOut }
}

/** A question that is answered later. */
function later(): { answer: Promise<Identity | Refusal>; give(answer: Identity | Refusal): Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<Identity | Refusal>()
  return {
    answer: promise,
    give: async (answer) => {
      resolve(answer)
      await new Promise(setImmediate)
    },
  }
}

/** One that is in as joe. */
function admitted(who = AS_JOE): ReturnType<typeof stage> {
  const staged = stage()
  staged.desk.answer = () => who
  staged.login.start()
  staged.login.connect(JOE)
  staged.events.length = 0
  return staged
}

// ── Coming in ───────────────────────────────────────────────────────────────────────────────────────────

test('who shows the right credentials is admitted at once, and is not held meanwhile', () => {
  const { login, events, requests } = stage()
  login.start()
  login.connect(JOE)
  expect(events).toEqual(['admitted joe'])
  expect(login.identity).toBe(AS_JOE)
  expect(requests).toMatchObject([{ credentials: JOE, ip: '10.1.2.3', connectionId: 7, connectionType: 'STANDARD' }])
})

test('who is refused is closed for it, and is nobody; people see who it said it was', () => {
  const { login, desk, events, closed } = stage()
  desk.answer = () => NO_WAY
  login.connect(JOE)
  expect(events).toEqual(['refused: no such user'])
  expect(closed).toEqual([AuthFaults.violation])
  expect(login).toMatchObject({ identity: undefined, claimedUser: 'joe' })
})

test('a token is never shown, not even of one that was not let in', () => {
  const { login, desk } = stage()
  desk.answer = () => NO_WAY
  login.connect({ ...NO_CREDENTIALS, token: 'secret' })
  expect(login.claimedUser).toBe('[REDACTED]')
})

test('a nonce is given where signatures may come, and another one to each', () => {
  const [one, other] = [0, 1].map(() => stage({ greeting: { ...GUARDED, needsNonce: true } }))
  expect(one.login.nonce).toMatch(/^[A-Za-z0-9_-]+$/)
  expect(other.login.nonce).not.toBe(one.login.nonce)
  one.login.connect(JOE)
  expect(one.requests[0].nonce).toBe(one.login.nonce)
  expect(stage().login.nonce).toBe('')
})

test('while the answer is awaited nothing is taken from the peer', async () => {
  const { login, desk, events } = stage()
  const { answer, give } = later()
  desk.answer = () => answer
  login.connect(JOE)
  expect(events).toEqual(['held'])
  expect(login.identity).toBeUndefined()
  await give(AS_JOE)
  expect(events).toEqual(['held', 'shard wakes', 'admitted joe', 'goes on'])
})

test('a connection that closes while its login is decided is not let in by the answer', async () => {
  for (const late of [AS_JOE, NO_WAY]) {
    const { login, desk, events, client, requests } = stage()
    const { answer, give } = later()
    desk.answer = () => answer
    login.connect(JOE)
    const { gone } = requests[0]
    expect(gone?.aborted).toBe(false)
    client.close(AuthFaults.violation)
    expect(gone?.aborted).toBe(true)
    await give(late)
    expect(events).toEqual(['held'])
    expect(login.identity).toBeUndefined()
  }
})

test('whoever asks after the connection has closed whether it is gone is told so', () => {
  const { login, client } = stage()
  client.close(AuthFaults.violation)
  expect(login.whenGone().aborted).toBe(true)
})

test('a bug in deciding costs the connection: it is told of it, and admits nobody', async () => {
  const { login, desk, events } = stage()
  desk.answer = () => {
    throw new Error('at once')
  }
  login.connect(JOE)
  desk.answer = () => Promise.reject(new Error('later'))
  login.connect(JOE)
  await new Promise(setImmediate)
  expect(events).toEqual(['Error: at once', 'held', 'Error: later'])
  expect(login.identity).toBeUndefined()
})

test('a user named beside a certificate is told of, let in or not', () => {
  const CERTIFIED = { ...NO_WAY, certified: 'CN=joe' }
  for (const [answer, told] of [
    [identity('certificate', 'CN=joe', 'A'), true],
    [CERTIFIED, true],
    [AS_JOE, false],
    [NO_WAY, false],
  ] as const) {
    const { login, desk, events } = stage()
    desk.answer = () => answer
    login.connect(JOE)
    expect(events.includes('named joe')).toBe(told)
    events.length = 0
    login.connect(NO_CREDENTIALS)
    expect(events.some((event) => event.startsWith('named'))).toBe(false)
  }
})

// ── Without CONNECT ─────────────────────────────────────────────────────────────────────────────────────

test('who may leave CONNECT out takes the part of the user for that', () => {
  const { login, events, requests } = stage({ greeting: { ...GUARDED, mayOmitConnect: true } })
  expect(login.goOnWithoutConnect()).toBe(true)
  expect(events).toEqual(['admitted joe'])
  expect(requests[0].credentials).toEqual(NO_CREDENTIALS)
})

test('who may not is not even asked about', () => {
  const { login, requests, events } = stage()
  expect(login.goOnWithoutConnect()).toBe(false)
  expect([requests, events]).toEqual([[], []])
})

test.each([
  ['refused', NO_WAY],
  ['not decided at once', Promise.resolve(AS_JOE)],
])('a part that is %s lets nobody go on', async (_, answer) => {
  const { login, desk, events } = stage({ greeting: { ...GUARDED, mayOmitConnect: true } })
  desk.answer = () => answer
  expect(login.goOnWithoutConnect()).toBe(false)
  await new Promise(setImmediate)
  expect(events).toEqual([])
  expect(login.identity).toBeUndefined()
})

// ── Time ────────────────────────────────────────────────────────────────────────────────────────────────

test('who says nothing in time is closed for it', async () => {
  const { login, closed, timeOut } = stage({ timeoutMs: 1 })
  login.start()
  await timeOut
  expect(closed).toEqual([AuthFaults.timeout])
})

test('the peer is not to blame for an answer that takes long', async () => {
  const [slow, silent] = [stage({ timeoutMs: 1 }), stage({ timeoutMs: 1 })]
  const { answer, give } = later()
  slow.desk.answer = () => answer
  slow.login.start()
  silent.login.start()
  slow.login.connect(JOE)
  await silent.timeOut
  await give(AS_JOE)
  expect(slow.closed).toEqual([])
  expect(slow.events).toContain('admitted joe')
})

test('where nobody is asked, nobody is waited for; nor is one that has closed', async () => {
  const [open, gone, silent] = [
    stage({ greeting: OPEN, timeoutMs: 1 }),
    stage({ timeoutMs: 1 }),
    stage({ timeoutMs: 1 }),
  ]
  for (const { login } of [open, gone, silent]) login.start()
  gone.login.stop()
  await silent.timeOut
  expect([open.closed, gone.closed]).toEqual([[], []])
})

test('an identity ends when it says so, and not once the connection has closed', () => {
  const who = { ...AS_JOE, expiresAtMs: 5_000 }
  const [one, other] = [admitted(who), admitted(who)]
  other.client.close(AuthFaults.violation)
  for (const { shard } of [one, other]) shard.expiries.take(4_990, (login) => login.expired())
  expect(one.closed).toEqual([])
  for (const { shard } of [one, other]) shard.expiries.take(5_010, (login) => login.expired())
  expect(one.closed).toEqual([AuthFaults.expired])
  expect(other.closed).toEqual([AuthFaults.violation])
})

test('the end of an identity moves with it, and goes away', () => {
  const { login, shard, closed } = admitted({ ...AS_JOE, expiresAtMs: 5_000 })
  login.stay({ ...AS_JOE, expiresAtMs: 9_000 })
  shard.expiries.take(8_000, (one) => one.expired())
  expect([closed, shard.expiries.size]).toEqual([[], 1])
  login.stay(AS_JOE)
  expect(shard.expiries.size).toBe(0)
})

// ── After a reload ──────────────────────────────────────────────────────────────────────────────────────

test('who is still who it was stays; the request brings what was found of it before', () => {
  const { login, desk, client, events, requests, closed } = admitted()
  client.options = connectOptions({ user: 'joe', password: 'p' })
  const before = { proofOf: ({ user }: Identity) => `the password of ${user}` }
  login.review(before)
  expect(events).toEqual(['stayed joe'])
  expect(closed).toEqual([])
  expect(requests[1]).toMatchObject({ credentials: { user: 'joe' }, proof: 'the password of joe' })
  expect(login.greeting).toBe(desk.authenticator.greeting())
})

test('other permissions are told of, equal ones keep their object, by which compiled ones are found', () => {
  const rules = { publish: { allow: ['a'] } }
  const { login, permissions } = admitted({ ...AS_JOE, permissions: rules })
  login.stay({ ...AS_JOE, permissions: { publish: { allow: ['a'] } } })
  expect(login.identity?.permissions).toBe(rules)
  login.stay({ ...AS_JOE, permissions: { publish: { allow: ['b'] } } })
  login.stay(AS_JOE)
  expect(permissions).toEqual([false, true, true])
})

const REVIEWS: readonly (readonly [
  what: string,
  known: boolean,
  now: Identity | Refusal,
  end: Fault,
  said: boolean,
])[] = [
  ['a user that is refused now', true, NO_WAY, AuthFaults.violation, true],
  ['a user that was taken away', false, NO_WAY, AuthFaults.forgotten, false],
  ['a user that is in another account now', true, identity('password', 'joe', 'B'), AuthFaults.forgotten, false],
  ['a user where nobody is asked any more', true, identity('none', 'joe', 'A'), AuthFaults.forgotten, false],
]

test.each(REVIEWS)('%s is closed', (_, known, now, end, said) => {
  const { login, desk, events, closed } = admitted()
  desk.answer = () => now
  desk.authenticator.knowsUser = () => known
  login.review(desk.authenticator)
  expect(closed).toEqual([end])
  expect(events).toEqual(said ? ['refused: no such user'] : [])
})

test('nobody in particular goes on as nobody in particular', () => {
  const nobody = identity('none', '', '$G')
  const { login, desk, closed, events } = admitted(nobody)
  login.review(desk.authenticator)
  expect([closed, events]).toEqual([[], ['stayed ']])
})

test('who came without CONNECT is asked about as one that says nothing', () => {
  const { login, desk, client, outcome, requests } = admitted()
  client.options = connectOptions({ user: 'never said' })
  outcome.connectReceived = false
  login.review(desk.authenticator)
  expect(requests[1].credentials).toEqual(NO_CREDENTIALS)
})

test('one that is closing is not asked about', () => {
  const { login, desk, client, requests } = admitted()
  client.closing = true
  expect(login.review(desk.authenticator)).toBeUndefined()
  expect(requests).toHaveLength(1)
})

test('a review that takes long holds the connection, and no longer than CONNECT may take', async () => {
  const { login, desk, events, closed, timeOut } = admitted()
  const { answer, give } = later()
  desk.answer = () => answer
  desk.timeoutMs = 1
  const done = login.review(desk.authenticator)
  expect(events).toEqual(['held'])
  await timeOut
  expect(closed).toEqual([AuthFaults.timeout])
  await give(AS_JOE)
  await done
  expect(events).toEqual(['held'])
})

test('a review that is answered in time lets the connection go on, for good', async () => {
  const [one, silent] = [admitted(), stage({ timeoutMs: 50 })]
  const { answer, give } = later()
  one.desk.answer = () => answer
  one.desk.timeoutMs = 50
  const done = one.login.review(one.desk.authenticator)
  silent.login.start()
  await give(AS_JOE)
  await done
  expect(one.events).toEqual(['held', 'shard wakes', 'stayed joe', 'goes on'])
  await silent.timeOut
  expect(one.closed).toEqual([])
})

test('one whose login is being decided is left to that, but for what it is told by now', async () => {
  const { login, desk, requests, events } = stage()
  const { answer, give } = later()
  desk.answer = () => answer
  login.connect(JOE)
  const now: Greeting = { ...OPEN, needsNonce: true }
  desk.authenticator.greeting = () => now
  expect(login.review(desk.authenticator)).toBeUndefined()
  expect(requests).toHaveLength(1)
  expect(login.greeting).toBe(now)
  await give(AS_JOE)
  expect(events).toContain('admitted joe')
})

test('a user that a second reload takes away while the first is reviewed is closed as one that was taken away', async () => {
  const { login, desk, events, closed } = admitted()
  const { answer, give } = later()
  desk.answer = () => answer
  const first = login.review(desk.authenticator)
  desk.authenticator = { ...desk.authenticator, knowsUser: () => false }
  login.review(desk.authenticator)
  await give(NO_WAY)
  await first
  expect(closed).toEqual([AuthFaults.forgotten])
  expect(events).not.toContain('refused: no such user')
})

test('who has not said who it is has to do so from now on, if it has not subscribed yet', async () => {
  const { login, desk, client, closed, timeOut } = stage({ greeting: OPEN, timeoutMs: 1 })
  login.start()
  desk.authenticator.greeting = () => GUARDED
  login.review(desk.authenticator)
  expect(client.parser.connectDue).toBe(true)
  expect(closed).toEqual([])
  await timeOut
  expect(closed).toEqual([AuthFaults.timeout])
})

test('who has subscribed without saying who it is is closed', () => {
  const { login, desk, client, closed } = stage({ greeting: OPEN })
  client.subscriptions.size = 1
  desk.authenticator.greeting = () => GUARDED
  login.review(desk.authenticator)
  expect(closed).toEqual([AuthFaults.violation])
})

test('where nobody is asked any more, one that has not said who it is has all the time', async () => {
  const [one, silent] = [stage({ timeoutMs: 20 }), stage({ timeoutMs: 40 })]
  one.login.start()
  silent.login.start()
  one.desk.authenticator.greeting = () => OPEN
  one.login.review(one.desk.authenticator)
  expect(one.client.parser.connectDue).toBe(false)
  await silent.timeOut
  expect(one.closed).toEqual([])
})
