// Which shard gets the next connection.
//
// Round robin divides connections evenly. Two that talk to each other are then on the same one of N shards in one case
// of N, and each message between shards wakes a thread. Where the load is low that is most of its cost: packed
// connections stay on as few shards as carry their load (docs/tuning.md has the measurements).

import { performance } from 'node:perf_hooks'
import type { Placement as Policy } from '../options/shapes.ts'

/** A busier shard gets no further connection while another one is idle enough. Share of its time. */
export const PACKED_BUSY = 0.5

/** What places are chosen by. */
export interface Place {
  readonly host: { /** The share of the latest interval in which its thread was busy, 0 to 1. */ readonly busy: number }
}

/** How busy one thread is. */
export class ThreadLoad {
  /** The share of the time between the two latest looks, 0 to 1. */
  busy = 0
  private readonly worker: { readonly performance: Pick<typeof performance, 'eventLoopUtilization'> }
  private before: ReturnType<typeof performance.eventLoopUtilization> | undefined

  constructor(worker: ThreadLoad['worker']) {
    this.worker = worker
  }

  look(): void {
    const now = this.worker.performance.eventLoopUtilization()
    if (this.before !== undefined) this.busy = performance.eventLoopUtilization(now, this.before).utilization
    this.before = now
  }
}

/** Chooses the place of the next connection; `canTake` says whether a place can have one at all. */
export class Placement<P extends Place> {
  /** A reload may change it. */
  policy: Policy
  private next = 0

  constructor(policy: Policy) {
    this.policy = policy
  }

  pick(places: readonly P[], canTake: (place: P) => boolean): P | undefined {
    return this.policy === 'pack' ? packed(places, canTake) : this.inTurn(places, canTake)
  }

  private inTurn(places: readonly P[], canTake: (place: P) => boolean): P | undefined {
    for (let tried = 0; tried < places.length; tried++) {
      const place = places[this.next]
      this.next = (this.next + 1) % places.length
      if (canTake(place)) return place
    }
    return undefined
  }
}

/** The first that is idle enough; else the least busy one. */
function packed<P extends Place>(places: readonly P[], canTake: (place: P) => boolean): P | undefined {
  let least: P | undefined
  for (const place of places) {
    if (!canTake(place)) continue
    if (place.host.busy < PACKED_BUSY) return place
    if (least === undefined || place.host.busy < least.host.busy) least = place
  }
  return least
}
