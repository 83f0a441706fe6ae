// Settings of logs and of the monitoring pages.

import { CLOSED_CLIENTS_MAX } from '../../base/constants.ts'
import { amount, area, boolean, choice, file, integer, key, limit, port, SIZE_MAX, size, text } from './settings.ts'

export const LOGGING_SETTINGS = area('Logging', [
  boolean('debug', false, 'Enable debug logging', { flags: ['D', 'debug'] }),
  boolean('trace', false, 'Log every protocol operation (trace)', { flags: ['V', 'trace'] }),
  boolean('traceVerbose', false, 'Trace the system account as well (flag -VV)'),
  boolean('traceHeaders', false, 'Trace message headers without payloads'),
  limit('maxTracedMessageLength', 0, 'Maximum bytes of a message shown in a trace', {
    keys: ['max_traced_msg_len'],
    flags: ['max_traced_msg_len'],
    argument: '<n>',
    defaultText: '0 = all',
  }),
  file('logFile', '', 'Log file', { aliases: ['logfile'], flags: ['l', 'log'], defaultText: 'stderr' }),
  size('logSizeLimit', 0, 'Size at which the log file is rotated', {
    keys: ['logfile_size_limit', 'log_size_limit'],
    flags: ['log_size_limit'],
    argument: '<bytes>',
    defaultText: '0 = never',
    min: 0,
    max: SIZE_MAX,
    fromFile: (value) => Math.min(Math.max(value, 0), SIZE_MAX),
  }),
  limit('logMaxNum', 0, 'Number of log files kept, including the current one', {
    keys: ['logfile_max_num', 'log_max_num'],
    defaultText: '0 = all',
  }),
  boolean('logTime', true, 'Begin log lines with the time', { keys: ['logtime'], flags: ['T', 'logtime'] }),
  boolean('logTimeUtc', false, 'Log times in UTC instead of local time', {
    keys: ['logtime_utc'],
    flags: ['logtime_utc'],
  }),
  choice('logFormat', 'text', 'Log format: text, or json with one object per line. Only in Heddle', {
    flags: ['log_format'],
    argument: '<format>',
    choices: ['text', 'json'],
  }),
  boolean('syslog', false, 'Log to syslog', { flags: ['s', 'syslog'] }),
  text('remoteSyslog', '', 'Address of a syslog server, such as udp://localhost:514', {
    flags: ['r', 'remote_syslog'],
    argument: '<addr>',
  }),
  choice('log', 'none', 'Destination of the log, for the embedding API', {
    keys: [],
    choices: ['stderr', 'none'],
    defaultText: 'none; stderr for the command',
  }),
])

export const MONITORING_SETTINGS = area('Monitoring', [
  key('http', 'text', 'Address and port of the monitoring pages, `host:port`, or the port alone', { reload: false }),
  key('https', 'text', 'Address and port of the monitoring pages over HTTPS', { reload: false }),
  text('monitorHost', '', 'Address of the monitoring pages; http and https set it as well. Only in Heddle', {
    defaultText: 'as host',
  }),
  port('monitorPort', undefined, 'Port of the monitoring pages over HTTP; -1 = any free port', {
    keys: ['http_port', 'monitor_port'],
    flags: ['m', 'http_port'],
    defaultText: 'none',
  }),
  port(
    'httpsPort',
    undefined,
    'Port of the monitoring pages over HTTPS, with the certificates of tls; -1 = any free port',
    { flags: ['ms', 'https_port'], defaultText: 'none' },
  ),
  text('monitorBasePath', '', 'Prefix of the paths of the monitoring pages, such as /nats', {
    keys: ['http_base_path'],
  }),
  text(
    'monitorUser',
    '',
    'User for the monitoring pages (HTTP Basic); user and password empty = no login. Only in Heddle',
  ),
  text('monitorPassword', '', 'Password for the monitoring pages. Only in Heddle', { secret: true }),
  amount('maxClosedClients', CLOSED_CLIENTS_MAX, 'Number of closed connections kept for the monitoring pages'),
  integer('profPort', 0, 'Port of the Go profiling pages', {
    flags: ['profile'],
    argument: '<port>',
    defaultText: 'none',
    min: -1,
    max: 65_535,
    feature: 'profiling pages',
  }),
  integer('profBlockRate', 0, 'Rate of the block profile in the profiling pages', { feature: 'profiling pages' }),
])
