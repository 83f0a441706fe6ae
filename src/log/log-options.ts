// The log's part of the server's options.

import type { Options } from '../options/options.ts'

/** They may change while the server runs. */
export type LogOptions = Pick<
  Options,
  | 'log'
  | 'debug'
  | 'trace'
  | 'logFile'
  | 'logSizeLimit'
  | 'logMaxNum'
  | 'logTime'
  | 'logTimeUtc'
  | 'logFormat'
  | 'syslog'
  | 'remoteSyslog'
>

/** Whether the log is visible to the person who starts the server. */
export function logsToStderr({ log, logFile, syslog, remoteSyslog }: LogOptions): boolean {
  return log === 'stderr' && logFile === '' && !syslog && remoteSyslog === ''
}
