// Connections that come all at once do not keep the shard's other clients waiting.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { takeHandle } from '../../src/base/node-private.ts'
import type { Arrival } from '../../src/net/handle.ts'
import { startPrimary } from '../support/server.ts'
import { localShard } from '../support/staged-peer.ts'

const MANY = 200
/** More in a turn would be milliseconds. */
const A_TURN_MAX = 64

/** Connections that have been accepted, and what their peers have read: filled as it comes. */
async function accepted(count: number): Promise<{ arrivals: Arrival[]; peers: { text: string; ended: boolean }[] }> {
  const arrivals: Arrival[] = []
  const listening = createServer({ pauseOnConnect: true }, (socket) => {
    const handle = takeHandle(socket)
    if (handle !== undefined) arrivals.push({ kind: 'client', id: 1_000_000 + arrivals.length, refused: false, handle })
    if (arrivals.length === count) listening.emit('all')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void listening.close())
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo
  const all = once(listening, 'all')
  const peers = Array.from({ length: count }, () => {
    const peer = { text: '', ended: false }
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('data', (bytes) => {
      peer.text += bytes.toString('latin1')
    })
    socket.on('close', () => {
      peer.ended = true
    })
    return peer
  })
  await all
  return { arrivals, peers }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

test('a turn takes a bounded number of them, in their order', async () => {
  const primary = await startPrimary({ workers: 0 })
  onTestFinished(() => primary.close())
  const shard = localShard(primary)
  const { arrivals } = await accepted(MANY)
  for (const arrival of arrivals) shard.arrivals.add(arrival)
  let before = 0
  while (shard.clients.size < MANY) {
    await nextTurn()
    expect(shard.clients.size - before).toBeLessThanOrEqual(A_TURN_MAX)
    before = shard.clients.size
  }
  expect(Array.from(shard.clients.values(), ({ id }) => id)).toEqual(arrivals.map(({ id }) => id))
})

test('those that wait when the server ends are greeted and closed, and then it has ended', async () => {
  const primary = await startPrimary({ workers: 0 })
  const { arrivals, peers } = await accepted(MANY)
  const shard = localShard(primary)
  for (const arrival of arrivals) shard.arrivals.add(arrival)
  await primary.close()
  expect(shard.arrivals.waiting).toBe(0)
  expect(shard.clients.size).toBe(0)
  await expect.poll(() => peers.every(({ ended }) => ended)).toBe(true)
  for (const { text } of peers) expect(text).toMatch(/^INFO .*\r\n$/)
})
