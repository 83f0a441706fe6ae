// A shard dies: its streams are served by a thread that waited for that, and nobody gets a wrong answer meanwhile.

import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
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

async function start(workers: number, more: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-failover-'))
  const threads = new ShardThreads()
  const options = { host: '127.0.0.1', port: -1, workers, ...more, jetstream: { storeDir: folder } }
  const primary = new Primary(normaliseOptions(options, blockReader(readFile)), threads)
  await primary.start()
  onTestFinished(async () => {
    await primary.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return { folder, primary, threads }
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

test('without worker threads no thread waits', async () => {
  const single = await start(0)
  const other = await start(1)
  // It was started later, and so is its spare thread.
  await until('a spare thread', () => other.threads.spare)
  expect(single.threads.spare).toBeUndefined()
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

test('a stream whose blocks stop the store thread is not opened, and the others are served; nothing is lost', async () => {
  const { folder, primary } = await start(2, { monitorPort: -1 })
  const client = await clientOn(primary, 0)
  const name = Array.from({ length: 20 }, (_, i) => `S${i}`).find((one) => shardOf('$G', one, 2) === 1) ?? ''
  await client.create(name, { storage: 'file' })
  await client.put(`${name}.x`, 'first')
  // Who opens this waits until somebody writes to it.
  const pipe = join(folder, 'jetstream/streams/1/7.blk')
  execFileSync('mkfifo', [pipe])
  const health = async () => (await fetch(`http://127.0.0.1:${primary.monitorPort}/healthz`)).json()
  const dead = hostOf(primary, 1)
  try {
    primary.killShard(1)
    await untilReplaced(primary, 1, dead)
    // What needs the thread meanwhile is done by the next one.
    const created = client.create('T', { storage: 'file' })
    await until('it to be told', async () => {
      const { error } = (await health()) as { error?: string }
      return error === 'JetStream storage does not answer'
    })
    await created
    const failed = `JetStream stream '$G > ${name}' could not be recovered`
    await until(
      'it to be given up',
      async () => {
        expect(await client.put('T.x')).toMatchObject({ stream: 'T' })
        return ((await health()) as { error?: string }).error === failed
      },
      30_000,
    )
    expect(await client.info(name)).toMatchObject({ error: { code: 404 } })
  } finally {
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK))
    rmSync(pipe)
  }
  const again = hostOf(primary, 1)
  settleShard(primary, 1)
  primary.killShard(1)
  await untilReplaced(primary, 1, again)
  await until('its message', async () => (await client.info(name).catch(() => undefined))?.state?.messages === 1)
}, 90_000)
