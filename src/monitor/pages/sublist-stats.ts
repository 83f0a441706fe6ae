// The numbers of a subscription list, as /subsz and /accountz show them (docs/reference/monitoring.md, "subsz"). A
// match is one lookup in a shard's plan cache. The fan-out is that of cached plans as their shard sees them: receivers
// on another shard count as one.

import type { Json } from '../../base/json.ts'
import type { TotalsReport } from '../../reports/rows.ts'
import { sum } from '../sources/server-totals.ts'

type Counted = Pick<
  TotalsReport,
  'subscriptions' | 'plansCached' | 'inserts' | 'removes' | 'planHits' | 'planMisses' | 'fanoutMax' | 'fanoutSum'
>

/** Adds up the lists of all shards. */
export function sublistStats(lists: readonly Counted[]): { readonly [member: string]: Json } {
  const hits = sum(lists, 'planHits')
  const matches = hits + sum(lists, 'planMisses')
  const cached = sum(lists, 'plansCached')
  return {
    num_subscriptions: sum(lists, 'subscriptions'),
    num_cache: cached,
    num_inserts: sum(lists, 'inserts'),
    num_removes: sum(lists, 'removes'),
    num_matches: matches,
    cache_hit_rate: matches === 0 ? 0 : hits / matches,
    max_fanout: lists.reduce((max, { fanoutMax }) => Math.max(max, fanoutMax), 0),
    avg_fanout: cached === 0 ? 0 : sum(lists, 'fanoutSum') / cached,
  }
}
