// What can go wrong, as classes of errors. Names are those of nats.js. An error of the server (`-ERR`) becomes the
// class that says what a program can do about it.

/** A subject that is empty, or has blanks or line ends in it. */
export class InvalidSubjectError extends Error {
  constructor(subject: string, options?: ErrorOptions) {
    super(`illegal subject: '${subject}'`, options)
    this.name = 'InvalidSubjectError'
  }
}

/** An argument or option that cannot be as it is. */
export class InvalidArgumentError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'InvalidArgumentError'
  }

  /** `'timeout' must be greater than 0`; of several names, all in front. */
  static format(property: string | readonly string[], message: string, options?: ErrorOptions): InvalidArgumentError {
    const names = typeof property === 'string' ? [property] : property
    return new InvalidArgumentError(`${names.map((name) => `'${name}'`).join(',')} ${message}`, options)
  }
}

/** A call that makes no sense now, such as iterating over a subscription that has a callback. */
export class InvalidOperationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'InvalidOperationError'
  }
}

/** The server ended the connection, as the user's credentials are no longer valid. */
export class UserAuthenticationExpiredError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UserAuthenticationExpiredError'
  }
}

/** The server does not let this user in. */
export class AuthorizationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AuthorizationError'
  }
}

/** The connection is closed for good. */
export class ClosedConnectionError extends Error {
  constructor(options?: ErrorOptions) {
    super('closed connection', options)
    this.name = 'ClosedConnectionError'
  }
}

/** The connection is about to close: drain() was called. */
export class DrainingConnectionError extends Error {
  constructor(options?: ErrorOptions) {
    super('connection draining', options)
    this.name = 'DrainingConnectionError'
  }
}

/** A server cannot be reached, or was lost. */
export class ConnectionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ConnectionError'
  }
}

/** The server and the client do not understand each other. */
export class ProtocolError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProtocolError'
  }
}

/** While there is no server, more was published than `reconnectBufSize` allows to keep. */
export class ReconnectBufferExceededError extends Error {
  constructor(limit: number, options?: ErrorOptions) {
    super(`no server is connected, and ${limit} bytes of messages are waiting for one`, options)
    this.name = 'ReconnectBufferExceededError'
  }
}

/** A request failed; the reason is `cause`. */
export class RequestError extends Error {
  constructor(message = '', options?: ErrorOptions) {
    super(message, options)
    this.name = 'RequestError'
  }

  /** Whether nobody is subscribed to the subject of the request. */
  isNoResponders(): boolean {
    return this.cause instanceof NoRespondersError
  }
}

/** Nothing came in time. */
export class TimeoutError extends Error {
  constructor(options?: ErrorOptions) {
    super('timeout', options)
    this.name = 'TimeoutError'
  }
}

/** Nobody is subscribed to the subject of a request: the cause of a RequestError. */
export class NoRespondersError extends Error {
  readonly subject: string

  constructor(subject: string, options?: ErrorOptions) {
    super(`no responders: '${subject}'`, options)
    this.subject = subject
    this.name = 'NoRespondersError'
  }
}

/** The user may not publish or subscribe to a subject. It ends a subscription. */
export class PermissionViolationError extends Error {
  readonly operation: 'publish' | 'subscription'
  readonly subject: string
  readonly queue: string | undefined

  constructor(
    message: string,
    operation: 'publish' | 'subscription',
    subject: string,
    queue?: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.operation = operation
    this.subject = subject
    this.queue = queue
    this.name = 'PermissionViolationError'
  }
}

/** All of them by name, as nats.js has them. */
export const errors = {
  AuthorizationError,
  ClosedConnectionError,
  ConnectionError,
  DrainingConnectionError,
  InvalidArgumentError,
  InvalidOperationError,
  InvalidSubjectError,
  NoRespondersError,
  PermissionViolationError,
  ProtocolError,
  ReconnectBufferExceededError,
  RequestError,
  TimeoutError,
  UserAuthenticationExpiredError,
}

/** What stands between the first two quotation marks from `from` on. */
function quoted(text: string, from: number): string | undefined {
  const start = text.indexOf('"', from)
  const end = start < 0 ? -1 : text.indexOf('"', start + 1)
  return end < 0 ? undefined : text.slice(start + 1, end)
}

const PERMISSIONS = 'permissions violation for '

function permissionViolation(text: string): PermissionViolationError | undefined {
  const lower = text.toLowerCase()
  if (!lower.startsWith(PERMISSIONS)) return undefined
  const subject = quoted(text, 0)
  if (subject === undefined) return undefined
  const operation = lower.startsWith('publish', PERMISSIONS.length) ? 'publish' : 'subscription'
  const using = lower.indexOf('using queue')
  return new PermissionViolationError(text, operation, subject, using < 0 ? undefined : quoted(text, using))
}

const AUTHORIZATION = ['authorization violation', 'authentication timeout', 'account authentication expired']

/** The error that a text behind `-ERR` stands for. */
export function serverError(text: string): Error {
  const violation = permissionViolation(text)
  if (violation !== undefined) return violation
  const lower = text.toLowerCase()
  if (lower.includes('user authentication expired')) return new UserAuthenticationExpiredError(text)
  if (AUTHORIZATION.some((one) => lower.includes(one))) return new AuthorizationError(text)
  return new ProtocolError(text)
}

/** Whether the server refused the user, rather than a single operation. */
export function isAuthenticationError(error: unknown): boolean {
  return error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError
}

/** Anything that was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
