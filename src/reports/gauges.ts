// The few numbers that the primary watches all the time, and those that must outlive a shard's thread: in shared
// memory, one line per shard, without messages. Shards keep all other counters themselves; they are added up when a
// report is requested (report.ts).
//
// The counters belong to a shard's slot, not to its thread: a replacement thread continues where the dead one stopped,
// so that reported traffic never decreases. Connections count their own traffic, and added up here with every
// heartbeat, with each report, and when the thread ends by an error: a thread that is killed loses a quarter of a
// second of its counts. (Counting here with every run of messages was tried: it is one addition, but it kept the inner
// loops from being inlined, and 1 to 1 took a fifth more time.) One thread writes a line at any time; a double is
// written and read whole on every machine that Node runs on.

import type { Traffic } from '../accounts/counters.ts'
import { LAST_SERVED_BYTES, LastServed } from './last-served.ts'

const Slot = { closed: 0, heartbeat: 1, thread: 2 } as const
const SLOTS = 16 // one cache line a shard

const Counter = {
  inMessages: 0,
  inBytes: 1,
  outMessages: 2,
  outBytes: 3,
  slow: 4,
  stale: 5,
  stalls: 6,
  dropped: 7,
} as const
const COUNTERS = 8 // one cache line a shard

const WORDS_BYTES = SLOTS * 4
const COUNTERS_BYTES = COUNTERS * 8

export class Gauges {
  readonly memory: SharedArrayBuffer
  private readonly words: Int32Array
  private readonly shards: number

  constructor(shards: number | SharedArrayBuffer) {
    const bytes = WORDS_BYTES + COUNTERS_BYTES + LAST_SERVED_BYTES
    this.memory = typeof shards === 'number' ? new SharedArrayBuffer(shards * bytes) : shards
    this.shards = this.memory.byteLength / bytes
    this.words = new Int32Array(this.memory, 0, this.shards * SLOTS)
  }

  /** Shard: one more of its connections is gone. */
  connectionClosed(shard: number): void {
    Atomics.add(this.words, shard * SLOTS + Slot.closed, 1)
  }

  /**
   * How many of the `handed` connections, which the primary has counted for the thread that is there now, are open. The
   * count of closed ones goes round after 2^32: their difference is right as long as fewer than 2^31 are open.
   */
  openConnections(shard: number, handed: number): number {
    return (handed - Atomics.load(this.words, shard * SLOTS + Slot.closed)) | 0
  }

  /** Shard: its event loop has turned. It wraps: only its change matters. */
  beat(shard: number): void {
    Atomics.add(this.words, shard * SLOTS + Slot.heartbeat, 1)
  }

  heartbeat(shard: number): number {
    return Atomics.load(this.words, shard * SLOTS + Slot.heartbeat)
  }

  /** Shard: which thread of the process it is, as the system numbers them. */
  setThread(shard: number, id: number): void {
    Atomics.store(this.words, shard * SLOTS + Slot.thread, id)
  }

  /** 0: not known. */
  thread(shard: number): number {
    return Atomics.load(this.words, shard * SLOTS + Slot.thread)
  }

  /** Primary: a new thread takes the slot. The counters go on. */
  reset(shard: number): void {
    Atomics.store(this.words, shard * SLOTS + Slot.closed, 0)
    Atomics.store(this.words, shard * SLOTS + Slot.heartbeat, 0)
    Atomics.store(this.words, shard * SLOTS + Slot.thread, 0)
    this.lastServed(shard).clear()
  }

  lastServed(shard: number): LastServed {
    const start = this.shards * (WORDS_BYTES + COUNTERS_BYTES) + shard * LAST_SERVED_BYTES
    return new LastServed(Buffer.from(this.memory, start, LAST_SERVED_BYTES))
  }

  counters(shard: number): Counters {
    return new Counters(new Float64Array(this.memory, this.shards * WORDS_BYTES + shard * COUNTERS_BYTES, COUNTERS))
  }
}

/** What a shard has done since the server started, whichever threads it was. */
export class Counters {
  private readonly line: Float64Array
  /** What earlier threads in this place had done. */
  private readonly before: Traffic

  constructor(line: Float64Array) {
    this.line = line
    const { inMessages, inBytes, outMessages, outBytes } = this
    this.before = { inMessages, inBytes, outMessages, outBytes }
  }

  /** What this thread's connections have done so far, closed ones included; it is added to what earlier ones did. */
  setTraffic({ inMessages, inBytes, outMessages, outBytes }: Traffic): void {
    const { line, before } = this
    line[Counter.inMessages] = before.inMessages + inMessages
    line[Counter.inBytes] = before.inBytes + inBytes
    line[Counter.outMessages] = before.outMessages + outMessages
    line[Counter.outBytes] = before.outBytes + outBytes
  }

  slowConsumer(): void {
    this.line[Counter.slow]++
  }

  staleConnection(): void {
    this.line[Counter.stale]++
  }

  /** A publisher was held back for the sake of its receivers. */
  stall(): void {
    this.line[Counter.stalls]++
  }

  /** Messages were not sent to a receiver that had fallen behind. */
  drop(messages: number): void {
    this.line[Counter.dropped] += messages
  }

  get inMessages(): number {
    return this.line[Counter.inMessages]
  }

  get inBytes(): number {
    return this.line[Counter.inBytes]
  }

  get outMessages(): number {
    return this.line[Counter.outMessages]
  }

  get outBytes(): number {
    return this.line[Counter.outBytes]
  }

  get slowConsumers(): number {
    return this.line[Counter.slow]
  }

  get staleConnections(): number {
    return this.line[Counter.stale]
  }

  get stalls(): number {
    return this.line[Counter.stalls]
  }

  get droppedMessages(): number {
    return this.line[Counter.dropped]
  }
}
