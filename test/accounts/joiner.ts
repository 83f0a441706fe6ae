// A thread that joins an account as often as it may, or leaves it while it is too full, when it is told to.

import { parentPort, workerData } from 'node:worker_threads'
import { AccountConnections } from '../../src/accounts/account-connections.ts'
import { Accounts } from '../../src/accounts/accounts.ts'

export interface JoinerSetup {
  readonly memory: SharedArrayBuffer
  readonly shards: number
  readonly shard: number
}

export interface Order {
  readonly act: 'join' | 'leaveIfExcess'
  readonly tries: number
  readonly max: number
}

const { memory, shards, shard } = workerData as JoinerSetup
const table = new AccountConnections(shards, memory)
const account = new Accounts().named('A')

/** Answers how often it came to something. */
parentPort?.on('message', ({ act, tries, max }: Order) => {
  let done = 0
  for (let i = 0; i < tries; i++) if (table[act](account, shard, max)) done++
  parentPort?.postMessage(done)
})
