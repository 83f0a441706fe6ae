// What an account, or the server, uses: bytes and numbers that each shard counts for its own streams, in shared memory,
// so that every shard can compare the sum with a limit. A shard writes its own column only; the column of a dead shard
// is cleared. The primary's column has what is reserved.
//
//     column   [ bytes in memory | bytes on disk | streams | consumers | messages | requests to the API | refused ]

const MEMBERS = ['memory', 'file', 'streams', 'consumers', 'messages', 'requests', 'errors'] as const
export type Used = (typeof MEMBERS)[number]
const PLACES = Object.fromEntries(MEMBERS.map((member, place) => [member, place])) as Readonly<Record<Used, number>>

export class Usage {
  readonly buffer: SharedArrayBuffer
  private readonly values: Float64Array
  private readonly columns: number

  /** A column for each shard, and one for the primary. */
  static create(shards: number): Usage {
    return new Usage(new SharedArrayBuffer((shards + 1) * MEMBERS.length * Float64Array.BYTES_PER_ELEMENT))
  }

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.values = new Float64Array(buffer)
    this.columns = this.values.length / MEMBERS.length
  }

  /** Of a shard: nobody else writes there. */
  add(shard: number, used: Used, difference: number): void {
    this.values[shard * MEMBERS.length + PLACES[used]] += difference
  }

  /** Of all shards. */
  total(used: Used): number {
    let total = 0
    for (let shard = 0; shard < this.columns - 1; shard++) total += this.values[shard * MEMBERS.length + PLACES[used]]
    return total
  }

  reserve(used: 'memory' | 'file', bytes: number): void {
    this.values[(this.columns - 1) * MEMBERS.length + PLACES[used]] = bytes
  }

  reserved(used: 'memory' | 'file'): number {
    return this.values[(this.columns - 1) * MEMBERS.length + PLACES[used]]
  }

  /** The shard has died: its streams are gone, but not the requests that it has counted. */
  clear(shard: number): void {
    for (const used of ['memory', 'file', 'streams', 'consumers', 'messages'] as const) {
      this.values[shard * MEMBERS.length + PLACES[used]] = 0
    }
  }
}
