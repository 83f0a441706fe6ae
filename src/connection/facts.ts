// The facts about a client that pages and events show: its identity, address, and kind of connection.

import type { Account } from '../accounts/account.ts'
import type { Traffic } from '../accounts/counters.ts'
import type { Limits } from '../accounts/limits.ts'
import type { Greeting } from '../auth/authenticator.ts'
import type { Identity } from '../auth/identity.ts'
import type { ConnectOptions } from '../protocol/handshake.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import type { WebSocketSession } from '../websocket/handshake.ts'

export interface ClientFacts extends Traffic {
  readonly id: number
  readonly ip: string
  readonly account: Account
  /** What CONNECT said. */
  readonly options: ConnectOptions
  /** Milliseconds on the shard's clock. */
  readonly startMs: number
  /** 0: not measured yet. */
  readonly rttMs: number
  /** By a Unix socket, or within the process: no TLS comes over it. */
  readonly isLocal: boolean
  /** Undefined: plain. */
  readonly tls: TlsSession | undefined
  /** Undefined: it did not come by WebSocket. */
  readonly webSocket: WebSocketSession | undefined
  readonly login: {
    readonly greeting: Greeting
    /** Empty: INFO has none. */
    readonly nonce: string
    /** Undefined until the peer is authenticated. */
    readonly identity: Identity | undefined
  }
  readonly limits: Limits
  /** CONNECT has come. */
  readonly connectReceived: boolean
}
