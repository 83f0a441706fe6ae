// The characters of a configuration file. The lexer works on byte strings (one char a byte), because columns count
// bytes; this file knows the characters that those bytes encode.

const REPLACEMENT = '\ufffd'
const BEYOND_ASCII = /[\u0080-\u00ff]/

/** Bytes of the UTF-8 sequence that begins at `at`, 1 where none does. */
export function runeWidth(bytes: string, at: number): number {
  const first = bytes.charCodeAt(at)
  if (first < 0xc2) return 1
  const width = first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1
  if (at + width > bytes.length) return 1
  for (let i = 1; i < width; i++) if ((bytes.charCodeAt(at + i) & 0xc0) !== 0x80) return 1
  // Overlong forms, surrogates and code points beyond Unicode.
  const second = bytes.charCodeAt(at + 1)
  if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return 1
  if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return 1
  return width
}

/** The code point of `width` bytes at `at`; a byte that spells nothing is the replacement character. */
export function runeValue(bytes: string, at: number, width: number): number {
  const first = bytes.charCodeAt(at)
  if (width === 1) return first < 0x80 ? first : 0xfffd
  let value = first & (0xff >> (width + 1))
  for (let i = 1; i < width; i++) value = (value << 6) | (bytes.charCodeAt(at + i) & 0x3f)
  return value
}

/** Bytes to text; each byte that belongs to no character becomes one replacement character. */
export function textOf(bytes: string): string {
  if (!BEYOND_ASCII.test(bytes)) return bytes
  const text = Buffer.from(bytes, 'latin1').toString('utf8')
  if (!text.includes(REPLACEMENT)) return text
  let exact = ''
  for (let at = 0; at < bytes.length; ) {
    const width = runeWidth(bytes, at)
    exact += String.fromCodePoint(runeValue(bytes, at, width))
    at += width
  }
  return exact
}

/** Space as keys are parted by it: Unicode's, not only ASCII's. */
export function isSpace(rune: number): boolean {
  if (rune < 0x80) return rune === 0x20 || (rune >= 0x09 && rune <= 0x0d)
  return rune === 0x85 || rune === 0xa0 || rune === 0x1680 || (rune >= 0x2000 && rune <= 0x200a) || isWideSpace(rune)
}

function isWideSpace(rune: number): boolean {
  return rune === 0x2028 || rune === 0x2029 || rune === 0x202f || rune === 0x205f || rune === 0x3000
}

const DIGIT = /^\p{Nd}$/u

export function isDigit(rune: number): boolean {
  if (rune < 0x80) return rune >= 0x30 && rune <= 0x39
  return DIGIT.test(String.fromCodePoint(rune))
}
