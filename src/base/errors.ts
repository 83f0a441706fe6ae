// Three kinds of failure, never mixed: the peer broke the protocol, the peer is refused, we have a bug.
// The first two are the values below, with the texts of nats-server (docs/reference/errors.md); a bug throws.

import { getSystemErrorMap } from 'node:util'
import { QUEUE_NAME_MAX } from './constants.ts'

/** What ends a connection. Each closed connection has exactly one; the text is what /connz shows. */
export const CloseReason = {
  clientClosed: 'Client Closed',
  slowConsumerPending: 'Slow Consumer (Pending Bytes)',
  slowConsumerDeadline: 'Slow Consumer (Write Deadline)',
  authentication: 'Authentication Failure',
  authenticationTimeout: 'Authentication Timeout',
  authenticationExpired: 'Authentication Expired',
  credentialsRevoked: 'Credentials Revoked',
  accountConnectionsExceeded: 'Maximum Account Connections Exceeded',
  proxyNotTrusted: 'Proxy Not Trusted',
  proxyRequired: 'Proxy Required',
  tlsHandshake: 'TLS Handshake Failure',
  kicked: 'Kicked',
  writeError: 'Write Error',
  readError: 'Read Error',
  parseError: 'Parse Error',
  staleConnection: 'Stale Connection',
  protocolViolation: 'Protocol Violation',
  badProtocolVersion: 'Bad Client Protocol Version',
  connectionsExceeded: 'Maximum Connections Exceeded',
  payloadExceeded: 'Maximum Message Payload Exceeded',
  controlLineExceeded: 'Maximum Control Line Exceeded',
  subscriptionsExceeded: 'Maximum Subscriptions Exceeded',
  serverShutdown: 'Server Shutdown',
  noRespondersHeaders: 'No Responders Requires Headers',
  internal: 'Internal Client',
  wrongPort: 'Incorrect Port',
  clusterName: 'Cluster Name Conflict',
  duplicateRoute: 'Duplicate Route',
  routeRemoved: 'Route Removed',
} as const
export type CloseReason = (typeof CloseReason)[keyof typeof CloseReason]

/** A fault that ends the connection: the text of its -ERR, or none where nats-server closes in silence. */
export interface Fault {
  readonly text: string | undefined
  readonly reason: CloseReason
}

const fault = (text: string | undefined, reason: CloseReason): Fault => Object.freeze({ text, reason })

export const Faults = {
  unknownOperation: fault('Unknown Protocol Operation', CloseReason.protocolViolation),
  /** Malformed arguments: closed without a word. */
  badArguments: fault(undefined, CloseReason.protocolViolation),
  proxyHeader: fault(undefined, CloseReason.protocolViolation),
  controlLine: fault('maximum control line exceeded', CloseReason.controlLineExceeded),
  payload: fault('Maximum Payload Violation', CloseReason.payloadExceeded),
  headersOff: fault(undefined, CloseReason.protocolViolation),
  errorFromClient: fault(undefined, CloseReason.parseError),
  authorization: fault('Authorization Violation', CloseReason.authentication),
  protocolVersion: fault('invalid client protocol', CloseReason.badProtocolVersion),
  noRespondersHeaders: fault('no responders requires headers support', CloseReason.noRespondersHeaders),
  staleConnection: fault('Stale Connection', CloseReason.staleConnection),
  connections: fault('maximum connections exceeded', CloseReason.connectionsExceeded),
  /** A reload left it with more than it may have. */
  subscriptions: fault('maximum subscriptions exceeded', CloseReason.subscriptionsExceeded),
  slowConsumerPending: fault(undefined, CloseReason.slowConsumerPending),
  slowConsumerDeadline: fault(undefined, CloseReason.slowConsumerDeadline),
  kicked: fault(undefined, CloseReason.kicked),
  shutdown: fault(undefined, CloseReason.serverShutdown),
  internal: fault(undefined, CloseReason.internal),
} as const

/** The log text of a bug. */
export function bugText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** A refusal that leaves the connection open: the text of its -ERR, and what the log says of it. */
export interface Refusal {
  readonly text: string
  readonly logged: string
}

const refusal = (text: string, logged = text): Refusal => ({ text, logged })

/** `subject`, `reply`, `queue` and `sid` are byte strings (one char a byte). */
export const Refusals = {
  invalidSubject: refusal('Invalid Subject'),
  invalidPublishSubject: refusal('Invalid Publish Subject'),
  /** Of a queue group. nats-server knows no such bound, and so no text. */
  queueName: refusal('Invalid Queue Name', `Queue group name is longer than ${QUEUE_NAME_MAX} bytes`),
  subscriptions: refusal('maximum subscriptions exceeded'),
  publish: (subject: string) =>
    refusal(`Permissions Violation for Publish to ${quote(subject)}`, `Publish Violation - Subject ${quote(subject)}`),
  reply: (reply: string) =>
    refusal(
      `Permissions Violation for Publish with Reply of ${quote(reply)}`,
      `Publish Violation - Reply ${quote(reply)}`,
    ),
  subscribe: (subject: string, sid: string) =>
    refusal(
      `Permissions Violation for Subscription to ${quote(subject)}`,
      `Subscription Violation - Subject ${quote(subject)}, SID ${sid}`,
    ),
  subscribeQueue: (subject: string, queue: string, sid: string) =>
    refusal(
      `Permissions Violation for Subscription to ${quote(subject)} using queue ${quote(queue)}`,
      `Subscription Violation - Subject ${quote(subject)}, Queue: ${quote(queue)}, SID ${sid}`,
    ),
  /** A reload took the permission away, and the subscription with it. `user`: whose it was, for the log. */
  removed: (subject: string, queue: string, sid: string, user: string) => {
    const what = `${quote(subject)}${queue === '' ? '' : ` using queue ${quote(queue)}`} (sid ${quote(sid)})`
    const logged = `Removed sub ${what} for ${user} - not authorized`
    return refusal(`Permissions Violation for Subscription to ${what}`, logged)
  },
  tooManyTokens: (subject: string, sid: string) =>
    refusal(
      `Permissions Violation for Subscription to ${quote(subject)}, too many tokens`,
      `Subscription Violation Too Many Tokens - Subject ${quote(subject)}, SID ${sid}`,
    ),
} as const

/** What the operating system refused, as Go words it: `open /no/such/file: no such file or directory`. */
export function osErrorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  // ENOENT: no such file or directory, open '/no/such/file'
  const file = /^E[A-Z0-9]+: ([^,]+), (\w+)(?: '(.*?)')?/.exec(text)
  if (file !== null) return `${file[2]}${file[3] === undefined ? '' : ` ${file[3]}`}: ${file[1]}`
  // listen EADDRINUSE: address already in use 127.0.0.1:4222      connect ECONNREFUSED 127.0.0.1:1
  const { syscall, errno } = error as NodeJS.ErrnoException
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno)
  return known === undefined ? text : `${syscall === 'listen' ? 'bind' : syscall}: ${known[1]}`
}

const SHORT_ESCAPES: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
}

/** What Go prints as it is: letters, marks, numbers, punctuation, symbols, and the plain blank. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u
const REPLACEMENT = 0xfffd

/** Quotes a byte string as Go's %q does: printable UTF-8 stays readable, everything else is escaped. */
export function quote(byteString: string): string {
  const bytes = Buffer.from(byteString, 'latin1')
  let quoted = '"'
  for (let at = 0; at < bytes.length; ) {
    const char = characterAt(bytes, at)
    if (char === undefined) {
      quoted += `\\x${hex(bytes[at], 2)}`
      at++
      continue
    }
    at += Buffer.byteLength(char)
    const code = char.codePointAt(0) as number
    if (SHORT_ESCAPES[char] !== undefined) quoted += SHORT_ESCAPES[char]
    else if (PRINTABLE.test(char)) quoted += char
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${hex(code, 2)}`
    else quoted += code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
  }
  return `${quoted}"`
}

/** A name as a peer says it, for the log: quoted where there is more in it than belongs to a name. */
export function shownName(text: string): string {
  const quoted = quote(Buffer.from(text).toString('latin1'))
  return quoted === `"${text}"` ? text : quoted
}

/** The UTF-8 character that begins at `at`, or undefined if none does. */
function characterAt(bytes: Buffer, at: number): string | undefined {
  const first = bytes[at]
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  const char = bytes.toString('utf8', at, at + length)
  const code = char.codePointAt(0)
  const isOne = code !== undefined && char.length === (code > 0xffff ? 2 : 1) && Buffer.byteLength(char) === length
  return isOne && (code !== REPLACEMENT || (first === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd))
    ? char
    : undefined
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/**
 * The reason why a server with valid settings cannot start. It is logged, as by nats-server. `code` is the one of the
 * operating system, such as `EADDRINUSE`, and `cause` its error, where it refused something.
 */
export class StartError extends Error {
  readonly code: string | undefined

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = (cause as NodeJS.ErrnoException | undefined)?.code
  }
}
