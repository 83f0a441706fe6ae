// The log of one thread: levels in, lines out (docs/reference/logging.md, "Log lines"). Lines look as nats-server's do,
//
//     [pid] YYYY/MM/DD HH:MM:SS.micros [LVL] ip:port - cid:N - text
//
// or are JSON objects, one a line. A sink writes them (sink.ts). Every thread has its own log and writes whole lines,
// at once and in order: lines from before a crash are there after it.

import { fstatSync } from 'node:fs'
import { bugText } from '../base/errors.ts'
import { attempt } from '../base/guarded.ts'
import { type TurnWork, Work } from '../base/turns.ts'
import type { Level } from './level.ts'
import type { LogOptions } from './log-options.ts'
import { Repeats } from './repeats.ts'
import type { LogMessage, LogPlace, LogSink } from './sink.ts'
import { createSink, NOWHERE } from './sinks.ts'
import { wallClockMicros, wallClockText } from './wall-clock.ts'

/** Tag in a text line, and its colour on a terminal. */
const TAGS: Record<Level, { readonly tag: string; readonly colour: string }> = {
  info: { tag: 'INF', colour: '32' },
  warn: { tag: 'WRN', colour: '0;93' },
  error: { tag: 'ERR', colour: '31' },
  fatal: { tag: 'FTL', colour: '31' },
  debug: { tag: 'DBG', colour: '36' },
  trace: { tag: 'TRC', colour: '33' },
}
const STDERR = 2

/** The connection that a line speaks of. */
export interface LogSource {
  /** `ip:port - cid:N`, and once the client has introduced itself, ` - "vVERSION:lang:name"`. */
  readonly label: string
  readonly id: number
  readonly ip: string
  readonly port: number
}

/** The unit of counting: a connection, or all connections of an address. */
type Complainant = LogSource | string

export class Log {
  private readonly place: LogPlace
  private readonly turn: TurnWork
  private readonly repeats = new Repeats<Complainant>('others')
  private options: LogOptions
  private sink: LogSink
  private coloured: boolean

  /** `turn` is what lines count as work of. Throws if the options name a file that cannot be opened. */
  constructor(options: LogOptions, place: LogPlace, turn: TurnWork = { left: 0 }) {
    this.place = place
    this.turn = turn
    this.options = options
    this.sink = createSink(options, place)
    this.coloured = this.isColoured()
  }

  info(text: string, source?: LogSource): void {
    this.write('info', text, source)
  }

  warn(text: string, source?: LogSource): void {
    this.write('warn', text, source)
  }

  error(text: string, source?: LogSource): void {
    this.write('error', text, source)
  }

  /**
   * An error of a peer, or a warning, `times` in a row, which it may cause without limit: beyond a few lines per second
   * only the number is logged, by complaintsCounted(). `source` is the connection that the line is about, `from` the
   * unit of counting. Returns whether any was written.
   */
  complaint(
    text: string,
    source: LogSource | undefined,
    from: Complainant,
    times = 1,
    level: 'error' | 'warn' = 'error',
  ): boolean {
    const lines = this.repeats.admit(from, performance.now(), times)
    for (let i = 0; i < lines; i++) this.write(level, text, source)
    return lines > 0
  }

  /** Tells how many complaints of the last second were not written. Called every second or so. */
  complaintsCounted(nowMs = performance.now()): void {
    this.repeats.sweep(nowMs, (from, held) => {
      const count = `… and ${held} more in the last second`
      if (typeof from === 'string') this.write('error', `${from} - ${count}`, undefined)
      else this.write('error', count, from)
    })
  }

  fatal(text: string, source?: LogSource): void {
    this.write('fatal', text, source)
  }

  debug(text: string, source?: LogSource): void {
    if (this.options.debug) this.write('debug', text, source)
  }

  /** A bug, with its stack; bound, so that it can be given to attempt(). */
  readonly bug = (error: unknown): void => this.error(`Internal error: ${bugText(error)}`)

  trace(text: string, source?: LogSource): void {
    if (this.options.trace) this.write('trace', text, source)
  }

  /** Rejects if the place where lines go cannot be reached. */
  async ready(): Promise<void> {
    await this.sink.ready
  }

  /** Takes new options. Throws, and goes on as before, if they name a file that cannot be opened. */
  configure(options: LogOptions): void {
    const moved = SINK_MEMBERS.some((member) => options[member] !== this.options[member])
    if (moved) {
      const sink = createSink(options, this.place)
      attempt(this.bug, () => this.sink.close())
      this.sink = sink
    }
    this.options = options
    this.coloured = this.isColoured()
  }

  /** Primary: reopens the log file after it was moved away; the other threads follow. */
  reopen(): void {
    if (this.sink.reopen === undefined) this.info('File log re-open ignored, not a file logger')
    else {
      this.sink.reopen()
      this.info('File log re-opened')
    }
  }

  /** Catches up with what the primary did to the log file. Called now and then, so that an idle thread does too. */
  follow(): void {
    this.sink.follow?.()
  }

  /** Primary: a shard found the log file too large. */
  rotate(): void {
    this.sink.rotate?.()
  }

  /** Primary: a line that a shard could not deliver by itself. */
  relay({ level, line, underWay }: Extract<LogMessage, { kind: 'logLine' }>): void {
    if (underWay !== undefined) Atomics.sub(underWay, 0, 1)
    this.sink.write(level, line)
  }

  /** Resolves when every line is where it belongs. What is logged afterwards goes nowhere. */
  async close(): Promise<void> {
    this.complaintsCounted(Number.POSITIVE_INFINITY)
    const { sink } = this
    this.sink = NOWHERE
    await sink.close()
  }

  private isColoured(): boolean {
    if (this.sink.kind !== 'stderr' || this.options.logFormat === 'json') return false
    try {
      return fstatSync(STDERR).isCharacterDevice()
    } catch {
      return false
    }
  }

  private write(level: Level, text: string, source: LogSource | undefined): void {
    const { sink, options } = this
    if (sink.kind === 'none') return
    this.turn.left -= Work.logLine
    const whole = source === undefined ? text : `${source.label} - ${text}`
    if (sink.kind === 'program') {
      sink.write(level, whole) // the logger has its own form
      return
    }
    if (options.logFormat === 'json') {
      sink.write(level, this.json(level, text, source))
      return
    }
    if (sink.kind === 'syslog') {
      sink.write(level, whole) // it adds time and process itself
      return
    }
    const { tag, colour } = TAGS[level]
    const label = this.coloured ? `[\x1b[${colour}m${tag}\x1b[0m]` : `[${tag}]`
    const time = options.logTime ? `${wallClockText(options.logTimeUtc)} ` : ''
    sink.write(level, `[${process.pid}] ${time}${label} ${whole}\n`)
  }

  private json(level: Level, text: string, source: LogSource | undefined): string {
    const micros = wallClockMicros()
    const line = {
      ...(this.options.logTime ? { time: isoMicros(micros) } : {}),
      level,
      pid: process.pid,
      thread: this.place.name,
      ...(source === undefined ? {} : { cid: source.id, ip: source.ip, port: source.port }),
      msg: text,
    }
    return `${JSON.stringify(line)}\n`
  }
}

/** Options of which a change means another sink. */
const SINK_MEMBERS = ['log', 'logFile', 'logSizeLimit', 'logMaxNum', 'syslog', 'remoteSyslog'] as const

function isoMicros(micros: number): string {
  const iso = new Date(Math.floor(micros / 1000)).toISOString()
  return `${iso.slice(0, -1)}${String(micros % 1000).padStart(3, '0')}Z`
}
