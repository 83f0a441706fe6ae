// Queries the shards for the pages. Short queries go one message at a time: however many requests come, a shard is not
// queried again before it has answered. Queries that wait meanwhile are sent together, equal ones once: a shard under
// load answers once per turn of its loop. An answer is never older than its query. Answers are handed out one per turn
// of the primary's loop: each may be written as a long page at once, and two hundred of them in a row kept the loop
// from accepting clients for half a second.
//
// Long queries, over all connections or subscriptions, are sent as they come and answered in parts: their pages wait in
// a queue of their own (page-queue.ts), and short queries do not wait for them.

import type { ShardAnswers } from '../../reports/query.ts'
import { isLong, type Query, type ShortQuery } from '../../reports/query.ts'
import { nextTurn } from '../../reports/report-parts.ts'
import type { Report, Reports } from '../../reports/rows.ts'

/** Questions of one message: they are answered in one go. */
const BATCH_MAX = 16
/** The log says at most so often that shards do not answer. */
const SILENCE_LOG_MS = 1_000

interface Waiting {
  readonly query: ShortQuery
  readonly promise: Promise<ShardAnswers>
  readonly resolve: (answers: ShardAnswers) => void
  readonly reject: (error: unknown) => void
}

/** Thrown where a page would lack what some shards have. */
export class SilentShards extends Error {
  constructor(shards: readonly number[]) {
    super(`no answer from shard ${shards.join(', ')}: the page would not be complete`)
  }
}

export class ShardReports {
  /** The shards that did not answer the latest question, although they serve. */
  silent: readonly number[] = []
  private readonly askShards: (query: Query) => Promise<ShardAnswers>
  private readonly log: { warn(text: string): void }
  private readonly waiting = new Map<string, Waiting>()
  private busy = false
  private lastTurn = Promise.resolve()
  private silenceLoggedMs = Number.NEGATIVE_INFINITY

  /** `askShards` puts a question to every shard. */
  constructor(askShards: (query: Query) => Promise<ShardAnswers>, log: { warn(text: string): void }) {
    this.askShards = askShards
    this.log = log
  }

  /** What those shards say that answer, in the order of the shards. */
  async ask<Kind extends keyof Reports>(query: Extract<Query, { kind: Kind }>): Promise<readonly Reports[Kind][]> {
    return (await this.answersTo(query)).reports as readonly Reports[Kind][]
  }

  /** What each shard says, in the order of the shards. Throws SilentShards if one that serves does not answer. */
  async askAll<Kind extends keyof Reports>(query: Extract<Query, { kind: Kind }>): Promise<readonly Reports[Kind][]> {
    const { reports, silent } = await this.answersTo(query)
    if (silent.length > 0) throw new SilentShards(silent)
    return reports as readonly Reports[Kind][]
  }

  private async answersTo(query: Query): Promise<ShardAnswers> {
    const answers = await (isLong(query) ? this.askShards(query) : this.share(query as ShortQuery))
    this.noteSilence(answers.silent)
    this.lastTurn = this.lastTurn.then(nextTurn)
    await this.lastTurn
    return answers
  }

  private noteSilence(silent: readonly number[]): void {
    this.silent = silent
    if (silent.length === 0 || performance.now() - this.silenceLoggedMs < SILENCE_LOG_MS) return
    this.silenceLoggedMs = performance.now()
    this.log.warn(`Monitoring pages are incomplete or refused: no answer from shard ${silent.join(', ')}`)
  }

  private share(query: ShortQuery): Promise<ShardAnswers> {
    const key = JSON.stringify(query)
    const known = this.waiting.get(key)
    if (known !== undefined) return known.promise
    const { promise, resolve, reject } = Promise.withResolvers<ShardAnswers>()
    this.waiting.set(key, { query, promise, resolve, reject })
    if (!this.busy) this.work().catch(reject)
    return promise
  }

  private async work(): Promise<void> {
    this.busy = true
    while (this.waiting.size > 0) {
      // From here on it is too late to join: what is counted may be older than the next question.
      const batch = [...this.waiting.values()].slice(0, BATCH_MAX)
      const queries = batch.map(({ query }) => query)
      for (const query of queries) this.waiting.delete(JSON.stringify(query))
      try {
        const { reports, silent } = await this.askShards({ kind: 'batch', queries })
        const ofShards = reports as readonly Report[][]
        for (const [i, { resolve }] of batch.entries()) resolve({ reports: ofShards.map((one) => one[i]), silent })
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.busy = false
  }
}
