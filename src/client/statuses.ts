// The events of a connection, to everybody who iterates over status().

import type { Status } from './api.ts'
import { Pending } from './pending.ts'

/** Who does not read finds so many of the latest. */
const STATUSES_MAX = 1024

export class Statuses {
  private readonly listeners = new Set<Pending<Status>>()
  private isEnded = false

  listen(): AsyncIterable<Status> {
    const pending: Pending<Status> = new Pending<Status>(undefined, () => this.listeners.delete(pending))
    if (this.isEnded) pending.end()
    else this.listeners.add(pending)
    return pending.items()
  }

  tell(status: Status): void {
    for (const pending of this.listeners) {
      if (pending.size >= STATUSES_MAX) pending.dropOldest()
      pending.push(status)
    }
  }

  end(): void {
    this.isEnded = true
    for (const pending of this.listeners) pending.end()
    this.listeners.clear()
  }
}
