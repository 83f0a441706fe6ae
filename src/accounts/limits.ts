// Limits of a connection, set by the server, its account and its user.

/** Bounds of one connection; -1: none. The account's and the server's come on top, see lowestLimits(). */
export interface Limits {
  readonly subscriptions: number
  readonly payload: number
}

export const NO_LIMIT = -1

export const NO_LIMITS: Limits = Object.freeze({ subscriptions: NO_LIMIT, payload: NO_LIMIT })

/** The lower of each bound; -1 is higher than any. A server's or an account's bounds are applied with it. */
export function lowestLimits(...all: readonly Limits[]): Limits {
  const lowest = (values: readonly number[]): number => {
    const bounds = values.filter((value) => value !== NO_LIMIT)
    return bounds.length === 0 ? NO_LIMIT : Math.min(...bounds)
  }
  return {
    subscriptions: lowest(all.map((limits) => limits.subscriptions)),
    payload: lowest(all.map((limits) => limits.payload)),
  }
}
