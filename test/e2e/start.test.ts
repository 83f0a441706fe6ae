// The start of a server: its port opens when the first shard can answer, and the others join as they are up.

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { BroadcastChannel } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { readFile } from '../../src/config/surroundings.ts'
import { Primary } from '../../src/primary/primary.ts'
import { ShardThreads } from '../../src/primary/shard-threads.ts'
import { open } from '../support/harness.ts'
import { LATE_SHARDS } from '../support/late-shard-channel.ts'
import { openOn } from '../support/shards.ts'
import { until } from '../support/until.ts'

const LATE_ENTRY = new URL('../support/late-shard.ts', import.meta.url)

async function listen(port = 0): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

test('the first shard serves clients before the others are up, and they hear each other afterwards', async () => {
  const channel = new BroadcastChannel(LATE_SHARDS)
  const options = normaliseOptions({ host: '127.0.0.1', port: -1, workers: 4 })
  const primary = new Primary(options, new ShardThreads(LATE_ENTRY))
  onTestFinished(async () => {
    channel.close()
    await primary.close()
  })
  let started = false
  const start = primary.start().then(() => {
    started = true
  })
  await until('the port to open', () => primary.serving)
  const early = [await open(primary.port), await open(primary.port)]
  early[0].send('SUB early 1\r\n')
  await early[0].sync()
  early[1].send('PUB early 2\r\nhi\r\n')
  await early[0].expect('MSG early 1 2\r\nhi\r\n')
  expect(primary.shardStates.map(({ state }) => state).filter((state) => state === 'serving')).toHaveLength(1)
  expect(started).toBe(false)

  // Threads that begin later than this message would miss it.
  const letIn = setInterval(() => channel.postMessage('start'), 10)
  await start
  clearInterval(letIn)
  expect(primary.shardStates.map(({ state }) => state)).toEqual(['serving', 'serving', 'serving', 'serving'])
  for (const shard of [1, 2, 3]) {
    const late = await openOn(primary, shard)
    late.send('PUB early 4\r\nlate\r\n')
    await early[0].expect('MSG early 1 4\r\nlate\r\n')
    await late.close()
  }
})

test('a shard that ends while it starts ends the start of the server', async () => {
  const entry = new URL('../support/stillborn-shard.ts', import.meta.url)
  const options = normaliseOptions({ host: '127.0.0.1', port: -1, workers: 3 })
  const primary = new Primary(options, new ShardThreads(entry))
  await expect(primary.start()).rejects.toThrow('this shard cannot start')
  expect(primary.serving).toBe(false)
})

test('a port that is taken refuses the start', async () => {
  const other = await listen()
  onTestFinished(() => void other.close())
  const { port } = other.address() as AddressInfo
  const primary = new Primary(normaliseOptions({ host: '127.0.0.1', port, workers: 1 }))
  await expect(primary.start()).rejects.toThrow(`Error listening on port: 127.0.0.1:${port}`)
})

test('a port that opens while the server is stopped is closed again', async () => {
  const listening = await listen()
  const { port } = listening.address() as AddressInfo
  listening.close()
  // A name takes turns of the loop to be looked up: the port for clients is open, this one is not yet.
  const cluster = { name: 'late', host: 'localhost', port }
  const options = { host: '127.0.0.1', port: -1, workers: 0, cluster }
  const primary = new Primary(normaliseOptions(options, blockReader(readFile)))
  const start = expect(primary.start()).rejects.toThrow('stopped while it started')
  while (primary.port === -1) await new Promise((next) => setImmediate(next))
  await primary.close()
  await start
  const again = await listen(port)
  again.close()
})
