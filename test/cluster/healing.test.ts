// What goes down comes back: a shard with its routes, a server, and clients that lose theirs.

import { connect } from '@nats-io/transport-node'
import { afterEach, describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import type { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { connectTo, type Kind, type Member, TestCluster } from './cluster.ts'

/** How long it may take until all is as before. */
const HEALED_MS = 2000

let cluster: TestCluster | undefined
afterEach(() => cluster?.stop())

async function clusterOf(kinds: readonly Kind[], isMeshed = false): Promise<TestCluster> {
  cluster = new TestCluster(kinds, { isMeshed })
  await cluster.start()
  return cluster
}

/** Milliseconds until what is published at one server is had at another. */
async function reach(from: Member, to: Member): Promise<number> {
  const startMs = performance.now()
  const [publisher, subscriber] = await Promise.all([connectTo(from), connectTo(to)])
  subscriber.send('SUB heal 1\r\n')
  await until('a message at another server', () => {
    publisher.send('PUB heal 0\r\n\r\n')
    return subscriber.received().includes('MSG heal 1 0')
  })
  const tookMs = performance.now() - startMs
  await Promise.all([publisher.close(), subscriber.close()])
  return tookMs
}

const natsIsMissing = missing('natsServer', 'healing beside nats-server')

describe.each([[[2, 1]], [['nats', 2]]] as const)('a cluster of %j', (kinds) => {
  test.skipIf(natsIsMissing && (kinds as readonly Kind[]).includes('nats'))(
    'has its routes again when a shard has died with them',
    async () => {
      const { members } = await clusterOf(kinds)
      const ours = members.find(({ kind }) => kind === 2) as Member
      const other = members.find((member) => member !== ours) as Member
      const before = 4
      await until('all routes', () => ours.routes().length === before)
      for (const shard of [0, 1]) {
        ours.killShard(shard)
        await until('a route to be missed', () => ours.routes().length < before)
        expect(await reach(ours, other)).toBeLessThan(HEALED_MS)
        expect(await reach(other, ours)).toBeLessThan(HEALED_MS)
        await until('all routes', () => ours.routes().length === before)
      }
    },
  )
})

describe.each([[[1, 1]], [['nats', 1]], [[2, 'nats']]] as const)('a cluster of %j', (kinds) => {
  test.skipIf(natsIsMissing && (kinds as readonly Kind[]).includes('nats')).each([0, 1])(
    'is one again when server %d was started again',
    async (index) => {
      const { members } = await clusterOf(kinds, true)
      await members[index].stop()
      await (cluster as TestCluster).startMember(index)
      expect(await reach(members[0], members[1])).toBeLessThan(HEALED_MS)
      expect(await reach(members[1], members[0])).toBeLessThan(HEALED_MS)
    },
  )
})

test.skipIf(natsIsMissing)('a client that loses its server goes on at another one, of which it was told', async () => {
  const { members } = await clusterOf([1, 'nats', 2])
  const nc = await connect({ servers: `127.0.0.1:${members[2].port}`, reconnectTimeWait: 50 })
  const got: string[] = []
  nc.subscribe('m', { callback: (_, message) => void got.push(message.string()) })
  await nc.flush()
  await members[2].stop()
  members.splice(2, 1)
  const publisher = await connectTo(members[1])
  await until('a message after the server has gone', () => {
    publisher.send('PUB m 2\r\nhi\r\n')
    return got.length > 0
  })
  expect(members.map(({ port }) => `127.0.0.1:${port}`)).toContain(nc.getServer())
  await Promise.all([nc.close(), publisher.close()])
})

test('clients are told of servers that come and go', async () => {
  const { members } = await clusterOf([1, 1])
  const client: RawClient = await connectTo(members[0])
  client.send('CONNECT {"protocol":1,"verbose":false}\r\n')
  const urlsOf = (): string[][] =>
    [
      ...client
        .received()
        .toString()
        .matchAll(/"connect_urls":(\[[^\]]*\])/g),
    ].map(([, list]) => JSON.parse(list))
  const both = members.map(({ port }) => `127.0.0.1:${port}`)
  await members[1].stop()
  members.splice(1, 1)
  client.send('PING\r\n')
  await until('a server that is gone', () => urlsOf().at(-1)?.length === 1)
  expect(urlsOf().at(-1)).toEqual(both.slice(0, 1))
  await (cluster as TestCluster).startMember(1)
  await until('a server that has come', () => urlsOf().at(-1)?.length === 2)
  expect(urlsOf().at(-1)?.sort()).toEqual(both.sort())
  await client.close()
})
