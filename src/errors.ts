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
  headerViolation: 'Message Header Violation',
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
  unknownOperation: fault('Unknown Protocol Operation', CloseReason.parseError),
  /** Malformed arguments: closed without a word. */
  badArguments: fault(undefined, CloseReason.parseError),
  controlLine: fault('maximum control line exceeded', CloseReason.controlLineExceeded),
  payload: fault('Maximum Payload Violation', CloseReason.payloadExceeded),
  headersOff: fault(undefined, CloseReason.headerViolation),
  errorFromClient: fault(undefined, CloseReason.protocolViolation),
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

/** Quotes a byte string as Go's %q does; valid UTF-8 stays readable, other bytes and controls are escaped. */
export function quote(byteString: string): string {
  const text = Buffer.from(byteString, 'latin1').toString('utf8')
  let quoted = '"'
  for (const char of text) {
    const short = SHORT_ESCAPES[char]
    const code = char.codePointAt(0) as number
    if (short !== undefined) quoted += short
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`
    else if (code >= 0x80 && code < 0xa0) quoted += `\\u${code.toString(16).padStart(4, '0')}`
    else quoted += char
  }
  return `${quoted}"`
}
