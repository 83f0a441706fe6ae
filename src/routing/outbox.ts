// What the current read publishes for other shards. Its runs stay where they were read, in one block, until the read
// ends; others, such as those that the parser had kept for a later turn, are copied here. Each is packed once,
// whichever shards it is for; each link notes which ones are for its shard, and sends them as a batch: the packed runs,
// then their bytes, those that stand side by side in one copy.
//
//     read block   PUB a 1␍␊x␍␊ PUB b 2␍␊yz␍␊ PING␍␊ PUB a 3␍␊123␍␊
//     outbox       0            1                    2
//     link to 1    0            1                    2       one frame: 3 packed runs, two copies
//     link to 2    0                                 2       one frame: 2 packed runs, two copies
//
// It is emptied before anything else goes to one of these shards, before they are to see what was published, and before
// another piece of work begins (mesh/publish-order.ts).

import type { Account } from '../accounts/account.ts'
import { BATCH_RUNS_MAX, CHUNK_BYTES, FRAME_ROOM_MIN } from '../base/constants.ts'
import { allocateBlock, type Block, copyBytes } from '../memory/block.ts'
import { isPackable, PACKED_RUN_BYTES, packRun } from '../protocol/packed-run.ts'
import type { Run } from '../protocol/run.ts'
import type { Batch, PackedRuns } from './batch.ts'
import type { Peer } from './peer.ts'
import { noteSent, type Publisher } from './publisher.ts'
import { SERVER_ID } from './server-publisher.ts'

export class Outbox implements PackedRuns {
  /** All shards to which a link may lead. */
  private readonly peers: readonly Peer[]
  /** Where runs stay until the read ends; undefined: none do. */
  private lasting: Block | undefined
  /** What its runs have in common; undefined: there are none. */
  private batch: Batch | undefined
  private account: Account | undefined
  private publisher: Publisher | undefined
  private count = 0
  private rawBytes = 0
  readonly packed: Block = allocateBlock(BATCH_RUNS_MAX * PACKED_RUN_BYTES)
  readonly starts = new Int32Array(BATCH_RUNS_MAX)
  readonly lengths = new Int32Array(BATCH_RUNS_MAX)
  /** Copies of runs that do not stay where they are. */
  private readonly copies: Block = allocateBlock(CHUNK_BYTES)
  source: Block = this.copies

  constructor(peers: readonly Peer[]) {
    this.peers = peers
  }

  /** Runs in `block` stay there until readEnds(). */
  readBegins(block: Block): void {
    this.lasting = block
  }

  readEnds(): void {
    this.empty()
    this.lasting = undefined
  }

  /** Does what is no part of the current read. */
  apart(work: () => void): void {
    const { lasting } = this
    this.readEnds()
    work()
    this.lasting = lasting
  }

  /**
   * Keeps a run for the links that pick it; returns its place, or -1 if it has to be sent at once. `number`: that of
   * its subject.
   */
  add(run: Run, account: Account, publisher: Publisher, number: number): number {
    const { lasting, batch } = this
    const { block, isImported, origin, cluster } = run
    const length = run.count * run.stride
    if (lasting === undefined || length > FRAME_ROOM_MIN || publisher.id === SERVER_ID || !isPackable(run)) return -1
    const source = block === lasting ? block : this.copies
    if (
      batch !== undefined &&
      (this.publisher !== publisher ||
        this.account !== account ||
        this.source !== source ||
        batch.isImported !== isImported ||
        batch.origin !== origin ||
        batch.cluster !== cluster ||
        this.count === BATCH_RUNS_MAX ||
        this.rawBytes + length > CHUNK_BYTES)
    ) {
      this.empty()
    }
    if (this.batch === undefined) {
      this.source = source
      this.account = account
      this.publisher = publisher
      this.batch = { runs: this, account: account.name, publisher: publisher.id, isImported, origin, cluster }
    }
    const place = this.count++
    packRun(this.packed, place * PACKED_RUN_BYTES, run, number)
    const start = run.first - run.lineLength
    if (source === block) this.starts[place] = start
    else {
      copyBytes(source, this.rawBytes, block, start, length)
      this.starts[place] = this.rawBytes
    }
    this.lengths[place] = length
    this.rawBytes += length
    return place
  }

  /** Sends what the links have picked; they hold the publisher where their rings have no room. */
  empty(): void {
    const { batch } = this
    if (batch === undefined) return
    const publisher = this.publisher as Publisher
    this.batch = undefined
    this.publisher = undefined
    try {
      for (const peer of this.peers) {
        if (peer.link.sendPicked(batch)) noteSent(publisher, peer)
      }
    } catch (error) {
      // A bug: what else was picked is lost, as it may not join the next batch.
      for (const { link } of this.peers) link.dropPicked()
      throw error
    } finally {
      this.count = 0
      this.rawBytes = 0
    }
  }
}
