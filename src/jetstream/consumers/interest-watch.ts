// Tells consumers that push when somebody begins to listen, and when nobody listens any more. The index in shared
// memory calls nobody back. What was found in it says by itself whether it still holds: a look at one number tells.

import { guarded, type OnBug } from '../../base/guarded.ts'

/** As long as a subscriber may wait for its first message. */
const LOOK_MS = 50

export interface Watcher {
  /** Looks whether somebody listens. */
  look(): void
}

export interface WatchOwner {
  readonly bugMet: OnBug
  /** Something else than a read makes the shard work. */
  wake(): void
}

export class InterestWatch {
  private readonly owner: WatchOwner
  private readonly watchers = new Set<Watcher>()
  private timer: NodeJS.Timeout | undefined

  constructor(owner: WatchOwner) {
    this.owner = owner
  }

  add(watcher: Watcher): void {
    this.watchers.add(watcher)
    this.timer ??= setInterval(
      guarded(this.owner.bugMet, () => this.look()),
      LOOK_MS,
    ).unref()
  }

  remove(watcher: Watcher): void {
    this.watchers.delete(watcher)
    if (this.watchers.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }

  private look(): void {
    this.owner.wake()
    for (const watcher of this.watchers) watcher.look()
  }
}
