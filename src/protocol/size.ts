// The numbers of the protocol: sizes, and the counts of UNSUB. They are bounded before any arithmetic.

import { SIZE_DIGITS_MAX } from '../base/constants.ts'
import { decimalOf } from '../text/decimal.ts'

/** A size argument: 1 to 9 decimal digits. Returns -1 for anything else (docs/reference/operations.md, "Sizes"). */
export function parseSize(bytes: Buffer, start: number, end: number): number {
  return end - start > SIZE_DIGITS_MAX ? -1 : decimalOf(bytes, start, end)
}
