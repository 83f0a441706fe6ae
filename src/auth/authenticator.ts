// Authenticates connections (docs/reference/authentication.md, "Ways to authenticate"). One function, authenticate(),
// sets the identity for every kind of connection (docs/reference/reliability.md, "One way to an identity"): whatever a
// connection sends before or instead of CONNECT, it gets its identity here or not at all.
//
//     proxy's signature → custom function │ operator's tokens │ users of the configuration → callout → Identity
//
// It runs on the connection's own thread. Long work, and work of the primary, is behind AuthServices.

import type { ConnectionType } from '../options/shapes.ts'
import { GLOBAL_ACCOUNT } from '../options/shapes.ts'
import type { Callout, CalloutPlan } from './callout.ts'
import { authenticateConfigured, mayConnectBy, simpleFor } from './configured.ts'
import { AuthFaults, type Identity, identity, isRefusal, type Refusal, refuse } from './identity.ts'
import type { AccountBook } from './jwt/account-book.ts'
import { authenticateToken } from './jwt/login.ts'
import { isSignedBy } from './nkey.ts'
import type { PasswordVerifier } from './password.ts'
import { denyPublish } from './permissions.ts'
import { type AuthRequest, andThen, type Credentials, isLeafnode, type Soon, shownUser } from './request.ts'
import { type AuthSettings, CALLOUT_SUBJECT, type OperatorSettings } from './settings.ts'

export interface AuthServices {
  readonly passwords: PasswordVerifier
  /** In operator mode. */
  readonly accounts?: AccountBook | undefined
  /** Where a callout is configured, or accounts may ask for one. */
  readonly callout?: Pick<Callout, 'ask'> | undefined
  /** Every client has to introduce itself: an embedding program wants to know who it is (hooks.ts). */
  readonly needsConnect?: boolean
  /** An embedding program's own decision, in place of all others (custom.ts). */
  readonly custom?: ((request: AuthRequest) => Soon<Identity | Refusal>) | undefined
}

/** What INFO says to a connection, and its limits, before it is authenticated. */
export interface Greeting {
  /** INFO says that credentials are needed. */
  readonly isAnnounced: boolean
  /** CONNECT has to come first … */
  readonly expectsConnect: boolean
  /** … unless clients may omit it and become no_auth_user: authenticate() with NO_CREDENTIALS. */
  readonly mayOmitConnect: boolean
  /** INFO has a nonce. */
  readonly needsNonce: boolean
}

export class Authenticator {
  private readonly settings: AuthSettings
  private readonly services: AuthServices

  constructor(settings: AuthSettings, services: AuthServices) {
    this.settings = settings
    this.services = services
  }

  /** The accounts there are, outside operator mode, with their default permissions. */
  get accounts(): AuthSettings['accounts'] {
    return this.settings.accounts
  }

  greeting(connectionType: ConnectionType): Greeting {
    const { settings, services } = this
    const { noAuthUser } = simpleFor(settings, connectionType)
    const isRequired = this.isRequired(connectionType)
    const isOpenlyOptional = connectionType !== 'WEBSOCKET' && noAuthUser !== '' && !settings.hasImplicitUser
    const silent = settings.users.get(noAuthUser)
    return {
      isAnnounced: isRequired && !isOpenlyOptional,
      expectsConnect: isRequired || services.needsConnect === true,
      mayOmitConnect:
        services.needsConnect !== true &&
        silent !== undefined &&
        !silent.proxyRequired &&
        mayConnectBy(silent, connectionType),
      needsNonce:
        settings.nkeys.size > 0 ||
        settings.operator !== undefined ||
        settings.trustedProxies.length > 0 ||
        services.custom !== undefined,
    }
  }

  /** The identity of a connection. Never throws, never rejects. */
  authenticate(request: AuthRequest): Soon<Identity | Refusal> {
    const proxyKey = this.proxyOf(request)
    if (proxyKey === undefined) return refuse('signature of the proxy does not match', AuthFaults.proxyNotTrusted)
    const asked = andThen(this.identify(request, proxyKey !== ''), (answer) =>
      this.callOut(request, answer, proxyKey !== ''),
    )
    return andThen(asked, (answer) => (isRefusal(answer) || proxyKey === '' ? answer : { ...answer, proxyKey }))
  }

  /** The password, as configured, that a connection of this identity has shown; empty: none. */
  proofOf({ way, user }: Identity, connectionType: ConnectionType): string {
    const { username, password, token } = simpleFor(this.settings, connectionType)
    if (way === 'token') return token
    if (way !== 'password' && way !== 'certificate') return ''
    return this.settings.users.get(user)?.password ?? (user === username ? password : '')
  }

  /** Whether one of the users that are configured is meant: by nkey or name. */
  knowsUser({ nkey, user }: Pick<Credentials, 'nkey' | 'user'>): boolean {
    const { nkeys, users } = this.settings
    return nkey === '' ? users.has(user) : nkeys.has(nkey)
  }

  /** Whether the login needs signatures, or a callout, whose answers are signed. */
  checksSignatures({ nkey, proxySignature }: Credentials): boolean {
    const { operator, callout } = this.settings
    return operator !== undefined || callout !== undefined || nkey !== '' || proxySignature !== ''
  }

  private isRequired(connectionType: ConnectionType): boolean {
    return this.settings.isRequired || (connectionType === 'WEBSOCKET' && this.settings.websocket !== undefined)
  }

  /** The trusted proxy that signed for the connection: empty if there was none, undefined if its signature is wrong. */
  private proxyOf({ credentials, nonce }: AuthRequest): string | undefined {
    const { trustedProxies } = this.settings
    if (credentials.proxySignature === '' || trustedProxies.length === 0) return ''
    if (!/^[A-Za-z0-9_-]{86}$/.test(credentials.proxySignature) || nonce === '') return undefined
    const signature = Buffer.from(credentials.proxySignature, 'base64url')
    return trustedProxies.find((key) => isSignedBy(key, Buffer.from(nonce), signature))
  }

  private identify(request: AuthRequest, isProxied: boolean): Soon<Identity | Refusal> {
    const { settings, services } = this
    if (services.custom !== undefined) return services.custom(request)
    if (!this.isRequired(request.connectionType)) {
      return identity('none', shownUser({ ...request.credentials, jwt: '' }), GLOBAL_ACCOUNT)
    }
    if (settings.operator !== undefined) return this.identifyByToken(settings.operator, request, isProxied)
    return authenticateConfigured(settings, request, isProxied, services.passwords)
  }

  private identifyByToken(
    operator: OperatorSettings,
    request: AuthRequest,
    isProxied: boolean,
  ): Soon<Identity | Refusal> {
    const { accounts } = this.services
    return accounts === undefined
      ? refuse('no resolver for accounts')
      : authenticateToken(operator, accounts, request, isProxied)
  }

  // ── Callout ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Lets the callout service decide about its clients. */
  private callOut(request: AuthRequest, answer: Identity | Refusal, isProxied: boolean): Soon<Identity | Refusal> {
    const plan = this.planFor(answer, isLeafnode(request))
    // Where a proxy is missing, no answer could let the connection in.
    if (plan === undefined || (isRefusal(answer) && answer.fault === AuthFaults.proxyRequired)) return answer
    const { credentials } = request
    // A client that claims to be the service itself is not asked about: the service would be asked about itself.
    const userName = isRefusal(answer) ? credentials.nkey || credentials.user : (answer.token?.subject ?? answer.user)
    const { callout } = this.services
    const isExempt = plan.authUsers.includes(userName)
    if (!isExempt && callout === undefined) return refuse('the callout service cannot be reached')
    const decided = isExempt || callout === undefined ? answer : callout.ask(plan, request, answer, isProxied)
    return andThen(decided, (final) =>
      isRefusal(final) || final.account !== plan.account
        ? final
        : { ...final, permissions: denyPublish(final.permissions, [CALLOUT_SUBJECT]) },
    )
  }

  /** How to ask about a client, or undefined if the callout is not needed. */
  private planFor(answer: Identity | Refusal, isLeaf: boolean): CalloutPlan | undefined {
    const { callout, operator } = this.settings
    if (operator === undefined) {
      if (callout === undefined) return undefined
      // Leaf nodes, and clients without identity or in the global account, are always asked about.
      const { allowedAccounts } = callout
      const isElsewhere = !isLeaf && !isRefusal(answer) && answer.account !== GLOBAL_ACCOUNT
      if (isElsewhere && allowedAccounts.length > 0 && !allowedAccounts.includes(answer.account)) return undefined
      return { ...callout, operatorAccount: undefined }
    }
    if (isRefusal(answer)) return undefined
    const account = this.services.accounts?.get(answer.account)
    if (account === undefined || account.authorization.authUsers.length === 0) return undefined
    const { claims, authorization } = account
    return { ...authorization, issuer: claims.subject, account: claims.subject, operatorAccount: account }
  }
}
