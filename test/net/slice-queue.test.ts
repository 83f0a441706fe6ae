// A queue from which messages can be dropped, against a plain list of the same messages.

import { expect, test } from 'vitest'
import type { Chunk } from '../../src/memory/chunk-pool.ts'
import { LINES, REST, SliceQueue } from '../../src/net/slice-queue.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { chooseSeed, Random } from '../support/random.ts'

/** What stands in the queue, as a list: a line, or a message with the bytes that are still there. */
interface Entry {
  readonly kind: 'line' | 'message' | 'rest'
  readonly text: string
}

function push(queue: SliceQueue, chunk: Chunk, start: number, end: number, unit: number): void {
  const last = queue.chunks.length - 1
  const follows = last >= 0 && queue.chunks[last] === chunk && queue.ends[last] === start
  if (follows && queue.joins(last, end - start, unit)) queue.ends[last] = end
  else {
    chunk.retain()
    queue.chunks.push(chunk)
    queue.starts.push(start)
    queue.ends.push(end)
    queue.units?.push(unit)
  }
}

function textOf(queue: SliceQueue): string {
  return queue.chunks.map((chunk, i) => chunk.slice(queue.starts[i], queue.ends[i]).toString('latin1')).join('')
}

test('drops the oldest whole messages, as many as are needed and no more, and never a line', () => {
  const random = new Random(chooseSeed('slice-queue'))
  const pool = new CountingPool()
  for (let round = 0; round < 300; round++) {
    const chunk = pool.acquire(64 * 1024)
    const payloads = pool.acquire(64 * 1024)
    const queue = new SliceQueue(true)
    let model: Entry[] = []
    let number = 0
    let used = 0
    let payloadsUsed = 0
    const write = (to: Chunk, at: number, text: string): void => void to.block.bytes.write(text, at, 'latin1')
    for (let step = 0; step < 60; step++) {
      const size = 4 + random.below(20)
      const kind = random.below(5)
      if (kind < 2) {
        // A run of messages of one length.
        const count = 1 + random.below(4)
        const texts = Array.from({ length: count }, () => `m${number++}`.padEnd(size, '.'))
        write(chunk, used, texts.join(''))
        push(queue, chunk, used, used + count * size, size)
        used += count * size
        model.push(...texts.map((text) => ({ kind: 'message', text }) as const))
      } else if (kind === 2) {
        const text = `M${number++}`.padEnd(size + 10, '.')
        write(chunk, used, text.slice(0, 4))
        push(queue, chunk, used, used + 4, text.length)
        used += 4
        write(payloads, payloadsUsed, text.slice(4))
        push(queue, payloads, payloadsUsed, payloadsUsed + text.length - 4, REST)
        payloadsUsed += text.length - 4
        model.push({ kind: 'message', text })
      } else if (kind === 3) {
        write(chunk, used, 'PONG')
        push(queue, chunk, used, used + 4, LINES)
        used += 4
        model.push({ kind: 'line', text: 'PONG' })
      } else if (random.chance(0.5)) {
        const least = random.below(100)
        const { messages, bytes } = queue.dropOldest(least)
        let expected = 0
        let count = 0
        const kept: Entry[] = []
        for (const entry of model) {
          if (entry.kind !== 'message' || expected >= least) kept.push(entry)
          else {
            expected += entry.text.length
            count++
          }
        }
        model = kept
        expect({ messages, bytes }).toEqual({ messages: count, bytes: expected })
      } else if (queue.chunks.length > 0) {
        // Some slices are written, perhaps a head without its rest.
        const taken = queue.take(random.below(3))
        let written = textOf(taken).length
        taken.release()
        while (written > 0) {
          const [first] = model
          if (first.text.length > written) model[0] = { kind: 'rest', text: first.text.slice(written) }
          else model.shift()
          written -= first.text.length
        }
      }
      expect(textOf(queue)).toBe(model.map(({ text }) => text).join(''))
    }
    queue.release()
    chunk.release()
    payloads.release()
    expect(pool.outstanding).toBe(0)
  }
})

test('what was queued before messages could be dropped stays', () => {
  const pool = new CountingPool()
  const chunk = pool.acquire(100)
  const queue = new SliceQueue(false)
  push(queue, chunk, 0, 10, 10)
  queue.setDropping(true)
  push(queue, chunk, 10, 20, 10)
  expect(queue.dropOldest(100)).toEqual({ messages: 1, bytes: 10 })
  expect(queue.ends).toEqual([10])
  queue.setDropping(false)
  expect(queue.dropOldest(100)).toEqual({ messages: 0, bytes: 0 })
})
