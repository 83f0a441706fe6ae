// How many connections each account has, over all shards: for the limits of accounts (reference 4.3).
//
// A table in shared memory, a row an account that has such a limit. The total decides, so that of two shards at the
// same moment one is right; a shard's column says what it has put in, to be taken out when it dies. A row is claimed by
// the hash of the account's name.
//
//     row   [ hash | total | shard 0 | shard 1 | … ]

import { hashBytes } from '../memory/block.ts'
import type { Account } from './account.ts'

const ROWS = 4096
const WORD_BYTES = 4
/** No account's hash: the row is free. */
const FREE = 0
/** Where words stand in a row. */
const TOTAL = 1
const SHARDS = 2

export class AccountConnections {
  readonly memory: SharedArrayBuffer
  private readonly words: Int32Array
  private readonly stride: number

  constructor(shards: number, memory = new SharedArrayBuffer(ROWS * (SHARDS + shards) * WORD_BYTES)) {
    this.memory = memory
    this.words = new Int32Array(memory)
    this.stride = SHARDS + shards
  }

  /** Counts a connection in. Answers false, and does not, if the account has its `max` already. */
  join(account: Account, shard: number, max: number): boolean {
    const row = this.rowOf(account)
    if (row < 0) return true // no room in the table: more accounts with limits than it was made for
    if (!this.step(row + TOTAL, 1, (total) => total < max)) return false
    // Nothing is called or made in between where V8 would end a thread that is told to end.
    Atomics.add(this.words, row + SHARDS + shard, 1)
    return true
  }

  /** Counts a connection out if the account has more than `max`; answers whether it did. */
  leaveIfExcess(account: Account, shard: number, max: number): boolean {
    const row = this.rowOf(account)
    if (row < 0 || !this.step(row + TOTAL, -1, (total) => total > max)) return false
    Atomics.sub(this.words, row + SHARDS + shard, 1)
    return true
  }

  leave(account: Account, shard: number): void {
    const row = this.rowOf(account)
    if (row < 0) return
    Atomics.sub(this.words, row + SHARDS + shard, 1)
    Atomics.sub(this.words, row + TOTAL, 1)
  }

  /** The shard has died: its connections are gone. */
  reset(shard: number): void {
    for (let row = 0; row < this.words.length; row += this.stride) {
      Atomics.sub(this.words, row + TOTAL, Atomics.exchange(this.words, row + SHARDS + shard, 0))
    }
  }

  /** Adds to a word if its value `may`, whatever other shards do to it meanwhile. Answers whether it did. */
  private step(word: number, by: number, may: (value: number) => boolean): boolean {
    for (;;) {
      const value = Atomics.load(this.words, word)
      if (!may(value)) return false
      if (Atomics.compareExchange(this.words, word, value, value + by) === value) return true
    }
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
