// The state of a shard that is known without a query.

import type { Counters } from './gauges.ts'

/** The state of a shard that is known without a query. */
export interface ShardState {
  /** `down` while there is no thread in its place that serves, `late` while the thread does not turn its loop. */
  readonly state: 'serving' | 'late' | 'down'
  readonly counters: Counters
  /** Its part of the shared index. */
  readonly region: SharedArrayBuffer
}
