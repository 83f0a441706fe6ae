// The options of the server that are about its log.

/** What the log needs to know of the server's options; they may change while it runs. */
export interface LogOptions {
  readonly log: 'stderr' | 'none'
  readonly debug: boolean
  readonly trace: boolean
  /** Path of the file to log to; empty: none. */
  readonly logFile: string
  /** Bytes after which the file is put aside; 0 = never. */
  readonly logSizeLimit: number
  /** Files to keep, the one in use included; 0 = all. */
  readonly logMaxNum: number
  readonly logTime: boolean
  readonly logTimeUtc: boolean
  readonly logFormat: 'text' | 'json'
  readonly syslog: boolean
  /** `udp://host:port`, `tcp://host:port`, `unix:///path`; empty: none. */
  readonly remoteSyslog: string
}

/** Whether the log is what people see who start the server. */
export function logsToStderr({ log, logFile, syslog, remoteSyslog }: LogOptions): boolean {
  return log === 'stderr' && logFile === '' && !syslog && remoteSyslog === ''
}
