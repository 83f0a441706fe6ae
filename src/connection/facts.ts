// The facts about a client that pages and events show: its identity, address, and kind of connection.

import type { Account } from '../accounts/account.ts'
import type { Traffic } from '../accounts/counters.ts'
import type { Limits } from '../accounts/limits.ts'
import type { Greeting } from '../auth/authenticator.ts'
import type { Identity } from '../auth/identity.ts'
import type { ConnectOptions } from '../protocol/handshake.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import type { WebSocketSession } from '../websocket/handshake.ts'

/** What is known of a client that came by HTTP. */
export interface HttpSession {
  readonly tls: TlsSession | undefined
}

/** How a client came, if not by the NATS protocol alone. */
export interface Session {
  readonly webSocket?: WebSocketSession | undefined
  readonly http?: HttpSession | undefined
}

export type ClientType = 'nats' | 'websocket' | 'http'

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
  /** What it speaks, as pages and events call it. */
  readonly clientType: ClientType
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
