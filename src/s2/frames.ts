// The framing of S2 and Snappy streams: chunks of a type, three bytes of length, and a body.

export const ChunkType = {
  /** Masked CRC-32C of the bytes, then a block that they are in. */
  compressed: 0x00,
  /** Masked CRC-32C of the bytes, then the bytes. */
  uncompressed: 0x01,
  /** From here on a chunk that is not known may be skipped; below it may not. */
  skippable: 0x80,
  identifier: 0xff,
} as const

export const HEAD_BYTES = 4
export const CRC_BYTES = 4
/** A stream begins with one of these; further ones may follow before any chunk. */
export const S2_IDENTIFIER = Buffer.from('\xff\x06\x00\x00S2sTwO', 'latin1')
export const SNAPPY_IDENTIFIER = Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1')
/** Most bytes that a chunk of a peer may become: what readers of nats-server take. */
export const CHUNK_BYTES_LIMIT = 4 * 1024 * 1024
