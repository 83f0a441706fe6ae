// The functions by which an embedding program takes part in the life of its clients. They run on its own thread; shards
// ask and tell it by messages. What a function throws, or never answers, costs the client that it was asked about, and
// nothing else. authenticate() has a file of its own (custom.ts).

import type { ConnectionType, SubjectRules } from '../options/shapes.ts'
import { type Authenticate, isRules } from './custom.ts'
import { type HookRules, type Identity, type Refusal, refuse } from './identity.ts'
import type { AuthRequest } from './request.ts'

/** A client that has logged in. */
export interface ConnectedClient {
  /** Its number, as in logs and monitoring pages. */
  readonly connectionId: number
  /** As monitoring shows it; empty: nobody in particular. */
  readonly user: string
  readonly account: string
  readonly ip: string
  readonly connectionType: ConnectionType
  /** What CONNECT says of the client's program. */
  readonly name: string
  readonly lang: string
  readonly version: string
}

/**
 * Returns the subjects that a client may use, or undefined for those of its configured permissions. `allow` takes the
 * place of the configured list, `deny` is added to it.
 */
export type Authorize = (client: ConnectedClient) => SubjectRules | undefined | Promise<SubjectRules | undefined>

/** How a subscriber that does not keep up was dealt with. */
export interface SlowConsumer {
  readonly client: ConnectedClient
  /** Why it was closed, such as `Slow Consumer (Pending Bytes)`; undefined: messages for it were dropped. */
  readonly closedFor: string | undefined
  /** Messages dropped since it was last told of. */
  readonly droppedMessages: number
  /** Bytes that wait for it. */
  readonly pendingBytes: number
}

/** The functions by their names; each may be left out. */
export interface Hooks {
  /**
   * Authenticates clients, in place of all configured ways: it gets the contents of CONNECT and the known facts about
   * the connection, and returns the user, or undefined to refuse the client. Accounts that it names have to be among
   * the `accounts`. An exception refuses the client, as does an answer that comes later than the time for CONNECT (2 s,
   * or `timeout` of `authorization`). Default: the configured users.
   */
  authenticate?: Authenticate
  /**
   * Says what a client may publish to. It is asked once, when the client has logged in, and again at each reload; the
   * answer is compiled, and messages are compared with it alone. An exception, or an answer that comes too late,
   * refuses the client. Default: the configured permissions.
   */
  authorizePublish?: Authorize
  /** Says what a client may subscribe to, as `authorizePublish` does. Default: the configured permissions. */
  authorizeSubscribe?: Authorize
  /** A client has logged in. Default: nothing. */
  onConnect?: (client: ConnectedClient) => unknown
  /** A client that had logged in is gone; `reason` as on the page /connz. Default: nothing. */
  onDisconnect?: (client: ConnectedClient, reason: string) => unknown
  /** A client does not keep up; of dropped messages it is told once a second for each client. Default: nothing. */
  onSlowConsumer?: (slow: SlowConsumer) => unknown
}

export type HookName = keyof Hooks
export const HOOK_NAMES: readonly HookName[] = [
  'authenticate',
  'authorizePublish',
  'authorizeSubscribe',
  'onConnect',
  'onDisconnect',
  'onSlowConsumer',
]

// ── Permissions ───────────────────────────────────────────────────────────────────────────────────────────────

export function connectedClient(request: AuthRequest, { user, account }: Identity): ConnectedClient {
  const { connectionId, ip, connectionType, client } = request
  const { name, lang, version } = client
  return { connectionId, user, account, ip, connectionType, name, lang, version }
}

/** Asks the functions. Never rejects; what one throws is the cause in our log. */
export async function askRules(hooks: Hooks, client: ConnectedClient): Promise<HookRules | Refusal> {
  try {
    const [publish, subscribe] = await Promise.all([
      hooks.authorizePublish?.(client),
      hooks.authorizeSubscribe?.(client),
    ])
    if (!isRules(publish)) return refuse('authorizePublish() returned invalid rules')
    if (!isRules(subscribe)) return refuse('authorizeSubscribe() returned invalid rules')
    return { publish: plain(publish), subscribe: plain(subscribe) }
  } catch (error) {
    return refuse(
      `authorization by the program failed: ${error instanceof Error ? error.message : 'it threw no Error'}`,
    )
  }
}

/** What else an answer has may not be able to cross threads. */
function plain(rules: SubjectRules | undefined): SubjectRules | undefined {
  return rules && { allow: rules.allow, deny: rules.deny }
}

/** The identity with the program's rules over its own permissions. */
export function withRules(identity: Identity): Identity {
  const { permissions, hookRules } = identity
  if (hookRules === undefined) return identity
  const publish = overruled(permissions?.publish, hookRules.publish)
  const subscribe = overruled(permissions?.subscribe, hookRules.subscribe)
  if (publish === undefined && subscribe === undefined && permissions === undefined) return identity
  return { ...identity, permissions: { ...permissions, publish, subscribe } }
}

function overruled(own: SubjectRules | undefined, rules: SubjectRules | undefined): SubjectRules | undefined {
  if (rules === undefined) return own
  const deny = [...(own?.deny ?? []), ...(rules.deny ?? [])]
  return { allow: rules.allow ?? own?.allow, deny: deny.length === 0 ? undefined : deny }
}

// ── Events ────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a shard tells the program; plain data. */
export type HookEvent =
  | { readonly kind: 'connect'; readonly client: ConnectedClient }
  | { readonly kind: 'disconnect'; readonly client: ConnectedClient; readonly reason: string }
  | { readonly kind: 'slow'; readonly slow: SlowConsumer }
