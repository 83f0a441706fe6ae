// Admission by itself: real accounts and authenticators, clients that note what is asked of them, and a primary whose
// answers a test gives.

import { expect, test } from 'vitest'
import type { Account } from '../../src/accounts/account.ts'
import { Accounts } from '../../src/accounts/accounts.ts'
import { type Identity, identity, isRefusal, type Refusal } from '../../src/auth/identity.ts'
import { type AuthRequest, type Credentials, NO_CREDENTIALS, type Soon } from '../../src/auth/request.ts'
import { createServerKey } from '../../src/auth/server-key.ts'
import { attempt } from '../../src/base/guarded.ts'
import { LoopClock } from '../../src/base/loop-clock.ts'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import type { Options, ServerOptions } from '../../src/options/options.ts'
import { Admission } from '../../src/shard/admission.ts'
import type { AdmissionOwner, AdmittedClient } from '../../src/shard/owner.ts'
import { type QuestionMessage, Questions } from '../../src/threads/primary-rpc.ts'
import { request } from '../auth/material.ts'
import { TestShard } from '../connection/stage.ts'

const HASH = '$2a$04$ZZZZZZZZZZZZZZZZZZZZZuQmYcLZUzzzzzzzzzzzzzzzzzzzzzzzz'
const JOE: Credentials = { ...NO_CREDENTIALS, user: 'joe', password: 'p' }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function optionsOf(members: ServerOptions = {}): Options {
  return normaliseOptions(
    { port: -1, workers: 0, ...members },
    blockReader(() => ''),
  )
}

const withUser = (user: string, password = 'p'): Options => optionsOf({ authorization: { user, password } })

/** Service imports of A from B; `subject`: what B exports. */
const importing = (subject: string): Options =>
  optionsOf({
    accounts: {
      A: { users: [{ user: 'a', password: 'p' }], imports: [{ stream: { account: 'B', subject } }] },
      B: { users: [{ user: 'b', password: 'p' }], exports: [{ stream: subject }] },
    },
  })

function stage(options = optionsOf(), asksProgram = false) {
  const base = new TestShard()
  const events: string[] = []
  const asked: Extract<QuestionMessage, { kind: 'ask' }>[] = []
  const clients: AdmittedClient[] = []
  const shard = {
    options,
    identity: base.identity,
    bugMet: base.bugMet,
    pool: base.pool,
    router: base.router,
    turns: base.turns,
    nowMs: 0,
    clock: new LoopClock(),
    accounts: new Accounts(),
    clients: { values: () => clients },
    log: { warn: (text: string) => void events.push(`warning: ${text}`) },
    links: { accountChanged: () => undefined, importsChanged: () => void events.push('links are told') },
    sublist: { insert: () => true, reimport: (): boolean => events.push('imports again') > 0 },
    generations: { advanceAll: () => void events.push('plans are stale') },
    wake: () => undefined,
    wakeBehindRings: () => undefined,
    schedule: () => undefined,
  } satisfies AdmissionOwner
  const questions = new Questions((message) => {
    if (message.kind === 'ask') asked.push(message)
  })
  const admission = new Admission(shard, questions, {
    hooks: asksProgram ? ['authenticate'] : [],
    key: createServerKey(),
  })
  events.length = 0
  return {
    shard,
    admission,
    events,
    asked,
    answer: (at: number, answer: 'match' | Identity): void =>
      questions.receive({ kind: 'answer', id: asked[at].id, answer }),
    /** Goes by other options. */
    change: (now: Options): Promise<void> => {
      const before = shard.options
      shard.options = now
      return admission.optionsChanged(now, before)
    },
    /** A client with a subscription; `review` is what its login does. */
    join: (name: string, account: Account, review: () => void | Promise<void> = () => undefined) => {
      const client = {
        closing: false,
        account,
        subscriptions: { values: () => [{} as never] },
        attempt: (act: () => unknown) => attempt(client.failed, act),
        failed: (error: unknown) => void events.push(`${name} failed: ${String(error)}`),
        refuse: () => void events.push(`${name} refused`),
        close: () => void events.push(`${name} closed`),
        login: {
          identity: undefined,
          review: () => {
            events.push(`${name} reviewed`)
            return review()
          },
          stay: () => undefined,
        },
        operations: {
          recount: () => void events.push(`${name} counted`),
          closeIfExcess: () => void events.push(`${name} judged`),
        },
      }
      clients.push(client)
      return client
    },
  }
}

const asked = (credentials: Partial<Credentials>): AuthRequest => request({ ...NO_CREDENTIALS, ...credentials })

async function userOf(answer: Soon<Identity | Refusal>): Promise<string | undefined> {
  const said = await answer
  return isRefusal(said) ? undefined : said.user
}

// ── Logins ──────────────────────────────────────────────────────────────────────────────────────────────

test('who may come in is what the options say, at once', async () => {
  const { admission } = stage(withUser('joe'))
  const answer = admission.identifyInTurn(asked(JOE), () => false)
  expect(answer).not.toBeInstanceOf(Promise)
  expect(await userOf(answer)).toBe('joe')
  expect(await userOf(admission.identify(asked({ user: 'joe', password: 'wrong' })))).toBeUndefined()
})

test('logins with signatures begin a few in a turn, and one that has left costs nothing', async () => {
  const { admission } = stage(withUser('joe'))
  const order: number[] = []
  const signed = asked({ ...JOE, nkey: 'U' })
  const all = Array.from({ length: 9 }, (_, number) => {
    const isGone = (): boolean => {
      order.push(number)
      return number === 0
    }
    return admission.identifyInTurn(signed, isGone)
  })
  expect(all.every((one) => one instanceof Promise)).toBe(true)
  await turn()
  expect(order.length).toBeLessThan(all.length)
  expect(await all[0]).toMatchObject({ cause: 'the client has disconnected' })
  await Promise.all(all)
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
})

test('an answer under options that are not in force any more is ignored: it is asked once more', async () => {
  const { admission, asked: questions, answer, change } = stage(withUser('joe', HASH))
  const login = admission.identify(asked(JOE))
  expect(questions).toHaveLength(1)
  await change(withUser('mary'))
  answer(0, 'match')
  expect(await userOf(login)).toBeUndefined()
})

test('options that have nothing to do with logins leave an answer as good as it was', async () => {
  const { admission, answer, change } = stage(withUser('joe', HASH))
  const login = admission.identify(asked(JOE))
  await change({ ...withUser('joe', HASH), maxPayload: 1 })
  answer(0, 'match')
  expect(await userOf(login)).toBe('joe')
})

test('where the embedding program decides, it is asked, and its answer counts', async () => {
  const { admission, asked: questions, answer } = stage(optionsOf(), true)
  const login = admission.identify(asked(JOE))
  expect(questions).toMatchObject([{ about: 'custom' }])
  answer(0, identity('custom', 'somebody', '$G'))
  expect(await userOf(login)).toBe('somebody')
})

test('a program that does not answer in time has refused', async () => {
  const { admission, shard } = stage(optionsOf(), true)
  shard.options = optionsOf({ authorization: { timeout: 10 } })
  expect(await admission.identify(asked(JOE))).toMatchObject({ cause: 'authenticate() did not answer in time' })
})

// ── Other options ───────────────────────────────────────────────────────────────────────────────────────

test('every client is checked again before any is counted; the latest are judged first', async () => {
  const { shard, join, change, events } = stage(withUser('joe'))
  const slow = Promise.withResolvers<void>()
  join('one', shard.accounts.global, () => slow.promise)
  join('two', shard.accounts.global)
  const changed = change(withUser('mary'))
  await turn()
  expect(events).toEqual(['one reviewed', 'two reviewed'])
  slow.resolve()
  await changed
  expect(events.slice(2)).toEqual(['one counted', 'two counted', 'two judged', 'one judged'])
})

test('where nothing of it has changed nobody is checked, but for the embedding program, which may think again', async () => {
  const [plain, program] = [stage(withUser('joe')), stage(optionsOf(), true)]
  for (const { join, shard } of [plain, program]) join('one', shard.accounts.global)
  await plain.change({ ...withUser('joe'), maxPayload: 1 })
  await program.change({ ...optionsOf(), maxPayload: 1 })
  expect(plain.events).toEqual([])
  expect(program.events).toContain('one reviewed')
})

test('a bug in checking a client costs it alone, at once or later', async () => {
  const { shard, join, change, events } = stage(withUser('joe'))
  join('one', shard.accounts.global, () => {
    throw new Error('at once')
  })
  join('two', shard.accounts.global, () => Promise.reject(new Error('later')))
  join('three', shard.accounts.global)
  await change(withUser('mary'))
  expect(events.filter((event) => event.includes('failed'))).toEqual([
    'one failed: Error: at once',
    'two failed: Error: later',
  ])
  expect(events.at(-1)).toBe('one judged')
  expect(events).toContain('three reviewed')
})

test('of very many clients some are checked, and the loop turns before the next', async () => {
  const { shard, join, change, events } = stage(withUser('joe'))
  for (let i = 0; i < 200; i++) join(String(i), shard.accounts.global)
  const changed = change(withUser('mary'))
  const atOnce = events.length
  expect(atOnce).toBeGreaterThan(0)
  expect(atOnce).toBeLessThan(100)
  await changed
  expect(events.filter((event) => event.endsWith('reviewed'))).toHaveLength(200)
})

test('subscriptions follow the imports of their account; where the index is full the client is told', async () => {
  const { shard, join, change, events } = stage(importing('x'))
  join('in A', shard.accounts.named('A'))
  join('elsewhere', shard.accounts.global)
  join('closing', shard.accounts.named('A')).closing = true
  await change(importing('y'))
  expect(events.filter((event) => !/reviewed|counted|judged/.test(event))).toEqual([
    'imports again',
    'plans are stale',
    'links are told',
  ])
  shard.sublist.reimport = () => false
  await change(importing('z'))
  expect(events.filter((event) => event.endsWith('refused'))).toEqual(['in A refused'])
})

test('outside operator mode accounts have neither tokens nor other names, and pushed ones are nobody’s', async () => {
  const { admission, events } = stage()
  await admission.claimsChanged(['A'])
  admission.close()
  expect([admission.accountTag('A'), admission.accountToken('A'), events]).toEqual(['A', '', []])
})
