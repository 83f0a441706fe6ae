// What the authenticator is told by configuration: plain data that can be cloned to any thread. Everything has been
// checked and completed before it comes here (reference 4.2, 4.3); names follow the configuration's keys.

/** Account of clients that belong to no other (reference 4.3). */
export const GLOBAL_ACCOUNT = '$G'

/** Ways to be connected that a user can be restricted to (reference 4.2). */
export const CONNECTION_TYPES = [
  'STANDARD',
  'WEBSOCKET',
  'LEAFNODE',
  'LEAFNODE_WS',
  'MQTT',
  'MQTT_WS',
  'IN_PROCESS',
] as const
export type ConnectionType = (typeof CONNECTION_TYPES)[number]

/** Subjects that may be used, and those of them that may not after all. */
export interface SubjectPermission {
  /** undefined: all. An empty list allows nothing to publishers, and everything to subscribers, as in nats-server. */
  readonly allow?: readonly string[] | undefined
  readonly deny?: readonly string[] | undefined
}

/** The right to publish to the reply subjects of messages that were received. */
export interface ResponsePermission {
  /** Replies to one message; negative: no limit. */
  readonly max: number
  /** Milliseconds after its delivery; negative: no limit. */
  readonly expiresMs: number
}

/** A missing member allows everything. Subjects are ordinary strings; those of `subscribe` may be "subject queue". */
export interface Permissions {
  readonly publish?: SubjectPermission | undefined
  readonly subscribe?: SubjectPermission | undefined
  readonly responses?: ResponsePermission | undefined
}

export const RESPONSES_MAX = 1
export const RESPONSES_EXPIRE_MS = 2 * 60_000

interface AnyUserSettings {
  /** Name of the account; `$G` where none was named. */
  readonly account: string
  /** undefined: everything is allowed. Defaults of the block are in force already. */
  readonly permissions: Permissions | undefined
  /** Empty: all. */
  readonly connectionTypes: readonly ConnectionType[]
  /** Only by way of a trusted proxy. */
  readonly proxyRequired: boolean
}

export interface UserSettings extends AnyUserSettings {
  readonly user: string
  /** Plain or bcrypt; empty for a user who is known by certificate only. */
  readonly password: string
}

export interface NkeyUserSettings extends AnyUserSettings {
  /** Public user key, `U…`. */
  readonly nkey: string
}

/** One user or token for everybody, and who is meant by those that say nothing; empty strings: not set. */
export interface SimpleCredentials {
  readonly user: string
  readonly password: string
  readonly token: string
  readonly noAuthUser: string
}

export interface CalloutSettings {
  /** Public account key that signs the answers. */
  readonly issuer: string
  /** Where the request is published. */
  readonly account: string
  /** Users (names or nkeys) that are not asked about: the service itself. */
  readonly authUsers: readonly string[]
  /** Public curve key of the service; empty: requests travel in the clear. */
  readonly xkey: string
  /** Accounts whose users are asked about; empty: all. */
  readonly allowedAccounts: readonly string[]
}

/** Operator mode. Operator tokens are decoded (jwt/operator.ts) before the threads are started. */
export interface OperatorSettings {
  /** Public operator keys whose signature on an account is accepted. */
  readonly trustedKeys: readonly string[]
  /** Those of them that come from an operator who demands signing keys: accounts must use theirs as well. */
  readonly strictKeys: readonly string[]
  /** The token of clients that bring none; empty: none. */
  readonly defaultSentinel: string
  /** Only these accounts; empty: all. The system account is among them. */
  readonly pinnedAccounts: readonly string[]
}

export interface AuthSettings {
  readonly simple: SimpleCredentials
  /** All of the server: of `authorization` and of each account. */
  readonly users: readonly UserSettings[]
  readonly nkeys: readonly NkeyUserSettings[]
  /** `authorization.proxy_required`: it holds for the single user and the token. */
  readonly proxyRequired: boolean
  /** Public keys of proxies that may sign for their clients. */
  readonly trustedProxies: readonly string[]
  /** Listeners on which the client's certificate says who it is (`verify_and_map`). */
  readonly tlsMap: { readonly standard: boolean; readonly websocket: boolean }
  /** Credentials that are asked for on the WebSocket listener instead; undefined: the same as elsewhere. */
  readonly websocket: SimpleCredentials | undefined
  readonly callout: CalloutSettings | undefined
  readonly operator: OperatorSettings | undefined
}

const NO_CREDENTIALS: SimpleCredentials = { user: '', password: '', token: '', noAuthUser: '' }

/** Settings of a server that asks nobody for anything; the rest as given. */
export function authSettings(given: Partial<AuthSettings> = {}): AuthSettings {
  return {
    simple: NO_CREDENTIALS,
    users: [],
    nkeys: [],
    proxyRequired: false,
    trustedProxies: [],
    tlsMap: { standard: false, websocket: false },
    websocket: undefined,
    callout: undefined,
    operator: undefined,
    ...given,
  }
}
