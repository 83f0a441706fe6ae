// Lame duck mode (docs/reference/reload-and-signals.md, "Lame duck mode"): the server accepts no more clients, tells
// the connected ones that it is about to end, gives them a grace period to look for another one, and closes the
// remaining ones one by one, so that they do not all reconnect elsewhere in the same moment.

import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { LAME_DUCK_GAP_MAX_MS } from '../base/constants.ts'

/** Gaps shorter than this are not worth a timer: several clients are closed at once instead. */
const GAP_MIN_MS = 10

/** How many clients to close at a time, and the longest wait between two times. */
export interface Pace {
  readonly batch: number
  readonly gapMs: number
}

/** Closes `clients` within `spanMs`. */
export function paceOf(clients: number, spanMs: number): Pace {
  const gapMs = Math.min(LAME_DUCK_GAP_MAX_MS, spanMs / Math.max(1, clients))
  if (gapMs >= GAP_MIN_MS) return { batch: 1, gapMs }
  return { batch: Math.ceil(GAP_MIN_MS / gapMs), gapMs: GAP_MIN_MS }
}

/**
 * Calls `closeNext` for `clients` of them in all, a batch at a time, spread over `spanMs`. Each wait is random, half
 * of the pace's gap at least. Ends early when `signal` says so; never rejects.
 */
export async function closeSpread(
  clients: number,
  spanMs: number,
  closeNext: (count: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const { batch, gapMs } = paceOf(clients, spanMs)
  for (let left = clients; left > 0 && !signal.aborted; left -= batch) {
    closeNext(Math.min(batch, left))
    if (left > batch) await pause(gapMs * (0.5 + Math.random() / 2), signal)
  }
}

/** Waits for so long, or until `signal` says that there is no more waiting. Never rejects. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

/** The same items in random order. */
export function shuffled<T>(items: readonly T[]): T[] {
  const left = [...items]
  for (let last = left.length - 1; last > 0; last--) {
    const picked = randomInt(last + 1)
    ;[left[picked], left[last]] = [left[last], left[picked]]
  }
  return left
}
