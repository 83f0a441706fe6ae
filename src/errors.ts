// Three kinds of failure, never mixed: the peer broke the protocol, the peer is refused, we have a bug.
// The first two are the values below, with the texts of nats-server (reference 7.1 and 7.3); a bug throws.

/** What ends a connection. Each closed connection has exactly one; the text is what /connz shows. */
export const CloseReason = {
  clientClosed: 'Client Closed',
  slowConsumerPending: 'Slow Consumer (Pending Bytes)',
  slowConsumerDeadline: 'Slow Consumer (Write Deadline)',
  authentication: 'Authentication Failure',
  writeError: 'Write Error',
  readError: 'Read Error',
  parseError: 'Parse Error',
  staleConnection: 'Stale Connection',
  protocolViolation: 'Protocol Violation',
  badProtocolVersion: 'Bad Client Protocol Version',
  connectionsExceeded: 'Maximum Connections Exceeded',
  payloadExceeded: 'Maximum Message Payload Exceeded',
  controlLineExceeded: 'Maximum Control Line Exceeded',
  serverShutdown: 'Server Shutdown',
  noRespondersHeaders: 'No Responders Requires Headers',
  internal: 'Internal Client',
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
  controlLine: fault('maximum control line exceeded', CloseReason.controlLineExceeded),
  payload: fault('Maximum Payload Violation', CloseReason.payloadExceeded),
  headersOff: fault(undefined, CloseReason.protocolViolation),
  errorFromClient: fault(undefined, CloseReason.parseError),
  authorization: fault('Authorization Violation', CloseReason.authentication),
  protocolVersion: fault('invalid client protocol', CloseReason.badProtocolVersion),
  noRespondersHeaders: fault('no responders requires headers support', CloseReason.noRespondersHeaders),
  staleConnection: fault('Stale Connection', CloseReason.staleConnection),
  connections: fault('maximum connections exceeded', CloseReason.connectionsExceeded),
  slowConsumerPending: fault(undefined, CloseReason.slowConsumerPending),
  slowConsumerDeadline: fault(undefined, CloseReason.slowConsumerDeadline),
  shutdown: fault(undefined, CloseReason.serverShutdown),
  internal: fault(undefined, CloseReason.internal),
} as const

/** A bug of ours as the log shows it. */
export function bugText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Refusals that leave the connection open. `subject` and `queue` are byte strings (one char a byte). */
export const Refusals = {
  invalidSubject: 'Invalid Subject',
  invalidPublishSubject: 'Invalid Publish Subject',
  subscriptions: 'maximum subscriptions exceeded',
  publish: (subject: string) => `Permissions Violation for Publish to ${quote(subject)}`,
  reply: (reply: string) => `Permissions Violation for Publish with Reply of ${quote(reply)}`,
  subscribe: (subject: string) => `Permissions Violation for Subscription to ${quote(subject)}`,
  subscribeQueue: (subject: string, queue: string) =>
    `Permissions Violation for Subscription to ${quote(subject)} using queue ${quote(queue)}`,
  tooManyTokens: (subject: string) => `Permissions Violation for Subscription to ${quote(subject)}, too many tokens`,
} as const

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
