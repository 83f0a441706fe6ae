// What the primary and the shards tell each other of routes.

import type { SubjectLists } from '../remote/members.ts'

/** How a route came to be. */
export interface RouteOrder {
  /** Undefined: the other server has dialled. */
  readonly dialled:
    | {
        /** Said in CONNECT. */
        readonly username: string
        readonly password: string
        /** It is to be the route of this account; empty: of the pool. */
        readonly account: string
        readonly isConfigured: boolean
        /** With TLS: names and addresses for one of which the other server’s certificate is to be. */
        readonly hosts: readonly [string, ...string[]]
      }
    | undefined
}

/** What another server says of itself; texts are empty and numbers 0 where it says nothing. */
export interface RouteHello {
  readonly serverId: string
  readonly serverName: string
  readonly version: string
  readonly cluster: string
  readonly isDynamic: boolean
  readonly host: string
  readonly port: number
  /** The URL under which it is to be dialled. */
  readonly ip: string
  readonly authRequired: boolean
  readonly headers: boolean
  readonly poolSize: number
  /** Undefined: it named none, which means 0. */
  readonly poolIndex: number | undefined
  readonly account: string
  readonly connectUrls: readonly string[]
  readonly gossipMode: number
  readonly isLameDuck: boolean
  readonly compression: string
  /** It understands LS+ with origins, LS- with origins, and origins without a name. */
  readonly takesOrigins: boolean
  readonly takesOriginsOnEnd: boolean
  readonly takesUnnamedOrigins: boolean
  /** Subjects that it sends interest for, and that it lets others subscribe to; undefined: all. */
  readonly imports: SubjectLists | undefined
  readonly exports: SubjectLists | undefined
}

/** For which accounts a route is. */
export type RouteScope =
  /** All of them. */
  | { readonly kind: 'all' }
  /** Those whose names have this index, without the ones that have routes of their own. */
  | { readonly kind: 'pool'; readonly index: number; readonly size: number; readonly apart: readonly string[] }
  | { readonly kind: 'account'; readonly account: string }

/** A route tells the primary. */
export type RouteEvent =
  /** The other server has introduced itself. Answered by a RouteVerdict. */
  | { readonly kind: 'register'; readonly link: number; readonly ip: string; readonly hello: RouteHello }
  /** The first PONG: the other server has taken the route. */
  | { readonly kind: 'taken'; readonly link: number }
  /** An INFO later on, about that server or another one. */
  | { readonly kind: 'info'; readonly link: number; readonly hello: RouteHello }
  /** It is over. */
  | { readonly kind: 'ended'; readonly link: number }
  /** The other server has said why it closes the route. */
  | { readonly kind: 'refused'; readonly link: number; readonly text: string }

export type RouteVerdict =
  /** `text`: for -ERR; empty: it is closed without a word. */
  | { readonly refused: string; readonly text: string }
  | {
      readonly scope: RouteScope
      readonly gossipMode: number
      /** More routes to that server are to follow: it is to say when it has taken this one. */
      readonly asksForPong: boolean
    }

/** The primary tells a route. */
export type RouteTold =
  /** Send this line. */
  | { readonly kind: 'send'; readonly line: string }
  /** There is another one in its place, or it is to be another one, or none. */
  | { readonly kind: 'close'; readonly because: 'duplicate' | 'removed' }

/** What the primary knows of a route. */
export interface RouteFacts {
  readonly link: number
  readonly shard: number
  readonly remoteId: string
  readonly remoteName: string
  /** The account that it is for; empty: those of the pool. */
  readonly account: string
  readonly isDialled: boolean
  readonly isConfigured: boolean
}

/** A route to another server of the cluster. Times are milliseconds since 1970. */
export interface RouteRow {
  id: number
  remoteId: string
  remoteName: string
  /** The account that it is for; empty: it is for several. */
  account: string
  isDialled: boolean
  isConfigured: boolean
  ip: string
  port: number
  startMs: number
  lastActivityMs: number
  rttMs: number
  pendingBytes: number
  inMessages: number
  inBytes: number
  outMessages: number
  outBytes: number
  /** What the other server wants, and if asked for, each subject. */
  subscriptions: number
  subjects: string[]
  compression: string
}

/** How accounts are spread over a pool: FNV-1a of the name (a byte string), as nats-server has it. */
export function poolIndexOf(account: string, size: number): number {
  if (size <= 1) return 0
  let hash = 0x811c9dc5
  for (let i = 0; i < account.length; i++) hash = Math.imul(hash ^ account.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % size
}
