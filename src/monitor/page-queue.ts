// Long pages wait here for each other, so that few are made at a time however many are requested. Equal requests that
// wait share one page; a page already in the making is not shared, because it may be older than the request. First
// come, first served; a request that has waited too long is refused.

import { PAGE_WAIT_MS, PAGES_AT_ONCE } from '../base/constants.ts'
import { type Answer, unavailable } from './answer.ts'

interface Waiting {
  readonly make: () => Promise<Answer>
  readonly promise: Promise<Answer>
  readonly resolve: (answer: Answer | Promise<Answer>) => void
  readonly sinceMs: number
}

export class PageQueue {
  private readonly nowMs: () => number
  private readonly waiting = new Map<string, Waiting>()
  private underway = 0

  constructor(nowMs = (): number => performance.now()) {
    this.nowMs = nowMs
  }

  /** The answer of `make`, or of another `make` with the same key that had not begun yet. */
  share(key: string, make: () => Promise<Answer>): Promise<Answer> {
    const known = this.waiting.get(key)
    if (known !== undefined) return known.promise
    const { promise, resolve } = Promise.withResolvers<Answer>()
    this.waiting.set(key, { make, promise, resolve, sinceMs: this.nowMs() })
    this.begin()
    return promise
  }

  /** Begins what may be under way. */
  private begin(): void {
    for (const [key, { make, resolve, sinceMs }] of this.waiting) {
      if (this.underway >= PAGES_AT_ONCE) return
      this.waiting.delete(key)
      if (this.nowMs() - sinceMs > PAGE_WAIT_MS) {
        resolve(unavailable('too many pages are asked for'))
        continue
      }
      this.underway++
      const answer = make()
      answer.then(this.ended, this.ended)
      resolve(answer)
    }
  }

  private readonly ended = (): void => {
    this.underway--
    this.begin()
  }
}
