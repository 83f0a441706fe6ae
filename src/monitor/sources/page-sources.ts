// The sources of pages: one of each per server, for requests over HTTP and over the system account. It queries no shard
// until a page is made; only the sampler, which remembers the last minutes, does so by itself.

import { nowMs } from '../../base/clock.ts'
import { GLOBAL_ACCOUNT } from '../../options/shapes.ts'
import { LoadMeter } from '../../reports/load-meter.ts'
import type { Monitored, MonitorPorts } from '../monitored.ts'
import type { PageContext } from '../page.ts'
import { PageQueue } from '../page-queue.ts'
import { CpuMeter } from './cpu-meter.ts'
import { Sampler } from './sampler.ts'
import { ServerAccounts } from './server-accounts.ts'
import { ServerTotals } from './server-totals.ts'
import { ShardReports } from './shard-reports.ts'

export class PageSources {
  readonly reports: ShardReports
  readonly queue = new PageQueue()
  readonly totals: ServerTotals
  readonly accounts: ServerAccounts
  readonly sampler: Sampler
  private readonly server: Monitored
  private readonly requests = new Map<string, number>()
  private readonly cpu: CpuMeter
  private readonly load: LoadMeter

  constructor(server: Monitored) {
    this.server = server
    this.cpu = new CpuMeter(server.log.bug)
    this.load = new LoadMeter(server.log.bug)
    this.reports = new ShardReports((query) => server.ask(query), server.log)
    const states = (): Monitored['shardStates'] => server.shardStates
    this.totals = new ServerTotals(this.reports, states)
    this.accounts = new ServerAccounts(this.reports, () => [
      GLOBAL_ACCOUNT,
      ...server.options.accounts.map(({ name }) => name),
    ])
    this.sampler = new Sampler({ totals: this.totals, accounts: this.accounts, reports: this.reports, states, nowMs })
  }

  /** No timer of it runs any more. */
  close(): void {
    this.cpu.stop()
    this.load.stop()
    this.sampler.stop()
  }

  /**
   * The context of one page. `header`: of the HTTP request, by lower-case name; undefined: the request did not come
   * over HTTP.
   */
  context(monitorPorts: MonitorPorts, header?: (name: string) => string): PageContext {
    const { server, reports, queue, totals, accounts, sampler, requests, cpu, load } = this
    const sources = { server, reports, queue, totals, accounts, sampler, requests, load, cpuPercent: cpu.percent }
    return { ...sources, monitorPorts, isHttp: header !== undefined, header: header ?? (() => '') }
  }
}
