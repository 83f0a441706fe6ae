// The loads of streams against Heddle itself, and against a server that acknowledges in the wrong order.

import { once } from 'node:events'
import { createServer as createTcpServer } from 'node:net'
import { MessageChannel } from 'node:worker_threads'
import { afterAll, expect, test } from 'vitest'
import { connectText } from '../../bench/connect.ts'
import { closeGenerators } from '../../bench/generators/pool.ts'
import { publishStream } from '../../bench/generators/stream-publisher.ts'
import {
  consuming,
  gettingValues,
  manyKeys,
  publishing,
  publishingBatches,
  puttingValues,
  requestsBeside,
  watchingValues,
} from '../../bench/jetstream-load.ts'
import { ROOT } from '../../bench/measure.ts'
import { ServerProcess } from '../../bench/server-process.ts'
import { jetStream } from '../../bench/setups.ts'

afterAll(closeGenerators)

test.each([
  ['publishers', publishing({ clients: 3, window: 50, messages: 600, bytes: 128 }), ['rate', 'p50Us', 'diskMiB']],
  ['batches', publishingBatches(3, 20, 128), ['rate', 'p99Us', 'diskMiB']],
  ['an ordered consumer', consuming('ordered', 1_200, 128), ['rate']],
  ['a durable consumer', consuming('durable', 1_200, 128, 'memory'), ['rate']],
  ['fetches', consuming('fetch', 1_200, 128), ['rate']],
  ['puts', puttingValues(500, 128), ['rate']],
  ['gets', gettingValues(100, 128), ['rate', 'p99Us']],
  ['a watcher', watchingValues(128), ['rate']],
  ['many keys', manyKeys(200, 128, 50), ['filledMiB', 'restartMs', 'killedMs', 'diskMiB']],
  ['requests beside', requestsBeside(1_000, 2_000, 128), ['besideRatio']],
] as const)(
  '%s',
  async (what, load, metrics) => {
    const program = { command: `${ROOT}src/heddle.sh`, arguments: [] }
    const server = await ServerProcess.start(program, jetStream('2m'))
    try {
      const { metrics: seen } = await load.run(server, what === 'a watcher' || what === 'gets' ? 0.01 : 1)
      for (const metric of metrics) expect(seen[metric]).toBeGreaterThan(0)
    } finally {
      await server.stop()
    }
  },
  60_000,
)

test('an acknowledgement in the wrong order is noticed', async () => {
  const inbox = '_INBOX.publisher0000000000000.'
  const answer = (number: number): string => `MSG ${inbox}10000000${number} 1 24\r\n{"stream":"BENCH","seq":1}\r\n`
  const fake = createTcpServer((socket) => {
    socket.on('data', (bytes) => {
      if (bytes.includes('PING')) socket.write('INFO {}\r\nPONG\r\n')
      else socket.write(answer(1) + answer(0))
    })
  }).listen(0, '127.0.0.1')
  await once(fake, 'listening')
  const { port1, port2 } = new MessageChannel()
  port1.on('message', () => port1.postMessage({ kind: 'go' }))
  const address = fake.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const task = { clients: 1, window: 2, messages: 2, bytes: 16 }
  const subjects = { prefix: 'orders.', count: 1, order: 'rising' } as const
  const endpoint = { transport: 'tcp', port } as const
  const published = publishStream({ endpoint, control: port2, connect: connectText(''), subjects, ...task })
  await expect(published).rejects.toThrow('answer 100000001 to message 0')
  fake.close()
})
