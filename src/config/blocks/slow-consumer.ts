// `slow_consumer`, of users and accounts; the server's own is in the table of settings. Ours.

import { SLOW_CONSUMER_POLICIES, type SlowConsumerPolicy } from '../../options/shapes.ts'
import { quoteText, shownValue } from '../problems.ts'
import { custom, type Key } from './schema.ts'

/** The row of the key; `inherited` says whose policy holds where there is none. */
export function slowConsumerKey<T extends { slowConsumer?: SlowConsumerPolicy | undefined }>(
  inherited: string,
): Key<T> {
  const doc = `what follows when too much waits for a connection: ${SLOW_CONSUMER_POLICIES.join(', ')}. Only in Heddle`
  return custom(
    'choice',
    'slow_consumer',
    doc,
    (entry, into, { problems }, name) => {
      const policy = SLOW_CONSUMER_POLICIES.find((one) => one === entry.value)
      if (policy !== undefined) into.slowConsumer = policy
      else {
        const known = SLOW_CONSUMER_POLICIES.map(quoteText).join(', ')
        problems.error(entry, `Expected ${name} to be one of ${known}, got ${shownValue(entry.value)}`)
      }
    },
    { default: inherited },
  )
}
