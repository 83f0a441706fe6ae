// How near the process is to its limit of open files. A few descriptors are reserved for the server itself: replacement
// threads, modules that are loaded on demand, log files, pages. Connections get the others: a client too many is told
// so, and when even these are too many, they are closed.

import { readdirSync, readFileSync } from 'node:fs'
import { CROWDED_LOG_MS, DESCRIPTORS_KEPT_MAX, DESCRIPTORS_KEPT_SHARE } from '../base/constants.ts'

/** Where the system does not tell, there is none. */
function limitOfOpenFiles(): number {
  try {
    const [, line] = readFileSync('/proc/self/limits', 'latin1').split('Max open files')
    return Number(line.trimStart().split(' ')[0]) || Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Those that are open now; 0 where the system does not tell. */
function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

export class Descriptors {
  readonly limit: number
  /** The part of the limit that is reserved. */
  readonly kept: number

  private readonly log: { error(text: string): void }
  /** Since they were logged last. */
  private refused = 0
  private toldMs = Number.NEGATIVE_INFINITY
  private own = 0

  constructor(log: { error(text: string): void }, limit = limitOfOpenFiles()) {
    this.log = log
    this.limit = limit
    this.kept = Math.min(DESCRIPTORS_KEPT_MAX, Math.floor(limit * DESCRIPTORS_KEPT_SHARE))
  }

  /** The server has started: what is open now, beside `connections`, stays open. */
  started(connections: number): void {
    this.own = openFiles() - connections
  }

  /**
   * Decides about one more connection when there are so many; the log names clients that are too many. A refused client
   * gets a text and stays for a moment: only some do, the others are closed.
   */
  judge(connections: number): 'take' | 'refuse' | 'close' {
    if (this.own + connections < this.limit - this.kept) return 'take'
    this.tell()
    return this.refused < this.kept / 4 ? 'refuse' : 'close'
  }

  private tell(): void {
    const nowMs = performance.now()
    this.refused++
    if (nowMs - this.toldMs < CROWDED_LOG_MS) return
    const of = `${this.limit} may be open, ${this.kept} of them are kept for the server`
    this.log.error(`Error accepting connections: too many open files, ${this.refused} refused: ${of}`)
    this.toldMs = nowMs
    this.refused = 0
  }
}
