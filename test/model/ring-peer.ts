// The producer of ring.test.ts, in a thread of its own: frames of random size and content, published a few at a time.
// It waits for the consumer by the ring's own rules, never by time, so that a lost wake-up is a test that hangs.

import { once } from 'node:events'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { BLOCK_SLACK } from '../../src/base/constants.ts'
import { RingProducer } from '../../src/memory/ring.ts'
import { Random } from '../support/random.ts'

export interface RingPeerSetup {
  readonly ring: SharedArrayBuffer
  readonly port: MessagePort
  readonly seed: number
  readonly frames: number
  /** Frames published at a time, at most. */
  readonly batchMax: number
}

export type FromRingPeer =
  | { readonly kind: 'wake' }
  | { readonly kind: 'done'; readonly bytes: number; readonly checksum: number; readonly starved: number }

/** A frame's first word is its size, its second its number; the rest is checked by their sum. */
export const FRAME_HEAD_BYTES = 8

export function addToChecksum(checksum: number, view: DataView, at: number, bytes: number): number {
  for (let i = 0; i < bytes; i += 4) checksum = (Math.imul(checksum, 31) + view.getInt32(at + i, true)) | 0
  return checksum
}

async function produce(setup: RingPeerSetup): Promise<void> {
  const { port } = setup
  const producer = new RingProducer(setup.ring)
  const { view } = producer.block
  const random = new Random(setup.seed)
  const publish = (): void => {
    if (producer.publish()) port.postMessage({ kind: 'wake' } satisfies FromRingPeer)
  }
  let [bytes, checksum, starved] = [0, 0, 0]
  let batch = 1
  for (let number = 0; number < setup.frames; number++) {
    const large = random.chance(0.02)
    const size = FRAME_HEAD_BYTES + 4 * random.below(large ? producer.frameMax / 4 - 2 : 500)
    let at = producer.reserve(size)
    while (at < 0) {
      publish()
      if (!producer.starve(size)) {
        starved++
        await once(port, 'message')
      }
      at = producer.reserve(size)
    }
    view.setInt32(at, size, true)
    view.setInt32(at + 4, number, true)
    const word = random.below(2 ** 31)
    for (let i = FRAME_HEAD_BYTES; i < size; i += 4) view.setInt32(at + i, word + i, true)
    // A word-wise copy may run past its end.
    producer.block.bytes.fill(0xdd, at + size, at + size + BLOCK_SLACK - 1)
    checksum = addToChecksum(checksum, view, at, size)
    producer.commit(size)
    bytes += size
    if (--batch === 0) {
      publish()
      batch = 1 + random.below(setup.batchMax)
      // Every now and then the consumer has time to fall asleep.
      if (random.chance(0.1)) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  publish()
  port.postMessage({ kind: 'done', bytes, checksum, starved } satisfies FromRingPeer)
  port.close()
}

if (parentPort !== null) void produce(workerData as RingPeerSetup)
