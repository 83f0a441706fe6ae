// What holds between connections of different shards where messages change accounts, and where subscriptions end by
// themselves (docs/threads.md, "What a PONG promises"): counted rounds while every shard is busy.

import { describe, expect, test } from 'vitest'
import type { ServerOptions } from '../../src/index.ts'
import { Counter, flush, SHARDS, whileBusy } from '../support/busy-shards.ts'
import { openInTurn, ownServer, useServer } from '../support/harness.ts'

const A = { user: 'a', pass: 'a' }
const B = { user: 'b', pass: 'b' }

const options = (isImported: boolean): ServerOptions => ({
  host: '127.0.0.1',
  port: -1,
  workers: SHARDS,
  accounts: {
    A: { users: [{ user: 'a', password: 'a' }], exports: [{ stream: 'news.>' }, { service: 'svc.>' }] },
    B: {
      users: [{ user: 'b', password: 'b' }],
      imports: [
        { service: { account: 'A', subject: 'svc.>' } },
        ...(isImported ? [{ stream: { account: 'A', subject: 'news.>' } }] : []),
      ],
    },
  },
})

describe('over shards', () => {
  const running = useServer(options(true))

  test('requests to a service of another account, and its answers, come before the PONG to those they are for', async () => {
    const ROUNDS = 12
    const REQUESTS = 5
    const responders = await openInTurn(running.port, SHARDS, SHARDS, A)
    const [requestors, inboxes] = [
      await openInTurn(running.port, SHARDS, SHARDS, B),
      await openInTurn(running.port, SHARDS, SHARDS, B),
    ]
    const failures: string[] = []
    const work = requestors.map(async (requestor, i) => {
      // Three shards: the one that asks, the one that answers, the one where the answer is awaited.
      const responder = responders[(i + 1) % SHARDS]
      const inbox = new Counter(inboxes[(i + 2) % SHARDS])
      const replies: string[] = []
      responder.onMessage = ({ reply }) => replies.push(reply)
      responder.send(`SUB svc.${i} 1\r\n`)
      inbox.client.send(`SUB inbox.${i} 1\r\n`)
      for (const client of [responder, inbox.client]) await client.sync()
      for (let round = 1; round <= ROUNDS; round++) {
        requestor.send(`PUB svc.${i} inbox.${i} 1\r\nx\r\n`.repeat(REQUESTS))
        await requestor.sync()
        await responder.sync()
        const asked = replies.splice(0)
        responder.send(...asked.map((reply) => `PUB ${reply} 1\r\nx\r\n`))
        await responder.sync()
        await inbox.client.sync()
        if (asked.length !== REQUESTS || inbox.count !== round * REQUESTS) {
          failures.push(`${i}, round ${round}: ${asked.length} requests, ${inbox.count} answers`)
        }
      }
    })
    await whileBusy(running.port, Promise.all(work), A)
    expect(failures).toEqual([])
  })

  test('a subscription with a limit has exactly so many messages, wherever they come from, and is gone for all', async () => {
    const ROUNDS = 15
    const LIMIT = 7
    const RESPONDERS = { ...A, headers: true, no_responders: true }
    const publishers = await openInTurn(running.port, SHARDS, SHARDS, RESPONDERS)
    const subscribers = await openInTurn(running.port, SHARDS, SHARDS, A)
    const refused = publishers.map((publisher) => {
      publisher.send('SUB inbox.> 1\r\n')
      return new Counter(publisher)
    })
    for (const publisher of publishers) await publisher.sync()
    const failures: string[] = []
    const rounds = async (): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        const subscriber = new Counter(subscribers[round % SHARDS])
        const subject = `limited.${round}`
        subscriber.client.send(`SUB ${subject} 1\r\nUNSUB 1 ${LIMIT}\r\n`)
        await subscriber.client.sync()
        await Promise.all(publishers.map((publisher) => flush(publisher, subject, 3)))
        await subscriber.client.sync()
        const before = refused.reduce((sum, { count }) => sum + count, 0)
        for (const [i, publisher] of publishers.entries()) {
          publisher.send(`PUB ${subject} inbox.${i} 0\r\n\r\n`)
          await publisher.sync()
        }
        const told = refused.reduce((sum, { count }) => sum + count, 0) - before
        if (subscriber.count !== LIMIT || told !== SHARDS) {
          failures.push(`round ${round}: ${subscriber.count} messages, ${told} refusals`)
        }
      }
    }
    await whileBusy(running.port, rounds(), A)
    expect(failures).toEqual([])
  })
})

test('a reload that ends an import lets through what was flushed before it, and nothing that comes after', async () => {
  const ROUNDS = 2
  const server = await ownServer(options(true))
  const publishers = await openInTurn(server.port, SHARDS, SHARDS, A)
  const subscribers = (await openInTurn(server.port, SHARDS, SHARDS, B)).map((client) => new Counter(client))
  for (const { client } of subscribers) {
    client.send('SUB news.> 1\r\n')
    await client.sync()
  }
  const failures: string[] = []
  const rounds = async (): Promise<void> => {
    for (let round = 1; round <= ROUNDS; round++) {
      await Promise.all(publishers.map((publisher, i) => flush(publisher, `news.${i}`, 10)))
      await server.reload(options(false))
      await Promise.all(publishers.map((publisher, i) => flush(publisher, `news.${i}`, 10)))
      await server.reload(options(true))
      for (const [i, { client, count }] of subscribers.entries()) {
        await client.sync()
        if (count !== round * SHARDS * 10) failures.push(`round ${round}, shard ${i}: ${count} messages`)
      }
    }
  }
  await whileBusy(server.port, rounds(), A)
  expect(failures).toEqual([])
})
