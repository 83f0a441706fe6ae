// Merges the connections that the shards found: each reports the sort keys and numbers of its first ones, in order.

import type { FoundConnections } from '../../reports/rows.ts'

/** The `max` first connections of all shards: their numbers, in order. `wanted` filters by sort keys. */
export function mergeFound(
  found: readonly Pick<FoundConnections, 'keys'>[],
  max: number,
  wanted: (key: number) => boolean = () => true,
): number[] {
  const lists = found.map(({ keys }) => ({ keys, at: 0 }))
  const ids: number[] = []
  while (ids.length < max) {
    let first: (typeof lists)[number] | undefined
    for (const list of lists) {
      if (list.at < list.keys.length && (first === undefined || isBefore(list, first))) first = list
    }
    if (first === undefined || !wanted(first.keys[first.at])) break
    ids.push(first.keys[first.at + 1])
    first.at += 2
  }
  return ids
}

interface Cursor {
  /** Key and number in turn. */
  readonly keys: readonly number[]
  readonly at: number
}

function isBefore(a: Cursor, b: Cursor): boolean {
  const difference = a.keys[a.at] - b.keys[b.at]
  return difference < 0 || (difference === 0 && a.keys[a.at + 1] < b.keys[b.at + 1])
}
