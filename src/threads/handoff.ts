// Handing a connection from the thread that accepted it to the shard that will serve it. Nothing else knows how.
//
// The primary transfers the handle of the accepted socket (Node 24.21 and later can): no descriptor number ever crosses
// a thread, because a number is used again while a late clean-up still means the old one, and closes a stranger's
// connection. Only the handle: a whole Socket on its way costs another Socket where it arrives, and its own destruction
// where it left, a seventh of the processor time of a connect. The shard builds the one Socket that the connection has.

import type { Socket } from 'node:net'
import type { Worker } from 'node:worker_threads'
import { type Handle, socketWith, takeHandle } from '../base/node-private.ts'
import type { Arrival, ToShard } from './messages.ts'

/** Primary: gives connections to a shard. They are not ours afterwards. Throws if one cannot go. */
export function handOver(worker: Worker, arrivals: readonly Arrival[]): void {
  const message: ToShard = { kind: 'connections', arrivals }
  // The type of the transfer list does not know handles.
  worker.postMessage(message, arrivals.map(({ handle }) => handle) as unknown as ArrayBuffer[])
}

/**
 * Shard: the socket of a connection. It does not read before resume(), and stays open for writing when the peer has
 * finished.
 */
export function socketOver(handle: Handle): Socket {
  return socketWith(handle, { allowHalfOpen: true })
}

/** The same, reading into `buffer`: calls `onRead` with the number of bytes each time. */
export function readingSocketOver(handle: Handle, buffer: Buffer, onRead: (bytes: number) => void): Socket {
  const callback = (bytes: number): boolean => {
    onRead(bytes)
    return true
  }
  return socketWith(handle, { allowHalfOpen: true, onread: { buffer, callback } })
}

/** Makes a socket that is here already one that reads into `buffer`. Undefined if the connection is gone. */
export function adopt(socket: Socket, buffer: Buffer, onRead: (bytes: number) => void): Socket | undefined {
  const handle = takeHandle(socket)
  return handle === undefined ? undefined : readingSocketOver(handle, buffer, onRead)
}
