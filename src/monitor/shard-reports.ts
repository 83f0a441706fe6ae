// Asks the shards on behalf of the pages, one question at a time: however many requests come, no more than one report
// is being made, and equal questions that wait for their turn share it. A question's answer is never older than the
// question. Answers are handed out one a turn of the loop: who takes one writes a long page from it at once, and two
// hundred of them in a row kept the loop from accepting clients for half a second.

import type { Query } from '../messages.ts'
import type { Report, Reports } from '../stats.ts'

interface Waiting {
  readonly query: Query
  readonly promise: Promise<readonly Report[]>
  readonly resolve: (reports: readonly Report[]) => void
  readonly reject: (error: unknown) => void
}

export class ShardReports {
  private readonly askShards: (query: Query) => Promise<readonly Report[]>
  private readonly waiting = new Map<string, Waiting>()
  private busy = false
  private lastTurn = Promise.resolve()

  /** `askShards` puts a question to every shard and answers what those that are alive say. */
  constructor(askShards: (query: Query) => Promise<readonly Report[]>) {
    this.askShards = askShards
  }

  /** What each shard says, in the order of the shards. */
  async ask<Kind extends Query['kind']>(query: Extract<Query, { kind: Kind }>): Promise<readonly Reports[Kind][]> {
    const reports = await this.share(query)
    this.lastTurn = this.lastTurn.then(() => new Promise((resolve) => setImmediate(resolve)))
    await this.lastTurn
    return reports as readonly Reports[Kind][]
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
      await this.askShards(query).then(resolve, reject)
    }
    this.busy = false
  }
}
