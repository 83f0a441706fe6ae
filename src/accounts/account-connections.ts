// How many connections each account has, over all shards: for the limits of accounts (docs/reference/accounts.md,
// "Limits of accounts").
//
// A table in shared memory: one row per account that has such a limit and connections, one column per shard, and one
// for the other servers of the cluster, which the primary keeps. A shard counts in its own column, which is cleared
// when it dies; the sum is compared with the limit. Rows are found by the digest of the account's name, so that each
// account has a row of its own, whatever the names are. A row of which all columns are 0 is free.
//
//     header   [ LOCK | FREE | TOP | SWEEP_AT | heads of the lists, by the first word of the digest … ]
//     row      [ next in its list | digest, 8 words | shard 0 | shard 1 | … | other servers ]
//
// Counts change at the pace of logins, so one lock for the whole table is enough. It names the shard that holds it, for
// some microseconds. If that shard dies, the primary releases the lock; the table is valid after each word that is
// written.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { ACCOUNT_ROWS_MAX } from '../base/constants.ts'
import type { AccountKey } from '../interest/reader.ts'
import type { Account } from './account.ts'

const WORD_BYTES = 4
const BUCKETS = 16 * 1024
/** Offsets of words in the header. */
const LOCK = 0
const FREE = 1
/** The row after the last one that was ever used; 0 for the first. */
const TOP = 2
/** With so many rows in use, free ones are searched for. */
const SWEEP_AT = 3
const HEADS = 4
const HEADER_WORDS = HEADS + BUCKETS
/** Offsets of words in a row. */
const NEXT = 0
const DIGEST = 1
const DIGEST_WORDS = 8
const COLUMNS = DIGEST + DIGEST_WORDS

const OPEN = 0
/** No row: offsets are in words from the start of the table. */
const NONE = 0
const ROWS_FIRST = 1024
/** How long to sleep before the lock is tried again, unless woken. */
const LOCK_WAIT_MS = 1

export class AccountConnections {
  readonly memory: SharedArrayBuffer
  /** Follows the table's growth. */
  private readonly words: Int32Array
  private readonly shards: number
  private readonly stride: number
  private readonly digests = new WeakMap<AccountKey, Int32Array>()

  constructor(shards: number, memory = createTable(shards, ACCOUNT_ROWS_MAX)) {
    this.memory = memory
    this.words = new Int32Array(memory)
    this.shards = shards
    this.stride = strideOf(shards)
  }

  /**
   * Counts a connection in. Returns false, and does not, if the account has its `max` already, or if there is no room
   * in the table for one more account.
   */
  join(account: Account, shard: number, max: number): boolean {
    return this.locked(shard, () => {
      const row = this.find(account) || this.claim(account)
      if (row === NONE || this.total(row) >= max) return false
      Atomics.add(this.words, row + COLUMNS + shard, 1)
      return true
    })
  }

  /** Counts a connection out if the account has more than `max`; returns whether it did. */
  leaveIfExcess(account: Account, shard: number, max: number): boolean {
    return this.locked(shard, () => {
      const row = this.find(account)
      if (row === NONE || this.total(row) <= max) return false
      Atomics.sub(this.words, row + COLUMNS + shard, 1)
      return true
    })
  }

  /** The primary has heard how many it has at other servers. Where there is no room for one more, it goes unnoticed. */
  setElsewhere(account: AccountKey, count: number): void {
    const primary = this.shards
    this.locked(primary, () => {
      const row = this.find(account) || (count > 0 ? this.claim(account) : NONE)
      if (row !== NONE) Atomics.store(this.words, row + COLUMNS + primary, count)
    })
  }

  leave(account: Account, shard: number): void {
    this.locked(shard, () => {
      const row = this.find(account)
      assert(row !== NONE && this.words[row + COLUMNS + shard] > 0, 'a connection left that had not joined')
      Atomics.sub(this.words, row + COLUMNS + shard, 1)
    })
  }

  /** The shard has died: its connections are gone, and so is its hold of the lock. */
  reset(shard: number): void {
    const { words, stride } = this
    if (Atomics.compareExchange(words, LOCK, shard + 1, OPEN) === shard + 1) Atomics.notify(words, LOCK)
    const rows = Atomics.load(words, TOP)
    for (let row = 0; row < rows; row++) Atomics.store(words, HEADER_WORDS + row * stride + COLUMNS + shard, 0)
  }

  private locked<T>(shard: number, work: () => T): T {
    const { words } = this
    for (;;) {
      const holder = Atomics.compareExchange(words, LOCK, OPEN, shard + 1)
      if (holder === OPEN) break
      Atomics.wait(words, LOCK, holder, LOCK_WAIT_MS)
    }
    try {
      return work()
    } finally {
      Atomics.store(words, LOCK, OPEN)
      Atomics.notify(words, LOCK, 1)
    }
  }

  // ── With the lock in hand ─────────────────────────────────────────────────────────────────────────────

  private total(row: number): number {
    let total = 0
    for (let column = 0; column <= this.shards; column++) total += Atomics.load(this.words, row + COLUMNS + column)
    return total
  }

  private find(account: AccountKey): number {
    const { words } = this
    const digest = this.digestOf(account)
    let row = words[headOf(digest)]
    while (row !== NONE && !isDigestAt(words, row + DIGEST, digest)) row = words[row + NEXT]
    return row
  }

  private claim(account: AccountKey): number {
    const { words } = this
    const row = this.allocate()
    if (row === NONE) return NONE
    const digest = this.digestOf(account)
    words.set(digest, row + DIGEST)
    words[row + NEXT] = words[headOf(digest)]
    // The row is whole before it is in the list.
    Atomics.store(words, headOf(digest), row)
    return row
  }

  private allocate(): number {
    const { words } = this
    if (words[FREE] === NONE && words[TOP] >= words[SWEEP_AT]) this.sweep()
    const free = words[FREE]
    if (free !== NONE) {
      Atomics.store(words, FREE, words[free + NEXT])
      return free
    }
    const row = HEADER_WORDS + words[TOP] * this.stride
    const end = (row + this.stride) * WORD_BYTES
    if (end > this.memory.maxByteLength) return NONE
    if (end > this.memory.byteLength) this.memory.grow(Math.min(end * 2, this.memory.maxByteLength))
    Atomics.store(words, TOP, words[TOP] + 1)
    return row
  }

  /** Takes the rows of accounts that have no connections out of their lists. Twice as many as are left may come. */
  private sweep(): void {
    const { words } = this
    let left = 0
    for (let link = HEADS; link < HEADER_WORDS; link++) {
      let before = link
      for (let row = words[before]; row !== NONE; row = words[before]) {
        if (this.total(row) > 0) {
          left++
          before = row + NEXT
          continue
        }
        Atomics.store(words, before, words[row + NEXT])
        words[row + NEXT] = words[FREE]
        Atomics.store(words, FREE, row)
      }
    }
    const most = (this.memory.maxByteLength / WORD_BYTES - HEADER_WORDS) / this.stride
    words[SWEEP_AT] = Math.min(Math.max(ROWS_FIRST, 2 * left), Math.floor(most))
  }

  private digestOf(account: AccountKey): Int32Array {
    let digest = this.digests.get(account)
    if (digest === undefined) {
      const bytes = new Uint8Array(createHash('sha256').update(account.bytes).digest())
      digest = new Int32Array(bytes.buffer)
      this.digests.set(account, digest)
    }
    return digest
  }
}

/** Memory for a table. Address space for its growth is reserved, not used. */
export function createTable(shards: number, rowsMax: number): SharedArrayBuffer {
  const bytes = (rows: number): number => (HEADER_WORDS + rows * strideOf(shards)) * WORD_BYTES
  const rows = Math.min(ROWS_FIRST, rowsMax)
  const memory = new SharedArrayBuffer(bytes(rows), { maxByteLength: bytes(rowsMax) })
  new Int32Array(memory)[SWEEP_AT] = rows
  return memory
}

function strideOf(shards: number): number {
  return COLUMNS + shards + 1
}

function headOf(digest: Int32Array): number {
  return HEADS + ((digest[0] >>> 0) % BUCKETS)
}

function isDigestAt(words: Int32Array, at: number, digest: Int32Array): boolean {
  for (let i = 0; i < DIGEST_WORDS; i++) if (words[at + i] !== digest[i]) return false
  return true
}
