// Long reports of a shard, over all connections or subscriptions. They are made one after the other, with a bounded
// piece of work per turn of the loop, so that clients wait for a piece and never for a page. Each report is a
// generator: it yields after its share of a turn, with its findings so far or with nothing.

import { PAGE_TURN_WORK } from '../base/constants.ts'
import { attempt, guarded, type OnBug } from '../base/guarded.ts'
import type { Report } from './rows.ts'

/** Yields parts of the answer; undefined: there is none to send yet. */
export type LongReport<Part extends Report> = Generator<Part | undefined, void>

/** What becomes of a report: its parts, in order. */
export interface ReportTaker {
  part(part: Report): void
  /** Not `complete`: the report could not be made. */
  end(complete: boolean): void
}

/** Counts the work of one turn. What counts as 1 takes about a microsecond. */
export class TurnWork {
  private done = 0

  /** Returns whether the share of this turn is used up; then the next turn begins. */
  isUpAfter(work: number): boolean {
    this.done += work
    if (this.done < PAGE_TURN_WORK) return false
    this.done = 0
    return true
  }
}

interface Waiting {
  readonly report: LongReport<Report>
  readonly taker: ReportTaker
}

/** What a queue needs of its shard. */
export interface ReportQueueOwner {
  /** The shard works in this turn. */
  wake(): void
  readonly bugMet: OnBug
}

export class ReportQueue {
  /** Turns in which something was done. */
  turns = 0
  private readonly owner: ReportQueueOwner
  private readonly waiting: Waiting[] = []
  private readonly bugMet: OnBug = (error) => this.owner.bugMet(error)
  private readonly next = guarded(this.bugMet, () => this.work())

  constructor(owner: ReportQueueOwner) {
    this.owner = owner
  }

  add(report: LongReport<Report>, taker: ReportTaker): void {
    if (this.waiting.push({ report, taker }) === 1) setImmediate(this.next)
  }

  private work(): void {
    this.owner.wake()
    this.turns++
    if (this.isDone(this.waiting[0])) this.waiting.shift()
    if (this.waiting.length > 0) setImmediate(this.next)
  }

  /** Makes one piece. */
  private isDone({ report, taker }: Waiting): boolean {
    try {
      const { done = false, value } = report.next()
      if (value !== undefined) taker.part(value as Report)
      if (done) taker.end(true)
      return done
    } catch (error) {
      this.owner.bugMet(error)
      attempt(this.bugMet, () => taker.end(false))
      return true
    }
  }
}
