// The numbers of the protocol: sizes, and the counts of UNSUB. They are bounded before any arithmetic.

import { SIZE_DIGITS_MAX } from '../base/constants.ts'

/** A size argument: 1 to 9 decimal digits. Returns -1 for anything else (docs/reference/operations.md, "Sizes"). */
export function parseSize(bytes: Buffer, start: number, end: number): number {
  if (end === start || end - start > SIZE_DIGITS_MAX) return -1
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = bytes[i] - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}
