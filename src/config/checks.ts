// Rules between settings (reference 4): checked at start and at a reload, not by `-t`, as in nats-server, whose words
// these are.

import type { Options } from '../options.ts'
import { durationText } from './duration.ts'
import type { WebSocketOptions } from './shapes.ts'

const FORBIDDEN_HEADERS = new Set(['host', 'content-length', 'connection', 'upgrade', 'nats-no-masking'])

/** What is wrong with the options together; undefined if nothing. */
export function checkOptions(options: Options): string | undefined {
  const { maxPayload, maxPending, name, lameDuckGracePeriod, lameDuckDuration, monitorPort, httpsPort } = options
  if (lameDuckGracePeriod >= lameDuckDuration) {
    const [grace, duration] = [lameDuckGracePeriod, lameDuckDuration].map(durationText)
    return `lame duck grace period (${grace}) should be strictly lower than lame duck duration (${duration})`
  }
  if (maxPayload > maxPending) return `max_payload (${maxPayload}) cannot be higher than max_pending (${maxPending})`
  if (/\s/.test(name)) return 'server name cannot contain spaces'
  if (monitorPort !== undefined && httpsPort !== undefined) {
    return `Can't start monitoring: can't specify both HTTP (${monitorPort}) and HTTPs (${httpsPort}) ports`
  }
  if (httpsPort !== undefined && options.tls === undefined) {
    return "Can't start monitoring: TLS cert and key required for HTTPS"
  }
  return checkIdentity(options) ?? checkNoAuthUser(options, options.noAuthUser) ?? checkWebSocket(options)
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

/** Names and nkeys of all users. */
function usersOf({ authorization, accounts }: Options): string[] {
  const users = [...(authorization?.users ?? []), ...accounts.flatMap((account) => account.users)]
  return users.map(({ username, nkey }) => (nkey === '' ? username : nkey))
}

function checkNoAuthUser(options: Options, name: string): string | undefined {
  if (name === '') return undefined
  if (options.operators.length > 0) return 'no_auth_user not compatible with Trusted Operator'
  const users = usersOf(options)
  if (users.length === 0) {
    return `no_auth_user: "${name}" present, but users/nkeys are not defined`
  }
  if (users.includes(name)) return undefined
  return `no_auth_user: "${name}" not present as user or nkey in authorization block or account configuration`
}

function checkWebSocket(options: Options): string | undefined {
  const { websocket, operators, trustedKeys } = options
  if (websocket === undefined || websocket.port === 0) return undefined
  if (websocket.port < -1 || websocket.port > 65535) return `websocket port ${websocket.port} is out of range`
  if (websocket.tls === undefined && !websocket.noTls) return 'websocket requires TLS configuration'
  for (const origin of websocket.allowedOrigins) {
    const wrong = whyNoOrigin(origin)
    if (wrong !== undefined) return `unable to parse allowed origin${wrong}`
  }
  const unknownUser = checkNoAuthUser(options, websocket.noAuthUser)
  if (unknownUser !== undefined) return unknownUser
  if (usersOf(options).length > 0) {
    const what = websocket.username !== '' ? 'username' : websocket.token !== '' ? 'token' : undefined
    if (what !== undefined) return `websocket authentication ${what} not compatible with presence of users/nkeys`
  }
  if (websocket.jwtCookie !== '' && operators.length === 0 && trustedKeys.length === 0) {
    const cookie = JSON.stringify(websocket.jwtCookie)
    return `trusted operators or trusted keys configuration is required for JWT authentication via cookie ${cookie}`
  }
  return checkHeaders(websocket)
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
  return parts[2] === '' ? ` ${quoted}: host is required` : undefined
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
