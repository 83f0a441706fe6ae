// The order in which shards publish. A counter that all of them share numbers each piece of work that sends something
// to another shard: a read, a pass over the rings, a timer. A frame carries the number of its work. So of two
// publishers on two shards, where the second one published after the first one had its PONG, the second has the higher
// number, and a third shard that takes frames by their numbers (inbox.ts) delivers them in that order.
//
//     shard A   read: PUB, PING   number 7   frame visible, PONG ─┐
//     shard B                                                     └▶ read: PUB   number 8   frame visible
//     shard C   reads the counter (8), then takes the frames up to 8 of all its rings: 7 before 8
//
// A number is taken when the first frame of a piece of work is written, which is after the bytes that caused it had
// come and before the frame can be seen. It counts modulo 2^32.

export class PublishOrder {
  readonly memory: SharedArrayBuffer
  private readonly counter: Int32Array
  private number = 0
  private isTaken = false

  /** `memory`: that of another thread's, to go by the same counter. */
  constructor(memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.counter = new Int32Array(memory)
  }

  /** Another piece of work begins: what it sends comes behind all that was sent, by whichever shard, until now. */
  begin(): void {
    this.isTaken = false
  }

  /** The number of the current work. */
  get current(): number {
    if (!this.isTaken) {
      this.isTaken = true
      this.number = (Atomics.add(this.counter, 0, 1) + 1) | 0
    }
    return this.number
  }

  /** The highest number taken. Whatever was visible to other shards before a work with it began is visible now. */
  get latest(): number {
    return Atomics.load(this.counter, 0)
  }
}

/** Whether work `a` began before `b`, or is the same. */
export function isNotAfter(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0
}
