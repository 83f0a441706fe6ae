// What was on its way to a shard that dies: it is counted, and the log says so. The other shard is staged.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open, ownPrimary } from '../support/harness.ts'
import { localShard, StagedPeer } from '../support/staged-peer.ts'

const FAR = 2

async function stage() {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-lost-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const logFile = join(folder, 'server.log')
  const primary = await ownPrimary({ workers: 0, log: 'stderr', logFile })
  const shard = localShard(primary)
  const peer = new StagedPeer(shard, FAR)
  peer.interest.add('$G', 'far', '')
  return { shard, peer, client: await open(primary.identity.port), log: () => readFileSync(logFile, 'utf8') }
}

test.each([
  ['a run in its ring', 14, 1],
  ['messages that wait for room', 30, 100_000],
  ['messages in several frames each', 3, 600_000],
])('%s is lost with a shard that dies', async (_, count, bytes) => {
  const { shard, peer, client, log } = await stage()
  client.send(`PUB far ${bytes}\r\n${'x'.repeat(bytes)}\r\n`.repeat(count), 'PUB elsewhere 0\r\n\r\n')
  // Its PONG waits for room in the ring, as do its messages.
  const answered = client.sync()
  while (peer.sent().sentMessages < count && peer.sent().waitingBytes === 0)
    await new Promise((next) => setImmediate(next))
  const { sentMessages } = peer.sent()
  shard.removePeer(FAR)
  await answered
  expect(log()).toContain(`Shard ${FAR} died; ${sentMessages} messages for its clients were lost`)
})

test('what the shard had dealt with is not lost', async () => {
  const { shard, peer, client, log } = await stage()
  client.send('PUB far 1\r\nx\r\n'.repeat(5))
  await client.sync()
  expect((await peer.drain()).length).toBe(5)
  client.send('PUB far 1\r\nx\r\n'.repeat(2))
  await client.sync()
  shard.removePeer(FAR)
  expect(log()).toContain(`Shard ${FAR} died; 2 messages for its clients were lost`)
})

test('where nothing is lost, nothing is said', async () => {
  const { shard, client, log } = await stage()
  client.send('PUB elsewhere 0\r\n\r\n')
  await client.sync()
  shard.removePeer(FAR)
  expect(log()).not.toContain('lost')
})
