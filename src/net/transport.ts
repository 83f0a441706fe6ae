// The transport of a connection's bytes, as Client, Outbound and ReadGate see it: a socket, plain or secured, or a
// WebSocket, which puts frames around its output (websocket/transport.ts).

import type { Socket } from 'node:net'
import type { CloseReason } from '../base/errors.ts'

export interface Transport {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  /** Bytes written that have not been taken yet. */
  readonly writableLength: number
  /** Bytes of those that the kernel has not taken, where it knows itself. */
  readonly untakenBytes?: number
  /** The socket that carries it, where it is none itself. */
  readonly carrier?: Socket
  /** Its bytes do not leave the machine: no TLS comes over it. */
  readonly isLocal?: boolean
  readonly destroyed: boolean
  /** It is gone, and has said so. */
  readonly closed?: boolean
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
  /** What is written between the two goes out together. */
  cork(): void
  uncork(): void
  /** The callback says that everything up to here has been taken. */
  write(bytes: Buffer, callback?: () => void): boolean
  pause(): unknown
  resume(): unknown
  /** Says why, if there is a way to say it, before end(). */
  farewell?(reason: CloseReason): void
  end(): unknown
  destroySoon(): void
  destroy(): unknown
}
