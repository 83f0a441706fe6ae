// Places in numbers that rise.

/** The first place of sorted numbers in [low, high) that does not hold less than `value`; `high`: there is none. */
export function placeIn(sorted: ArrayLike<number>, value: number, low: number, high: number): number {
  let from = low
  let to = high
  while (from < to) {
    const middle = (from + to) >>> 1
    if (sorted[middle] < value) from = middle + 1
    else to = middle
  }
  return from
}
