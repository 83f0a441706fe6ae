// How many connections each account has, over all shards: for the limits of accounts (reference 4.3).
//
// A table in shared memory, a row an account that has such a limit, a column a shard; each shard writes its own column
// only, so that the counts of one that dies are dropped whole. A row is claimed by the hash of the account's name.
//
//     row   [ hash | shard 0 | shard 1 | … ]

import { hashBytes } from '../memory/block.ts'
import type { Account } from './account.ts'

const ROWS = 4096
const WORD_BYTES = 4
/** No account's hash: the row is free. */
const FREE = 0

export class AccountConnections {
  readonly memory: SharedArrayBuffer
  private readonly words: Int32Array
  private readonly stride: number

  constructor(shards: number, memory = new SharedArrayBuffer(ROWS * (1 + shards) * WORD_BYTES)) {
    this.memory = memory
    this.words = new Int32Array(memory)
    this.stride = 1 + shards
  }

  /** Counts a connection in. Answers false, and does not, if the account has its `max` already. */
  join(account: Account, shard: number, max: number): boolean {
    const row = this.rowOf(account)
    if (row < 0) return true // no room in the table: more accounts with limits than it was made for
    // Counted first, then looked at: two shards at the same moment may both be refused, but never both let in.
    Atomics.add(this.words, row + 1 + shard, 1)
    if (this.sumOf(row) <= max) return true
    Atomics.sub(this.words, row + 1 + shard, 1)
    return false
  }

  leave(account: Account, shard: number): void {
    const row = this.rowOf(account)
    if (row >= 0) Atomics.sub(this.words, row + 1 + shard, 1)
  }

  /** How many it has, over all shards. */
  countOf(account: Account): number {
    const row = this.rowOf(account)
    return row < 0 ? 0 : this.sumOf(row)
  }

  private sumOf(row: number): number {
    let sum = 0
    for (let i = 1; i < this.stride; i++) sum += Atomics.load(this.words, row + i)
    return sum
  }

  /** The shard has died: its connections are gone. */
  reset(shard: number): void {
    for (let row = 0; row < this.words.length; row += this.stride) Atomics.store(this.words, row + 1 + shard, 0)
  }

  /** The account's row, claimed if need be; -1 if all are taken. */
  private rowOf({ bytes }: Account): number {
    const hash = hashBytes(bytes, 0, bytes.length, 1) | 1
    for (let tried = 0, at = (hash >>> 0) % ROWS; tried < ROWS; tried++, at = (at + 1) % ROWS) {
      const row = at * this.stride
      const found = Atomics.compareExchange(this.words, row, FREE, hash)
      if (found === FREE || found === hash) return row
    }
    return -1
  }
}
