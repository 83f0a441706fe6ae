// Handing a connection from the thread that accepted it to the shard that will serve it. Nothing else knows how.
//
// The primary transfers the accepted socket itself (Node 24.21 and later can): no descriptor number ever crosses a
// thread, because a number is used again while a late clean-up still means the old one, and closes a stranger's
// connection. The socket arrives without its `onread`; the shard takes its handle and builds one that reads into the
// shard's own buffer.

import { Socket } from 'node:net'
import type { Worker } from 'node:worker_threads'
import type { Arrival, ToShard } from './messages.ts'

/** Oldest Node that can move a socket to a worker. */
export const NODE_WITH_TRANSFER = '24.21.0'

/** Why connections cannot be handed to workers on this Node; undefined if they can. */
export function transferObstacle(version: string = process.versions.node): string | undefined {
  const [major, minor] = version.split('.').map(Number)
  const [needMajor, needMinor] = NODE_WITH_TRANSFER.split('.').map(Number)
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return undefined
  return `workers need Node ${NODE_WITH_TRANSFER} or newer, which can move sockets between threads; this is ${version}`
}

/** Primary: gives sockets, accepted paused, to a shard. They are not ours afterwards. Throws if one cannot go. */
export function handOver(worker: Worker, arrivals: readonly Arrival[]): void {
  const message: ToShard = { kind: 'connections', arrivals }
  // The type of the transfer list does not know sockets yet.
  worker.postMessage(message, arrivals.map(({ socket }) => socket) as unknown as ArrayBuffer[])
}

/**
 * Shard: makes the socket read into `buffer`, calling `onRead` with the number of bytes each time. It does not read
 * before resume(), and stays open for writing when the peer has finished. Undefined if the connection is gone already.
 */
export function adopt(arrived: Socket, buffer: Buffer, onRead: (bytes: number) => void): Socket | undefined {
  const holder = arrived as unknown as { _handle: object | null }
  const handle = holder._handle
  if (handle === null) return undefined
  holder._handle = null
  const settings = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer,
      callback: (bytes: number): boolean => {
        onRead(bytes)
        return true
      },
    },
  }
  return new Socket(settings as ConstructorParameters<typeof Socket>[0])
}
