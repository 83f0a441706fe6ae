// Reads an S2 stream that comes in any pieces: chunks in become bytes out. What a peer can make it keep is one chunk,
// and what it can make of one read is one chunk's bytes at a time. A few bytes may become megabytes: what the sink has
// no room for stays compressed.
//
//     head (4) ─▶ body ─▶ identifier: compared    compressed, uncompressed: summed, decoded, told    else: skipped

import { BLOCK_SLACK } from '../base/constants.ts'
import { allocateBlock, type Block } from '../memory/block.ts'
import { maskedCrc32c } from './crc32c.ts'
import { decodeBlock, lengthOfBlock } from './decode.ts'
import { encodedMax } from './encode.ts'
import { ChunkType, CRC_BYTES, HEAD_BYTES, S2_IDENTIFIER, SNAPPY_IDENTIFIER } from './frames.ts'

/** Bytes that are free in front of those that are told, for the beginning of a line that was cut. */
const ROOM_BEFORE = 8 * 1024

/** Takes the bytes of the stream. */
export interface S2Sink {
  /** block[start, end), valid during the call only. Returns whether more may come. */
  take(block: Block, start: number, end: number): boolean
  /** It takes nothing until goOn() is called, but the rest of the chunk at hand. Left out: it always takes. */
  readonly isFull?: boolean
  /** The stream is damaged, or a chunk is larger than may be; the reader takes nothing more. */
  damaged(cause: string): void
}

/** One for all readers of a thread: what is told is valid during the call only. */
let output: Block = allocateBlock(ROOM_BEFORE + 64 * 1024)

export class S2Reader {
  /** Most bytes that one chunk may become. */
  chunkMax: number
  private readonly sink: S2Sink
  /** The head and body of a chunk that is not whole yet. */
  private chunk: Block | undefined
  private have = 0
  /** Bytes of a chunk to be skipped that have not come. */
  private skipping = 0
  private hasBegun = false
  private stopped = false
  /** What the sink had no room for, from `restAt` on. */
  private rest: Block | undefined
  private restAt = 0

  constructor(sink: S2Sink, chunkMax: number) {
    this.sink = sink
    this.chunkMax = chunkMax
  }

  stop(): void {
    this.stopped = true
    this.chunk = undefined
    this.rest = undefined
  }

  /** Reads block[start, end). */
  push(block: Block, start: number, end: number): void {
    const at = this.rest === undefined ? this.read(block, start, end) : start
    if (at < end && !this.stopped) this.keep(block, at, end)
  }

  /** The sink has room again. */
  goOn(): void {
    const { rest } = this
    if (rest === undefined) return
    const at = this.read(rest, this.restAt, rest.capacity)
    this.restAt = at
    if (at === rest.capacity) this.rest = undefined
  }

  /** Keeps block[start, end) behind what is kept already. */
  private keep(block: Block, start: number, end: number): void {
    const { rest, restAt } = this
    const before = rest === undefined ? 0 : rest.capacity - restAt
    const kept = allocateBlock(before + end - start)
    rest?.bytes.copy(kept.bytes, 0, restAt, rest.capacity)
    block.bytes.copy(kept.bytes, before, start, end)
    this.rest = kept
    this.restAt = 0
  }

  /** Reads as much as the sink has room for; returns where it stopped. */
  private read(block: Block, start: number, end: number): number {
    let at = start
    while (at < end && !this.stopped && this.sink.isFull !== true) {
      if (this.skipping > 0) {
        const skipped = Math.min(this.skipping, end - at)
        this.skipping -= skipped
        at += skipped
      } else if (this.have > 0) at = this.collect(block, at, end)
      else if (end - at >= HEAD_BYTES && at + HEAD_BYTES + lengthAt(block, at) <= end) at = this.readChunk(block, at)
      else at = this.collect(block, at, end)
    }
    return at
  }

  /** Collects a chunk that comes in pieces: its head, then as much as that says. */
  private collect(block: Block, at: number, end: number): number {
    this.chunk ??= allocateBlock(64)
    const whole = this.have < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + lengthAt(this.chunk, 0)
    const take = Math.min(whole - this.have, end - at)
    this.makeRoom(this.have + take, whole)
    block.bytes.copy(this.chunk.bytes, this.have, at, at + take)
    this.have += take
    if (this.have < whole) return at + take
    if (whole === HEAD_BYTES && !this.mayCollect(this.chunk)) return at + take
    if (this.have === HEAD_BYTES + lengthAt(this.chunk, 0)) {
      this.have = 0
      const { chunk } = this
      this.readChunk(chunk, 0)
      if (chunk.capacity > 64 * 1024) this.chunk = undefined
    }
    return at + take
  }

  /** It grows with what comes, not with what is announced. */
  private makeRoom(bytes: number, whole: number): void {
    const { chunk } = this
    if (chunk === undefined || chunk.capacity >= bytes) return
    const grown = allocateBlock(Math.min(whole, 2 * bytes))
    chunk.bytes.copy(grown.bytes, 0, 0, this.have)
    this.chunk = grown
  }

  /** The head of a chunk has come. Returns whether its body is to be collected. */
  private mayCollect(chunk: Block): boolean {
    const type = chunk.bytes[0]
    const length = lengthAt(chunk, 0)
    if (type === ChunkType.compressed || type === ChunkType.uncompressed || type === ChunkType.identifier) {
      if (length <= CRC_BYTES + encodedMax(this.chunkMax)) return true
      return this.fail(`a chunk of ${length} bytes`)
    }
    if (type < ChunkType.skippable) return this.fail(`a chunk of type ${type}`)
    this.have = 0
    this.skipping = length
    return false
  }

  /** A whole chunk is at `at`. Returns where the next one begins. */
  private readChunk(block: Block, at: number): number {
    const { bytes } = block
    const length = lengthAt(block, at)
    const body = at + HEAD_BYTES
    const end = body + length
    switch (bytes[at]) {
      case ChunkType.identifier:
        if (!isIdentifier(bytes, at, end)) this.fail('another identifier')
        this.hasBegun = true
        return end
      case ChunkType.compressed:
      case ChunkType.uncompressed:
        if (!this.hasBegun) this.fail('no identifier')
        else if (length < CRC_BYTES) this.fail('a chunk without a checksum')
        else if (bytes[at] === ChunkType.compressed) this.readCompressed(block, body, end)
        else this.tell(block, body + CRC_BYTES, end, block.view.getUint32(body, true))
        return end
      default:
        if (bytes[at] < ChunkType.skippable) this.fail(`a chunk of type ${bytes[at]}`)
        return end
    }
  }

  private readCompressed(block: Block, body: number, end: number): void {
    const { length, next } = lengthOfBlock(block.bytes, body + CRC_BYTES, end)
    if (length < 0 || length > this.chunkMax) {
      this.fail(`a block of ${length} bytes`)
      return
    }
    if (output.capacity < ROOM_BEFORE + length) output = allocateBlock(ROOM_BEFORE + length + BLOCK_SLACK)
    if (!decodeBlock(block.bytes, next, end, output.bytes, ROOM_BEFORE, length)) this.fail('a damaged block')
    else this.tell(output, ROOM_BEFORE, ROOM_BEFORE + length, block.view.getUint32(body, true))
  }

  private tell(block: Block, start: number, end: number, crc: number): void {
    if (end - start > this.chunkMax) this.fail(`a block of ${end - start} bytes`)
    else if (maskedCrc32c(block.bytes, start, end) !== crc) this.fail('a wrong checksum')
    else if (end > start && !this.sink.take(block, start, end)) this.stop()
  }

  private fail(cause: string): false {
    this.stop()
    this.sink.damaged(cause)
    return false
  }
}

function lengthAt({ bytes }: Block, at: number): number {
  return bytes[at + 1] | (bytes[at + 2] << 8) | (bytes[at + 3] << 16)
}

function isIdentifier(bytes: Buffer, at: number, end: number): boolean {
  const found = bytes.subarray(at, end)
  return found.equals(S2_IDENTIFIER) || found.equals(SNAPPY_IDENTIFIER)
}
