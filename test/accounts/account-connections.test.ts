import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { Accounts } from '../../src/accounts/account.ts'
import { AccountConnections } from '../../src/accounts/account-connections.ts'
import type { JoinerSetup, Order } from './joiner.ts'

const SHARDS = 3
const account = new Accounts().named('A')

/** One thread a shard, all of which obey at the same time; answers what each has done. */
async function startThreads(memory: SharedArrayBuffer): Promise<(order: Order) => Promise<number[]>> {
  const workers = Array.from({ length: SHARDS }, (_, shard) => {
    const workerData: JoinerSetup = { memory, shards: SHARDS, shard }
    return new Worker(new URL('joiner.ts', import.meta.url), { workerData })
  })
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.terminate()))
  })
  await Promise.all(workers.map((worker) => once(worker, 'online')))
  return async (order) => {
    const answers = workers.map((worker) => once(worker, 'message'))
    for (const worker of workers) worker.postMessage(order)
    return (await Promise.all(answers)).flat()
  }
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)

test('threads that join at the same time get exactly what is free, and leave exactly what is too much', async () => {
  const table = new AccountConnections(SHARDS)
  const obey = await startThreads(table.memory)
  const joined = await obey({ act: 'join', tries: 50_000, max: 100_000 })
  expect(sum(joined)).toBe(100_000)
  expect(table.join(account, 0, 100_000)).toBe(false)
  const left = await obey({ act: 'leaveIfExcess', tries: 33_000, max: 10_000 })
  expect(sum(left)).toBe(90_000)
  expect(table.leaveIfExcess(account, 0, 10_000)).toBe(false)
})

test('what a shard has put in is taken out with it', () => {
  const table = new AccountConnections(SHARDS)
  for (const shard of [0, 1, 1, 2]) expect(table.join(account, shard, 4)).toBe(true)
  expect(table.join(account, 2, 4)).toBe(false)
  table.reset(1)
  expect(table.join(account, 2, 4)).toBe(true)
  table.leave(account, 0)
  expect([table.join(account, 0, 4), table.join(account, 0, 4), table.join(account, 0, 4)]).toEqual([true, true, false])
})
