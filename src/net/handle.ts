// Connections that are not sockets yet: the handle that crosses threads, and how a socket is made of it.

import { Socket } from 'node:net'
import type { OnBug } from '../base/guarded.ts'
import { type Handle, letGo, socketWith, takeHandle } from '../base/node-private.ts'
import { TcpTransport } from './tcp-transport.ts'
import type { Transport } from './transport.ts'

/** A connection on its way to the shard that will serve it. */
export interface Arrival {
  readonly id: number
  /** Which listener it came to. */
  readonly kind: 'client' | 'unix' | 'websocket' | 'http' | 'route' | 'leaf'
  readonly handle: Handle
  /** The server is full: tell it so and close. */
  readonly refused: boolean
  /** Of a link to another server: what it is to be. */
  readonly order?: object
}

/** A connection within the process, on its way to the shard that will serve it. */
export type PipeArrival = Pick<Arrival, 'id' | 'refused'>

/**
 * Shard: the socket of a connection. What comes before resume() waits in it, and it stays open for writing when the
 * peer has finished.
 */
export function socketOver(handle: Handle): Socket {
  return socketWith(handle, { allowHalfOpen: true })
}

/** The same, reading into `buffer` from now on: calls `onRead` with the number of bytes each time. */
export function readingSocketOver(handle: Handle, buffer: Buffer, onRead: (bytes: number) => void): Socket {
  const callback = (bytes: number): boolean => {
    onRead(bytes)
    return true
  }
  return socketWith(handle, { allowHalfOpen: true, onread: { buffer, callback } })
}

/** A connection whose socket is gone: it is not reported any more. */
export function abandon(socket: Transport): void {
  // Others clean up after themselves, in events of their own.
  if (socket.constructor === Socket) letGo(socket as Socket)
}

/**
 * Makes of an existing socket a connection that reads into `buffer`; what waits in it has to be taken out before.
 * Undefined if it is gone.
 */
export function adopt(
  socket: Socket,
  buffer: Buffer,
  onRead: (bytes: number) => void,
  bugMet: OnBug,
): TcpTransport | undefined {
  const handle = takeHandle(socket)
  return handle === undefined ? undefined : new TcpTransport(handle, buffer, onRead, bugMet)
}
