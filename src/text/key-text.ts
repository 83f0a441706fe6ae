// nkeys as text: their bytes, and a CRC-16 of these (low byte first), in base32. The first byte or two say which kind
// of key it is.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const SUM_BYTES = 2

/** The bytes of a key; undefined: the text has other letters in it, is too short, or has the CRC of other bytes. */
export function decodeKeyText(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8))
  let bits = 0
  let held = 0
  let at = 0
  for (const letter of text) {
    const digit = ALPHABET.indexOf(letter)
    if (digit < 0) return undefined
    held = ((held << 5) | digit) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (held >> bits) & 0xff
    }
  }
  const end = bytes.length - SUM_BYTES
  if (end <= 0) return undefined
  const key = bytes.subarray(0, end)
  return crc16(key) === (bytes[end] | (bytes[end + 1] << 8)) ? key : undefined
}

/** The text of a key. */
export function encodeKeyText(key: Uint8Array): string {
  const sum = crc16(key)
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of [...key, sum & 0xff, sum >> 8]) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    for (; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31]
  }
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
  }
  return crc
}
