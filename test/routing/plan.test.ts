import { expect, test } from 'vitest'
import { Account } from '../../src/accounts/account.ts'
import { CompiledPermissions } from '../../src/auth/permissions.ts'
import { GENERATION_BUCKETS, MATCH_CACHE_KEY_BYTES, MATCH_CACHE_SLOTS } from '../../src/base/constants.ts'
import { Generations } from '../../src/interest/generations.ts'
import { blockFrom } from '../../src/memory/block.ts'
import type { Plan } from '../../src/routing/plan.ts'
import { PlanCache } from '../../src/routing/plan-cache.ts'
import { chooseSeed, Random } from '../support/random.ts'

const GLOBAL = new Account('$G')
const OTHER = new Account('A')

class TestCache {
  readonly generations = new Generations()
  readonly cache: PlanCache

  constructor(seed = 7, weightMax?: number) {
    this.cache = new PlanCache(this.generations, seed, weightMax)
  }

  /** The subject stands somewhere in a line, as it does for the router. */
  private key(subject: string): [ReturnType<typeof blockFrom>, number, number] {
    return [blockFrom(`PUB ${subject} 5\r\n`), 4, 4 + subject.length]
  }

  find(subject: string, account = GLOBAL): Plan | undefined {
    const key = this.key(subject)
    return this.cache.find(account, ...key, this.cache.hash(...key))
  }

  /** As the router does on a miss; answers the plan that it would use. */
  lookUp(subject: string, account = GLOBAL, groups = 0): Plan {
    const known = this.find(subject, account)
    if (known !== undefined) return known
    const key = this.key(subject)
    const plan = this.cache.create(account, ...key)
    for (let i = 0; i < groups; i++) plan.queueNamed(`group ${i}`)
    this.cache.add(plan, ...key, this.cache.hash(...key))
    return plan
  }

  /** Looked up as often as it takes to be kept. */
  keep(subject: string, account = GLOBAL): Plan {
    this.lookUp(subject, account)
    return this.lookUp(subject, account)
  }

  bucketOf(subject: string): number {
    return this.generations.bucketOf(Buffer.from(subject, 'latin1'), 0, subject.length)
  }
}

test('a subject that is seen once is not kept, one that is seen twice is', () => {
  const test = new TestCache()
  test.lookUp('a.b')
  expect(test.find('a.b')).toBeUndefined()
  const plan = test.lookUp('a.b')
  expect(test.find('a.b')).toBe(plan)
  expect(test.find('a.b')).toBe(plan)
})

test('accounts do not see each other’s plans', () => {
  const test = new TestCache()
  const [mine, theirs] = [test.keep('a.b'), test.keep('a.b', OTHER)]
  expect(mine).not.toBe(theirs)
  expect(test.find('a.b')).toBe(mine)
  expect(test.find('a.b', OTHER)).toBe(theirs)
})

test('subjects that are alike are told apart', () => {
  const test = new TestCache()
  const subjects = ['a', 'aa', 'a.a', 'a.b', 'A', '\xff', '\xff\xfe', 'a'.repeat(127), 'a'.repeat(128)]
  const plans = subjects.map((subject) => test.keep(subject))
  expect(new Set(plans).size).toBe(subjects.length)
  for (let i = 0; i < subjects.length; i++) expect(test.find(subjects[i]), subjects[i]).toBe(plans[i])
  expect(test.find('b')).toBeUndefined()
  expect(test.find('a'.repeat(126))).toBeUndefined()
})

test('a subject longer than a key is looked up each time', () => {
  const test = new TestCache()
  const long = 'a'.repeat(MATCH_CACHE_KEY_BYTES + 1)
  test.keep(long)
  expect(test.keep(long)).not.toBe(test.keep(long))
})

test('a plan is stale when its bucket moves, and is not found again', () => {
  const test = new TestCache()
  const plan = test.keep('orders.new')
  test.generations.advance(test.bucketOf('orders.*'))
  expect(test.cache.isFresh(plan)).toBe(false)
  expect(test.find('orders.new')).toBeUndefined()
  expect(test.lookUp('orders.new')).not.toBe(plan)
})

test('a plan is stale when filters that begin with a wildcard change', () => {
  const test = new TestCache()
  const plans = [test.keep('orders.new'), test.keep('_INBOX.1')]
  test.generations.advanceAll()
  expect(plans.map((plan) => test.cache.isFresh(plan))).toEqual([false, false])
  expect(test.find('orders.new')).toBeUndefined()
})

test('changes elsewhere leave a plan as it is', () => {
  const test = new TestCache()
  const plan = test.keep('orders.new')
  for (let bucket = 1; bucket <= GENERATION_BUCKETS; bucket++) {
    if (bucket !== test.bucketOf('orders')) test.generations.advance(bucket)
  }
  expect(test.find('orders.new')).toBe(plan)
})

test('a change that comes while the index is being read makes the plan stale', () => {
  const test = new TestCache()
  test.lookUp('orders.new')
  const line = blockFrom('orders.new')
  const hash = test.cache.hash(line, 0, 10)
  const plan = test.cache.create(GLOBAL, line, 0, 10)
  test.generations.advance(test.bucketOf('orders'))
  test.cache.add(plan, line, 0, 10, hash)
  expect(test.find('orders.new')).toBeUndefined()
})

test('a sweep lets go of what is stale, and of nothing else', () => {
  const test = new TestCache()
  const kept = test.keep('kept.1')
  for (let i = 0; i < 50; i++) test.keep(`gone.${i}`)
  expect(test.cache.sweep()).toBe(51)
  test.generations.advance(test.bucketOf('gone'))
  expect(test.cache.sweep()).toBe(1)
  expect(test.find('kept.1')).toBe(kept)
  test.generations.advanceAll()
  expect(test.cache.sweep()).toBe(0)
})

test('hits and misses are counted', () => {
  const test = new TestCache()
  test.keep('a')
  const { planHits, planMisses } = GLOBAL.counters
  test.find('a')
  test.find('b')
  test.find('b')
  expect(GLOBAL.counters).toMatchObject({ planHits: planHits + 1, planMisses: planMisses + 2 })
})

test('however many subjects come, what is kept is bounded and right', () => {
  const random = new Random(chooseSeed('plan cache'))
  const test = new TestCache(random.below(2 ** 31))
  const latest = new Map<string, Plan>()
  let found = 0
  for (let i = 0; i < 150_000; i++) {
    // A few subjects come again and again, the others hardly.
    const subject = random.chance(0.5) ? `hot.${random.below(200)}` : `s.${random.below(100_000)}`
    const plan = test.lookUp(subject)
    const known = latest.get(subject)
    if (plan === known) found++
    latest.set(subject, plan)
  }
  expect(found).toBeGreaterThan(50_000)
  expect(test.cache.sweep()).toBeLessThanOrEqual(MATCH_CACHE_SLOTS)
  let hot = 0
  for (let i = 0; i < 200; i++) if (test.find(`hot.${i}`) === latest.get(`hot.${i}`)) hot++
  expect(hot).toBeGreaterThan(150)
  // What is found belongs to its subject: plans are not shared.
  const owners = new Map<Plan, string>()
  for (const subject of latest.keys()) {
    const plan = test.find(subject)
    if (plan === undefined) continue
    if (owners.has(plan)) expect.fail(`seed ${random.seed}: ${subject} and ${owners.get(plan)} share a plan`)
    owners.set(plan, subject)
  }
})

test('what the plans name all together is bounded: large ones displace others now and then', () => {
  const MOST = 10_000
  const test = new TestCache(7, MOST)
  const weightKept = (): number => {
    let weight = 0
    test.cache.sweep((plan) => {
      weight += plan.weight
    })
    return weight
  }
  for (let i = 0; i < 400; i++) {
    for (let times = 0; times < 2; times++) test.lookUp(`wide.${i}`, GLOBAL, 100)
    expect(weightKept()).toBeLessThanOrEqual(MOST)
  }
  expect(weightKept()).toBe(MOST)
  // Others had their place taken, and what is too large for all of it has none.
  const kept = Array.from({ length: 400 }, (_, i) => i).filter((i) => test.find(`wide.${i}`) !== undefined)
  expect(kept).toHaveLength(MOST / 100)
  expect(Math.max(...kept)).toBeGreaterThan(MOST / 100)
  for (let times = 0; times < 40; times++) test.lookUp('too.wide', GLOBAL, MOST + 1)
  expect(test.find('too.wide')).toBeUndefined()
  expect(weightKept()).toBe(MOST)
  // What is stale makes room at once.
  test.generations.advance(test.bucketOf('wide'))
  expect(weightKept()).toBe(0)
  expect(test.lookUp('new.1', GLOBAL, MOST)).not.toBe(test.lookUp('new.1', GLOBAL, MOST))
  expect(test.find('new.1')).toBeDefined()
})

test('a plan remembers all who may publish to its subject, not just the last', () => {
  const plan = new TestCache().lookUp('a.b')
  const [one, other, third] = [0, 1, 2].map(() => new CompiledPermissions({}))
  plan.allow(one)
  plan.allow(other)
  expect([one, other, third].map((permissions) => plan.isAllowed(permissions))).toEqual([true, true, false])
})
