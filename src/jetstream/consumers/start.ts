// Where a consumer begins, and may begin anew.

import { microseconds } from '../clock.ts'
import type { StreamStore } from '../storage/store.ts'
import { SubjectFilter } from '../storage/subject-filter.ts'
import type { ConsumerConfig } from './config.ts'

export interface Start {
  /** The first sequence that it looks at. */
  readonly next: number
  /** Before all that comes behind, of each subject the last message: their sequences in order; empty: none. */
  readonly lastOfEach: readonly number[]
}

/** `filters`: byte strings; none: all messages. `isOnePerSubject`: the stream keeps no more than that. */
export function startOf(
  config: ConsumerConfig,
  store: StreamStore,
  filters: readonly string[],
  isOnePerSubject: boolean,
): Start {
  const { deliver_policy: policy, opt_start_seq: seq } = config
  const first = Math.max(1, store.first)
  const end = store.last + 1
  const from = (next: number): Start => ({ next: Math.min(Math.max(next, first), end), lastOfEach: [] })
  switch (policy) {
    case 'all':
      return from(first)
    case 'new':
      return from(end)
    // It may be still to come.
    case 'by_start_sequence':
      return { next: Math.max(seq, first), lastOfEach: [] }
    case 'by_start_time':
      return from(store.firstAtOrAfter(microseconds(config.opt_start_time)))
    case 'last': {
      const last = Math.max(...orAll(filters).map((filter) => store.previous(new SubjectFilter(filter), store.last)))
      return from(last)
    }
    case 'last_per_subject': {
      if (isOnePerSubject) return from(first)
      const found = new Set<number>()
      for (const { last } of store.subjects(new SubjectFilter(filters))) found.add(last)
      const lastOfEach = [...found].sort((a, b) => a - b)
      return lastOfEach.length === 0 ? from(store.last) : { next: lastOfEach[0], lastOfEach }
    }
  }
}

const orAll = (filters: readonly string[]): readonly (readonly string[])[] =>
  filters.length === 0 ? [[]] : filters.map((filter) => [filter])

/** Why a consumer that has begun may not begin anew at a sequence; undefined: it may. */
export function whyNoReset(config: ConsumerConfig, store: StreamStore, seq: number): string | undefined {
  switch (config.deliver_policy) {
    case 'all':
      return undefined
    case 'by_start_sequence':
      return seq < config.opt_start_seq ? 'below start seq' : undefined
    case 'by_start_time':
      return seq < startOf(config, store, [], false).next ? 'below start time' : undefined
    default:
      return 'not allowed'
  }
}
