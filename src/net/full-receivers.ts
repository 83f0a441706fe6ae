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

  /** Whether there is none left; otherwise `then` is called back when one of them has caught up. */
  areGone(then: () => void): boolean {
    const { receivers } = this
    if (receivers === undefined) return true
    for (const receiver of receivers) {
      if (receiver.isNearlyFull && !receiver.isStuck) receiver.whenRelieved(then)
      else receivers.delete(receiver)
    }
    return receivers.size === 0
  }

  clear(): void {
    this.receivers = undefined
  }
}
