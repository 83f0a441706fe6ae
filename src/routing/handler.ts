// Who takes messages within the server itself.

import type { Run } from '../protocol/run.ts'
import type { Publisher } from './router.ts'

/** A service as a route leads to it. */
export interface OwnService {
  /** Takes the messages of a run; answers how many. */
  take(run: Run, publisher: Publisher): number
}
