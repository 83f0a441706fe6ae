// Plans for subjects that are published once: replies, acknowledgements. Such a subject is no other's twin, but it has
// siblings, which differ from it only in tokens that no filter asks for:
//
//     filters    _INBOX.7fQx.*          plan of _INBOX.7fQx.1 ─▶ kept for _INBOX.7fQx. and one token more
//     siblings   _INBOX.7fQx.1, _INBOX.7fQx.2, …
//
// One plan is kept for each of a few beginnings, as long as it is fresh.

import type { Account } from '../accounts/account.ts'
import { allocateBlock, type Block, copyBytes, equalBytes, hashWords } from '../memory/block.ts'
import type { Plan } from './plan.ts'
import type { PlanCache } from './plan-cache.ts'

const SLOTS = 256
/** Beginnings that are longer are not kept. */
const KEY_BYTES = 120
const STRIDE = 128
/** A slot is chosen by so many bytes; shorter subjects have no siblings. */
const CHOOSING_BYTES = 12
const DOT = 0x2e

export class SiblingPlans {
  private readonly cache: Pick<PlanCache, 'isFresh'>
  private readonly seed: number
  private readonly plans: (Plan | undefined)[] = new Array(SLOTS).fill(undefined)
  private readonly keys: Block = allocateBlock(SLOTS * STRIDE)
  private readonly keyLengths = new Uint8Array(SLOTS)
  /** Tokens behind the beginning. */
  private readonly tokens = new Uint16Array(SLOTS)

  constructor(cache: Pick<PlanCache, 'isFresh'>, seed: number) {
    this.cache = cache
    this.seed = seed
  }

  /** The plan of a sibling of the subject line[start, end), which is the subject's own. */
  find(account: Account, line: Block, start: number, end: number): Plan | undefined {
    if (end - start < CHOOSING_BYTES) return undefined
    const slot = this.slotOf(line, start)
    const plan = this.plans[slot]
    if (plan === undefined) return undefined
    // What a user may publish was found for one subject, and so was a number.
    if (!this.cache.isFresh(plan) || plan.allowedFor !== undefined || plan.number !== 0) {
      this.plans[slot] = undefined
      return undefined
    }
    const length = this.keyLengths[slot]
    if (plan.account !== account || end - start <= length) return undefined
    if (!equalBytes(this.keys, slot * STRIDE, line, start, length)) return undefined
    return tokensIn(line.bytes, start + length, end) === this.tokens[slot] ? plan : undefined
  }

  /** Keeps the plan of line[start, end) for its siblings: nothing asks for the tokens from `free` on. */
  keep(plan: Plan, line: Block, start: number, end: number, free: number): void {
    const length = free - start
    if (free >= end || length > KEY_BYTES || end - start < CHOOSING_BYTES) return
    const tokens = tokensIn(line.bytes, free, end)
    if (tokens === 0) return
    const slot = this.slotOf(line, start)
    this.plans[slot] = plan
    this.keyLengths[slot] = length
    this.tokens[slot] = tokens
    copyBytes(this.keys, slot * STRIDE, line, start, length)
  }

  /** Drops stale plans, and with them closed connections that they name. */
  sweep(): void {
    for (const [slot, plan] of this.plans.entries()) {
      if (plan !== undefined && !this.cache.isFresh(plan)) this.plans[slot] = undefined
    }
  }

  private slotOf(line: Block, start: number): number {
    return hashWords(line, start, start + CHOOSING_BYTES, this.seed) & (SLOTS - 1)
  }
}

/** How many tokens bytes[from, end) has; 0: one of them is empty, and no filter matches. */
function tokensIn(bytes: Uint8Array, from: number, end: number): number {
  let tokens = 1
  let previous = DOT
  for (let i = from; i < end; i++) {
    const byte = bytes[i]
    if (byte === DOT) {
      if (previous === DOT) return 0
      tokens++
    }
    previous = byte
  }
  return previous === DOT ? 0 : tokens
}
