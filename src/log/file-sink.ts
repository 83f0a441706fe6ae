// Lines to a file. Every thread has the file open for itself, in append mode, and writes each line with one call: the
// kernel puts whole lines one behind the other, whoever writes them.
//
// When the file has become too large, or somebody has moved it away, the primary alone acts: it renames the file (or
// not), counts up a word that all threads share, and opens the path anew. The others compare that word before each
// line, and now and then, and open the path anew as well. A line on its way meanwhile lands in the old file, whole;
// none is lost. Descriptors are never shared between threads: a late line could go to whoever got the number next.

import { closeSync, fstatSync, openSync, readdirSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { osErrorText } from '../errors.ts'
import type { Level, LogOptions } from './log.ts'
import type { LogPlace, LogSink } from './sink.ts'
import { wallClockMicros, wallClockText } from './wall-clock.ts'

const FILE_MODE = 0o640
/** Behind the file's name: year, month, day, hour, minute, second, nanosecond, each after a dot. */
const BACKUP_SUFFIX = /^\.\d{4}\.\d\d\.\d\d\.\d\d\.\d\d\.\d\d\.\d{1,9}$/

export class FileSink implements LogSink {
  readonly kind = 'file'
  private readonly options: LogOptions
  private readonly place: LogPlace
  private readonly opened: Int32Array
  private fd: number
  /** How often the file had been opened anew when `fd` was. */
  private openedAt: number
  /** Bytes above which the file is put aside. It grows while that fails. */
  private limit: number
  /** The primary was told that the file is full. */
  private told = false

  /** Throws if the file cannot be opened. */
  constructor(options: LogOptions, place: LogPlace) {
    this.options = options
    this.place = place
    this.opened = new Int32Array(place.opened)
    this.limit = options.logSizeLimit
    this.openedAt = Atomics.load(this.opened, 0)
    this.fd = open(options.logFile)
  }

  write(_level: Level, line: string): void {
    this.follow()
    this.put(line)
    if (this.limit > 0 && !this.told && fstatSync(this.fd).size > this.limit) this.full()
  }

  private put(line: string): void {
    const bytes = Buffer.from(line)
    try {
      // The kernel takes less than all of it only when the disk is full.
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at)
    } catch {
      // A full disk must not stop the server. The next line tries again.
    }
  }

  private full(): void {
    const { tell } = this.place
    if (tell === undefined) this.rotate()
    else {
      this.told = true
      tell({ kind: 'logFull' })
    }
  }

  follow(): void {
    const openedNow = Atomics.load(this.opened, 0)
    if (openedNow === this.openedAt) return
    this.openedAt = openedNow
    this.told = false
    this.openAnew()
  }

  /** Primary. */
  reopen(): void {
    this.openedAt = Atomics.add(this.opened, 0, 1) + 1
    this.openAnew()
  }

  /** Primary: puts the file aside under the time of day, and the oldest of those away. */
  rotate(): void {
    const { logFile, logMaxNum, logSizeLimit } = this.options
    if (fstatSync(this.fd).size <= this.limit) return // several shards saw it
    const micros = wallClockMicros()
    const backup = `${logFile}.${backupTime(micros)}`
    try {
      renameSync(logFile, backup)
    } catch (error) {
      this.limit *= 2
      this.say(
        'ERR',
        `Unable to rotate the log (${osErrorText(error)}), will attempt next rotation at size ${this.limit}`,
      )
      return
    }
    this.limit = logSizeLimit
    this.reopen()
    this.say('INF', `Rotated log, backup saved as ${JSON.stringify(backup)}`)
    if (logMaxNum > 0) this.purge(logFile, logMaxNum - 1)
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

  /** A word about the file itself, to the file, without another look at its size. */
  private say(tag: string, text: string): void {
    const { logFormat, logTime, logTimeUtc } = this.options
    if (logFormat === 'json') {
      const level = tag === 'ERR' ? 'error' : 'info'
      this.put(`${JSON.stringify({ level, pid: process.pid, thread: this.place.name, msg: text })}\n`)
    } else this.put(`[${process.pid}] ${logTime ? `${wallClockText(logTimeUtc)} ` : ''}[${tag}] ${text}\n`)
  }

  /** If the file cannot be had again, the old one goes on being written. */
  private openAnew(): void {
    try {
      const fd = open(this.options.logFile)
      closeSync(this.fd)
      this.fd = fd
    } catch (error) {
      if (this.place.tell === undefined) this.say('ERR', error instanceof Error ? error.message : String(error))
    }
  }

  close(): void {
    closeSync(this.fd)
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'a', FILE_MODE)
  } catch (error) {
    throw new Error(`error opening file: ${osErrorText(error)}`)
  }
}

/** Local time with nanoseconds, such as 2026.11.21.13.41.51.219313000: names sort by age. */
function backupTime(micros: number): string {
  const date = new Date(Math.floor(micros / 1000))
  const parts = [date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()]
  const nanos = String((micros % 1_000_000) * 1000).padStart(9, '0')
  return `${date.getFullYear()}.${parts.map((part) => String(part).padStart(2, '0')).join('.')}.${nanos}`
}
