// The same as bugs.test.ts on worker threads: what goes wrong in one costs a connection or a frame, and no thread.

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Primary } from '../../src/primary/primary.ts'
import type { Break } from '../support/buggy-shard.ts'
import type { RawClient } from '../support/raw-client.ts'
import { startPrimary } from '../support/server.ts'
import { hostOf, openOn } from '../support/shards.ts'
import { until } from '../support/until.ts'
import { writeFiles } from '../tls/files.ts'

const BUGGY_ENTRY = new URL('../support/buggy-shard.ts', import.meta.url)
const BUGGY = 1

let primary: Primary
let logFile: string

beforeAll(async () => {
  logFile = writeFiles({ log: '' }).log
  const options = {
    workers: 2,
    log: 'stderr',
    logFile,
    monitorPort: -1,
    pingInterval: 200,
    writeDeadline: 400,
  } as const
  primary = await startPrimary(options, BUGGY_ENTRY)
})
afterAll(() => primary?.close())

async function open(shard: number): Promise<RawClient> {
  const client = await openOn(primary, shard)
  onTestFinished(() => client.close())
  return client
}

const idle = (): undefined => undefined

/** What breaks, and what a client of the other shard, or one of this shard, does to bring it about. */
const ENTRIES: readonly [type: Break['type'], method: string, provoke: (far: RawClient, near: RawClient) => void][] = [
  ['LoadMeter', 'sample', idle],
  ['KeepAlive', 'due', idle],
  ['Client', 'sweep', idle],
  ['Outbound', 'flush', (_, near) => near.send('PING\r\n')],
  ['KeepAlive', 'heard', (_, near) => near.send('PING\r\n')],
  ['Client', 'close', (_, near) => near.send('X\r\n')],
  ['Client', 'release', (_, near) => near.send('X\r\n')],
  ['Client', 'socketOnClose', (_, near) => near.socket.destroy()],
  ['Shard', 'receive', (far) => far.send('PUB heard 0\r\n\r\n')],
  ['Inbox', 'takeInOrder', (far) => far.send('PUB heard 0\r\n\r\n')],
]

test.each(ENTRIES)('on a worker thread, a bug is met in %s.%s', async (type, method, provoke) => {
  const text = `a test has put this into ${type}.${method}`
  const [far, near, other] = [await open(0), await open(BUGGY), await open(BUGGY)]
  for (const client of [near, other]) {
    client.onMessage = idle
    client.send('SUB heard 1\r\n')
    await client.sync()
  }
  const order: Break = { kind: 'break', type, method, text }
  const { worker } = hostOf(primary, BUGGY).thread
  worker.postMessage(order)
  // Orders are taken in their order: it has arrived when a later question is answered.
  await primary.query({ kind: 'totals' })
  provoke(far, near)
  await until('the log to tell of it', () => readFileSync(logFile, 'utf8').includes(text))
  expect(readFileSync(logFile, 'utf8').split(text).length).toBe(2)
  await far.sync()
  // At most one of the two is what it cost.
  const left = await Promise.allSettled([near.sync(), other.sync()])
  expect(left.map(({ status }) => status)).toContain('fulfilled')
  await (await open(BUGGY)).sync()
  expect(primary.restarts).toBe(0)
})
