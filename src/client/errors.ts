// What can go wrong, as classes of errors. Names are those of nats.js. All of them are exported to programs, one by one
// and together as `errors`.

/** A subject that is empty, or has blanks or line ends in it. */
export class InvalidSubjectError extends Error {
  override readonly name = 'InvalidSubjectError'

  constructor(subject: string, options?: ErrorOptions) {
    super(`illegal subject: '${subject}'`, options)
  }
}

/** An argument or option that cannot be as it is. */
export class InvalidArgumentError extends Error {
  override readonly name = 'InvalidArgumentError'

  /** `'timeout' must be greater than 0`; of several names, all in front. */
  static format(property: string | readonly string[], message: string, options?: ErrorOptions): InvalidArgumentError {
    const names = typeof property === 'string' ? [property] : property
    return new InvalidArgumentError(`${names.map((name) => `'${name}'`).join(',')} ${message}`, options)
  }
}

/** A call that makes no sense now, such as iterating over a subscription that has a callback. */
export class InvalidOperationError extends Error {
  override readonly name = 'InvalidOperationError'
}

/** The server ended the connection, as the user's credentials are no longer valid. */
export class UserAuthenticationExpiredError extends Error {
  override readonly name = 'UserAuthenticationExpiredError'
}

/** The server does not let this user in. */
export class AuthorizationError extends Error {
  override readonly name = 'AuthorizationError'
}

/** The connection is closed for good. */
export class ClosedConnectionError extends Error {
  override readonly name = 'ClosedConnectionError'

  constructor(options?: ErrorOptions) {
    super('closed connection', options)
  }
}

/** The connection is about to close: drain() was called. */
export class DrainingConnectionError extends Error {
  override readonly name = 'DrainingConnectionError'

  constructor(options?: ErrorOptions) {
    super('connection draining', options)
  }
}

/** A server cannot be reached, or was lost. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}

/** The server and the client do not understand each other. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** While there is no server, more was published than `reconnectBufSize` allows to keep. */
export class ReconnectBufferExceededError extends Error {
  override readonly name = 'ReconnectBufferExceededError'

  constructor(limit: number, options?: ErrorOptions) {
    super(`no server is connected, and ${limit} bytes of messages are waiting for one`, options)
  }
}

/** A request failed; the reason is `cause`. */
export class RequestError extends Error {
  override readonly name = 'RequestError'

  /** Whether nobody is subscribed to the subject of the request. */
  isNoResponders(): boolean {
    return this.cause instanceof NoRespondersError
  }
}

/** Nothing came in time. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'

  constructor(options?: ErrorOptions) {
    super('timeout', options)
  }
}

/** Nobody is subscribed to the subject of a request: the cause of a RequestError. */
export class NoRespondersError extends Error {
  override readonly name = 'NoRespondersError'
  readonly subject: string

  constructor(subject: string, options?: ErrorOptions) {
    super(`no responders: '${subject}'`, options)
    this.subject = subject
  }
}

/** The user may not publish or subscribe to a subject. It ends a subscription. */
export class PermissionViolationError extends Error {
  override readonly name = 'PermissionViolationError'
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
  }
}
