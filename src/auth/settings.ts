// The settings of the authenticator: plain data that can be cloned to any thread, checked and completed before it comes
// here (docs/reference/authentication.md, "Ways to authenticate"). Times are milliseconds; an absent text is empty.

import type {
  AccountOptions,
  AuthCalloutOptions,
  AuthorizationOptions,
  Permissions,
  TlsOptions,
  UserOptions,
  WebSocketOptions,
} from '../options/shapes.ts'
import { GLOBAL_ACCOUNT } from '../options/shapes.ts'

/** The server's own, where no other is named. */
export const SYSTEM_ACCOUNT = '$SYS'
/** Where requests of a callout are published; no client of that account may. */
export const CALLOUT_SUBJECT = '$SYS.REQ.USER.AUTH'

// ── What is read of the configuration ───────────────────────────────────────────────────────────────────────

/** The part of `authorization { … }` that concerns logins. */
export type AuthorizationRules = Omit<AuthorizationOptions, 'timeout' | 'defaultPermissions'>

/**
 * The part of an account that concerns logins. Its default permissions are already in its users; users that a callout
 * puts into the account get them too.
 */
export type AccountUsers = Pick<AccountOptions, 'name' | 'users' | 'defaultPermissions'>

/** Of `tls { … }`: whether a client's certificate determines its user. */
export type MappingTls = Pick<TlsOptions, 'verifyAndMap'>

/** Of `websocket { … }`, what is asked of its clients instead of the rest of the server's. */
export type WebSocketAuth = Pick<WebSocketOptions, 'port' | 'username' | 'password' | 'token' | 'noAuthUser'> & {
  readonly tls: MappingTls | undefined
}

/** Operator mode. Operator tokens were decoded before (jwt/operator.ts). */
export interface OperatorSettings {
  /** Public operator keys whose signature on an account is accepted. */
  readonly trustedKeys: readonly string[]
  /** Keys of operators that require signing keys: accounts that they sign must use signing keys as well. */
  readonly strictKeys: readonly string[]
  /** The token of clients without one; empty: none. */
  readonly defaultSentinel: string
  /** Only these accounts, the system account among them; empty: all. */
  readonly pinnedAccounts: readonly string[]
}

/** The options about logins, by their names, and the additions of operator tokens. */
export interface AuthInput {
  /** undefined: there is no such block. */
  readonly authorization: AuthorizationRules | undefined
  readonly accounts: readonly AccountUsers[]
  readonly systemAccount: string
  readonly noAuthUser: string
  readonly tls: MappingTls | undefined
  readonly websocket: WebSocketAuth | undefined
  readonly httpGateway: { readonly tls: MappingTls | undefined } | undefined
  readonly leafnodes: { readonly tls: MappingTls | undefined } | undefined
  /** Public keys of proxies that may vouch for their clients. */
  readonly proxies: readonly string[]
  /** From jwt/operator.ts; undefined: not in operator mode. */
  readonly operator: OperatorSettings | undefined
}

// ── As the authenticator uses it ────────────────────────────────────────────────────────────────────────────

/** One user or token for all clients, and the user for clients without credentials; empty: not set. */
export interface SimpleCredentials {
  readonly username: string
  readonly password: string
  readonly token: string
  readonly noAuthUser: string
}

/** A user and the account. */
export interface KnownUser extends UserOptions {
  readonly account: string
}

export interface AuthSettings {
  readonly users: ReadonlyMap<string, KnownUser>
  readonly nkeys: ReadonlyMap<string, KnownUser>
  /** Credentials are required, on listeners without credentials of their own. */
  readonly isRequired: boolean
  readonly simple: SimpleCredentials
  /** undefined: WebSocket clients are asked for the same as others. */
  readonly websocket: SimpleCredentials | undefined
  /** Listeners on which certificates determine the users. */
  readonly tlsMap: Readonly<Record<'standard' | 'websocket' | 'http' | 'leaf', boolean>>
  readonly hasImplicitUser: boolean
  readonly proxyRequired: boolean
  readonly trustedProxies: readonly string[]
  readonly callout: AuthCalloutOptions | undefined
  /** The accounts there are, outside operator mode, with their default permissions. */
  readonly accounts: ReadonlyMap<string, Permissions | undefined>
  readonly operator: OperatorSettings | undefined
}

/**
 * The user of clients without credentials, where only a system account is configured: the rest of the server stays as
 * open as it was (CVE-2023-47090). A client that sends this name is treated like one without credentials.
 */
export const IMPLICIT_USER = '\0'

/**
 * Gathers users from everywhere and says whether credentials are required. `isCustom`: an embedding program decides.
 */
export function authSettings(input: Partial<AuthInput>, isCustom = false): AuthSettings {
  const { authorization, accounts = [], systemAccount = '', noAuthUser = '', operator } = input
  const websocket = input.websocket?.port === 0 ? undefined : input.websocket
  const all = [
    ...(authorization?.users ?? []).map((user) => ({ ...user, account: GLOBAL_ACCOUNT })),
    ...accounts.flatMap(({ name, users }) => users.map((user) => ({ ...user, account: name }))),
  ]
  const isAlone = accounts.length === 1 && accounts[0].name === (systemAccount || SYSTEM_ACCOUNT)
  const hasImplicitUser = isAlone && operator === undefined && noAuthUser === '' && authorization === undefined
  if (hasImplicitUser) all.push(implicitUser())
  const simple = {
    username: authorization?.username ?? '',
    password: authorization?.password ?? '',
    token: authorization?.token ?? '',
    noAuthUser: hasImplicitUser ? IMPLICIT_USER : noAuthUser,
  }
  const isOwn = websocket !== undefined && [websocket.username, websocket.token, websocket.noAuthUser].some(Boolean)
  return {
    users: new Map(all.filter(({ nkey }) => nkey === '').map((user) => [user.username, user])),
    nkeys: new Map(all.filter(({ nkey }) => nkey !== '').map((user) => [user.nkey, user])),
    isRequired:
      isCustom ||
      operator !== undefined ||
      all.length > 0 ||
      authorization?.hasUsers === true ||
      simple.username !== '' ||
      simple.token !== '',
    simple,
    websocket: isOwn ? websocket : undefined,
    tlsMap: {
      standard: input.tls?.verifyAndMap ?? false,
      websocket: websocket?.tls?.verifyAndMap ?? false,
      http: input.httpGateway?.tls?.verifyAndMap ?? false,
      leaf: input.leafnodes?.tls?.verifyAndMap ?? false,
    },
    hasImplicitUser,
    proxyRequired: authorization?.proxyRequired ?? false,
    trustedProxies: input.proxies ?? [],
    callout: authorization?.callout,
    accounts: new Map([
      [GLOBAL_ACCOUNT, undefined],
      [systemAccount || SYSTEM_ACCOUNT, undefined],
      ...accounts.map(({ name, defaultPermissions }) => [name, defaultPermissions] as const),
    ]),
    operator,
  }
}

function implicitUser(): KnownUser {
  return {
    username: IMPLICIT_USER,
    password: '',
    nkey: '',
    permissions: undefined,
    connectionTypes: undefined,
    proxyRequired: false,
    account: GLOBAL_ACCOUNT,
  }
}
