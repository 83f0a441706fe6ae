import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { createHandshakeLimit, HandshakeLimit, takeBlocked } from '../../src/tls/rate-limit.ts'

test('so many handshakes are let through in a second that begins with the first of them', () => {
  const limit = new HandshakeLimit(createHandshakeLimit(), 3)
  const answers = [5_000, 5_000, 5_999, 6_000, 6_000].map((nowMs) => limit.allow(nowMs))
  expect(answers).toEqual([true, true, true, false, false])
  expect([6_001, 6_500, 7_000, 7_001].map((nowMs) => limit.allow(nowMs))).toEqual([true, true, true, false])
})

test('refusals are counted until they are taken', () => {
  const memory = createHandshakeLimit()
  const limit = new HandshakeLimit(memory, 1)
  for (let i = 0; i < 5; i++) limit.allow(1_000)
  expect(takeBlocked(memory)).toBe(4)
  expect(takeBlocked(memory)).toBe(0)
})

test('a machine that has been up for ten years still counts', () => {
  const limit = new HandshakeLimit(createHandshakeLimit(), 2)
  const nowMs = 10 * 365 * 86_400_000
  expect([nowMs, nowMs, nowMs, nowMs + 1_001].map((now) => limit.allow(now))).toEqual([true, true, false, true])
})

test('threads that ask at the same time share one limit', async () => {
  const memory = createHandshakeLimit()
  const source = new URL('../../src/tls/rate-limit.ts', import.meta.url).href
  const code = `
    import { workerData, parentPort } from 'node:worker_threads'
    const { HandshakeLimit } = await import(workerData.source)
    const limit = new HandshakeLimit(workerData.memory, 1000)
    let allowed = 0
    for (let i = 0; i < 20000; i++) if (limit.allow(77777)) allowed++
    parentPort.postMessage(allowed)
  `
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`)
  const allowed = await Promise.all(
    Array.from({ length: 3 }, () => {
      const worker = new Worker(url, { workerData: { source, memory } })
      return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject))
    }),
  )
  expect(allowed.reduce((sum, count) => sum + count)).toBe(1_000)
  expect(takeBlocked(memory)).toBe(59_000)
})
