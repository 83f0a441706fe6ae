// What tests between shards share that try a promise again and again while every shard is kept busy, so that a shard
// finds work in rings and in sockets at once.

import { RING_BUSY_BYTES } from '../../src/base/constants.ts'
import { openInTurn } from './harness.ts'
import type { ConnectMembers, RawClient } from './raw-client.ts'

export const SHARDS = 4

/** Keeps every ring busy until `work` is done: a shard that is busy with rings looks into sockets first. */
export async function whileBusy(port: number, work: Promise<unknown>, members?: ConnectMembers): Promise<void> {
  let isDone = false
  // It may fail before it is waited for.
  work.catch(() => undefined)
  const clients = await openInTurn(port, SHARDS, SHARDS, members)
  for (const [i, client] of clients.entries()) {
    client.onMessage = () => undefined
    client.send(`SUB busy.${i} 1\r\n`)
    await client.sync()
  }
  const loops = clients.map(async (client, i) => {
    const lines = `PUB busy.${(i + 1) % SHARDS} ${RING_BUSY_BYTES}\r\n${'x'.repeat(RING_BUSY_BYTES)}\r\n`.repeat(2)
    while (!isDone) {
      client.send(lines)
      await client.sync()
    }
  })
  try {
    await work
  } finally {
    isDone = true
    await Promise.all(loops)
  }
}

/** A subscriber, and how many messages it has been given since count was last set. */
export class Counter {
  readonly client: RawClient
  count = 0

  constructor(client: RawClient) {
    this.client = client
    client.onMessage = () => this.count++
  }
}

export async function flush(publisher: RawClient, subject: string, count = 1): Promise<void> {
  publisher.send(`PUB ${subject} 1\r\nx\r\n`.repeat(count), 'PING\r\n')
  await publisher.expect('PONG\r\n')
}
