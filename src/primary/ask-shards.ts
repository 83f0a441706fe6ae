// A query to every shard of a server.

import { SHARD_ANSWER_MS } from '../base/constants.ts'
import type { Query, ShardAnswers } from '../reports/query.ts'
import { isReady, type Slot } from './shard-slot.ts'

/** Waits for each shard until it has answered, died or stopped to turn its loop. */
export async function askShards(slots: readonly Slot[], query: Query): Promise<ShardAnswers> {
  const { promise: tooLate, resolve: giveUp } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => giveUp(undefined), SHARD_ANSWER_MS)
  const answers = await Promise.all(
    slots.map((slot) =>
      slot.watch.isLate || !isReady(slot) ? undefined : Promise.race([slot.host.query(query), tooLate]),
    ),
  )
  clearTimeout(timer)
  return {
    reports: answers.filter((report) => report !== undefined),
    // A shard that is down has neither connections nor anything else to tell of.
    silent: [...answers.keys()].filter((shard) => answers[shard] === undefined && isReady(slots[shard])),
  }
}
