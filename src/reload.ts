// What the log says of a reload, in nats-server's words and order. What may change at all: config/changes.ts.

import { isDeepStrictEqual } from 'node:util'
import { goDuration, nanoseconds } from './monitor/go-format.ts'
import type { Options } from './options.ts'

type Line = (next: Options) => string

const duration = (ms: number): string => goDuration(nanoseconds(ms))

const LINES: readonly (readonly [option: keyof Options, line: Line])[] = [
  ['clientAdvertise', (next) => `Reload: client_advertise = ${next.clientAdvertise}`],
  ['trace', (next) => `Reloaded: trace = ${next.trace}`],
  ['debug', (next) => `Reloaded: debug = ${next.debug}`],
  ['traceVerbose', (next) => `Reloaded: trace_verbose = ${next.traceVerbose}`],
  ['traceHeaders', (next) => `Reloaded: trace_headers = ${next.traceHeaders}`],
  ['logTime', (next) => `Reloaded: logtime = ${next.logTime}`],
  ['logTimeUtc', (next) => `Reloaded: logtime_utc = ${next.logTimeUtc}`],
  ['logFormat', (next) => `Reloaded: log_format = ${next.logFormat}`],
  ['maxConnections', (next) => `Reloaded: max_connections = ${next.maxConnections}`],
  ['pingInterval', (next) => `Reloaded: ping_interval = ${duration(next.pingInterval)}`],
  ['pingMax', (next) => `Reloaded: ping_max = ${next.pingMax}`],
  ['maxControlLine', (next) => `Reloaded: max_control_line = ${next.maxControlLine}`],
  ['maxPayload', (next) => `Reloaded: max_payload = ${next.maxPayload}`],
  [
    'noFastProducerStall',
    (next) => `Reloaded: fast producers will ${next.noFastProducerStall ? 'not ' : ''}be stalled`,
  ],
  ['pidFile', (next) => (next.pidFile === '' ? '' : `Reloaded: pid_file = ${next.pidFile}`)],
  ['portsFileDir', (next) => `Reloaded: ports_file_dir = ${next.portsFileDir}`],
  ['logFile', (next) => `Reloaded: log_file = ${next.logFile}`],
  ['syslog', (next) => `Reloaded: syslog = ${next.syslog}`],
  ['remoteSyslog', (next) => `Reloaded: remote_syslog = ${next.remoteSyslog}`],
  ['writeDeadline', (next) => `Reloaded: write_deadline = ${duration(next.writeDeadline)}`],
  ['maxTracedMessageLength', (next) => `Reloaded: max_traced_msg_len = ${next.maxTracedMessageLength}`],
  ['authorization', () => 'Reloaded: authorization users'],
  ['accounts', () => 'Reloaded: accounts'],
  ['tls', (next) => `Reloaded: tls = ${next.tls === undefined ? 'disabled' : 'enabled'}`],
  ['monitorUser', () => 'Reloaded: monitor_user'],
  ['monitorPassword', () => 'Reloaded: monitor_password'],
  ['serverTags', () => 'Reloaded: tags'],
  ['serverMetadata', () => 'Reloaded: metadata'],
]

/** `next` as it can be taken by a server that runs by `before`: "any free port" means the one that it has. */
export function withPortsOf(before: Options, next: Options): Options {
  const port = next.port === -1 ? before.port : next.port
  const monitorPort = next.monitorPort === -1 ? before.monitorPort : next.monitorPort
  return Object.freeze({ ...next, port, monitorPort })
}

/** A line for each setting that differs. */
export function reloadLines(before: Options, next: Options): string[] {
  return LINES.filter(([option]) => !isDeepStrictEqual(before[option], next[option]))
    .map(([, line]) => line(next))
    .filter((line) => line !== '')
}
