// A receiver of messages within the server itself.

import type { Run } from '../protocol/run.ts'
import type { Publisher } from './publisher.ts'

/** A service as a plan leads to it. */
export interface Handler {
  /** Takes the messages of a run; returns how many. */
  take(run: Run, publisher: Publisher): number
}
