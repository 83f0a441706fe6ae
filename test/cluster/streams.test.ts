// A Heddle without a store in a cluster of nats-servers: its clients use the streams of the cluster, and the cluster
// sees it as a member.

import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { until } from '../support/until.ts'
import { TestCluster } from './cluster.ts'

describe.skipIf(missing('natsServer', 'streams of a cluster')).each([1, 2])('a member with %d shards', (workers) => {
  const cluster = new TestCluster(['nats', 'nats', 'nats', workers], { hasStreams: true, isMeshed: true })
  let nc: NatsConnection
  beforeAll(async () => {
    await cluster.start()
    nc = await connect({ servers: `127.0.0.1:${cluster.members[3].port}` })
    // The cluster has to choose a leader first.
    await until('streams', async () => {
      try {
        await (await jetstreamManager(nc, { checkAPI: false, timeout: 1000 })).getAccountInfo()
        return true
      } catch {
        return false
      }
    })
  })
  afterAll(async () => {
    await nc?.close()
    await cluster.stop()
  })

  test('stores, reads, acknowledges and gets by subject, all in the cluster', async () => {
    const manager = await jetstreamManager(nc)
    await manager.streams.add({ name: 'S', subjects: ['s.>'], num_replicas: 3, allow_direct: true })
    const js = jetstream(nc)
    for (let i = 1; i <= 20; i++) expect((await js.publish(`s.${i % 3}`, `m${i}`)).seq).toBe(i)
    await manager.consumers.add('S', { durable_name: 'D', ack_policy: 'explicit' })
    const consumer = await js.consumers.get('S', 'D')
    const got: string[] = []
    for await (const message of await consumer.fetch({ max_messages: 20, expires: 5000 })) {
      got.push(`${message.subject} ${message.string()}`)
      await message.ackAck()
    }
    expect(got).toEqual(Array.from({ length: 20 }, (_, i) => `s.${(i + 1) % 3} m${i + 1}`))
    expect((await consumer.info()).num_ack_pending).toBe(0)
    expect((await manager.streams.getMessage('S', { last_by_subj: 's.1' }))?.string()).toBe('m19')
    const direct = await manager.direct.getMessage('S', { seq: 7 })
    expect(direct?.string()).toBe('m7')
    await manager.streams.delete('S')
  })

  test('consumers of messages in order have them with their own subjects', async () => {
    const manager = await jetstreamManager(nc)
    await manager.streams.add({ name: 'O', subjects: ['o.*'], num_replicas: 1 })
    const js = jetstream(nc)
    await Promise.all(Array.from({ length: 50 }, (_, i) => js.publish(`o.${i % 2}`, String(i))))
    const consumer = await js.consumers.get('O')
    const subjects = new Set<string>()
    let count = 0
    for await (const message of await consumer.fetch({ max_messages: 50, expires: 5000 })) {
      subjects.add(message.subject)
      count++
    }
    expect(count).toBe(50)
    expect([...subjects].sort()).toEqual(['o.0', 'o.1'])
    await manager.streams.delete('O')
  })
})
