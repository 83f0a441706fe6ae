import { expect, test } from 'vitest'
import { PermissionSets, type Rights } from '../../src/connection/rights.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import type { Permissions } from '../../src/options/shapes.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import type { Run } from '../../src/protocol/run.ts'
import { chooseSeed, Random } from '../support/random.ts'

const pool = new ChunkPool()
/** One for the file: what a plan remembers is by whom. */
const sets = new PermissionSets()

/** Rights on a clock that a test moves. */
function rightsOf(permissions: Permissions): { rights: Rights; wait(ms: number): void } {
  let nowMs = 0
  return {
    rights: sets.rights(permissions, () => nowMs),
    wait: (ms) => {
      nowMs += ms
    },
  }
}

/** A plan, as far as rights know it. */
class NotedPlan {
  readonly allowed = new Set<object>()
  asked = 0

  isAllowed(permissions: object): boolean {
    this.asked++
    return this.allowed.has(permissions)
  }

  allow(permissions: object): void {
    this.allowed.add(permissions)
  }
}

/** How many of `count` messages may be published. */
function publishable(rights: Rights, subject: string, count = 1, plan = new NotedPlan()): number {
  let answer = Number.NaN
  composeRun(pool, { subject, reply: '', headers: {}, payload: new Uint8Array(0) }, (run: Run) => {
    run.count = count
    answer = rights.publishable(plan, run)
  })
  return answer
}

test('a run may be published as a whole or not at all, as its subject is allowed', () => {
  const { rights } = rightsOf({ publish: { allow: ['a.>'], deny: ['a.b'] } })
  expect(publishable(rights, 'a.c', 5)).toBe(5)
  expect(publishable(rights, 'a.b', 5)).toBe(0)
  expect(publishable(rights, 'c', 5)).toBe(0)
})

test('the plan remembers that a subject is allowed, for all who have the same permissions', () => {
  const permissions = { publish: { allow: ['a'] } }
  const [one, other] = [rightsOf(permissions).rights, rightsOf(permissions).rights]
  const plan = new NotedPlan()
  publishable(one, 'a', 1, plan)
  expect(plan.allowed.size).toBe(1)
  // Under the plan of `a` no other subject comes; that one does here shows that nobody is asked again.
  expect(publishable(other, 'b', 3, plan)).toBe(3)
})

test('what one set of permissions allows is not remembered for another, though it says the same', () => {
  const [one, other] = [0, 1].map(() => rightsOf({ publish: { allow: ['a'] } }).rights)
  const plan = new NotedPlan()
  publishable(one, 'a', 1, plan)
  expect(publishable(other, 'b', 1, plan)).toBe(0)
})

test('a plan remembers no refusal, and no answer', () => {
  const { rights } = rightsOf({ publish: { allow: ['a'] }, responses: { maxMessages: 1, expires: 1_000 } })
  const plan = new NotedPlan()
  rights.delivered('r')
  expect([publishable(rights, 'r', 1, plan), publishable(rights, 'r', 1, plan)]).toEqual([1, 0])
  expect(publishable(rights, 'b', 1, plan)).toBe(0)
  expect(plan.allowed.size).toBe(0)
})

test('who may publish everything leaves no mark on plans', () => {
  const { rights } = rightsOf({ subscribe: { deny: ['x'] } })
  const plan = new NotedPlan()
  expect(publishable(rights, 'a', 9, plan)).toBe(9)
  expect(plan.allowed.size).toBe(0)
})

test('of a run to a reply subject, as many messages pass as answers are left', () => {
  const { rights } = rightsOf({ responses: { maxMessages: 3, expires: -1 } })
  expect(publishable(rights, 'r', 2)).toBe(0)
  rights.delivered('r')
  expect(publishable(rights, 'r', 2)).toBe(2)
  expect(publishable(rights, 'r', 2)).toBe(1)
  expect(publishable(rights, 'r', 2)).toBe(0)
  rights.delivered('r')
  expect(publishable(rights, 'r', 9)).toBe(3)
})

test('answers end with their time', () => {
  const { rights, wait } = rightsOf({ responses: { maxMessages: -1, expires: 1_000 } })
  rights.delivered('r')
  wait(1_000)
  expect(publishable(rights, 'r')).toBe(1)
  wait(1)
  expect(publishable(rights, 'r')).toBe(0)
})

test('a reply that may be published to anyway needs no permit, and takes none', () => {
  const { rights } = rightsOf({ publish: { allow: ['r'] }, responses: { maxMessages: 1, expires: -1 } })
  rights.delivered('r')
  expect(publishable(rights, 'r', 10)).toBe(10)
})

test('who was not given answers is not told of reply subjects, and has none', () => {
  const { rights } = rightsOf({ publish: { deny: ['>'] } })
  expect(rights.mayAnswer).toBe(false)
  rights.delivered('r')
  expect(publishable(rights, 'r')).toBe(0)
  expect(rightsOf({ responses: { maxMessages: 1, expires: 1 } }).rights.mayAnswer).toBe(true)
})

test('answers are a connection’s own, though permissions are shared', () => {
  const permissions = { responses: { maxMessages: 1, expires: -1 } }
  const [one, other] = [rightsOf(permissions).rights, rightsOf(permissions).rights]
  one.delivered('r')
  expect(publishable(other, 'r')).toBe(0)
  expect(publishable(one, 'r')).toBe(1)
})

test('publishing beside answers, subscriptions and deliveries are asked of the permissions', () => {
  const { rights } = rightsOf({
    publish: { allow: ['a'] },
    subscribe: { allow: ['b.>'], deny: ['b.c'] },
    responses: { maxMessages: 1, expires: -1 },
  })
  rights.delivered('r')
  expect(['a', 'b', 'r'].map((subject) => rights.mayPublish(subject))).toEqual([true, false, false])
  expect(['b.d', 'b.*', 'b.c', 'a'].map((filter) => rights.maySubscribe(filter, ''))).toEqual([
    'allowed',
    'filtered',
    'denied',
    'denied',
  ])
  expect(['b.d', 'b.c'].map((subject) => rights.mayDeliver(subject, ''))).toEqual([true, false])
})

test('in whatever order messages come and are answered, no more answers pass than were allowed', () => {
  const random = new Random(chooseSeed('rights'))
  const { rights } = rightsOf({ responses: { maxMessages: 4, expires: -1 } })
  const left = new Map<string, number>()
  for (let step = 0; step < 2_000; step++) {
    const subject = `r.${random.below(10)}`
    if (random.chance(0.3)) {
      rights.delivered(subject)
      left.set(subject, 4)
      continue
    }
    const count = 1 + random.below(6)
    const allowed = Math.min(count, left.get(subject) ?? 0)
    expect(publishable(rights, subject, count), `seed ${random.seed}, step ${step}`).toBe(allowed)
    left.set(subject, (left.get(subject) ?? 0) - allowed)
  }
})
