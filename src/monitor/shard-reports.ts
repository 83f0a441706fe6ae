// Asks the shards on behalf of the pages, one question at a time: however many requests come, no more than one report
// is being made, and equal questions that wait for their turn share it. A question's answer is never older than the
// question. Answers are handed out one a turn of the loop: who takes one writes a long page from it at once, and two
// hundred of them in a row kept the loop from accepting clients for half a second.

import type { Query } from '../messages.ts'
import type { ConnectionRow, Report, SubscriptionsReport, TotalsReport } from '../stats.ts'

interface Waiting {
  readonly query: Query
  readonly promise: Promise<readonly Report[]>
  readonly resolve: (reports: readonly Report[]) => void
  readonly reject: (error: unknown) => void
}

export class ShardReports {
  private readonly ask: (query: Query) => Promise<Report[]>
  private readonly waiting = new Map<string, Waiting>()
  private busy = false
  private lastTurn = Promise.resolve()

  /** `ask` puts a question to every shard and answers what those that are alive say. */
  constructor(ask: (query: Query) => Promise<Report[]>) {
    this.ask = ask
  }

  /** In the order of the shards. */
  async totals(): Promise<readonly TotalsReport[]> {
    return (await this.query({ kind: 'totals' })) as readonly TotalsReport[]
  }

  /** Of all shards, in no order. The array is the caller's own, the rows are not. */
  async connections(query: Extract<Query, { kind: 'connections' }>): Promise<ConnectionRow[]> {
    return ((await this.query(query)) as readonly ConnectionRow[][]).flat()
  }

  async subscriptions(query: Extract<Query, { kind: 'subscriptions' }>): Promise<readonly SubscriptionsReport[]> {
    return (await this.query(query)) as readonly SubscriptionsReport[]
  }

  private async query(query: Query): Promise<readonly Report[]> {
    const reports = await this.share(query)
    this.lastTurn = this.lastTurn.then(() => new Promise((resolve) => setImmediate(resolve)))
    await this.lastTurn
    return reports
  }

  private share(query: Query): Promise<readonly Report[]> {
    const key = JSON.stringify(query)
    const known = this.waiting.get(key)
    if (known !== undefined) return known.promise
    const { promise, resolve, reject } = Promise.withResolvers<readonly Report[]>()
    this.waiting.set(key, { query, promise, resolve, reject })
    if (!this.busy) void this.work()
    return promise
  }

  private async work(): Promise<void> {
    this.busy = true
    for (const [key, { query, resolve, reject }] of this.waiting) {
      // From here on it is too late to join: what is counted may be older than the next question.
      this.waiting.delete(key)
      await this.ask(query).then(resolve, reject)
    }
    this.busy = false
  }
}
