// Work of a shard that grows with what it serves is done in as many turns of its loop as it takes. Counted, not timed.

import { PassThrough } from 'node:stream'
import { afterAll, expect, test } from 'vitest'
import { WRITES_A_TURN } from '../src/constants.ts'
import { Outbound } from '../src/outbound.ts'
import { loneShard } from './support/lone-shard.ts'

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
