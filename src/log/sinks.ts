// Which sink the options ask for. As on nats-server, the order of precedence is: file, remote syslog, syslog, stderr.

import { FileSink } from './file-sink.ts'
import type { LogOptions } from './log-options.ts'
import type { LogMessage, LogPlace, LogSink } from './sink.ts'
import { StderrSink } from './stderr-sink.ts'
import { createSyslogSink } from './syslog-sink.ts'

export const NOWHERE: LogSink = { kind: 'none', write: () => undefined, close: () => undefined }

/** Primary: throws if the log file cannot be opened. */
export function createSink(options: LogOptions, place: LogPlace): LogSink {
  const { tell } = place
  if (options.log === 'none') return NOWHERE
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

/** Lets the primary write. */
function relay(kind: 'file' | 'syslog', tell: (message: LogMessage) => void): LogSink {
  return { kind, write: (level, line) => tell({ kind: 'logLine', level, line }), close: () => undefined }
}
