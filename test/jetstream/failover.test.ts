// A shard dies: its streams are served by a thread that waited for that, and nobody gets a wrong answer meanwhile.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RequestError } from '@nats-io/nats-core'
import { expect, onTestFinished, test } from 'vitest'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { readFile } from '../../src/config/surroundings.ts'
import { shardOf } from '../../src/jetstream/placement.ts'
import { Primary } from '../../src/primary/primary.ts'
import { ShardThreads } from '../../src/primary/shard-threads.ts'
import { hostOf, settleShard, untilReplaced } from '../support/shards.ts'
import { until } from '../support/until.ts'
import { StreamClient } from './client.ts'

async function start(workers: number): Promise<{ primary: Primary; threads: ShardThreads }> {
  const storeDir = mkdtempSync(join(tmpdir(), 'heddle-failover-'))
  const threads = new ShardThreads()
  const options = { host: '127.0.0.1', port: -1, workers, jetstream: { storeDir } }
  const primary = new Primary(normaliseOptions(options, blockReader(readFile)), threads)
  await primary.start()
  onTestFinished(async () => {
    await primary.close()
    rmSync(storeDir, { recursive: true, force: true })
  })
  return { primary, threads }
}

/** A client whose connection is the shard's. */
async function clientOn(primary: Primary, shard: number): Promise<StreamClient> {
  for (;;) {
    const client = await StreamClient.open(primary.port)
    const id = client.connection.info?.client_id ?? 0
    const query = { kind: 'connections', state: 'open', subscriptions: 'none', id } as const
    const rows = await hostOf(primary, shard).query(query)
    if (Array.isArray(rows) && rows.length === 1) return client
    await client.connection.close()
  }
}

test('the thread that takes a dead one’s place has begun before, and the next one begins', async () => {
  const { primary, threads } = await start(1)
  for (let deaths = 0; deaths < 2; deaths++) {
    const spare = await until('a spare thread', () => threads.spare)
    const dead = hostOf(primary, 0)
    settleShard(primary, 0)
    primary.killShard(0)
    await untilReplaced(primary, 0, dead)
    expect(hostOf(primary, 0).thread).toBe(spare)
  }
})

test('a spare thread that ends is no spare thread, and the server goes on', async () => {
  const { primary, threads } = await start(1)
  const spare = await until('a spare thread', () => threads.spare)
  spare.end()
  await until('it to have ended', () => threads.spare === undefined)
  const dead = hostOf(primary, 0)
  primary.killShard(0)
  await untilReplaced(primary, 0, dead)
})

test('while streams are opened again, no request is told that they are not there', async () => {
  const { primary } = await start(2)
  const client = await clientOn(primary, 0)
  const names = Array.from({ length: 60 }, (_, i) => `S${i}`)
  const own = names.filter((name) => shardOf('$G', name, 2) === 1)
  await Promise.all(names.map((name) => client.create(name, { storage: 'file' })))
  await Promise.all(names.map((name) => client.put(`${name}.x`, 'first')))
  const dead = hostOf(primary, 1)
  primary.killShard(1)
  await until('the shard to be dead', () => dead.dead)
  const infos = own.map((name) =>
    until(`an answer about ${name}`, () =>
      client.info(name).catch((error: unknown) => {
        // The shard that knows is not there.
        if (error instanceof RequestError && error.isNoResponders()) return undefined
        throw error
      }),
    ),
  )
  for (const info of await Promise.all(infos)) expect(info).toMatchObject({ state: { messages: 1 } })
  await Promise.all(own.map(async (name) => expect(await client.put(`${name}.x`)).toMatchObject({ seq: 2 })))
})
