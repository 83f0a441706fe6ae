// How busy the process is: its processor time over the last second, all threads together, as `top` shows it.

import { guarded, type OnBug } from '../../base/guarded.ts'

const SAMPLE_MS = 1_000

export class CpuMeter {
  /** 100 is one processor, fully used; one decimal. */
  percent = 0
  private atMs = performance.now()
  private used = process.cpuUsage()
  private readonly timer: NodeJS.Timeout

  constructor(bugMet: OnBug) {
    this.timer = setInterval(
      guarded(bugMet, () => this.sample()),
      SAMPLE_MS,
    )
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private sample(): void {
    const nowMs = performance.now()
    const used = process.cpuUsage()
    const busyMs = (used.user - this.used.user + used.system - this.used.system) / 1000
    this.percent = Math.round((busyMs / (nowMs - this.atMs)) * 1000) / 10
    this.atMs = nowMs
    this.used = used
  }
}
