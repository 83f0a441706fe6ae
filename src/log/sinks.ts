// Which sink the options ask for. As on nats-server, the order of precedence is: file, remote syslog, syslog, stderr.

import { FileSink } from './file-sink.ts'
import type { Level } from './level.ts'
import type { LogOptions } from './log-options.ts'
import { programSink } from './program-sink.ts'
import type { LogMessage, LogPlace, LogSink } from './sink.ts'
import { StderrSink } from './stderr-sink.ts'
import { createSyslogSink } from './syslog-sink.ts'

export const NOWHERE: LogSink = { kind: 'none', write: () => undefined, close: () => undefined }

/** Primary: throws if the log file cannot be opened. */
export function createSink(options: LogOptions, place: LogPlace): LogSink {
  const { tell, logger } = place
  if (options.log === 'none') return NOWHERE
  if (options.log === 'program') {
    if (tell !== undefined) return relay('program', tell)
    return logger === undefined ? NOWHERE : programSink(logger)
  }
  if (options.logFile !== '') {
    try {
      return new FileSink(options, place)
    } catch (error) {
      if (tell === undefined) throw error
      return relay('file', tell) // a shard must not end for want of a log; the primary has the file open
    }
  }
  if (options.remoteSyslog === '' && !options.syslog) return new StderrSink()
  // One conversation with the syslog daemon is enough: shards let the primary speak.
  return tell === undefined ? createSyslogSink(options.remoteSyslog) : relay('syslog', tell)
}

/** Lines of one thread that may be on their way to the primary: it may be busy with something else for long. */
const UNDER_WAY_MAX = 1_024

/** Lets the primary write. Lines that come while too many are on their way are dropped and counted. */
function relay(kind: 'file' | 'syslog' | 'program', tell: (message: LogMessage) => void): LogSink {
  const underWay = new Int32Array(new SharedArrayBuffer(4))
  let lost = 0
  const send = (level: Level, line: string): void => {
    Atomics.add(underWay, 0, 1)
    tell({ kind: 'logLine', level, line, underWay })
  }
  const write = (level: Level, line: string): void => {
    if (Atomics.load(underWay, 0) >= UNDER_WAY_MAX) {
      lost++
      return
    }
    const missing = lost
    lost = 0
    if (missing > 0) send('warn', `${missing} lines of the log are missing here: too many were on their way`)
    send(level, line)
  }
  return { kind, write, close: () => undefined }
}
