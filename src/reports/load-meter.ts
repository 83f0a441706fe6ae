// How busy a thread's event loop is, how late it is, and what garbage collection costs it. Used by every shard and by
// the primary for itself, and only where it can be asked for: the delay meter wakes an idle thread RESOLUTION_MS apart.

import { constants, type EventLoopUtilization, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { guarded, type OnBug } from '../base/guarded.ts'

const RESOLUTION_MS = 20
/** The span of reported utilisation and delay: the latest complete one. */
const SPAN_MS = 1_000
const NS_PER_MS = 1_000_000

const GC_KINDS = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak'],
])

interface GcEntry extends PerformanceEntry {
  readonly detail: { readonly kind: number }
}

/** Plain data. */
export interface LoadReport {
  /** Share of the latest second in which the loop had work, 0 to 1. */
  readonly utilisation: number
  /** Seconds since the thread began. */
  readonly activeS: number
  readonly idleS: number
  /** How late timers of the latest second were, in milliseconds. */
  readonly lagP50Ms: number
  readonly lagP99Ms: number
  readonly lagMaxMs: number
  readonly heapUsedBytes: number
  readonly heapTotalBytes: number
  /** Pauses by kind, since the thread began. */
  readonly gc: readonly { readonly kind: string; readonly pauses: number; readonly seconds: number }[]
}

export class LoadMeter {
  private readonly delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  private readonly observer: PerformanceObserver
  private readonly timer: NodeJS.Timeout
  private readonly gc = new Map([...GC_KINDS.values()].map((kind) => [kind, { pauses: 0, seconds: 0 }]))
  private before: EventLoopUtilization = performance.eventLoopUtilization()
  private utilisation = 0
  private lagMs = { p50: 0, p99: 0, max: 0 }

  constructor(bugMet: OnBug) {
    this.delay.enable()
    this.observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as GcEntry[]) {
        const pauses = this.gc.get(GC_KINDS.get(entry.detail.kind) ?? '')
        if (pauses === undefined) continue
        pauses.pauses++
        pauses.seconds += entry.duration / 1000
      }
    })
    this.observer.observe({ entryTypes: ['gc'] })
    this.timer = setInterval(
      guarded(bugMet, () => this.sample()),
      SPAN_MS,
    )
    this.timer.unref()
  }

  private sample(): void {
    const now = performance.eventLoopUtilization()
    this.utilisation = performance.eventLoopUtilization(now, this.before).utilization
    this.before = now
    // The meter records how long its own timer took; what is above its interval was delay.
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / NS_PER_MS - RESOLUTION_MS)
    const { delay } = this
    if (delay.count > 0) {
      this.lagMs = { p50: late(delay.percentile(50)), p99: late(delay.percentile(99)), max: late(delay.max) }
    }
    delay.reset()
  }

  report(): LoadReport {
    const { active, idle } = performance.eventLoopUtilization()
    const heap = getHeapStatistics()
    return {
      utilisation: this.utilisation,
      activeS: active / 1000,
      idleS: idle / 1000,
      lagP50Ms: this.lagMs.p50,
      lagP99Ms: this.lagMs.p99,
      lagMaxMs: this.lagMs.max,
      heapUsedBytes: heap.used_heap_size,
      heapTotalBytes: heap.total_heap_size,
      gc: [...this.gc].map(([kind, pauses]) => ({ kind, ...pauses })),
    }
  }

  stop(): void {
    clearInterval(this.timer)
    this.delay.disable()
    this.observer.disconnect()
  }
}
