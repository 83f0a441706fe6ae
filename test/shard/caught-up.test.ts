// What lies in a shard's rings is dealt with before an operation takes effect, though nothing has woken the shard:
// staged, as in a running server the two meet but now and then (test/e2e/across-shards.test.ts).

import { expect, test } from 'vitest'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { readFile } from '../../src/config/surroundings.ts'
import type { Primary } from '../../src/primary/primary.ts'
import type { ConnectionRow } from '../../src/reports/rows.ts'
import { open, ownPrimary } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import { localShard, StagedPeer } from '../support/staged-peer.ts'

interface Stage {
  readonly primary: Primary
  readonly peer: StagedPeer
  readonly client: RawClient
}

/** A client that is subscribed to `a`, and a message for it that nothing has made the shard look at. */
async function stage(): Promise<Stage> {
  const primary = await ownPrimary({ workers: 0 })
  const peer = new StagedPeer(localShard(primary), 1)
  const client = await open(primary.identity.port)
  client.send('SUB a 1\r\n')
  await client.sync()
  peer.publish('a', 'x')
  return { primary, peer, client }
}

const MESSAGE = 'MSG a 1 1\r\nx\r\n'

test.each([
  ['PING', 'PING\r\n', `${MESSAGE}PONG\r\n`],
  ['UNSUB', 'UNSUB 1\r\nPING\r\n', `${MESSAGE}PONG\r\n`],
  ['UNSUB with a limit that the message reaches', 'UNSUB 1 1\r\nPING\r\n', `${MESSAGE}PONG\r\n`],
  ['SUB', 'SUB b 2\r\nPING\r\n', `${MESSAGE}PONG\r\n`],
  ['PUB', 'PUB a 1\r\ny\r\nPING\r\n', `${MESSAGE}MSG a 1 1\r\ny\r\nPONG\r\n`],
  ['a second CONNECT', 'CONNECT {"verbose":true}\r\nPING\r\n', `${MESSAGE}+OK\r\nPONG\r\n`],
])('%s comes behind what lies in a ring', async (_, operation, answer) => {
  const { client } = await stage()
  client.send(operation)
  await client.expect(answer)
})

test('the end of a connection comes behind what lies in a ring', async () => {
  const { client } = await stage()
  client.socket.end()
  expect((await client.readToClose()).toString()).toBe(MESSAGE)
})

test('a question of the primary is answered with what lies in a ring', async () => {
  const { primary } = await stage()
  const [rows] = (await primary.query({ kind: 'connections', state: 'open', subscriptions: 'none', id: 0 })) as [
    ConnectionRow[],
  ]
  expect(rows[0].outMessages).toBe(1)
})

test('an eviction comes behind what lies in a ring', async () => {
  const { primary, client } = await stage()
  localShard(primary).connections.evict(1, 'shutdown')
  expect((await client.readToClose()).toString()).toBe(MESSAGE)
})

test('other options come behind what lies in a ring', async () => {
  const { primary, client } = await stage()
  const options = { host: '127.0.0.1', port: -1, workers: 0, authorization: { users: [{ user: 'u', password: 'p' }] } }
  await primary.reload(normaliseOptions(options, blockReader(readFile)))
  expect((await client.readToClose()).toString()).toMatch(/^MSG a 1 1\r\nx\r\n-ERR/)
})

test('news of the server come behind what lies in a ring', async () => {
  const { primary, client } = await stage()
  const shard = localShard(primary)
  shard.setIdentity({ ...shard.identity, lameDuck: true })
  await client.expectMatch(/^MSG a 1 1\r\nx\r\n/)
})

test('what lies in several rings comes in the order in which it was published', async () => {
  const { primary, peer, client } = await stage()
  const other = new StagedPeer(localShard(primary), 2)
  other.publish('a', '1')
  peer.publish('a', '2')
  peer.publish('a', '3')
  other.publish('a', '4')
  client.send('PING\r\n')
  const messages = ['x', '1', '2', '3', '4'].map((payload) => `MSG a 1 1\r\n${payload}\r\n`)
  await client.expect(`${messages.join('')}PONG\r\n`)
})
