// Bytes and text without Node's Buffer, as the client runs in browsers too. A call into the runtime (TextEncoder,
// TypedArray.set) costs about 50 ns whatever it does; what is short is therefore done byte by byte.

const ENCODER = new TextEncoder()
const DECODER = new TextDecoder()

/** Shorter runs of bytes are copied byte by byte. */
const SET_MIN = 48

export const CR = 13
export const LF = 10
export const BLANK = 32

export const Empty = new Uint8Array(0)

/** Text as UTF-8. */
export function bytesOf(text: string): Uint8Array {
  return ENCODER.encode(text)
}

/** UTF-8 as text; what is none becomes U+FFFD. */
export function textOf(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  return DECODER.decode(bytes.subarray(start, end))
}

/** Copies bytes to `at`; returns where they end. */
export function put(to: Uint8Array, at: number, bytes: Uint8Array): number {
  const { length } = bytes
  if (length >= SET_MIN) to.set(bytes, at)
  else for (let i = 0; i < length; i++) to[at + i] = bytes[i]
  return at + length
}

/** Writes ASCII text; returns where it ends, or -1 if it is other text (what was written counts for nothing). */
export function putAscii(to: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) return -1
    to[at + i] = code
  }
  return at + text.length
}

/** Writes a non-negative integer in decimal; returns where it ends. */
export function putDecimal(to: Uint8Array, at: number, value: number): number {
  let end = at + 1
  for (let limit = 10; value >= limit; limit *= 10) end++
  for (let i = end - 1; i >= at; i--) {
    const rest = Math.floor(value / 10)
    to[i] = 48 + value - rest * 10
    value = rest
  }
  return end
}
