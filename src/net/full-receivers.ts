// Receivers that are about to be cut, for whose sake what publishes to them waits: until the last of them has caught
// up, and not the first. One that takes nothing is waited for no more.

import type { Outbound } from './outbound.ts'

type Receiver = Pick<Outbound, 'isNearlyFull' | 'isStuck' | 'whenRelieved'>

export class FullReceivers {
  private receivers: Set<Receiver> | undefined

  /** One has fallen behind. */
  note(receiver: Receiver): void {
    if (!receiver.isNearlyFull) return
    this.receivers ??= new Set()
    this.receivers.add(receiver)
  }

  /**
   * Whether there is none left; otherwise `then` is called back when one of them has caught up. It is the one that is
   * looked at first the next time: however many there are, each is looked at about once.
   */
  areGone(then: () => void): boolean {
    const { receivers } = this
    if (receivers === undefined) return true
    for (const receiver of receivers) {
      if (receiver.isNearlyFull && !receiver.isStuck) {
        receiver.whenRelieved(then)
        return false
      }
      receivers.delete(receiver)
    }
    return true
  }

  clear(): void {
    this.receivers = undefined
  }
}
