// The log lines of a reload, with nats-server's texts and order. config/changes.ts decides what may change.

import { isDeepStrictEqual } from 'node:util'
import { authTimeoutMs } from '../auth/setup.ts'
import { TLS_TIMEOUT_MS } from '../base/constants.ts'
import { goDuration, nanoseconds } from '../base/go-format.ts'
import type { Options } from '../options/options.ts'

type Line = (next: Options) => string

const duration = (ms: number): string => goDuration(nanoseconds(ms))

/** What a line is about: an option, or a part of some. */
type Part = keyof Options | ((options: Options) => unknown)

const usersBy = (key: 'username' | 'nkey') => (options: Options) => {
  const { authorization, accounts } = options
  const users = [...(authorization?.users ?? []), ...accounts.flatMap((account) => account.users)]
  return users.filter((user) => user[key] !== '')
}

const ofAuthorization = (key: 'username' | 'password' | 'token') => (options: Options) =>
  options.authorization?.[key] ?? ''

const routesOf = ({ cluster }: Options): readonly string[] => [...(cluster?.routes ?? [])].sort()
const clusterOf = ({ cluster }: Options): unknown => cluster && { ...cluster, routes: [] }

const tlsTimeoutMs = ({ tls }: Options): number | undefined => tls && (tls.timeout || TLS_TIMEOUT_MS)

const LINES: readonly (readonly [part: Part, line: Line])[] = [
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
  [usersBy('nkey'), () => 'Reloaded: authorization nkey users'],
  [usersBy('username'), () => 'Reloaded: authorization users'],
  ['accounts', () => 'Reloaded: accounts'],
  [ofAuthorization('username'), () => 'Reloaded: authorization username'],
  [ofAuthorization('password'), () => 'Reloaded: authorization password'],
  [ofAuthorization('token'), () => 'Reloaded: authorization token'],
  [authTimeoutMs, (next) => `Reloaded: authorization timeout = ${authTimeoutMs(next) / 1000}`],
  [
    tlsTimeoutMs,
    (next) => (next.tls === undefined ? '' : `Reloaded: tls timeout = ${(tlsTimeoutMs(next) ?? 0) / 1000}`),
  ],
  ['tls', (next) => `Reloaded: tls = ${next.tls === undefined ? 'disabled' : 'enabled'}`],
  [({ tls }) => tls?.pinnedCerts ?? [], (next) => `Reloaded: ${next.tls?.pinnedCerts.length ?? 0} pinned_certs`],
  [
    ({ tls }) => tls?.handshakeFirst ?? false,
    (next) => `Reloaded: Client TLS handshake first: ${next.tls?.handshakeFirst ?? false}`,
  ],
  [
    ({ tls }) => tls?.handshakeFirstFallback ?? 0,
    (next) => `Reloaded: Client TLS handshake first fallback delay: ${duration(next.tls?.handshakeFirstFallback ?? 0)}`,
  ],
  [clusterOf, () => 'Reloaded: cluster'],
  [routesOf, () => 'Reloaded: cluster routes'],
  ['defaultSentinel', () => 'Reloaded: default_sentinel'],
  ['ocsp', () => 'Reloaded: OCSP'],
  ['connectErrorReports', (next) => `Reloaded: connect_error_reports = ${next.connectErrorReports}`],
  ['reconnectErrorReports', (next) => `Reloaded: reconnect_error_reports = ${next.reconnectErrorReports}`],
  ['profBlockRate', (next) => `Reloaded: prof_block_rate = ${next.profBlockRate}`],
  ['slowConsumer', (next) => `Reloaded: slow_consumer = ${next.slowConsumer}`],
  ['placement', (next) => `Reloaded: placement = ${next.placement}`],
  ['proxies', () => 'Reloaded: proxies'],
  ['mappings', () => 'Reloaded: mappings'],
  ['monitorUser', () => 'Reloaded: monitor_user'],
  ['monitorPassword', () => 'Reloaded: monitor_password'],
  ['serverTags', () => 'Reloaded: tags'],
  ['serverMetadata', () => 'Reloaded: metadata'],
]

function partOf(options: Options, part: Part): unknown {
  return typeof part === 'function' ? part(options) : options[part]
}

/** `next` as it can be taken by a server that runs by `before`: "any free port" means the one that it has. */
export function withPortsOf(before: Options, next: Options): Options {
  const port = next.port === -1 ? before.port : next.port
  const monitorPort = next.monitorPort === -1 ? before.monitorPort : next.monitorPort
  const httpsPort = next.httpsPort === -1 ? before.httpsPort : next.httpsPort
  const cluster =
    next.cluster?.port === -1 && before.cluster !== undefined
      ? Object.freeze({ ...next.cluster, port: before.cluster.port })
      : next.cluster
  return Object.freeze({ ...next, port, monitorPort, httpsPort, cluster })
}

/** A line for each setting that differs. */
export function reloadLines(before: Options, next: Options): string[] {
  return LINES.filter(([part]) => !isDeepStrictEqual(partOf(before, part), partOf(next, part)))
    .map(([, line]) => line(next))
    .filter((line) => line !== '')
}
