// A connection's part in the turns of its shard: its remaining work, and how it yields.

import { TURN_GRACE, TURN_WORK } from '../base/constants.ts'
import { type Turns, workOfRead } from '../base/turns.ts'

/** What it needs of the shard. */
export interface TurnShard {
  readonly turns: Turns
  beginRead(): void
  endRead(): void
}

/** The connection. */
export interface TurnOwner {
  readonly closing: boolean
  /** It takes nothing more until the function that this answers is called. */
  suspend(): () => void
  /** A bug was met. */
  failed(error: unknown): void
}

export class Turn {
  private readonly shard: TurnShard
  private readonly owner: TurnOwner
  /** It counts from one time to give way to the next, over as many reads as there are between them. */
  private left = TURN_WORK
  private isWaiting = false

  constructor(shard: TurnShard, owner: TurnOwner) {
    this.shard = shard
    this.owner = owner
  }

  /** Works for the connection, `readBytes` having been read for it. A bug costs the connection, not the shard. */
  take(work: () => void, readBytes = 0): void {
    const { turns } = this.shard
    turns.left = this.left + TURN_GRACE - workOfRead(readBytes)
    try {
      work()
    } catch (error) {
      this.owner.failed(error)
    }
    this.left = turns.left - TURN_GRACE
    if (this.left <= 0) this.giveWay()
  }

  /**
   * The connection takes nothing more until the others have had their turn. A socket is read until there is nothing
   * left, and one that sends without a pause always has something.
   */
  giveWay(): void {
    const { shard, owner } = this
    if (this.isWaiting || owner.closing) return
    this.isWaiting = true
    const goOn = owner.suspend()
    shard.turns.wait(() => {
      this.isWaiting = false
      this.left = TURN_WORK
      shard.beginRead()
      goOn()
      shard.endRead()
    })
  }
}
