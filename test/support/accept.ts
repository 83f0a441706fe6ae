// Connections that have been accepted and belong to no shard yet.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { acceptHandles, type Handle } from '../../src/base/node-private.ts'
import type { Arrival } from '../../src/net/handle.ts'

/** One as it comes, and its far end, which goes on writing after the server has ended unless it is told not to. */
export async function acceptHandle({ allowHalfOpen = true } = {}): Promise<{
  readonly handle: Handle
  readonly far: Socket
}> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = Promise.withResolvers<Handle>()
  acceptHandles(listener, accepted.resolve)
  const { port } = listener.address() as AddressInfo
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen })
  far.on('error', () => undefined)
  onTestFinished(() => void far.destroy())
  const [handle] = await Promise.all([accepted.promise, once(far, 'connect')])
  listener.close()
  return { handle, far }
}

export interface Accepted {
  readonly arrival: Arrival
  readonly peer: Socket
}

let nextId = 1

export async function accept(): Promise<Accepted> {
  const { handle, far } = await acceptHandle({ allowHalfOpen: false })
  return { arrival: { id: nextId++, kind: 'client', handle, refused: false }, peer: far }
}
