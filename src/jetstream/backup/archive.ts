// The form in which a stream leaves a server and comes to another: that of nats-server since 2.14, inside an S2 stream.
//
//     NATSARC1  entry  entry  …  end
//
//     entry: length of name, time (ns, zigzag), sequence, size of headers, size of payload: varints; name, headers,
//            payload
//     end:   an entry in which everything is 0
//
// The first entry is `state.json`, the state of the stream; then one for each consumer that is named there,
// `consumers/<name>`; then the messages, whose names are their subjects.

export const MAGIC = Buffer.from('NATSARC1')
/** A name is a subject, or that of a consumer. */
const NAME_MAX = 64 * 1024
const VARINT_MAX = 10
const FIELDS = 5
const INVALID = 'archive: invalid archive stream'
const NS_PER_US = 1000n
const ROOM = 64 * 1024

export interface Entry {
  /** Byte string. */
  readonly name: string
  /** Microseconds since 1970. */
  readonly timeUs: number
  readonly seq: number
  readonly headers: Buffer
  readonly payload: Buffer
}

/** The head of an entry, behind which its headers and payload follow. `name`: byte string. */
export function entryHead(name: string, timeUs: number, seq: number, headerSize: number, payloadSize: number): Buffer {
  const head = Buffer.allocUnsafe(FIELDS * VARINT_MAX + name.length)
  let at = putVarint(head, 0, BigInt(name.length))
  at = putVarint(head, at, BigInt(timeUs) * NS_PER_US * 2n)
  at = putVarint(head, at, BigInt(seq))
  at = putVarint(head, at, BigInt(headerSize))
  at = putVarint(head, at, BigInt(payloadSize))
  return head.subarray(0, at + head.write(name, at, 'latin1'))
}

export const END = entryHead('', 0, 0, 0, 0)

function putVarint(to: Buffer, start: number, value: bigint): number {
  let at = start
  let rest = value
  for (; rest > 0x7fn; rest >>= 7n) to[at++] = Number(rest & 0x7fn) | 0x80
  to[at++] = Number(rest)
  return at
}

/** The head of an entry as it is read. */
interface Head {
  readonly nameLength: number
  readonly timeUs: number
  readonly seq: number
  readonly headerSize: number
  readonly payloadSize: number
  /** Bytes that it took. */
  readonly length: number
}

/**
 * Reads an archive that comes in any pieces. It keeps what has come and was not read, which is less than one entry when
 * nothing more can be read. Errors are texts: what `take` answers, or what is wrong with the archive itself.
 */
export class ArchiveReader {
  /** Takes an entry, valid during the call; answers what is wrong with it. */
  private readonly take: (entry: Entry) => string | undefined
  /** Bytes of headers and payload that an entry may have. */
  private readonly sizeMax: () => number
  private room = Buffer.allocUnsafe(ROOM)
  private end = 0
  private isBegun = false
  /** Entries have been read up to the end of the archive. */
  isWhole = false
  /** Whether anything has come. */
  isEmpty = true

  constructor(take: (entry: Entry) => string | undefined, sizeMax: () => number) {
    this.take = take
    this.sizeMax = sizeMax
  }

  /** Reads up to `most` entries of what has come. Answers how many there were, or what is wrong. */
  read(most: number): number | string {
    let at = 0
    if (!this.isBegun) {
      if (this.end < MAGIC.length) return 0
      if (!this.room.subarray(0, MAGIC.length).equals(MAGIC)) return INVALID
      this.isBegun = true
      at = MAGIC.length
    }
    let count = 0
    for (; count < most && !this.isWhole; count++) {
      const next = this.readEntry(at)
      if (typeof next === 'string') return next
      if (next === at) break
      at = next
    }
    this.room.copy(this.room, 0, at, this.end)
    this.end -= at
    return count
  }

  /** More has come. */
  push(piece: Uint8Array): void {
    this.isEmpty = false
    const needed = this.end + piece.length
    if (needed > this.room.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.room.length * 2))
      this.room.copy(grown, 0, 0, this.end)
      this.room = grown
    }
    this.room.set(piece, this.end)
    this.end = needed
  }

  /** Answers where the next one begins: at the same place, if this one is not whole. */
  private readEntry(at: number): number | string {
    const head = readHead(this.room, at, this.end)
    if (head === undefined) return at
    if (typeof head === 'string') return head
    const { headerSize, length, nameLength, payloadSize, seq, timeUs } = head
    if (nameLength > NAME_MAX || headerSize + payloadSize > this.sizeMax()) return INVALID
    const from = at + length + nameLength
    const to = from + headerSize + payloadSize
    if (to > this.end) return at
    if (nameLength === 0 && timeUs === 0 && seq === 0 && headerSize + payloadSize === 0) {
      this.isWhole = true
      return to
    }
    const entry: Entry = {
      name: this.room.toString('latin1', at + length, from),
      timeUs,
      seq,
      headers: this.room.subarray(from, from + headerSize),
      payload: this.room.subarray(from + headerSize, to),
    }
    return this.take(entry) ?? to
  }
}

/** Undefined: more has to come. */
function readHead(bytes: Buffer, start: number, end: number): Head | string | undefined {
  const fields: bigint[] = []
  let at = start
  while (fields.length < FIELDS) {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      if (at === end) return undefined
      const byte = bytes[at++]
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) break
      if (shift >= 63n) return INVALID
    }
    fields.push(value)
  }
  const [name, time, seq, headers, payload] = fields
  // Zigzag: an odd number is a negative time, which no server has.
  if ((time & 1n) === 1n) return INVALID
  const [nameLength, timeUs, sequence, headerSize, payloadSize] = [
    name,
    time / 2n / NS_PER_US,
    seq,
    headers,
    payload,
  ].map(Number)
  const isSane = [nameLength, timeUs, sequence, headerSize, payloadSize].every(Number.isSafeInteger)
  return isSane ? { nameLength, timeUs, seq: sequence, headerSize, payloadSize, length: at - start } : INVALID
}
