// Runs on their way through a ring: parted, in fragments, waiting where the ring is full.

import { expect, test } from 'vitest'
import { ACCOUNT_NAME_MAX, QUEUE_NAME_MAX, RINGS_BYTES_MAX, SHARDS_MAX } from '../../src/base/constants.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import { createRing, RingConsumer, RingProducer } from '../../src/memory/ring.ts'
import { emptyFrame, FrameKind, readFrame } from '../../src/mesh/frame.ts'
import { Link } from '../../src/mesh/link.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import { Run } from '../../src/protocol/run.ts'
import type { Routing } from '../../src/routing/routing.ts'
import { PLAIN } from '../routing/parts.ts'
import { NO_OWNER } from '../support/staged-peer.ts'

const routing = (account: string, queue: string): Routing => ({ ...PLAIN, account, plain: queue === '', queue })

/** Sends one message through the smallest ring; answers the bytes of its line and payload as they come out. */
function throughRing(payloadBytes: number, way: Routing): number {
  const memory = createRing(SHARDS_MAX)
  const consumer = new RingConsumer(memory)
  const pool = new ChunkPool()
  const link = new Link(new RingProducer(memory), pool, NO_OWNER)
  let sent = 0
  composeRun(pool, { subject: 's', reply: '', headers: {}, payload: Buffer.alloc(payloadBytes, 'x') }, (run) => {
    sent = run.stride
    link.send(run, way, 0, 1)
  })
  link.publish()
  const [frame, run] = [emptyFrame(), new Run()]
  let came = 0
  while (came < sent) {
    const at = consumer.next()
    if (at < 0) throw new Error(`${came} of ${sent} bytes came`)
    readFrame(consumer.block, at, frame, run)
    expect([frame.account, frame.queue]).toEqual([way.account, way.queue])
    came += frame.rawBytes
    consumer.advance(frame.bytes)
    if (consumer.release()) link.pump()
  }
  expect(consumer.next()).toBe(-1)
  return came - sent
}

test('messages of every size pass beside the longest names, through the smallest ring', () => {
  expect(createRing(SHARDS_MAX).byteLength).toBeLessThan(RINGS_BYTES_MAX)
  const longest = routing('a'.repeat(ACCOUNT_NAME_MAX), 'q'.repeat(QUEUE_NAME_MAX))
  for (const bytes of [0, 1, 1000, 16_000, 22_000, 32_000, 33_000, 300_000]) {
    expect([bytes, throughRing(bytes, longest)]).toEqual([bytes, 0])
    expect([bytes, throughRing(bytes, routing('$G', ''))]).toEqual([bytes, 0])
  }
})

test('longer names are a bug, not a loop without end', () => {
  expect(() => throughRing(1, routing('$G', 'q'.repeat(40_000)))).toThrow('leave no room')
})

test('a fence stands behind what was sent before it, where the ring is full too', () => {
  const memory = createRing(SHARDS_MAX)
  const consumer = new RingConsumer(memory)
  const pool = new ChunkPool()
  const link = new Link(new RingProducer(memory), pool, NO_OWNER)
  composeRun(pool, { subject: 's', reply: '', headers: {}, payload: Buffer.alloc(1000) }, (run) => {
    for (let i = 0; i < 300; i++) link.send(run, routing('$G', ''), 0, 1)
  })
  expect(link.congested).toBe(true)
  link.sendFence(-7)
  link.publish()
  const [frame, run] = [emptyFrame(), new Run()]
  let [messages, fences] = [0, 0]
  for (let at = consumer.next(); at >= 0; at = consumer.next()) {
    readFrame(consumer.block, at, frame, run)
    if (frame.kind === FrameKind.fence) {
      fences++
      expect([frame.trace, messages]).toEqual([-7, 300])
    } else messages++
    consumer.advance(frame.bytes)
    if (consumer.release()) link.pump()
  }
  expect([messages, fences]).toEqual([300, 1])
})

test('a bug in one that waited for room does not keep the others waiting', () => {
  const bugs: unknown[] = []
  const link = new Link(new RingProducer(createRing(SHARDS_MAX)), new ChunkPool(), {
    ...NO_OWNER,
    bugMet: (error) => {
      bugs.push(error)
    },
  })
  const way = routing('$G', '')
  composeRun(new ChunkPool(), { subject: 's', reply: '', headers: {}, payload: Buffer.alloc(30_000) }, (run) => {
    while (!link.congested) link.send(run, way, 0, 1)
  })
  let relieved = 0
  link.whenRelieved(() => {
    throw new Error('a bug')
  })
  link.whenRelieved(() => relieved++)
  link.close()
  expect([relieved, bugs]).toEqual([1, [new Error('a bug')]])
})
