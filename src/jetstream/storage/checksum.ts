// CRC-32 of part of a buffer. A call of node:zlib on a part costs some 200 ns whatever its length, so short parts are
// done here, four bytes at a time.

import { crc32 } from 'node:zlib'

const NATIVE_FROM = 512
const POLYNOMIAL = 0xedb88320

/** Four tables of 256: the effect of a byte, and of a byte with one, two or three behind it. */
const TABLE = new Int32Array(4 * 256)
for (let i = 0; i < 256; i++) {
  let value = i
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
  TABLE[i] = value
}
for (let i = 256; i < 4 * 256; i++) TABLE[i] = (TABLE[i - 256] >>> 8) ^ TABLE[TABLE[i - 256] & 255]

/** The checksum of bytes [start, end), continued from `seed`. */
export function checksum(bytes: Buffer, start: number, end: number, seed: number): number {
  if (end - start >= NATIVE_FROM) return crc32(bytes.subarray(start, end), seed >>> 0)
  let crc = ~seed
  let at = start
  for (; at + 4 <= end; at += 4) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    crc =
      TABLE[768 + (crc & 255)] ^
      TABLE[512 + ((crc >>> 8) & 255)] ^
      TABLE[256 + ((crc >>> 16) & 255)] ^
      TABLE[crc >>> 24]
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]) & 255]
  return ~crc >>> 0
}
