// Work of a shard that grows with what it serves is done in as many turns of its loop as it takes, and what one client
// asks for takes no more memory than it may. Counted, not timed.

import { PassThrough } from 'node:stream'
import { afterAll, expect, test } from 'vitest'
import { WRITES_A_TURN } from '../../src/base/constants.ts'
import { Outbound } from '../../src/net/outbound.ts'
import { dial, ownPrimary } from '../support/harness.ts'
import { loneShard } from '../support/lone-shard.ts'
import { connections, total } from '../support/server.ts'

const shard = loneShard()
afterAll(() => new Promise<void>((resolve) => shard.stop(0, resolve)))

class Stream extends PassThrough {
  destroySoon(): void {
    this.destroy()
  }
}

test('however many connections have something to be written, the loop turns meanwhile, and each has its turn', async () => {
  const COUNT = 4 * WRITES_A_TURN + 1
  const failed = (error: unknown): never => {
    throw error
  }
  const handler = { overflowed: () => expect.fail('an output overflowed'), failed }
  const outbounds = Array.from({ length: COUNT }, () => new Outbound(shard, new Stream(), 1024, handler))
  const waiting = (): number => outbounds.filter(({ pendingBytes }) => pendingBytes > 0).length
  for (const outbound of outbounds) outbound.appendBuffer(Buffer.from('one'))
  expect(waiting()).toBe(COUNT)
  const first = outbounds[0]
  for (let left = COUNT; left > 0; ) {
    await new Promise(setImmediate)
    // One that has been written and has more comes behind those that wait.
    if (left === COUNT && first.pendingBytes === 0) first.appendBuffer(Buffer.from('two'))
    const now = waiting()
    expect(left - now).toBeLessThanOrEqual(WRITES_A_TURN)
    expect(outbounds[COUNT - 1].pendingBytes > 0 && first.pendingBytes === 0 && left < COUNT).toBe(false)
    left = now
  }
})

test.each([
  ['PONG', '{"verbose":false}', 'PING\r\n'],
  ['+OK', '{"verbose":true,"pedantic":false}', 'PUB a 0\r\n\r\n'],
])(
  'a client that asks for %s without end and does not read is cut: no more than max_pending waits',
  async (_, hello, operation) => {
    const maxPending = 64 * 1024
    const primary = await ownPrimary({ workers: 0, log: 'none', maxPayload: 1024, maxPending })
    const { socket } = await dial(primary.port)
    socket.pause()
    socket.write(`CONNECT ${hello}\r\n`)
    const piece = operation.repeat(10_000)
    let written = 0
    while ((await total(primary, 'slowConsumers')) === 0 && !socket.destroyed) {
      for (const { pendingBytes } of await connections(primary)) expect(pendingBytes).toBeLessThanOrEqual(maxPending)
      if (socket.writableLength < piece.length) socket.write(piece)
      // The kernel takes some megabytes for either side.
      written += piece.length
      expect(written).toBeLessThan(1024 * 1024 * 1024)
      await new Promise(setImmediate)
    }
    expect(await total(primary, 'slowConsumers')).toBe(1)
  },
)
