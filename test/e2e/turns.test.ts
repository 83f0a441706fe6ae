import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { READ_BYTES, READ_TURN_BYTES } from '../../src/constants.ts'
import type { Flood } from '../support/flood.ts'
import { startPrimary, total } from '../support/server.ts'

const PAYLOAD_BYTES = 32 * 1024
const MESSAGES = 1000

test('one who sends without a pause leaves others their turn', async () => {
  // Everything on this thread, so that this test's turns are the shard's.
  const primary = await startPrimary({ workers: 0 })
  onTestFinished(() => primary.close())
  const steps = new SharedArrayBuffer(8)
  const flood: Flood = {
    port: primary.port,
    text: `CONNECT {"verbose":false}\r\n${`PUB flood ${PAYLOAD_BYTES}\r\n${'x'.repeat(PAYLOAD_BYTES)}\r\n`.repeat(MESSAGES)}`,
    steps,
  }
  const flooder = new Worker(new URL('../support/flood.ts', import.meta.url), { workerData: flood, execArgv: [] })
  onTestFinished(async () => void (await flooder.terminate()))
  await once(flooder, 'message')
  const words = new Int32Array(steps)
  Atomics.store(words, 0, 1)
  Atomics.notify(words, 0)
  // The kernel has megabytes for the shard before it reads the first of them.
  Atomics.wait(words, 1, 0)
  let most = 0
  for (let taken = 0; taken < MESSAGES * PAYLOAD_BYTES; ) {
    const now = await total(primary, 'inBytes')
    most = Math.max(most, now - taken)
    taken = now
    await new Promise(setImmediate)
  }
  expect(most).toBeGreaterThan(READ_BYTES)
  expect(most).toBeLessThanOrEqual(READ_TURN_BYTES + READ_BYTES)
})
