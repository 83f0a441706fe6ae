// Lines to a file. Every thread opens the file itself, in append mode, and writes each line with one call: the kernel
// appends whole lines, whichever thread writes them.
//
// When the file has become too large, or was moved away, the primary alone acts: it renames the file (or not),
// increments a word that all threads share, and reopens the path. The others compare that word before each line, and
// periodically, and reopen the path as well. A line under way meanwhile goes to the old file, whole; none is lost.
// Descriptors are never shared between threads: a late line could go to the next owner of the number.
//
// No failure of the file stops the server. A failed operation is retried: a shard that finds the file too large reports
// it once a second until it is rotated; the primary waits longer after each failure, up to a minute. Lines that cannot
// be written are dropped and counted, and the next line that is written gives their number.

import { closeSync, fstatSync, openSync, readdirSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { osErrorText, StartError } from '../base/errors.ts'
import type { Level } from './level.ts'
import type { LogOptions } from './log-options.ts'
import type { LogPlace, LogSink } from './sink.ts'
import { wallClockMicros, wallClockText } from './wall-clock.ts'

const FILE_MODE = 0o640
/** Behind the file's name: year, month, day, hour, minute, second, nanosecond, each after a dot. */
const BACKUP_SUFFIX = /^\.\d{4}\.\d\d\.\d\d\.\d\d\.\d\d\.\d\d\.\d{1,9}$/

/** How often a shard says that the file is too large, and the first wait of the primary after a failure. */
const RETRY_MS = 1_000
/** Its longest wait. */
const RETRY_MAX_MS = 60_000

export class FileSink implements LogSink {
  readonly kind = 'file'
  private readonly options: LogOptions
  private readonly place: LogPlace
  private readonly nowMs: () => number
  private readonly opened: Int32Array
  private fd: number
  /** How often the file had been opened again when `fd` was. */
  private openedAt: number
  /** Before this nothing is done about a file that is too large. */
  private retryAtMs = Number.NEGATIVE_INFINITY
  private retryMs = RETRY_MS
  /** Lines dropped since the latest written one, and the cause for the last of them. */
  private lost = 0
  private reason = ''
  /** The file ends in the middle of a line. */
  private isTorn = false

  /** Throws if the file cannot be opened. */
  constructor(options: LogOptions, place: LogPlace, nowMs = (): number => performance.now()) {
    this.options = options
    this.place = place
    this.nowMs = nowMs
    this.opened = new Int32Array(place.opened)
    this.openedAt = Atomics.load(this.opened, 0)
    this.fd = open(options.logFile)
  }

  write(_level: Level, line: string): void {
    this.follow()
    this.put(line)
    if (this.isTooLarge()) this.full()
  }

  private put(line: string): void {
    let text = this.isTorn ? '\n' : ''
    if (this.lost > 0) {
      const lines = this.lost === 1 ? '1 line of the log is' : `${this.lost} lines of the log are`
      text += this.ownLine('WRN', `${lines} missing here: ${this.reason}`)
    }
    const bytes = Buffer.from(text + line)
    let written = 0
    try {
      // The kernel takes less than all of it only when the disk is full.
      while (written < bytes.length) written += writeSync(this.fd, bytes, written)
      this.lost = 0
      this.isTorn = false
    } catch (error) {
      // A full disk must not stop the server. The next line tries again.
      this.lost++
      this.reason = osErrorText(error)
      if (written > 0) this.isTorn = true
    }
  }

  private isTooLarge(): boolean {
    const { logSizeLimit } = this.options
    if (logSizeLimit === 0 || this.nowMs() < this.retryAtMs) return false
    try {
      return fstatSync(this.fd).size > logSizeLimit
    } catch {
      return false
    }
  }

  private full(): void {
    const { tell } = this.place
    if (tell === undefined) this.rotate()
    else {
      this.retryAtMs = this.nowMs() + RETRY_MS
      tell({ kind: 'logFull' })
    }
  }

  follow(): void {
    const openedNow = Atomics.load(this.opened, 0)
    if (openedNow === this.openedAt) return
    this.openedAt = openedNow
    this.retryAtMs = Number.NEGATIVE_INFINITY
    this.openAnew()
  }

  /** Primary. */
  reopen(): void {
    this.openedAt = Atomics.add(this.opened, 0, 1) + 1
    this.openAnew()
  }

  /** Primary: puts the file aside under the time of day, and the oldest of those away. */
  rotate(): void {
    if (!this.isTooLarge()) return // several shards saw it, or it is too soon to try again
    const { logFile, logMaxNum } = this.options
    const backup = `${logFile}.${backupTime(wallClockMicros())}`
    try {
      renameSync(logFile, backup)
    } catch (error) {
      // If the file was moved away, there is nothing to put aside.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.reopen()
      if (this.isTooLarge()) this.waitAfter(`Unable to rotate the log (${osErrorText(error)})`)
      return
    }
    this.reopen()
    if (this.isTooLarge()) {
      this.waitAfter(`Rotated log, backup saved as ${JSON.stringify(backup)}, but there is no new file`)
      return
    }
    this.retryMs = RETRY_MS
    this.say('INF', `Rotated log, backup saved as ${JSON.stringify(backup)}`)
    if (logMaxNum > 0) this.purge(logFile, logMaxNum - 1)
  }

  private waitAfter(failure: string): void {
    this.retryAtMs = this.nowMs() + this.retryMs
    this.say('ERR', `${failure}, will attempt next rotation in ${this.retryMs / 1000}s`)
    this.retryMs = Math.min(RETRY_MAX_MS, 2 * this.retryMs)
  }

  private purge(logFile: string, keep: number): void {
    const folder = dirname(logFile)
    const name = basename(logFile)
    try {
      const backups = readdirSync(folder, { withFileTypes: true })
        .filter((entry) => !entry.isDirectory() && entry.name.startsWith(name))
        .map((entry) => entry.name)
        .filter((entry) => BACKUP_SUFFIX.test(entry.slice(name.length)))
        .sort()
      for (const backup of backups.slice(0, Math.max(0, backups.length - keep))) {
        unlinkSync(join(folder, backup))
        this.say('INF', `Purged log file ${JSON.stringify(backup)}`)
      }
    } catch (error) {
      this.say('ERR', `Unable to purge old log files (${osErrorText(error)}), will attempt next rotation`)
    }
  }

  /** A line about the file itself, to the file, without another check of its size. */
  private say(tag: 'INF' | 'ERR', text: string): void {
    this.put(this.ownLine(tag, text))
  }

  private ownLine(tag: 'INF' | 'WRN' | 'ERR', text: string): string {
    const { logFormat, logTime, logTimeUtc } = this.options
    if (logFormat === 'json') {
      return `${JSON.stringify({ level: LEVELS[tag], pid: process.pid, thread: this.place.name, msg: text })}\n`
    }
    return `[${process.pid}] ${logTime ? `${wallClockText(logTimeUtc)} ` : ''}[${tag}] ${text}\n`
  }

  /** If the file cannot be had again, the old one goes on being written. */
  private openAnew(): void {
    const before = this.fd
    try {
      this.fd = open(this.options.logFile)
    } catch (error) {
      if (this.place.tell === undefined) this.say('ERR', error instanceof Error ? error.message : String(error))
      return
    }
    close(before)
  }

  close(): void {
    close(this.fd)
  }
}

const LEVELS = { INF: 'info', WRN: 'warn', ERR: 'error' } as const

/** On some file systems, close reports lines that could not be written. They are lost; the file is closed. */
function close(fd: number): void {
  try {
    closeSync(fd)
  } catch {
    // Nothing more can be done about it.
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'a', FILE_MODE)
  } catch (error) {
    throw new StartError(`error opening file: ${osErrorText(error)}`, error)
  }
}

/** Local time with nanoseconds, such as 2026.11.21.13.41.51.219313000: names sort by age. */
function backupTime(micros: number): string {
  const date = new Date(Math.floor(micros / 1000))
  const parts = [date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()]
  const nanos = String((micros % 1_000_000) * 1000).padStart(9, '0')
  return `${date.getFullYear()}.${parts.map((part) => String(part).padStart(2, '0')).join('.')}.${nanos}`
}
