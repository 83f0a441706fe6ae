// Samples the server once a second and keeps the last minutes: the history for the dashboard, and events of threads. It
// uses the same queries as pages, so that they cost a page nothing more within that second.

import { cpuUsage, memoryUsage } from 'node:process'
import type { ThreadReport, TotalsReport } from '../../reports/rows.ts'
import type { ShardState } from '../../reports/shard-state.ts'
import type { ServerAccounts } from './server-accounts.ts'
import { type ServerTotals, sum } from './server-totals.ts'
import type { ShardReports } from './shard-reports.ts'

const SAMPLE_MS = 1_000
/** Ten minutes. */
const SAMPLES_MAX = 600
const EVENTS_MAX = 200

/** Counters since the start, and gauges of an instant. */
export interface Sample {
  readonly number: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly inMessages: number
  readonly inBytes: number
  readonly outMessages: number
  readonly outBytes: number
  readonly connections: number
  readonly subscriptions: number
  readonly pendingBytes: number
  readonly slowConsumers: number
  /** Processor time since the start, in seconds. */
  readonly cpuS: number
  readonly rssBytes: number
}

export interface ServerEvent {
  readonly at: number
  readonly kind: 'server' | 'thread'
  readonly text: string
}

export interface Sampled {
  readonly totals: ServerTotals
  readonly accounts: ServerAccounts
  readonly reports: ShardReports
  readonly states: () => readonly ShardState[]
  readonly nowMs: () => number
}

export class Sampler {
  readonly samples: Sample[] = []
  readonly events: ServerEvent[] = []
  /** As of the latest sample, in the order of the shards. */
  totals: readonly TotalsReport[] = []
  threads: readonly ThreadReport[] = []
  private readonly server: Sampled
  private timer: NodeJS.Timeout | undefined
  private taken = 0
  private sampling = false
  private stopped = false
  private states: readonly ShardState['state'][] = []
  private readonly born = new Map<number, number>()

  constructor(server: Sampled) {
    this.server = server
  }

  start(startedAt: number): void {
    this.events.push({ at: startedAt, kind: 'server', text: 'The server started' })
    this.timer = setInterval(() => this.sample(), SAMPLE_MS)
    this.timer.unref()
  }

  stop(): void {
    this.stopped = true
    clearInterval(this.timer)
  }

  /** One sample; calls during a sample are ignored. Never rejects. */
  private async sample(): Promise<void> {
    if (this.sampling) return
    this.sampling = true
    try {
      this.watchThreads()
      const { totals, accounts, reports } = this.server
      const [read, threads] = await Promise.all([
        totals.read(),
        reports.ask({ kind: 'load' }),
        accounts.read(), // it remembers what threads have counted that may die
      ])
      this.threads = threads
      if (this.stopped) return
      this.watchReplacements(read)
      this.totals = read
      this.samples.push(this.summary(read))
      if (this.samples.length > SAMPLES_MAX) this.samples.shift()
    } catch {
      // The shards could not be asked this time; pages that ask say why.
    } finally {
      this.sampling = false
    }
  }

  private summary(totals: readonly TotalsReport[]): Sample {
    const { user, system } = cpuUsage()
    return {
      number: ++this.taken,
      at: this.server.nowMs(),
      inMessages: sum(totals, 'inMessages'),
      inBytes: sum(totals, 'inBytes'),
      outMessages: sum(totals, 'outMessages'),
      outBytes: sum(totals, 'outBytes'),
      connections: sum(totals, 'connections'),
      subscriptions: sum(totals, 'subscriptions'),
      pendingBytes: sum(totals, 'pendingBytes'),
      slowConsumers: sum(totals, 'slowConsumers'),
      cpuS: (user + system) / 1e6,
      rssBytes: memoryUsage.rss(),
    }
  }

  /** Tells of threads that came in another's place, however quickly. */
  private watchReplacements(totals: readonly TotalsReport[]): void {
    for (const { shard, bornAt } of totals) {
      const before = this.born.get(shard)
      if (bornAt === 0) continue
      this.born.set(shard, bornAt)
      if (before === undefined || before === bornAt) continue
      this.events.push({ at: bornAt, kind: 'thread', text: `Shard ${shard} died and was replaced` })
    }
  }

  /** Tells of threads whose state has changed. */
  private watchThreads(): void {
    const states = this.server.states().map(({ state }) => state)
    for (const [shard, state] of states.entries()) {
      const before = this.states[shard]
      if (before === undefined || before === state) continue
      this.events.push({ at: this.server.nowMs(), kind: 'thread', text: `Shard ${shard} ${WORDS[state]}` })
    }
    this.states = states
    while (this.events.length > EVENTS_MAX) this.events.shift()
  }
}

const WORDS = {
  serving: 'is responsive',
  late: 'is not responsive: its event loop is blocked',
  down: 'is down',
} as const
