// The login of one connection: from the demands of INFO to an identity.
//
//     INFO ─▶ connect due ─▶ deciding (nothing is read) ─▶ admitted
//                  ╰──────────────┴─▶ closed: a refusal, or no answer in time
//
// Until it is admitted, nothing but CONNECT is taken from it (docs/reference/reliability.md, "One way to an identity");
// where no credentials are required, it is admitted at once.

import { isDeepStrictEqual } from 'node:util'
import type { Authenticator, Greeting } from '../auth/authenticator.ts'
import { AuthFaults, type Identity, isRefusal, type Refusal } from '../auth/identity.ts'
import { createNonce } from '../auth/nkey.ts'
import { type AuthRequest, type Credentials, NO_CREDENTIALS, type Soon, shownUser } from '../auth/request.ts'
import { Deadline } from '../base/deadline.ts'

import type { Fault } from '../base/errors.ts'
import type { Timed } from '../base/timer-wheel.ts'
import type { ConnectOptions } from '../protocol/handshake.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import type { WebSocketSession } from '../websocket/handshake.ts'
import type { ClientType } from './facts.ts'
import { connectionTypeOf, LoginRequest } from './login-request.ts'
import type { Expiring, LoginOwner } from './owner.ts'

/** The connection that logs in. */
export interface LoginHost {
  readonly id: number
  readonly ip: string
  readonly closing: boolean
  readonly tls: TlsSession | undefined
  readonly clientType: ClientType
  readonly webSocket: WebSocketSession | undefined
  /** What CONNECT said. */
  readonly options: ConnectOptions
  readonly subscriptions: { readonly size: number }
  /** Takes nothing but CONNECT while `connectDue`. */
  readonly parser: { connectDue: boolean }
  readonly log: { namedBesideCertificate(user: string): void }
  /** Does something of this connection's for the event loop. */
  attempt(act: () => unknown): void
  /** Takes nothing more until the function that it returns is called. */
  suspend(): () => void
  close(fault: Fault): void
  /** Closes when no operation of its own is being carried out. */
  closeByTimer(fault: Fault): void
}

/** What follows from a login. */
export interface LoginOutcome {
  /** CONNECT has come. */
  readonly connectReceived: boolean
  /** The peer is authenticated. */
  admitted(identity: Identity): void
  refused(refusal: Refusal, credentials: Credentials): void
  /** The peer may continue after a reload, with its new identity. */
  stayed(identity: Identity, hasOtherPermissions: boolean): void
}

export class Login implements Expiring {
  bucket: Timed[] | undefined
  place = 0
  greeting: Greeting
  /** Empty: INFO has none. */
  readonly nonce: string
  /** Undefined until the peer is authenticated. */
  identity: Identity | undefined
  /** The user that the peer claimed when it was refused, or before it is admitted, as pages may show it. */
  claimedUser = ''
  private readonly shard: LoginOwner
  private readonly client: LoginHost
  private readonly outcome: LoginOutcome
  /** Ends the wait for CONNECT. An answer that takes long has a bound of its own: the peer is not to blame for it. */
  private readonly deadline = new Deadline()
  /** An answer is awaited. */
  private isDeciding = false
  /** Made when the first cancellable work begins: most logins are decided at once. */
  private gone: AbortController | undefined

  constructor(shard: LoginOwner, client: LoginHost, outcome: LoginOutcome) {
    this.shard = shard
    this.client = client
    this.outcome = outcome
    this.greeting = shard.admission.authenticator.greeting(connectionTypeOf(client))
    this.nonce = this.greeting.needsNonce ? createNonce() : ''
  }

  /** The peer has been greeted. */
  start(): void {
    if (this.greeting.expectsConnect) this.expectConnect()
  }

  private expectConnect(): void {
    this.deadline.start(this.shard.admission.timeoutMs, () => this.client.closeByTimer(AuthFaults.timeout))
  }

  /** The shard's clock was put forward by `ms`. */
  clockAdvanced(ms: number): void {
    this.deadline.advance(ms)
  }

  /** CONNECT has come. */
  connect(credentials: Credentials): void {
    this.deadline.stop()
    this.claimedUser = shownUser(credentials)
    const request = this.request(credentials)
    const { admission } = this.shard
    this.client.attempt(() =>
      this.decide(
        admission.identifyInTurn(request, () => this.client.closing),
        (answer) => {
          const { user } = request.credentials
          const isCertified = isRefusal(answer) ? answer.certified !== undefined : answer.way === 'certificate'
          if (isCertified && user !== '') this.client.log.namedBesideCertificate(user)
          if (isRefusal(answer)) this.outcome.refused(answer, request.credentials)
          else this.admit(answer)
        },
      ),
    )
  }

  /** Something else than CONNECT has come. Returns whether that may be. */
  goOnWithoutConnect(): boolean {
    if (!this.greeting.mayOmitConnect) return false
    const answer = this.shard.admission.identify(this.request(NO_CREDENTIALS))
    if (answer instanceof Promise || isRefusal(answer)) return false
    this.admit(answer)
    return true
  }

  private request(credentials: Credentials, proof?: string): AuthRequest {
    return new LoginRequest(this.shard, this.client, this, credentials, proof)
  }

  /** Aborts when the connection is gone, for pending work on the login. */
  whenGone(): AbortSignal {
    this.gone ??= new AbortController()
    if (this.client.closing) this.gone.abort()
    return this.gone.signal
  }

  /** Goes on with the answer: now, or when it has come; meanwhile nothing is taken from the peer. */
  private decide(answer: Soon<Identity | Refusal>, next: (answer: Identity | Refusal) => void): Soon<void> {
    if (!(answer instanceof Promise)) return next(answer)
    this.isDeciding = true
    const goOn = this.client.suspend()
    return answer.then((later) => {
      this.isDeciding = false
      if (this.client.closing) return
      this.shard.wake()
      next(later)
      goOn()
    })
  }

  private admit(identity: Identity): void {
    this.deadline.stop()
    this.identity = identity
    this.planExpiry()
    this.outcome.admitted(identity)
  }

  // ── After a reload ────────────────────────────────────────────────────────────────────────────────────

  /**
   * Users may have changed: is the peer still admitted? `before` admitted it. A login under way just now is asked about
   * again (admission.ts).
   */
  review(before: Pick<Authenticator, 'proofOf'>): Soon<void> {
    const { client, identity } = this
    const { admission } = this.shard
    if (client.closing) return
    this.greeting = admission.authenticator.greeting(connectionTypeOf(client))
    if (this.isDeciding) return
    if (identity === undefined) {
      this.awaitConnect()
      return
    }
    const credentials = this.outcome.connectReceived ? client.options : NO_CREDENTIALS
    const request = this.request(credentials, before.proofOf(identity, connectionTypeOf(client)))
    const done = this.decide(admission.identify(request), (answer) => {
      // Another reload may have come meanwhile: the answer is by that one, and so is this.
      const isForgotten = isConfigured(identity) && !admission.authenticator.knowsUser(request.credentials)
      if (!isRefusal(answer) && isSame(identity, answer)) this.stay(answer)
      else if (isRefusal(answer) && !isForgotten) this.outcome.refused(answer, request.credentials)
      else client.close(AuthFaults.forgotten)
    })
    if (done instanceof Promise) this.expectConnect()
    return done
  }

  /** The peer has sent no credentials, and may not need any. */
  private awaitConnect(): void {
    const { client, greeting } = this
    this.deadline.stop()
    client.parser.connectDue = greeting.expectsConnect
    if (!greeting.expectsConnect) return
    if (client.subscriptions.size > 0) client.close(AuthFaults.violation)
    else this.expectConnect()
  }

  /** Continues with its new identity. */
  stay(identity: Identity): void {
    this.deadline.stop()
    const before = this.identity?.permissions
    const isAsBefore = isDeepStrictEqual(identity.permissions, before)
    this.identity = isAsBefore ? { ...identity, permissions: before } : identity
    this.planExpiry()
    this.outcome.stayed(this.identity, !isAsBefore)
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  private planExpiry(): void {
    const { expiries } = this.shard
    expiries.remove(this)
    if (this.identity?.expiresAtMs !== undefined) expiries.add(this, this.identity.expiresAtMs)
  }

  /** The end of the identity has come. */
  expired(): void {
    this.client.closeByTimer(AuthFaults.expired)
  }

  /** The connection is closing. */
  stop(): void {
    this.deadline.stop()
    this.shard.expiries.remove(this)
    this.gone?.abort()
  }
}

/** A user that the configuration names, and may name no more. */
function isConfigured({ way }: Identity): boolean {
  return ['password', 'nkey', 'certificate', 'noAuthUser'].includes(way)
}

/** Whether the peer can go on: in its account, and not without an identity after it had one. */
function isSame(before: Identity, now: Identity): boolean {
  return before.account === now.account && !(isConfigured(before) && now.way === 'none')
}
