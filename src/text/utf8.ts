// Bytes as text, the way Go reads them: each byte that is no part of a character becomes one U+FFFD. Web decoders,
// including Node's, treat the bytes of a truncated character as one.

import { isUtf8 } from 'node:buffer'

const REPLACEMENT = '\ufffd'

/** bytes[start, end) as text. */
export function goText(bytes: Buffer, start = 0, end: number = bytes.length): string {
  const given = bytes.subarray(start, end)
  if (isUtf8(given)) return given.toString('utf8')
  const parts: string[] = []
  let good = 0
  for (let at = 0; at < given.length; ) {
    const length = characterLength(given, at)
    if (length > 0) {
      at += length
      continue
    }
    parts.push(given.toString('utf8', good, at), REPLACEMENT)
    at++
    good = at
  }
  parts.push(given.toString('utf8', good))
  return parts.join('')
}

/** How many bytes the character that begins at `at` has; 0 if none does. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at]
  if (first < 0x80) return 1
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  return length > 0 && isUtf8(bytes.subarray(at, at + length)) ? length : 0
}
