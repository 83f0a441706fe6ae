// Settings of logs and of the monitoring pages.

import { CLOSED_CLIENTS_MAX } from '../../base/constants.ts'
import { amount, area, boolean, choice, file, integer, key, limit, port, SIZE_MAX, size, text } from './settings.ts'

export const LOGGING_SETTINGS = area('Logging', [
  boolean('debug', false, 'Log debug lines', { flags: ['D', 'debug'] }),
  boolean('trace', false, 'Log every protocol operation', { flags: ['V', 'trace'] }),
  boolean('traceVerbose', false, 'Trace, that of the system account too (flag -VV)'),
  boolean('traceHeaders', false, 'Trace with the headers of messages, without their payload'),
  limit('maxTracedMessageLength', 0, 'Bytes of a message that a trace shows', {
    keys: ['max_traced_msg_len'],
    flags: ['max_traced_msg_len'],
    argument: '<n>',
    defaultText: '0 = all',
  }),
  file('logFile', '', 'File for the log', { aliases: ['logfile'], flags: ['l', 'log'], defaultText: 'stderr' }),
  size('logSizeLimit', 0, 'Size at which the log file is set aside and a new one begun', {
    keys: ['logfile_size_limit', 'log_size_limit'],
    flags: ['log_size_limit'],
    argument: '<bytes>',
    defaultText: '0 = never',
    min: 0,
    max: SIZE_MAX,
    fromFile: (value) => Math.min(Math.max(value, 0), SIZE_MAX),
  }),
  limit('logMaxNum', 0, 'Log files kept, the one in use among them', {
    keys: ['logfile_max_num', 'log_max_num'],
    defaultText: '0 = all',
  }),
  boolean('logTime', true, 'Log lines begin with the time', { keys: ['logtime'], flags: ['T', 'logtime'] }),
  boolean('logTimeUtc', false, 'in UTC instead of local time', { keys: ['logtime_utc'], flags: ['logtime_utc'] }),
  choice('logFormat', 'text', 'Form of log lines: text, or json, one object a line. Only in Heddle', {
    flags: ['log_format'],
    argument: '<format>',
    choices: ['text', 'json'],
  }),
  boolean('syslog', false, 'Log to syslog', { flags: ['s', 'syslog'] }),
  text('remoteSyslog', '', 'Address of a syslog server, such as udp://localhost:514', {
    flags: ['r', 'remote_syslog'],
    argument: '<addr>',
  }),
  choice('log', 'none', 'Whether there is a log; for the embedding API', {
    keys: [],
    choices: ['stderr', 'none'],
    defaultText: 'none; the command has stderr',
  }),
])

export const MONITORING_SETTINGS = area('Monitoring', [
  key('http', 'text', 'Address and port of the monitoring pages, `host:port`, or the port alone', { reload: false }),
  key('https', 'text', 'The same over HTTPS', { reload: false }),
  text('monitorHost', '', 'Address of the monitoring pages, which http and https set too. Only in Heddle', {
    defaultText: 'as host',
  }),
  port('monitorPort', undefined, 'Port of the monitoring pages over HTTP; -1 = any free one', {
    keys: ['http_port', 'monitor_port'],
    flags: ['m', 'http_port'],
    defaultText: 'none',
  }),
  port(
    'httpsPort',
    undefined,
    'Port of the monitoring pages over HTTPS, by the certificates of tls; -1 = any free one',
    { flags: ['ms', 'https_port'], defaultText: 'none' },
  ),
  text('monitorBasePath', '', 'What the paths of the pages begin with, such as /nats', { keys: ['http_base_path'] }),
  text(
    'monitorUser',
    '',
    'User that the monitoring pages ask for, by HTTP Basic; both empty = no password. Only in Heddle',
  ),
  text('monitorPassword', '', 'Password that the monitoring pages ask for. Only in Heddle', { secret: true }),
  amount('maxClosedClients', CLOSED_CLIENTS_MAX, 'Closed connections remembered for the pages'),
  integer('profPort', 0, 'Port of the profiling pages, which belong to Go', {
    flags: ['profile'],
    argument: '<port>',
    defaultText: 'none',
    min: -1,
    max: 65_535,
    feature: 'profiling pages',
  }),
  integer('profBlockRate', 0, 'Rate of their block profile', { feature: 'profiling pages' }),
])
