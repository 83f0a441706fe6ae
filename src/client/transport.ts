// What carries the bytes of a connection: TCP and TLS in Node, a WebSocket anywhere, a server in the same process. The
// core knows this interface only, and imports nothing of Node.

import type { TlsOptions } from './options.ts'
import type { Scheme, Server } from './servers.ts'

/** What a transport tells its user; never during a call of the user's. */
export interface TransportEvents {
  /** Bytes that came in. They are the receiver's: the transport does not touch them again. */
  received(bytes: Uint8Array): void
  /** It is over, once. An error if it was not closed from here. */
  ended(error?: Error): void
}

export interface Transport {
  /** Whether the bytes are encrypted. */
  readonly isSecure: boolean
  /** Bytes written that have not been taken. */
  readonly bufferedAmount: number
  /** Writes bytes, which may be written to again as soon as `taken` is called. */
  write(bytes: Uint8Array, taken: () => void): void
  /** Calls back when what runs now has run: what is published until then goes out in one write. */
  defer(callback: () => void): void
  /** Begins TLS, after INFO. Undefined where a connection is secure from its beginning, or never. */
  secure?(): Promise<void>
  /** Ends it when everything written has been taken. */
  close(): void
  /** Ends it now. */
  destroy(): void
}

export interface DialRequest {
  readonly server: Server & { readonly scheme: Scheme; readonly path: string }
  readonly tls: TlsOptions | null | undefined
  readonly events: TransportEvents
  readonly signal: AbortSignal
}

/** How to reach servers. */
export interface Carrier {
  /** What an address without a scheme means. */
  readonly scheme: Scheme
  /** What CONNECT says of the client. */
  readonly lang: string
  /** Connects, without a word of NATS. Rejects when the server cannot be reached, or `signal` is aborted. */
  dial(request: DialRequest): Promise<Transport>
}
