// One connection's way in: from what INFO asks for to who it is.
//
//     INFO ─▶ connect due ─▶ deciding (nothing is read) ─▶ admitted
//                  ╰──────────────┴─▶ closed: a refusal, or no answer in time
//
// Until it is admitted, nothing but CONNECT is taken from it (R1); where nobody is asked, it is admitted at once.

import type { Greeting } from './auth/authenticator.ts'
import { AuthFaults, type Identity, isRefusal, type Refusal } from './auth/identity.ts'
import { createNonce } from './auth/nkey.ts'
import { type Credentials, NO_CREDENTIALS } from './auth/request.ts'
import type { ConnectionType } from './auth/settings.ts'
import type { Client } from './client.ts'
import type { Operations } from './operations.ts'
import type { Shard } from './shard.ts'

/** Longest delay of a timer; later than that, it is set again. */
const TIMER_MAX_MS = 2 ** 31 - 1

export class Login {
  readonly greeting: Greeting
  /** Empty: INFO has none. */
  readonly nonce: string
  /** Undefined until it is known who the peer is. */
  identity: Identity | undefined
  private readonly shard: Shard
  private readonly client: Client
  private readonly operations: Operations
  /** Ends the wait for CONNECT; afterwards, for the end of the identity. */
  private timer: NodeJS.Timeout | undefined
  private readonly gone = new AbortController()

  constructor(shard: Shard, client: Client, operations: Operations) {
    this.shard = shard
    this.client = client
    this.operations = operations
    this.greeting = shard.authenticator.greeting(connectionTypeOf(client))
    this.nonce = this.greeting.needsNonce ? createNonce() : ''
  }

  /** The peer has been greeted. */
  start(): void {
    if (!this.greeting.expectsConnect) return
    this.timer = setTimeout(() => this.client.closeByTimer(AuthFaults.timeout), this.shard.authTimeoutMs)
  }

  /** CONNECT has come. */
  connect(credentials: Credentials): void {
    const answer = this.shard.authenticator.authenticate(this.request(credentials))
    if (!(answer instanceof Promise)) {
      this.decided(answer)
      return
    }
    const goOn = this.client.suspend()
    void answer.then((later) => {
      if (this.client.closing) return
      this.shard.wake()
      this.decided(later)
      goOn()
    })
  }

  /** Something else than CONNECT has come. Answers whether that may be. */
  goOnWithoutConnect(): boolean {
    if (!this.greeting.mayOmitConnect) return false
    const answer = this.shard.authenticator.authenticate(this.request(NO_CREDENTIALS))
    if (answer instanceof Promise || isRefusal(answer)) return false
    this.decided(answer)
    return true
  }

  private request(credentials: Credentials) {
    const { client } = this
    const { name, lang, version, protocol } = client.options
    return {
      credentials: withCookies(credentials, client),
      client: { name, lang, version, protocol },
      nonce: this.nonce,
      ip: client.ip,
      connectionId: client.id,
      connectionType: connectionTypeOf(client),
      certificate: this.shard.tls.certificateOf(client.tls),
      tls: undefined,
      nowMs: Date.now(),
      gone: this.gone.signal,
    }
  }

  private decided(answer: Identity | Refusal): void {
    clearTimeout(this.timer)
    if (isRefusal(answer)) {
      this.operations.refused(answer)
      return
    }
    this.identity = answer
    this.planExpiry()
    this.operations.admitted(answer)
  }

  private planExpiry(): void {
    const { identity } = this
    if (identity?.expiresAtMs === undefined) return
    const leftMs = identity.expiresAtMs - Date.now()
    this.timer = setTimeout(
      () => {
        if (leftMs <= TIMER_MAX_MS) this.client.closeByTimer(AuthFaults.expired)
        else this.planExpiry()
      },
      Math.min(Math.max(leftMs, 0), TIMER_MAX_MS),
    )
  }

  /** The connection is closing. */
  stop(): void {
    clearTimeout(this.timer)
    this.gone.abort()
  }
}

function connectionTypeOf({ webSocket }: Client): ConnectionType {
  return webSocket === undefined ? 'STANDARD' : 'WEBSOCKET'
}

/** What CONNECT does not say, a cookie of the handshake may. */
function withCookies(credentials: Credentials, { webSocket }: Client): Credentials {
  if (webSocket === undefined) return credentials
  const { jwt, user, pass, token } = webSocket.cookies
  return {
    ...credentials,
    jwt: credentials.jwt || jwt,
    user: credentials.user || user,
    password: credentials.password || pass,
    token: credentials.token || token,
  }
}
