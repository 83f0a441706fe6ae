// A cache of plans by account and subject.

import type { Account } from '../accounts/account.ts'
import {
  MATCH_CACHE_DISPLACE,
  MATCH_CACHE_KEY_BYTES,
  MATCH_CACHE_SIGHTED,
  MATCH_CACHE_SLOTS,
  MATCH_CACHE_WAYS,
  MATCH_CACHE_WEIGHT_MAX,
} from '../base/constants.ts'
import type { Generations } from '../interest/generations.ts'
import { allocateBlock, type Block, equalBytes, hashWords } from '../memory/block.ts'
import type { Audience } from './audience.ts'
import { Audiences } from './audiences.ts'
import { Plan } from './plan.ts'

/**
 * The plans looked up last, by account and subject. Set-associative: a subject may live in MATCH_CACHE_WAYS slots,
 * chosen by its hash, where it takes the place of another. A slot's key is in its piece of one block, so that a subject
 * makes no garbage. The number of plans is bounded by the slots, and their total size by `weightMax`.
 *
 * A subject is kept when it is seen for the second time (`sighted`): reply subjects are published to once. Where there
 * is no room, only one in a few takes another's place: of more subjects than there are slots, each would be thrown out
 * before it is needed again, and would be garbage that has grown old.
 */
export class PlanCache {
  readonly audiences = new Audiences()
  private readonly plans: (Plan | undefined)[] = new Array(MATCH_CACHE_SLOTS).fill(undefined)
  private readonly hashes = new Int32Array(MATCH_CACHE_SLOTS)
  private readonly keys: Block = allocateBlock(MATCH_CACHE_SLOTS * MATCH_CACHE_KEY_BYTES)
  private readonly sighted = new Int32Array(MATCH_CACHE_SIGHTED)
  private readonly generations: Generations
  private readonly seed: number
  private readonly weights = new Uint32Array(MATCH_CACHE_SLOTS)
  private readonly weightMax: number
  /** Of all that are kept. */
  private weight = 0
  /** The slot that was emptied last to make room for weight. */
  private emptied = 0
  /** How often there was no room. */
  private crowded = 0
  private latestNumber = 0

  constructor(generations: Generations, seed: number, weightMax = MATCH_CACHE_WEIGHT_MAX) {
    this.generations = generations
    this.seed = seed
    this.weightMax = weightMax
  }

  private keep(slot: number, plan: Plan | undefined, weight: number): void {
    this.weight += weight - this.weights[slot]
    this.weights[slot] = weight
    this.plans[slot] = plan
  }

  private drop(slot: number): void {
    this.keep(slot, undefined, 0)
  }

  /** Whether so much more fits in, others being dropped for it now and then. */
  private makesRoomFor(weight: number): boolean {
    if (this.weight + weight <= this.weightMax) return true
    this.crowded++
    if (weight > this.weightMax || this.crowded % MATCH_CACHE_DISPLACE !== 0) return false
    while (this.weight + weight > this.weightMax) {
      this.emptied = (this.emptied + 1) % MATCH_CACHE_SLOTS
      this.drop(this.emptied)
    }
    return true
  }

  isFresh(plan: Plan): boolean {
    return !plan.guessed && this.generations.glance(plan.bucket) === plan.generation
  }

  hash(subject: Block, start: number, end: number): number {
    return hashWords(subject, start, end, this.seed)
  }

  find(account: Account, subject: Block, start: number, end: number, hash: number): Plan | undefined {
    const length = end - start
    const base = slotOf(hash)
    for (let slot = base; slot < base + MATCH_CACHE_WAYS; slot++) {
      if (this.hashes[slot] !== hash) continue
      const plan = this.plans[slot]
      if (plan === undefined || plan.account !== account || plan.length !== length) continue
      if (!equalBytes(this.keys, slot * MATCH_CACHE_KEY_BYTES, subject, start, length)) continue
      if (!this.isFresh(plan)) {
        this.drop(slot)
        break
      }
      account.counters.planHits++
      return plan
    }
    account.counters.planMisses++
    return undefined
  }

  /**
   * A new, empty plan, not yet cached. The generation is read now, before the caller reads the index, so that a
   * change that comes while it does so makes the plan stale.
   */
  create(account: Account, subject: Block, start: number, end: number): Plan {
    const bucket = this.generations.bucketOf(subject.bytes, start, end)
    return new Plan(account, end - start, bucket, this.generations.current(bucket))
  }

  /** Notes that a subject was seen; returns whether it was seen before. */
  sight(hash: number): boolean {
    const mark = (hash >>> 0) % MATCH_CACHE_SIGHTED
    if (this.sighted[mark] === hash) return true
    this.sighted[mark] = hash
    return false
  }

  wasSighted(hash: number): boolean {
    return this.sighted[(hash >>> 0) % MATCH_CACHE_SIGHTED] === hash
  }

  /** Keeps a plan, if its subject was seen before. */
  add(plan: Plan, subject: Block, start: number, end: number, hash: number): void {
    const length = end - start
    if (length > MATCH_CACHE_KEY_BYTES) return
    if (!this.sight(hash)) return
    const { weight } = plan
    if (!this.makesRoomFor(weight)) return
    const base = slotOf(hash)
    let slot = base
    while (slot < base + MATCH_CACHE_WAYS && this.plans[slot] !== undefined) slot++
    if (slot === base + MATCH_CACHE_WAYS) {
      this.crowded++
      if (this.crowded % MATCH_CACHE_DISPLACE !== 0) return
      slot = base + ((this.crowded / MATCH_CACHE_DISPLACE) % MATCH_CACHE_WAYS)
    }
    plan.number = this.latestNumber = (this.latestNumber % 0x7fff_ffff) + 1
    this.keep(slot, plan, weight)
    this.hashes[slot] = hash
    // A word-wise copy would run into the next slot's key.
    const at = slot * MATCH_CACHE_KEY_BYTES
    for (let i = 0; i < length; i++) this.keys.bytes[at + i] = subject.bytes[start + i]
  }

  /** Drops stale plans, and with them closed connections that they name; returns the remaining ones. */
  sweep(show?: (plan: Plan) => void): number {
    let live = 0
    const audiences = new Set<Audience>()
    for (let slot = 0; slot < MATCH_CACHE_SLOTS; slot++) {
      const plan = this.plans[slot]
      if (plan === undefined) continue
      if (this.isFresh(plan)) {
        live++
        if (plan.audience !== undefined) audiences.add(plan.audience)
        show?.(plan)
      } else this.drop(slot)
    }
    this.audiences.keepOnly(audiences)
    return live
  }
}

export function slotOf(hash: number): number {
  return ((hash >>> 0) % (MATCH_CACHE_SLOTS / MATCH_CACHE_WAYS)) * MATCH_CACHE_WAYS
}
