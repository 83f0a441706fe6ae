// Clusters of two and three servers in all mixes: what is published at one is had at all, once, and requests find one
// member of a queue group.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import type { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { connectTo, type Kind, TestCluster } from './cluster.ts'

const MIXES: readonly (readonly Kind[])[] = [
  [1, 1],
  [2, 0],
  ['nats', 1],
  ['nats', 2],
  [2, 'nats'],
  [1, 2, 1],
  ['nats', 2, 1],
  ['nats', 'nats', 2],
  [2, 'nats', 'nats'],
]

/** Messages that came, by their subjects, sids and payloads; headers in brackets. */
function messagesOf(client: RawClient): string[] {
  const text = client.received().toString('latin1')
  const found: string[] = []
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n', at)
    if (end < 0) break
    const words = text.slice(at, end).split(' ')
    at = end + 2
    if (words[0] !== 'MSG' && words[0] !== 'HMSG') continue
    const size = Number(words.at(-1))
    const header = words[0] === 'HMSG' ? Number(words.at(-2)) : 0
    const payload = text.slice(at, at + size)
    if (payload.length < size) break
    at += size + 2
    found.push(`${words[1]} ${words[2]} ${payload.slice(header)}`)
  }
  return found
}

/** A message from each to each has come: all interest is known. */
async function whenAllHeard(clients: readonly RawClient[]): Promise<void> {
  const name = `here.${Math.random().toString(36).slice(2)}`
  for (const client of clients) client.send(`SUB ${name} ${name}\r\n`)
  await until('interest everywhere', async () => {
    const heard = await Promise.all(
      clients.map(async (client, i) => {
        client.send(`PUB ${name} 1\r\n${i}\r\n`)
        await new Promise((resolve) => setTimeout(resolve, 20))
        const all = messagesOf(client)
        return clients.every((_, from) => all.includes(`${name} ${name} ${from}`))
      }),
    )
    return heard.every(Boolean)
  })
}

const own = (client: RawClient): string[] => messagesOf(client).filter((text) => !text.startsWith('here.'))

describe.each(MIXES.filter((kinds) => !kinds.includes('nats') || !missing('natsServer', `a cluster of ${kinds}`)))(
  'a cluster of %s %s %s',
  (...kinds: readonly Kind[]) => {
    const given = kinds.filter((kind) => kind !== undefined)
    const cluster = new TestCluster(given, { accounts: ['A', 'B'], pinned: ['B'] })
    beforeAll(() => cluster.start())
    afterAll(() => cluster.stop())

    const everywhere = (account = 'A'): Promise<RawClient[]> =>
      Promise.all(cluster.members.map((member) => connectTo(member, account)))
    const leave = (clients: readonly RawClient[]): Promise<unknown> => Promise.all(clients.map((each) => each.close()))

    test.each(['A', 'B'])('each subscriber in account %s has each message once, with its headers', async (account) => {
      const clients = await everywhere(account)
      const others = await everywhere(account === 'A' ? 'B' : 'A')
      for (const client of [...clients, ...others]) client.send('SUB x.* 1\r\nSUB x.> 2\r\nSUB y 3\r\n')
      await whenAllHeard(clients)
      const sent = clients.flatMap((client, from) => {
        client.send(`PUB x.${from} 2\r\na${from}\r\nHPUB y 18 20\r\nNATS/1.0\r\na: b\r\n\r\nh${from}\r\n`)
        return [`x.${from} 1 a${from}`, `x.${from} 2 a${from}`, `y 3 h${from}`]
      })
      for (const client of clients) {
        await until('all messages', () => own(client).length >= sent.length)
        expect(
          client
            .received()
            .toString('latin1')
            .match(/HMSG y 3 18 20/g),
        ).toHaveLength(clients.length)
      }
      await whenAllHeard(clients)
      for (const client of clients) expect(own(client).sort()).toEqual(sent.sort())
      for (const other of others) expect(own(other)).toEqual([])
      await leave([...clients, ...others])
    })

    test('one member of each queue group has each message, and plain subscribers have all', async () => {
      const clients = await everywhere()
      for (const client of clients) client.send('SUB q g 1\r\nSUB q h 2\r\nSUB q 3\r\n')
      await whenAllHeard(clients)
      const count = 60
      for (let i = 0; i < count; i++) clients[i % clients.length].send(`PUB q 3\r\n${String(i).padStart(3, '0')}\r\n`)
      const bySid = (sid: string): string[] =>
        clients.flatMap((client) => own(client)).filter((text) => text.startsWith(`q ${sid} `))
      await until('all of them', () => bySid('3').length >= count * clients.length)
      await whenAllHeard(clients)
      for (const sid of ['1', '2']) expect(new Set(bySid(sid)).size).toBe(count)
      for (const sid of ['1', '2']) expect(bySid(sid)).toHaveLength(count)
      expect(bySid('3')).toHaveLength(count * clients.length)
      await leave(clients)
    })

    test('a request is answered from another server, and told at once where nobody is there', async () => {
      const clients = await everywhere()
      const [responder] = clients
      const asker = clients.at(-1) as RawClient
      responder.send('SUB svc workers 1\r\n')
      asker.send('SUB inbox.> 2\r\n')
      await whenAllHeard(clients)
      asker.send('PUB svc inbox.7 1\r\n?\r\n')
      await until('the request', () => own(responder).length > 0)
      expect(responder.received().toString()).toContain('MSG svc 1 inbox.7 1\r\n?')
      responder.send('PUB inbox.7 2\r\nok\r\n')
      await until('the answer', () => own(asker).length > 0)
      expect(own(asker)).toEqual(['inbox.7 2 ok'])
      asker.send('PUB nobody inbox.8 0\r\n\r\n')
      await until('no responders', () => asker.received().includes('NATS/1.0 503'))
      responder.send('UNSUB 1\r\n')
      await until('interest to be gone', async () => {
        asker.send('PUB svc inbox.9 0\r\n\r\n')
        await new Promise((resolve) => setTimeout(resolve, 10))
        return asker.received().includes('HMSG inbox.9')
      })
      await leave(clients)
    })
  },
)
