// A shard's slot in the server: one thread after the other may occupy it.

import { RESTART_BACKOFF_MAX_MS, RESTART_BACKOFF_MIN_MS, SHARD_SETTLED_MS } from '../base/constants.ts'
import type { ThreadWatch } from '../base/thread-watch.ts'
import type { ShardHost } from './shard-host.ts'

export interface Slot {
  host: ShardHost
  /** Its first thread does not take connections yet. */
  starting: boolean
  /** Connections handed to the thread that is there now. */
  handed: number
  /** Links to other servers. */
  links: number
  /** Deaths of threads that had not lived for long, one after the other. */
  failures: number
  /** When the thread took its place, on the loop's clock. */
  bornMs: number
  readonly watch: ThreadWatch
}

/** A shard that may be asked something. */
export interface Asked {
  readonly host: Pick<ShardHost, 'isReady' | 'query'>
  readonly watch: Pick<ThreadWatch, 'isLate'>
}

export function isReady({ host }: { readonly host: Pick<ShardHost, 'isReady'> }): boolean {
  return host.isReady
}

/** It is ready, and turns its loop. */
export function isServing(slot: Asked): boolean {
  return isReady(slot) && !slot.watch.isLate
}

/**
 * How long to wait with another thread for a place whose thread has died: what kills one after the other, as a client
 * that comes again, is not to keep the server busy with it. Counts the death. `nowMs`: on the loop's clock.
 */
export function replacementDelayMs(slot: Slot, nowMs: number): number {
  if (nowMs - slot.bornMs > SHARD_SETTLED_MS) slot.failures = 0
  const doublings = slot.failures++
  return doublings === 0 ? 0 : Math.min(RESTART_BACKOFF_MAX_MS, RESTART_BACKOFF_MIN_MS * 2 ** doublings)
}
