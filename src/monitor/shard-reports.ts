// Asks the shards on behalf of the pages, one message at a time: however many requests come, a shard is not asked again
// before it has answered. Questions that wait meanwhile go out together, equal ones once: a shard under load answers
// once a turn of its loop, whatever it is asked. A question's answer is never older than the question. Answers are
// handed out one a turn of our own loop: who takes one writes a long page from it at once, and two hundred of them in a
// row kept the loop from accepting clients for half a second.

import type { Query } from '../messages.ts'
import type { Report, Reports } from '../stats.ts'

/** Questions of one message: they are answered in one go. */
const BATCH_MAX = 16

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
  async ask<Kind extends keyof Reports>(query: Extract<Query, { kind: Kind }>): Promise<readonly Reports[Kind][]> {
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
    while (this.waiting.size > 0) {
      // From here on it is too late to join: what is counted may be older than the next question.
      const batch = [...this.waiting.values()].slice(0, BATCH_MAX)
      for (const { query } of batch) this.waiting.delete(JSON.stringify(query))
      try {
        const answers = (await this.askShards({
          kind: 'batch',
          queries: batch.map(({ query }) => query),
        })) as Report[][]
        for (const [i, { resolve }] of batch.entries()) resolve(answers.map((reports) => reports[i]))
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.busy = false
  }
}
