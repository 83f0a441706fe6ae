// Input from the other shards: the frames in all rings to this one, in the order of publication (publish-order.ts), not
// ring by ring.

import { RING_BUSY_BYTES, RING_TURN_BYTES } from '../base/constants.ts'
import type { OnBug } from '../base/guarded.ts'
import type { Turns } from '../base/turns.ts'
import { isNotAfter, type PublishOrder } from './publish-order.ts'

/** A ring to this shard. */
export interface InboxRing {
  /** Takes nothing for a while, as one of our receivers has no room. */
  readonly paused: boolean
  /** Whether a frame is there that was published no later than work `number`. */
  holdsFrameOf(number: number): boolean
  /** The number of the next frame's work. Only where there is one. */
  readonly nextNumber: number
  /**
   * Deals with the next frame; returns the bytes dealt with. Only where there is one. Part of a batch may be left for
   * later: unless it `isWhole`, when the turn is over, and unless `paused`, when the ring is paused.
   */
  takeFrame(isWhole: boolean, paused: boolean): number
  /** Asks to be woken by the next frame. Returns false if there is one already. */
  sleep(): boolean
}

/** What the inbox needs of its shard. */
export interface InboxOwner {
  readonly peers: readonly InboxRing[]
  readonly turns: Turns
  readonly order: PublishOrder
  readonly bugMet: OnBug
  beginWork(): void
  endRead(): void
}

export class Inbox {
  private readonly owner: InboxOwner
  private isScheduled = false
  private isTaking = false

  constructor(owner: InboxOwner) {
    this.owner = owner
  }

  /** Deals with the frames in the rings in a later turn. */
  schedule(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    this.owner.turns.wait(() => {
      this.isScheduled = false
      this.drain()
    })
  }

  /** Deals with the frames in the rings: at most one turn's worth, then others get their turn. */
  drain(): void {
    const { owner } = this
    const { turns } = owner
    owner.beginWork()
    turns.begin()
    const bytes = this.take(RING_TURN_BYTES)
    // Under load the next frame is not far: look again in the next turn, and sleep only when little came.
    if (bytes >= RING_BUSY_BYTES || turns.isOver || !this.sleep()) this.schedule()
    owner.endRead()
  }

  /**
   * Deals with all that other shards' publishers have flushed by now. `paused`: what is in rings that are paused as
   * well.
   */
  catchUp(paused: boolean): void {
    this.take(Number.POSITIVE_INFINITY, paused)
  }

  private take(most: number, paused = false): number {
    // A frame that is being processed is still in its ring.
    if (this.isTaking || this.owner.peers.length === 0) return 0
    this.isTaking = true
    // What goes on from here comes behind what it was published behind.
    this.owner.order.begin()
    try {
      return this.takeInOrder(this.owner.order.latest, most, paused)
    } catch (error) {
      this.owner.bugMet(error)
      // The rings are read again: a shard that is not asleep is not woken.
      return RING_BUSY_BYTES
    } finally {
      this.isTaking = false
    }
  }

  /** Takes frames up to work `latest`, those of the earliest work first; returns their bytes. */
  private takeInOrder(latest: number, most: number, paused: boolean): number {
    const { peers, turns } = this.owner
    const isWhole = most === Number.POSITIVE_INFINITY
    let dealtWith = 0
    for (;;) {
      let ring: InboxRing | undefined
      // The first frame of any other ring, at the latest.
      let until = latest
      for (const other of peers) {
        if ((other.paused && !paused) || !other.holdsFrameOf(until)) continue
        const { nextNumber } = other
        if (ring === undefined) ring = other
        else if (isNotAfter(ring.nextNumber, nextNumber)) until = nextNumber
        else {
          until = ring.nextNumber
          ring = other
        }
      }
      if (ring === undefined) return dealtWith
      do {
        dealtWith += ring.takeFrame(isWhole, paused)
        if (dealtWith >= most || (!isWhole && turns.isOver)) return dealtWith
      } while ((paused || !ring.paused) && ring.holdsFrameOf(until))
    }
  }

  private sleep(): boolean {
    let sleeps = true
    for (const ring of this.owner.peers) if (!ring.paused && !ring.sleep()) sleeps = false
    return sleeps
  }
}
