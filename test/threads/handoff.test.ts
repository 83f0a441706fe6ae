// A connection that is accepted here and served by a real thread.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { handOver } from '../../src/threads/handoff.ts'
import { accept } from '../support/accept.ts'

/** Greets each connection by its number, and tells what it was given. */
const SERVING = `
  const { parentPort } = require('node:worker_threads')
  const { Socket } = require('node:net')
  parentPort.on('message', ({ kind, arrivals }) => {
    for (const { id, handle } of arrivals) new Socket({ handle }).end(String(id))
    parentPort.postMessage([kind, arrivals.map(({ id, kind, refused }) => ({ id, kind, refused }))])
  })`

function thread(): Worker {
  const worker = new Worker(SERVING, { eval: true })
  onTestFinished(async () => void (await worker.terminate()))
  return worker
}

async function textTo(peer: Socket): Promise<string> {
  let text = ''
  for await (const bytes of peer) text += bytes
  return text
}

test('many go in one message, each with what is known of it, and are served there', async () => {
  const worker = thread()
  const all = [await accept(), await accept(), await accept()]
  const arrivals = all.map(({ arrival }, at) => ({ ...arrival, refused: at === 1 }))
  handOver(worker, arrivals)
  const [[kind, told]] = await once(worker, 'message')
  expect(kind).toBe('connections')
  expect(told).toEqual(arrivals.map(({ id, kind, refused }) => ({ id, kind, refused })))
  for (const { arrival, peer } of all) expect(await textTo(peer)).toBe(String(arrival.id))
})

test('what was handed over is not ours any more: it cannot go a second time', async () => {
  const worker = thread()
  const { arrival, peer } = await accept()
  handOver(worker, [arrival])
  expect(() => handOver(worker, [arrival])).toThrow()
  expect(await textTo(peer)).toBe(String(arrival.id))
})

test('if one cannot go, none goes: the others are still ours, and can', async () => {
  const worker = thread()
  const [gone, other] = [await accept(), await accept()]
  handOver(worker, [gone.arrival])
  expect(() => handOver(worker, [other.arrival, gone.arrival])).toThrow()
  handOver(worker, [other.arrival])
  expect(await textTo(other.peer)).toBe(String(other.arrival.id))
})
