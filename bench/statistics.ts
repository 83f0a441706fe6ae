// The few statistics that the bench needs.

/** The value in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The smallest value that `share` (0 to 1) of the values do not exceed. `sorted` is in ascending order, not empty. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

export interface Point {
  readonly x: number
  readonly y: number
}

/** How much y grows for each x, by least squares; 0 for fewer than two points. */
export function slope(points: readonly Point[]): number {
  if (points.length < 2) return 0
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length
  let above = 0
  let below = 0
  for (const { x, y } of points) {
    above += (x - meanX) * (y - meanY)
    below += (x - meanX) ** 2
  }
  return above / below
}
