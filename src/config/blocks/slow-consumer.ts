// `slow_consumer` of users and accounts; the server's own is in the table of settings. Only in Heddle.

import { SLOW_CONSUMER_POLICIES, type SlowConsumerPolicy } from '../../options/shapes.ts'
import { quoteText, shownValue } from '../problems.ts'
import { type Complaint, type Key, kind } from './schema.ts'
import { oneOf, only } from './values.ts'

const KNOWN = SLOW_CONSUMER_POLICIES.map(quoteText).join(', ')

const wrong: Complaint = (value, name) => `Expected ${name} to be one of ${KNOWN}, got ${shownValue(value)}`
const policy = kind('choice', oneOf(SLOW_CONSUMER_POLICIES, wrong, only('string', wrong)))

const DOC = `what follows when too much waits for a connection: ${SLOW_CONSUMER_POLICIES.join(', ')}. Only in Heddle`

/** The row of the key; `inherited` says whose policy holds where there is none. */
export function slowConsumer(inherited: string): Key<{ slowConsumer?: SlowConsumerPolicy | undefined }> {
  return policy('slowConsumer', 'slow_consumer', DOC, inherited)
}
