// The few numbers that the primary watches all the time, one slot of shared memory a shard: no message, no answer.
// Everything else is counted by the shards for themselves and added up when somebody asks (stats.ts).

const Slot = { closed: 0, heartbeat: 1 } as const
const SLOTS = 16 // one cache line a shard

export class Gauges {
  readonly memory: SharedArrayBuffer
  private readonly words: Int32Array

  constructor(shards: number | SharedArrayBuffer) {
    this.memory = typeof shards === 'number' ? new SharedArrayBuffer(shards * SLOTS * 4) : shards
    this.words = new Int32Array(this.memory)
  }

  /** Shard: one more of its connections is gone. */
  connectionClosed(shard: number): void {
    Atomics.add(this.words, shard * SLOTS + Slot.closed, 1)
  }

  closedConnections(shard: number): number {
    return Atomics.load(this.words, shard * SLOTS + Slot.closed)
  }

  /** Shard: its event loop has turned. */
  beat(shard: number): void {
    Atomics.add(this.words, shard * SLOTS + Slot.heartbeat, 1)
  }

  heartbeat(shard: number): number {
    return Atomics.load(this.words, shard * SLOTS + Slot.heartbeat)
  }

  /** Primary: a new thread takes the slot. */
  reset(shard: number): void {
    Atomics.store(this.words, shard * SLOTS + Slot.closed, 0)
    Atomics.store(this.words, shard * SLOTS + Slot.heartbeat, 0)
  }
}
