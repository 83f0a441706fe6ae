// What a PONG promises a publisher. nats-server has queued every message for its receivers before it answers the PING
// behind it; programs rely on that when they flush one connection and then act on another.

import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { open, openInTurn, useServer, WORKERS } from '../support/harness.ts'
import { missing, peers } from '../support/peers.ts'
import type { RawClient } from '../support/raw-client.ts'
import { type ServerProgram, startNatsServer } from '../support/server.ts'
import { within } from '../support/until.ts'

const LASTS_MS = 1500

/** Keeps the server at `port` busy until the test ends. */
async function load(port: number): Promise<void> {
  const worker = new Worker(new URL('../support/load.ts', import.meta.url), { workerData: port, execArgv: [] })
  onTestFinished(async () => {
    await worker.terminate()
  })
  await within('the load', new Promise((resolve) => worker.once('message', resolve)))
}

/** Publishes and flushes on one connection, then ends the subscription on the other; answers what was lost. */
async function losses(publisher: RawClient, subscriber: RawClient): Promise<{ rounds: number; lost: number }> {
  let got = 0
  let lost = 0
  let round = 0
  subscriber.onMessage = () => {
    got++
  }
  const endMs = performance.now() + LASTS_MS
  for (; performance.now() < endMs; round++) {
    subscriber.send(`SUB flushed.${round} ${round}\r\n`)
    await subscriber.sync()
    got = 0
    publisher.send(`PUB flushed.${round} 1\r\nx\r\n`.repeat(10))
    await publisher.sync()
    subscriber.send(`UNSUB ${round}\r\n`)
    await subscriber.sync()
    if (got < 10) lost++
  }
  return { rounds: round, lost }
}

describe.each(WORKERS)('with %i workers under load', (workers) => {
  const running = useServer({ workers })

  test('what a publisher has flushed is delivered, even if the subscriber unsubscribes right after that', async () => {
    const [publisher, subscriber] = await openInTurn(running.port, workers, 2)
    await load(running.port)
    const { rounds, lost } = await losses(publisher, subscriber)
    expect(rounds).toBeGreaterThan(10)
    expect(lost, `lost in ${lost} of ${rounds} rounds`).toBe(0)
  })
})

describe.skipIf(missing('natsServer', 'the promise of a PONG with nats-server'))('nats-server under load', () => {
  let nats: ServerProgram
  beforeAll(async () => {
    nats = await startNatsServer(peers.natsServer as string)
  })
  afterAll(() => nats?.stop())

  test('delivers what a publisher has flushed, even if the subscriber unsubscribes right after that', async () => {
    const [publisher, subscriber] = [await open(nats.port), await open(nats.port)]
    await load(nats.port)
    expect((await losses(publisher, subscriber)).lost).toBe(0)
  })
})
