// Fair turns: however one connection floods, others have theirs after a bounded amount of work. Counted, not timed.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { READ_BYTES, READ_TURN_BYTES, TURN_GRACE, TURN_WORK } from '../../src/base/constants.ts'
import { Work } from '../../src/base/turns.ts'
import type { Primary } from '../../src/primary/primary.ts'
import type { TotalsReport } from '../../src/reports/rows.ts'
import type { Flood } from '../support/flood.ts'
import { open, ownPrimary } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import { total } from '../support/server.ts'

/** Sends `text` from another thread, all of which the kernel has before the shard reads the first of it. */
async function flood(primary: Primary, text: string): Promise<void> {
  const steps = new SharedArrayBuffer(8)
  const task: Flood = { port: primary.port, text, steps }
  const flooder = new Worker(new URL('../support/flood.ts', import.meta.url), { workerData: task, execArgv: [] })
  onTestFinished(async () => void (await flooder.terminate()))
  await once(flooder, 'message')
  const words = new Int32Array(steps)
  Atomics.store(words, 0, 1)
  Atomics.notify(words, 0)
  Atomics.wait(words, 1, 0)
}

/** The most that a counter grew by in one turn of the loop until it had grown by `all`. */
async function mostInATurn(primary: Primary, counter: keyof TotalsReport, all: number): Promise<number> {
  const before = await total(primary, counter)
  let most = 0
  for (let taken = before; taken < before + all; ) {
    const now = await total(primary, counter)
    most = Math.max(most, now - taken)
    taken = now
    await new Promise(setImmediate)
  }
  return most
}

/** The most that a turn takes: to the end of a read that begins within it. */
const MOST_WORK = TURN_WORK + TURN_GRACE

const CONNECT = 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'

test('one who sends without a pause leaves others their turn', async () => {
  // Everything on this thread, so that this test's turns are the shard's.
  const primary = await ownPrimary({ workers: 0 })
  const payload = 32 * 1024
  const messages = 1000
  await flood(primary, `${CONNECT}${`PUB flood ${payload}\r\n${'x'.repeat(payload)}\r\n`.repeat(messages)}`)
  const most = await mostInATurn(primary, 'inBytes', messages * payload)
  expect(most).toBeGreaterThan(READ_BYTES)
  expect(most).toBeLessThanOrEqual(READ_TURN_BYTES + READ_BYTES)
})

describe('a turn ends after so much work, whatever it consists of', () => {
  const MESSAGES = 4_000
  const flood16 = (subject: (i: number) => string): string =>
    Array.from({ length: MESSAGES }, (_, i) => `PUB ${subject(i)} 1\r\nx\r\n`).join('')

  test.each([
    ['subjects that nobody hears, each another one', {}, flood16((i) => `nobody${i}.hears`), Work.lookUp],
    [
      'a mapping by weights',
      {
        mappings: {
          m: [
            { destination: 'a', weight: 50 },
            { destination: 'b', weight: 50 },
          ],
        },
      },
      flood16(() => 'm'),
      Work.mapping,
    ],
    [
      'subjects that are denied',
      {
        authorization: { users: [{ user: 'u', password: 'p', permissions: { publish: { deny: ['no.>'] } } }] },
        noAuthUser: 'u',
      },
      flood16((i) => `no.${i}`),
      Work.lookUp + Work.refusal,
    ],
    [
      'requests without responders',
      {},
      `SUB inbox.* 1\r\n${Array.from({ length: MESSAGES }, (_, i) => `PUB nobody inbox.${i} 1\r\nx\r\n`).join('')}`,
      Work.operation,
    ],
    [
      'traced messages',
      {},
      'HPUB t 35 36\r\nNATS/1.0\r\nNats-Trace-Dest: here\r\n\r\nx\r\n'.repeat(MESSAGES / 10),
      Work.trace,
    ],
  ])('%s', async (_, options, text, each) => {
    const primary = await ownPrimary({ workers: 0, log: 'none', ...options })
    await flood(primary, `${CONNECT}${text}`)
    const messages = text.split('PUB').length - 1
    const most = await mostInATurn(primary, 'inMessages', messages)
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(MOST_WORK / each + 1)
  })

  test('messages for thousands of subscriptions', async () => {
    const SUBSCRIPTIONS = 5_000
    const primary = await ownPrimary({ workers: 0 })
    const listener = await open(primary.port)
    listener.onMessage = () => undefined
    // All alike, and each with a sid of its own: shared by slice, and encoded one by one.
    listener.send(Array.from({ length: SUBSCRIPTIONS }, (_, i) => `SUB wide ${i}\r\n`).join(''))
    await listener.sync()
    await flood(primary, `${CONNECT}${'PUB wide 1\r\nx\r\n'.repeat(200)}`)
    const most = await mostInATurn(primary, 'inMessages', 200)
    expect(most).toBeLessThanOrEqual(MOST_WORK / (SUBSCRIPTIONS * Work.encoding) + 1)
  })
})

test('messages that many share are encoded once for all, and so are many of them in a turn', async () => {
  const MESSAGES = 2_000
  const primary = await ownPrimary({ workers: 0 })
  for (let i = 0; i < 100; i++) {
    const listener = await open(primary.port)
    listener.onMessage = () => undefined
    listener.send('SUB alike 1\r\n')
    await listener.sync()
  }
  const hello = 'CONNECT {"verbose":false,"pedantic":false}\r\n'
  await flood(primary, `${hello}${'PUB alike 1\r\nx\r\n'.repeat(MESSAGES)}`)
  expect(await mostInATurn(primary, 'inMessages', MESSAGES)).toBeGreaterThan(MESSAGES / 2)
})

describe('what a connection with very many subscriptions leaves behind', () => {
  const SUBSCRIPTIONS = 20_000
  const subscribe = Array.from({ length: SUBSCRIPTIONS }, (_, i) => `SUB many.${i} ${i}\r\n`).join('')

  test.each([
    ['as it closes', async (many: RawClient) => void many.socket.destroy()],
    ['as it connects anew', async (many: RawClient) => many.send('CONNECT {"verbose":false}\r\n')],
  ])('is removed in many turns, %s', async (_, leave) => {
    const primary = await ownPrimary({ workers: 0 })
    const many = await open(primary.port)
    many.send(subscribe)
    await many.sync()
    const standing = (): Promise<number> => total(primary, 'subscriptions')
    const before = await standing()
    expect(before).toBeGreaterThanOrEqual(SUBSCRIPTIONS)
    await leave(many)
    let most = 0
    for (let left = before; left > before - SUBSCRIPTIONS; ) {
      await new Promise(setImmediate)
      const now = await standing()
      most = Math.max(most, left - now)
      left = now
    }
    expect(most).toBeLessThanOrEqual(TURN_WORK / Work.removal + 32)
  })

  test('gets nothing any more, and a CONNECT behind it counts for what follows only', async () => {
    const primary = await ownPrimary({ workers: 0 })
    const many = await open(primary.port)
    const heard: string[] = []
    many.onMessage = ({ subject }) => void heard.push(subject)
    many.send(subscribe)
    await many.sync()
    const publisher = await open(primary.port)
    many.send('CONNECT {"verbose":false}\r\nSUB many.7 again\r\n')
    await many.sync()
    publisher.send('PUB many.7 0\r\n\r\nPUB many.19999 0\r\n\r\n')
    await publisher.sync()
    await many.sync()
    expect(heard).toEqual(['many.7'])
  })
})

test('what came before a connection ends its half is dealt with, however many turns it takes', async () => {
  const MESSAGES = 20_000
  const primary = await ownPrimary({ workers: 0 })
  const listener = await open(primary.port)
  let heard = 0
  listener.onMessage = () => void heard++
  listener.send('SUB last.* 1\r\n')
  await listener.sync()
  const sender = await open(primary.port)
  sender.send(Array.from({ length: MESSAGES }, (_, i) => `PUB last.${i} 1\r\nx\r\n`).join(''))
  await sender.leave()
  await listener.sync()
  expect(heard).toBe(MESSAGES)
})
