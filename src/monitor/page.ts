// A page: parameters in, an answer out; and the context that it may use.

import type { LoadMeter } from '../reports/load-meter.ts'
import { type Answer, unavailable } from './answer.ts'
import type { Monitored, MonitorPorts } from './monitored.ts'
import type { PageQueue } from './page-queue.ts'
import type { Parameters } from './parameters.ts'
import type { Sampler } from './sources/sampler.ts'
import type { ServerAccounts } from './sources/server-accounts.ts'
import type { ServerTotals } from './sources/server-totals.ts'
import { type ShardReports, SilentShards } from './sources/shard-reports.ts'

export interface PageContext {
  readonly server: Monitored
  readonly reports: ShardReports
  /** Where pages wait that take long. */
  readonly queue: PageQueue
  readonly totals: ServerTotals
  readonly accounts: ServerAccounts
  readonly sampler: Sampler
  /** How busy the primary thread is. */
  readonly load: Pick<LoadMeter, 'report'>
  /** Processor time of the last second: 100 is one processor, fully used. */
  readonly cpuPercent: number
  /** The ports of the pages themselves; 0 where there is none. */
  readonly monitorPorts: MonitorPorts
  /** Requests so far, by the path under which nats-server counts them. */
  readonly requests: Map<string, number>
  /** It was asked for over HTTP, and not by the system account. */
  readonly isHttp: boolean
  /** Headers of the request, by lower-case name. */
  readonly header: (name: string) => string
}

export type Page = (parameters: Parameters, context: PageContext) => Answer | Promise<Answer>

/** The answer of a page; 503 where it would lack what some shards have. */
export async function answerOf(page: Page, parameters: Parameters, context: PageContext): Promise<Answer> {
  try {
    return await page(parameters, context)
  } catch (error) {
    if (error instanceof SilentShards) return unavailable(error.message)
    throw error
  }
}

/** The member by which a page that shows numbers as they were last told says whose they are; none if all are new. */
export function missingShards({ reports }: PageContext): { readonly missing_shards?: readonly number[] } {
  return reports.silent.length === 0 ? {} : { missing_shards: reports.silent }
}

/** Only those that came over HTTP are counted. */
export function countRequest(context: PageContext, path: string): void {
  if (!context.isHttp) return
  context.requests.set(path, (context.requests.get(path) ?? 0) + 1)
}
