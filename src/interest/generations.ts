// Shared counters that tell every shard's match cache which entries may be stale.
//
// They are bucketed by the first token of the filter, so that inbox churn does not empty the cache of `orders.*`; a
// filter that begins with a wildcard counts in bucket 0, which every entry watches. Any shard may add to any counter; a
// changed counter means "read again", nothing more.

import { GENERATION_BUCKETS } from '../base/constants.ts'

const WILDCARD_BUCKET = 0

export class Generations {
  readonly memory: SharedArrayBuffer
  private readonly counters: Int32Array

  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer((1 + GENERATION_BUCKETS) * Int32Array.BYTES_PER_ELEMENT)
    this.counters = new Int32Array(this.memory)
  }

  /** The bucket of a subject or filter given as bytes, by its first token. */
  bucketOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0
    let at = start
    for (; at < end && bytes[at] !== 46; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193)
    const isWildcard = at === start + 1 && (bytes[start] === 42 || bytes[start] === 62)
    return isWildcard ? WILDCARD_BUCKET : 1 + ((hash ^ (hash >>> 15)) & (GENERATION_BUCKETS - 1))
  }

  /**
   * Moves whenever the bucket's counter or that of the wildcards does. Sequentially consistent: read before the regions
   * are, so that a change in between is seen as stale later.
   */
  current(bucket: number): number {
    return (Atomics.load(this.counters, bucket) + Atomics.load(this.counters, WILDCARD_BUCKET)) | 0
  }

  /**
   * The same for a plan that was made before, without a barrier, which is a call. Whoever has been told of a change, by
   * a ring or a socket, sees it: that telling was a barrier.
   */
  glance(bucket: number): number {
    return (this.counters[bucket] + this.counters[WILDCARD_BUCKET]) | 0
  }

  /** Called after the region was changed: a reader of the new count also sees the change. */
  advance(bucket: number): void {
    Atomics.add(this.counters, bucket, 1)
  }

  /** A subscription to a subject (byte string) is to be delivered to in another way: plans that name it are stale. */
  advanceFor(subject: string): void {
    const bytes = Buffer.from(subject, 'latin1')
    this.advance(this.bucketOf(bytes, 0, bytes.length))
  }

  advanceAll(): void {
    this.advance(WILDCARD_BUCKET)
  }
}
