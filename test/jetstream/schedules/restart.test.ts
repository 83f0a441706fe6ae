// Schedules from outside: they outlive the process, and the thread.

import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../support/code-blocks.ts'
import { ownPrimary } from '../../support/harness.ts'
import { startCommand } from '../../support/server.ts'
import { FAULTY_ENTRY, hostOf, kill, untilReplaced } from '../../support/shards.ts'
import { until } from '../../support/until.ts'
import { StreamClient } from '../client.ts'

const EVERY = { 'Nats-Schedule': '@every 1s', 'Nats-Schedule-Target': 'S.t', 'Nats-Schedule-Rollup': 'sub' }
const CONFIG = { storage: 'file', allow_msg_schedules: true, allow_direct: true }

/** The last sequence of the stream, when it is above another. */
function above(client: StreamClient, seq: number): Promise<number> {
  return until(`a message behind ${seq}`, async () => {
    const { state } = await client.info('S')
    return (state?.last_seq ?? 0) > seq && (state?.last_seq as number)
  })
}

test('a schedule goes on after the process was killed, and one that is to come is kept', async () => {
  const folder = temporaryFolder()
  const first = await startCommand(['-js', '-sd', folder])
  const client = await StreamClient.open(first.port)
  await client.create('S', CONFIG)
  const later = new Date(Date.now() + 3000).toISOString()
  await client.put('S.once', 'once', { 'Nats-Schedule': `@at ${later}`, 'Nats-Schedule-Target': 'S.o' })
  await client.put('S.every', 'again', EVERY)
  const last = await above(client, 2)
  await first.stop('SIGKILL')

  const second = await startCommand(['-js', '-sd', folder])
  onTestFinished(async () => {
    await second.stop()
  })
  const again = await StreamClient.open(second.port)
  await above(again, last + 1)
  const once = await until('the message of a time', async () => {
    const request = '$JS.API.DIRECT.GET.S.S.o'
    const message = await again.connection.request(request, '', { timeout: 5000 })
    return message.headers?.code === 404 ? undefined : message
  })
  expect([once.string(), once.headers?.get('Nats-Schedule-Next')]).toEqual(['once', 'purge'])
  const { state } = await again.info('S', { subjects_filter: 'S.*' })
  expect(Object.keys((state as unknown as { subjects: object }).subjects)).toEqual(['S.every', 'S.o', 'S.t'])
})

test('a schedule goes on when its shard dies', async () => {
  const primary = await ownPrimary({ workers: 2, jetstream: { storeDir: temporaryFolder() } }, FAULTY_ENTRY)
  const client = await StreamClient.open(primary.port)
  await client.create('S', CONFIG)
  await client.put('S.every', 'again', EVERY)
  await above(client, 1)
  for (const shard of [0, 1]) {
    const dead = hostOf(primary, shard)
    await kill(primary, shard, 'process.exit')
    await untilReplaced(primary, shard, dead)
  }
  const other = await StreamClient.open(primary.port)
  const last = await until('the stream', async () => (await other.info('S').catch(() => undefined))?.state?.last_seq)
  await above(other, last)
})
