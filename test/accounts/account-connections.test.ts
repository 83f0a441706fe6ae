import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { AccountConnections, createTable } from '../../src/accounts/account-connections.ts'
import { Accounts } from '../../src/accounts/accounts.ts'
import { until } from '../support/until.ts'
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

test('those at other servers count, until they are gone', () => {
  const table = new AccountConnections(SHARDS)
  table.setElsewhere(account, 3)
  expect(table.join(account, 0, 3)).toBe(false)
  table.setElsewhere(account, 2)
  expect([table.join(account, 0, 3), table.join(account, 1, 3)]).toEqual([true, false])
  for (let shard = 0; shard < SHARDS; shard++) table.reset(shard)
  expect([table.join(account, 0, 3), table.join(account, 1, 3)]).toEqual([true, false])
  table.setElsewhere(account, 0)
  expect([table.join(account, 0, 3), table.join(account, 2, 3), table.join(account, 1, 3)]).toEqual([true, true, false])
})

test('a limit holds after thousands of accounts that came and went', () => {
  const table = new AccountConnections(1)
  const accounts = new Accounts()
  const bytes = table.memory.byteLength
  for (let i = 0; i < 20_000; i++) {
    const each = accounts.named(`short.${i}`)
    expect(table.join(each, 0, 1)).toBe(true)
    table.leave(each, 0)
  }
  expect(table.memory.byteLength).toBe(bytes)
  const limited = accounts.named('limited')
  expect([1, 2, 3, 4, 5].filter(() => table.join(limited, 0, 1))).toHaveLength(1)
})

test('each account has a limit of its own, however many have connections, and whatever they are called', () => {
  const table = new AccountConnections(SHARDS)
  const accounts = new Accounts()
  // These two had one 31-bit hash.
  const names = ['acct2063', 'acct75026', ...Array.from({ length: 10_000 }, (_, i) => `a${i}`)]
  for (const name of names) expect(table.join(accounts.named(name), 0, 1)).toBe(true)
  for (const name of names) expect(table.join(accounts.named(name), 1, 1)).toBe(false)
  for (const name of names) expect(table.join(accounts.named(name), 2, 2)).toBe(true)
  table.reset(0)
  for (const name of names) expect(table.join(accounts.named(name), 1, 1)).toBe(false)
  for (const name of names) table.leave(accounts.named(name), 2)
  for (const name of names) expect(table.join(accounts.named(name), 1, 1)).toBe(true)
})

test('where there is no room, nobody of one more account is let in', () => {
  const rows = 8
  const table = new AccountConnections(1, createTable(1, rows))
  const accounts = new Accounts()
  const join = (name: string): boolean => table.join(accounts.named(name), 0, 2)
  for (let i = 0; i < rows; i++) expect(join(`a${i}`)).toBe(true)
  expect(join('one more')).toBe(false)
  expect(join('a3')).toBe(true)
  table.leave(accounts.named('a5'), 0)
  expect(join('one more')).toBe(true)
  expect(join('another')).toBe(false)
})

test('a thread that ends in the middle of anything holds nobody up', async () => {
  const table = new AccountConnections(SHARDS)
  for (let i = 0; i < 8; i++) {
    const workerData: JoinerSetup = { memory: table.memory, shards: SHARDS, shard: 1 }
    const worker = new Worker(new URL('joiner.ts', import.meta.url), { workerData })
    await once(worker, 'online')
    const busy: Order = { act: 'join', tries: Number.POSITIVE_INFINITY, max: Number.POSITIVE_INFINITY }
    worker.postMessage(busy)
    await until('it to have joined', () => {
      const hasRoom = table.join(account, 2, i + 1)
      table.reset(2)
      return !hasRoom
    })
    await worker.terminate()
    table.reset(1)
    expect(table.join(account, 0, i + 1)).toBe(true)
    expect(table.join(account, 2, i + 1)).toBe(false)
  }
})
