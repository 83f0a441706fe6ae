// Connections that have been accepted and belong to no shard yet.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import { takeHandle } from '../../src/base/node-private.ts'
import type { Arrival } from '../../src/net/handle.ts'

export interface Accepted {
  readonly arrival: Arrival
  readonly peer: Socket
}

let nextId = 1

export async function accept(): Promise<Accepted> {
  const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const peer = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [[socket]] = await Promise.all([accepted, once(peer, 'connect')])
  listener.close()
  onTestFinished(() => void peer.destroy())
  const handle = takeHandle(socket) ?? expect.fail('the connection is gone')
  return { arrival: { id: nextId++, kind: 'client', handle, refused: false }, peer }
}
