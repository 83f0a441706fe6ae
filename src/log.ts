// Log lines in nats-server's form (reference 18):  [pid] YYYY/MM/DD HH:MM:SS.micros [LVL] text
// Each line is one synchronous write, so that lines of several threads never mix and a crash loses none.

import { writeSync } from 'node:fs'

const STDERR = 2

export interface Log {
  info(text: string): void
  warn(text: string): void
  error(text: string): void
  fatal(text: string): void
  debug(text: string): void
  trace(text: string): void
}

export interface LogOptions {
  readonly log: 'stderr' | 'none'
  readonly debug: boolean
  readonly trace: boolean
}

export function createLog(options: LogOptions): Log {
  const write = (level: string, text: string): void => {
    if (options.log === 'none') return
    const line = `[${process.pid}] ${timestamp()} [${level}] ${text}\n`
    try {
      writeSync(STDERR, line)
    } catch {
      // Nobody reads our stderr: that is no reason to stop serving.
    }
  }
  return {
    info: (text) => write('INF', text),
    warn: (text) => write('WRN', text),
    error: (text) => write('ERR', text),
    fatal: (text) => write('FTL', text),
    debug: (text) => {
      if (options.debug) write('DBG', text)
    },
    trace: (text) => {
      if (options.trace) write('TRC', text)
    },
  }
}

/** Local time to the microsecond. */
function timestamp(): string {
  const micros = Math.floor((performance.timeOrigin + performance.now()) * 1000)
  const date = new Date(Math.floor(micros / 1000))
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return `${day} ${time}.${String(micros % 1_000_000).padStart(6, '0')}`
}
