// What the primary and the shards tell each other of leaf nodes, and what pages and events show of a link.

import type { Account } from '../accounts/account.ts'
import type { Traffic } from '../accounts/counters.ts'
import type { TokenStanding } from '../auth/identity.ts'
import type { LeafRemoteOptions } from '../options/leafnodes.ts'
import type { DialledTls } from '../remote/entry.ts'
import type { WebSocketTarget } from '../websocket/client-handshake.ts'

/** A connection that this server has dialled. */
export interface DialledLeaf {
  /** Which of the configured remotes. */
  readonly remote: LeafRemoteOptions
  /** The URL that was dialled, without user and password. */
  readonly url: string
  /** Said in CONNECT; empty: none. */
  readonly username: string
  readonly password: string
  /** A user’s token and seed, from a file of credentials; empty: none. */
  readonly jwt: string
  readonly seed: string
  /** If it comes to TLS. */
  readonly tls: DialledTls
  /** What has been read of it already: a proxy had it in one piece with its own answer. */
  readonly early: Uint8Array
  /** Undefined: the protocol comes without frames. */
  readonly webSocket: WebSocketTarget | undefined
}

/** How a leaf link came to be. */
export interface LeafOrder {
  /** Undefined: the other server has dialled. */
  readonly dialled: DialledLeaf | undefined
}

/** Which link it is: no two are alike. */
export interface LeafIdentity {
  readonly serverName: string
  readonly cluster: string
  /** The local account, and the one of the other server; empty: it does not say. */
  readonly account: string
  readonly remoteAccount: string
  /** This server is the spoke of the link. */
  readonly isSpoke: boolean
}

/** A link tells the primary. */
export type LeafEvent =
  /** It has come as a WebSocket to this shard: the primary did not know what it would be. */
  | { readonly kind: 'came'; readonly link: number; readonly shard: number }
  /** It is bound to an account. Answered by a LeafVerdict. */
  | {
      readonly kind: 'bound'
      readonly link: number
      readonly identity: LeafIdentity
      /** As many leaf links the account may have; negative: any number. */
      readonly most: number
    }
  /** Where else the other server may be reached: `host:port` each. */
  | { readonly kind: 'urls'; readonly link: number; readonly urls: readonly string[] }
  /** It is over. `delayMs`: how long it is not to be dialled. */
  | { readonly kind: 'ended'; readonly link: number; readonly delayMs: number }

/** Undefined: it may stay. */
export interface LeafVerdict {
  /** For -ERR. */
  readonly refused: string
}

/** The primary tells a link: it is to close, with this -ERR. */
export interface LeafTold {
  readonly kind: 'close'
  /** Empty: without a word. */
  readonly text: string
}

/** What events say of a link at that moment. Texts are empty where the other server has not logged in here. */
export interface LeafFacts extends Traffic {
  readonly id: number
  readonly ip: string
  /** Of this server; undefined: it is not bound to one. */
  readonly account: Account | undefined
  /** Milliseconds on the shard's clock. */
  readonly startMs: number
  /** 0: not measured yet. */
  readonly rttMs: number
  /** Its user, or the one that it claims; never a secret. */
  readonly user: string
  /** What CONNECT said. */
  readonly name: string
  readonly version: string
  /** Of its user. */
  readonly token: TokenStanding | undefined
  readonly tags: readonly string[]
}

/** What pages say of a link; texts that the other server says are as it says them. */
export interface LeafRow {
  readonly id: number
  readonly name: string
  readonly isSpoke: boolean
  readonly isIsolated: boolean
  /** The local account, a byte string. */
  readonly account: string
  readonly ip: string
  readonly port: number
  /** 0: not measured. */
  readonly rttMs: number
  readonly inMessages: number
  readonly inBytes: number
  readonly outMessages: number
  readonly outBytes: number
  readonly subscriptions: number
  /** Empty unless they are asked for; byte strings. */
  readonly subjects: readonly string[]
  readonly compression: string
  readonly isWebSocket: boolean
}
