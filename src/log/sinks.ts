// Which sink the options ask for. As on nats-server, a file beats remote syslog, that beats syslog, that beats stderr.

import { FileSink } from './file-sink.ts'
import type { LogOptions } from './log.ts'
import type { LogPlace, LogSink } from './sink.ts'
import { StderrSink } from './stderr-sink.ts'
import { createSyslogSink } from './syslog-sink.ts'

export const NOWHERE: LogSink = { kind: 'none', write: () => undefined, close: () => undefined }

/** Throws if the log file cannot be opened. */
export function createSink(options: LogOptions, place: LogPlace): LogSink {
  if (options.log === 'none') return NOWHERE
  if (options.logFile !== '') return new FileSink(options, place)
  if (options.remoteSyslog === '' && !options.syslog) return new StderrSink()
  const { tell } = place
  // One conversation with the syslog daemon is enough: shards let the primary speak.
  if (tell === undefined) return createSyslogSink(options.remoteSyslog)
  return {
    kind: 'syslog',
    write: (level, line) => tell({ kind: 'logLine', level, line }),
    close: () => undefined,
  }
}
