// A query to every shard of a server.

import { SHARD_ANSWER_MS } from '../base/constants.ts'
import type { Query, ShardAnswers } from '../reports/query.ts'
import { type Asked, isReady, isServing } from './shard-slot.ts'

/** Waits for each shard until it has answered, died or stopped to turn its loop, and no longer than `answerMs`. */
export async function askShards(
  slots: readonly Asked[],
  query: Query,
  answerMs = SHARD_ANSWER_MS,
): Promise<ShardAnswers> {
  const { promise: tooLate, resolve: giveUp } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => giveUp(undefined), answerMs)
  const answers = await Promise.all(
    slots.map((slot) => (isServing(slot) ? Promise.race([slot.host.query(query), tooLate]) : undefined)),
  )
  clearTimeout(timer)
  return {
    reports: answers.filter((report) => report !== undefined),
    // A shard that is down has neither connections nor other data.
    silent: [...answers.keys()].filter((shard) => answers[shard] === undefined && isReady(slots[shard])),
  }
}
