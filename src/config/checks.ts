// Rules between settings (docs/reference/configuration-blocks.md, "Rules between settings"), with nats-server's texts
// and order: checked at start, at a reload and by `-t`.

import { SYSTEM_ACCOUNT } from '../auth/settings.ts'
import { durationText } from '../base/duration.ts'
import type { Options } from '../options/options.ts'
import { GLOBAL_ACCOUNT, type WebSocketOptions } from '../options/shapes.ts'
import { checkLeafnodes, checkServers } from './blocks/later-checks.ts'
import { checkNoAuthUser, checkOwnCredentials } from './blocks/user-checks.ts'
import type { LaterBlocks } from './layer.ts'

/** Permissions of a file: its owner's, its group's, and those of the others. */
const OCTAL_MODE = /^0?[0-7]{3}$/

const FORBIDDEN_HEADERS = new Set(['host', 'content-length', 'connection', 'upgrade', 'nats-no-masking'])

/** What is wrong with the options together, and with what is only checked so far; undefined if nothing. */
export function checkOptions(options: Options, later: LaterBlocks = {}): string | undefined {
  const { maxPayload, maxPending, name, unixSocketMode, lameDuckGracePeriod, lameDuckDuration } = options
  if (lameDuckGracePeriod >= lameDuckDuration) {
    const [grace, duration] = [lameDuckGracePeriod, lameDuckDuration].map(durationText)
    return `lame duck grace period (${grace}) should be strictly lower than lame duck duration (${duration})`
  }
  if (maxPayload > maxPending) return `max_payload (${maxPayload}) cannot be higher than max_pending (${maxPending})`
  if (name.includes(' ')) return 'server name cannot contain spaces'
  if (!OCTAL_MODE.test(unixSocketMode)) return `unix_socket_mode must be three octal digits, not "${unixSocketMode}"`
  return (
    checkIdentity(options) ??
    checkAccountNames(options) ??
    checkLeafnodes(options, later) ??
    checkNoAuthUser(options, options.noAuthUser) ??
    checkServers(options, later) ??
    checkWebSocket(options) ??
    checkHttpGateway(options)
  )
}

/** What keeps a server from starting, although `-t` calls its configuration valid, as nats-server's does. */
export function checkStart(options: Options): string | undefined {
  const { monitorPort, httpsPort, systemAccount, accounts, operators, trustedKeys } = options
  if (monitorPort !== undefined && httpsPort !== undefined) {
    return `Can't start monitoring: can't specify both HTTP (${monitorPort}) and HTTPs (${httpsPort}) ports`
  }
  if (httpsPort !== undefined && options.tls === undefined) {
    return "Can't start monitoring: TLS cert and key required for HTTPS"
  }
  const isConfigured = operators.length === 0 && trustedKeys.length === 0
  // Named, the usual one has to be there like any other.
  const names = [GLOBAL_ACCOUNT, ...accounts.map((account) => account.name)]
  if (systemAccount !== '' && isConfigured && !names.includes(systemAccount)) {
    return 'error resolving system account: account missing'
  }
  return undefined
}

function checkIdentity(options: Options): string | undefined {
  const { operators, defaultSentinel, resolver, accounts, authorization, trustedKeys } = options
  if (operators.length === 0) {
    return defaultSentinel === '' ? undefined : 'default sentinel requires operators and accounts'
  }
  if (resolver === undefined) return 'operators require an account resolver to be configured'
  if (accounts.length > 0) return 'operators do not allow Accounts to be configured directly'
  if ((authorization?.users.length ?? 0) > 0) return 'operators do not allow users to be configured directly'
  if (trustedKeys.length > 0) return "conflicting options for 'TrustedKeys' and 'TrustedOperators'"
  if (authorization?.callout !== undefined) {
    return 'operators do not allow authorization callouts to be configured directly'
  }
  return undefined
}

/**
 * Shards know an account by the low byte of each character of its name, and what other servers want of it by a name
 * with a line break. No account may be taken for another one there.
 */
function checkAccountNames({ accounts }: Options): string | undefined {
  const known = new Map([GLOBAL_ACCOUNT, SYSTEM_ACCOUNT].map((name) => [name, name]))
  for (const { name } of accounts) {
    const bytes = Buffer.from(name, 'latin1').toString('latin1')
    const other = known.get(bytes) ?? name
    if (other !== name) {
      return `account ${JSON.stringify(name)} cannot be told from account ${JSON.stringify(other)}: rename one of them`
    }
    if (bytes.includes('\n')) return `account ${JSON.stringify(name)} cannot have such a name: rename it`
    known.set(bytes, name)
  }
  return undefined
}

function checkWebSocket(options: Options): string | undefined {
  const { websocket, operators, trustedKeys } = options
  if (websocket === undefined || websocket.port === 0) return undefined
  const wrong = checkListener('websocket', websocket) ?? checkOwnCredentials('websocket', websocket, options)
  if (wrong !== undefined) return wrong
  if (websocket.jwtCookie !== '' && operators.length === 0 && trustedKeys.length === 0) {
    const cookie = JSON.stringify(websocket.jwtCookie)
    return `trusted operators or trusted keys configuration is required for JWT authentication via cookie ${cookie}`
  }
  return checkHeaders(websocket)
}

function checkHttpGateway({ httpGateway }: Options): string | undefined {
  if (httpGateway === undefined || httpGateway.port === 0) return undefined
  if (httpGateway.requestTimeout <= 0) return 'http_gateway request_timeout must be more than 0'
  if (httpGateway.heartbeat <= 0) return 'http_gateway heartbeat must be more than 0'
  return checkListener('http_gateway', httpGateway)
}

/** What is wrong with a listener that browsers may come to. */
function checkListener(
  name: string,
  { port, tls, noTls, allowedOrigins }: Pick<WebSocketOptions, 'port' | 'tls' | 'noTls' | 'allowedOrigins'>,
): string | undefined {
  if (port < -1 || port > 65535) return `${name} port ${port} is out of range`
  if (tls === undefined && !noTls) return `${name} requires TLS configuration`
  for (const origin of allowedOrigins) {
    const wrong = whyNoOrigin(origin)
    if (wrong !== undefined) return `unable to parse allowed origin${wrong}`
  }
  return undefined
}

function whyNoOrigin(origin: string): string | undefined {
  const quoted = JSON.stringify(origin)
  const parts = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]*)/.exec(origin)
  if (parts === null && !/^(?:\/|[a-zA-Z][a-zA-Z0-9+.-]*:)/.test(origin)) {
    return `: parse ${quoted}: invalid URI for request`
  }
  if (parts === null || (parts[1] !== 'http' && parts[1] !== 'https')) {
    return ` ${quoted}: allowed origins must be absolute URLs with http or https scheme`
  }
  const host = parts[2].replace(/^[^@]*@/, '')
  if (host.startsWith('[') && !host.includes(']')) return `: parse ${quoted}: missing ']' in host`
  const port = /:[^:\]]*$/.exec(host)?.[0] ?? ''
  if (!/^(?::[0-9]*)?$/.test(port)) return `: parse ${quoted}: invalid port ${JSON.stringify(port)} after host`
  return host === '' ? ` ${quoted}: host is required` : undefined
}

function checkHeaders({ headers }: WebSocketOptions): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    const quoted = JSON.stringify(name)
    if (FORBIDDEN_HEADERS.has(name.toLowerCase())) return `websocket: invalid header ${quoted} not allowed`
    if (name.toLowerCase().startsWith('sec-websocket-')) {
      return `websocket: invalid header ${quoted}, "Sec-WebSocket-" prefix not allowed`
    }
    // Each becomes a line of the answer: none may make two of them.
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\uffff]*$/.test(value)) {
      return `websocket: invalid header ${quoted}`
    }
  }
  return undefined
}
