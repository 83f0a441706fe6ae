// A byte ring in shared memory between two shards: one producer, one consumer, no lock.
//
//     words  [ HEAD | TAIL | SLEEPING | STARVED ]   then the data
//
//     data   │ free │ frame │ frame │ skip ‥ │        frames are whole words and never wrap: where one does not fit
//            0      ▲ tail           ▲ head           before the end, a SKIP word sends the consumer to 0
//
// HEAD and TAIL count bytes forever (modulo 2^32); their difference is what is in the ring. The producer alone writes
// HEAD, the consumer alone writes TAIL.
//
// Going to sleep without losing a wake-up: the consumer announces that it sleeps, THEN checks HEAD once more. The
// producer publishes HEAD, THEN checks whether the consumer sleeps. All four are sequentially consistent, so at least
// one of them sees the other. A producer that found no room waits for the consumer in the same way (STARVED).

import { BLOCK_SLACK, RING_BYTES_MAX, RING_BYTES_MIN, RINGS_BYTES_MAX } from '../base/constants.ts'
import { type Block, blockOver } from './block.ts'

const Word = { head: 0, tail: 1, sleeping: 2, starved: 3 } as const
const HEADER_BYTES = 64
const WORD_BYTES = 4
const SKIP = -1

/** Memory for one ring of a server with so many shards: less for each where there are many pairs. */
export function createRing(shards: number): SharedArrayBuffer {
  let bytes = RING_BYTES_MAX
  while (bytes > RING_BYTES_MIN && bytes * shards * (shards - 1) > RINGS_BYTES_MAX) bytes /= 2
  return new SharedArrayBuffer(HEADER_BYTES + bytes + BLOCK_SLACK)
}

/** The bytes of a ring are a power of two, so that its cursors may count forever. */
function openRing(memory: SharedArrayBuffer): { words: Int32Array; block: Block } {
  return {
    words: new Int32Array(memory, 0, HEADER_BYTES / WORD_BYTES),
    block: blockOver(Buffer.from(memory, HEADER_BYTES)),
  }
}

export class RingProducer {
  readonly block: Block
  /**
   * Largest frame: it fits at any position of the head. A longer run is split, a longer message is sent in fragments.
   */
  readonly frameMax: number
  /** Bytes that the ring holds. */
  readonly size: number
  private readonly words: Int32Array
  private head = 0
  /** TAIL as last seen: the ring has at least as much room as this says. */
  private tailSeen = 0
  private published = 0

  constructor(memory: SharedArrayBuffer) {
    const { words, block } = openRing(memory)
    this.words = words
    this.block = block
    this.size = block.capacity
    this.frameMax = block.capacity / 4
    this.head = Atomics.load(words, Word.head)
    this.tailSeen = this.head
    this.published = this.head
  }

  /** Room for a frame of `bytes`, a multiple of 4: where to write it in `block`, or -1 if the ring is full. */
  reserve(bytes: number): number {
    const at = (this.head >>> 0) % this.size
    const skip = at + bytes > this.size ? this.size - at : 0
    if (!this.hasRoom(bytes + skip)) return -1
    if (skip > 0) {
      this.block.view.setInt32(at, SKIP, true)
      this.head = (this.head + skip) | 0
      return 0
    }
    return at
  }

  /** Keeps BLOCK_SLACK free behind every frame: a word-wise copy may run past its end, into what is not read yet. */
  private hasRoom(bytes: number): boolean {
    const need = bytes + BLOCK_SLACK
    if (this.size - ((this.head - this.tailSeen) | 0) >= need) return true
    // Acquire: the consumer has finished reading what it gave back.
    this.tailSeen = Atomics.load(this.words, Word.tail)
    return this.size - ((this.head - this.tailSeen) | 0) >= need
  }

  /** The frame at reserve() is written. It becomes visible with publish(). */
  commit(bytes: number): void {
    this.head = (this.head + bytes) | 0
  }

  /** Written and not given back yet. */
  get usedBytes(): number {
    return (this.head - Atomics.load(this.words, Word.tail)) | 0
  }

  get unpublishedBytes(): number {
    return (this.head - this.published) | 0
  }

  /** Makes all committed frames visible. Returns whether the consumer sleeps and must be woken. */
  publish(): boolean {
    if (this.head === this.published) return false
    this.published = this.head
    // Release: the frames are visible before the head that covers them.
    Atomics.store(this.words, Word.head, this.head)
    return Atomics.load(this.words, Word.sleeping) === 1 && Atomics.exchange(this.words, Word.sleeping, 0) === 1
  }

  /** Asks to be woken when there is room. Returns true if there already is: then look again instead of waiting. */
  starve(bytes: number): boolean {
    Atomics.store(this.words, Word.starved, 1)
    this.tailSeen = Atomics.load(this.words, Word.tail)
    const at = (this.head >>> 0) % this.size
    const skip = at + bytes > this.size ? this.size - at : 0
    if (!this.hasRoom(bytes + skip)) return false
    Atomics.store(this.words, Word.starved, 0)
    return true
  }
}

export class RingConsumer {
  readonly block: Block
  /** Bytes that the ring holds. */
  readonly size: number
  private readonly words: Int32Array
  private tail = 0
  private headSeen = 0

  constructor(memory: SharedArrayBuffer) {
    const { words, block } = openRing(memory)
    this.words = words
    this.block = block
    this.size = block.capacity
    this.tail = Atomics.load(words, Word.tail)
    this.headSeen = this.tail
  }

  /** The next frame's offset in `block`, or -1 if there is none. A frame's first word is its size in bytes. */
  next(): number {
    for (;;) {
      if (this.tail === this.headSeen) {
        // Acquire: sees the frames that the head covers.
        this.headSeen = Atomics.load(this.words, Word.head)
        if (this.tail === this.headSeen) return -1
      }
      const at = (this.tail >>> 0) % this.size
      if (this.block.view.getInt32(at, true) !== SKIP) return at
      this.tail = (this.tail + this.size - at) | 0
    }
  }

  /** The frame of `bytes` at next() has been dealt with. Its memory is given back with release(). */
  advance(bytes: number): void {
    this.tail = (this.tail + bytes) | 0
  }

  /** Gives back all frames dealt with. Returns whether the producer waits for room and must be woken. */
  release(): boolean {
    Atomics.store(this.words, Word.tail, this.tail)
    return Atomics.load(this.words, Word.starved) === 1 && Atomics.exchange(this.words, Word.starved, 0) === 1
  }

  /** Announces sleep. Returns false if a frame came meanwhile: then the consumer is awake again. */
  sleep(): boolean {
    Atomics.store(this.words, Word.sleeping, 1)
    if (Atomics.load(this.words, Word.head) === this.tail) return true
    Atomics.store(this.words, Word.sleeping, 0)
    return false
  }
}
