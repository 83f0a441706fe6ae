// What is known of a shard without asking it.

import type { Counters } from './gauges.ts'

/** What is known of a shard without asking it. */
export interface ShardState {
  /** `down` while there is no thread in its place that serves, `late` while the thread does not turn its loop. */
  readonly state: 'serving' | 'late' | 'down'
  readonly counters: Counters
  /** Its part of the shared index. */
  readonly region: SharedArrayBuffer
}
