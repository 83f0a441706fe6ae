// CRC-32C (Castagnoli), eight bytes at a time, and the mask that Snappy's framing puts over it.

const CASTAGNOLI = 0x82f63b78
const MASK_DELTA = 0xa282ead8
const LANES = 8

/** TABLES[lane * 256 + byte]: what a byte does to the sum when `lane` more bytes follow it. */
const TABLES = tables()

function tables(): Int32Array {
  const all = new Int32Array(LANES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1
    all[byte] = crc
  }
  for (let i = 256; i < all.length; i++) all[i] = (all[i - 256] >>> 8) ^ all[all[i - 256] & 0xff]
  return all
}

/** The masked sum of bytes[start, end), as a chunk has it. */
export function maskedCrc32c(bytes: Uint8Array, start: number, end: number): number {
  const crc = crc32c(bytes, start, end)
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0
}

export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1
  let at = start
  for (const last = end - LANES; at <= last; at += LANES) {
    const low = crc ^ (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24))
    crc =
      TABLES[1792 + (low & 0xff)] ^
      TABLES[1536 + ((low >>> 8) & 0xff)] ^
      TABLES[1280 + ((low >>> 16) & 0xff)] ^
      TABLES[1024 + (low >>> 24)] ^
      TABLES[768 + bytes[at + 4]] ^
      TABLES[512 + bytes[at + 5]] ^
      TABLES[256 + bytes[at + 6]] ^
      TABLES[bytes[at + 7]]
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ TABLES[(crc ^ bytes[at]) & 0xff]
  return ~crc >>> 0
}
