// What a page is: parameters in, an answer out; and what it may look at to make it.

import type { Log } from '../log/log.ts'
import type { Primary } from '../primary.ts'
import type { Answer } from './answer.ts'
import type { Parameters } from './parameters.ts'
import type { ShardReports } from './shard-reports.ts'

/** The one account there is until there are users. Not imported from shard.ts, which would bring a shard along. */
export const ACCOUNT = '$G'

/** What the monitor needs of the server. */
export type Monitored = Pick<
  Primary,
  'options' | 'identity' | 'startedAt' | 'configLoadedAt' | 'totalConnections' | 'restarts' | 'serving' | 'query'
> & { readonly log: Pick<Log, 'warn' | 'error'> }

export interface PageContext {
  readonly server: Monitored
  readonly reports: ShardReports
  /** Processor time of the last second: 100 is one processor, fully used. */
  readonly cpuPercent: number
  /** The port of the pages themselves. */
  readonly monitorPort: number
  /** Requests so far, by the path under which nats-server counts them. */
  readonly requests: Map<string, number>
}

export type Page = (parameters: Parameters, context: PageContext) => Answer | Promise<Answer>

export function countRequest(context: PageContext, path: string): void {
  context.requests.set(path, (context.requests.get(path) ?? 0) + 1)
}

/** Milliseconds since 1970 on the clock that the shards' reports use: finer than Date.now(), and it never goes back. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

/** The part of a list that an offset and a limit name. */
export function pageOf<T>(rows: readonly T[], offset: number, limit: number): readonly T[] {
  return rows.slice(Math.min(offset, rows.length), Math.min(rows.length, offset + limit))
}
