// Joins the parts of a shard's long answers (reports/report-queue.ts).

import type { Query } from './query.ts'
import type { ConnectionRow, Report } from './rows.ts'

/** One answer of the parts of one; undefined: there were none, as it could not be made. */
export function joinParts(query: Query, parts: readonly Report[]): Report | undefined {
  if (parts.length <= 1) return parts[0]
  return query.kind === 'connections' ? joinRows(parts as ConnectionRow[][]) : ((parts as unknown[][]).flat() as Report)
}

/** A row with many subscriptions comes in pieces, one behind the other. */
function joinRows(parts: readonly (readonly ConnectionRow[])[]): ConnectionRow[] {
  const joined: ConnectionRow[] = []
  for (const row of parts.flat()) {
    const last = joined.at(-1)
    if (last?.id !== row.id) joined.push(row)
    else for (const subscription of row.subscriptions) last.subscriptions.push(subscription)
  }
  return joined
}

/** Resolves when the loop has had a turn for others. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
