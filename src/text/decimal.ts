// Decimal numbers in the bytes of a peer.

/** More could not be told apart by a number. */
const DIGITS_MAX = 15

/** The non-negative integer that bytes[start, end) are in decimal; -1 if they are none, or have more than 15 digits. */
export function decimalOf(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || end - start > DIGITS_MAX) return -1
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = bytes[i] - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}
