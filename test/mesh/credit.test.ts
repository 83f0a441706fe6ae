// Publishers that another shard holds up: what they may have waiting for it is bounded, the server's own messages
// included. The other shard is staged and stands still until the test lets it take what was sent.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  LINK_BEHIND_MAX,
  LINK_WAITING_MAX,
  RING_BYTES_MAX,
  SYSTEM_REQUESTS_ACCOUNT_MAX,
} from '../../src/base/constants.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import { ServerPublisher } from '../../src/routing/server-publisher.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { open, ownPrimary } from '../support/harness.ts'
import { localShard, StagedPeer } from '../support/staged-peer.ts'
import { until } from '../support/until.ts'

/** Fits a frame. */
const EVENT_BYTES = 200 * 1024
const FAR = 7

async function stage() {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-credit-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const logFile = join(folder, 'server.log')
  const primary = await ownPrimary({ workers: 0, log: 'stderr', logFile })
  const shard = localShard(primary)
  const peer = new StagedPeer(shard, FAR)
  for (const account of ['$G', '$SYS']) peer.interest.add(account, 'far', '')
  return { port: primary.identity.port, shard, peer, log: () => readFileSync(logFile, 'utf8') }
}

/** Events for the other shard; each bears its number. */
function tell(shard: Shard, count: number): void {
  const payload = Buffer.alloc(EVENT_BYTES, '.')
  const messages = Array.from({ length: count }, (_, i) => {
    const numbered = Buffer.from(payload)
    numbered.write(`${i} `)
    return { subject: 'far', payload: numbered }
  })
  shard.tellSystem(messages)
}

test('events that wait for a shard are bounded; those beyond are dropped, counted and told', async () => {
  const { shard, peer, log } = await stage()
  const most = Math.ceil(LINK_WAITING_MAX / EVENT_BYTES)
  tell(shard, most + 40)
  const { waitingBytes, sentMessages, usedBytes } = peer.sent()
  expect(waitingBytes).toBeGreaterThanOrEqual(LINK_WAITING_MAX)
  expect(waitingBytes).toBeLessThan(LINK_WAITING_MAX + EVENT_BYTES + 1024)
  const dropped = most + 40 - sentMessages
  expect(dropped).toBeGreaterThan(0)
  const TEXT = `A message of the server for clients of shard ${FAR} was dropped, as too much waits for that shard`
  const told = (): number => {
    const counts = [...log().matchAll(new RegExp(`shard ${FAR} - … and (\\d+) more`, 'g'))]
    return log().split(TEXT).length - 1 + counts.reduce((sum, [, count]) => sum + Number(count), 0)
  }
  await until('all that were dropped to be told', () => told() === dropped)
  // Those that were not dropped come, in their order, and then there is room again.
  const came = (await peer.drain()).map((payload) => Number.parseInt(payload, 10))
  expect(came).toEqual(Array.from({ length: sentMessages }, (_, i) => i))
  expect(usedBytes).toBeGreaterThan(0)
  tell(shard, 1)
  expect((await peer.drain()).length).toBe(1)
})

test('where much waits for a shard, connections that have sent to it are read no further, the others are', async () => {
  const { port, shard, peer } = await stage()
  const [publisher, other] = [await open(port), await open(port)]
  publisher.send('PUB far 0\r\n\r\n')
  other.send('PUB elsewhere 0\r\n\r\n')
  await Promise.all([publisher.sync(), other.sync()])
  const held = (): boolean[] => [...shard.clients.values()].map(({ waitsForPeers }) => waitsForPeers)
  tell(shard, 5)
  expect(held()).toEqual([false, false])
  tell(shard, Math.ceil((LINK_BEHIND_MAX + RING_BYTES_MAX) / EVENT_BYTES))
  expect(held()).toEqual([true, false])
  publisher.send('PUB elsewhere 0\r\n\r\n')
  for (let i = 0; i < 5; i++) await other.sync()
  expect([...shard.clients.values()][0].inMessages).toBe(1)
  await peer.drain()
  expect(held()).toEqual([false, false])
  await publisher.sync()
  expect([...shard.clients.values()][0].inMessages).toBe(2)
})

test('a shard that dies holds nobody', async () => {
  const { port, shard } = await stage()
  const publisher = await open(port)
  publisher.send('PUB far 0\r\n\r\n')
  await publisher.sync()
  tell(shard, Math.ceil(LINK_WAITING_MAX / EVENT_BYTES) + 10)
  expect([...shard.clients.values()][0].waitsForPeers).toBe(true)
  shard.removePeer(FAR)
  await publisher.sync()
})

test('a publisher of the server is told to wait with its next message, and when to go on', async () => {
  const { shard, peer } = await stage()
  const publisher = new ServerPublisher()
  let sent = 0
  const send = (): void => {
    composeRun(shard.pool, { subject: 'far', reply: '', headers: {}, payload: Buffer.alloc(EVENT_BYTES) }, (run) => {
      shard.router.dispatch(run, shard.accounts.global, publisher)
    })
    sent++
  }
  while (!publisher.congested) send()
  // The ring is full, and one message waits.
  expect(peer.sent().waitingBytes).toBeLessThan(EVENT_BYTES + 1024)
  let relieved = 0
  publisher.whenRelieved(() => relieved++)
  expect(relieved).toBe(0)
  expect((await peer.drain()).length).toBe(sent)
  expect([relieved, publisher.congested]).toEqual([1, false])
  publisher.whenRelieved(() => relieved++)
  expect(relieved).toBe(2)
})

test('an answer that waits for a shard counts as a request that waits', async () => {
  const { port, shard, peer } = await stage()
  const asker = await open(port)
  const ask = (count: number): void => asker.send('PUB $SYS.REQ.SERVER.PING.CONNZ far 0\r\n\r\n'.repeat(count))
  tell(shard, 10)
  expect(peer.sent().waitingBytes).toBeGreaterThan(0)
  ask(SYSTEM_REQUESTS_ACCOUNT_MAX)
  await until('all requests to be answered', () => peer.sent().sentMessages === 10 + SYSTEM_REQUESTS_ACCOUNT_MAX)
  // The asker itself, whose messages do not go there, is not held.
  ask(3)
  await asker.sync()
  const payloads = (await peer.drain()).slice(10)
  expect(payloads.filter((payload) => payload.includes('too many requests are waiting')).length).toBe(3)
  ask(1)
  await until('the next answer', () => peer.sent().sentMessages > 10 + SYSTEM_REQUESTS_ACCOUNT_MAX + 3)
  expect((await peer.drain()).join('')).not.toContain('too many')
})

test('a publisher on another shard is held while what it sent waits to go on to a third one', async () => {
  const { shard, peer } = await stage()
  peer.interest.add('$G', 'shared', 'q')
  const from = new StagedPeer(shard, FAR + 1)
  const said = (kind: string): boolean =>
    from.said.some((message) => typeof message === 'object' && message.kind === kind)
  const publish = (): void => {
    from.publish('shared', 'x', { plain: false, queue: 'q' })
    shard.catchUp()
  }
  publish()
  tell(shard, 10)
  expect(peer.sent().waitingBytes).toBeGreaterThan(0)
  publish()
  await until('the publisher to be held', () => said('hold'))
  expect(said('release')).toBe(false)
  expect(from.said.length).toBe(1)
  expect((await peer.drain()).length).toBe(12)
  await until('the publisher to be released', () => said('release'))
})
