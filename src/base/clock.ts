// The time of day.

/** Milliseconds since 1970 on the clock that the shards' reports use: finer than Date.now(), and it never goes back. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}
