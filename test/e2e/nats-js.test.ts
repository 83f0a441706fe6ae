// The official clients for Node, today's (@nats-io/transport-node) and yesterday's (nats 2.x).

import * as current from '@nats-io/transport-node'
import * as old from 'nats'
import { describe, expect, onTestFinished, test } from 'vitest'
import { useServer } from '../support/harness.ts'
import { until } from '../support/until.ts'

// Both libraries have the same shape here; the tests are written against the one and given either.
const LIBRARIES = [
  ['@nats-io/transport-node', current],
  ['nats 2.x', old as unknown as typeof current],
] as const
type Connection = current.NatsConnection

describe.each(LIBRARIES)('%s', (_, library) => {
  describe.each([0, 1, 2, 4])('with %i workers', (workers) => {
    const running = useServer({ workers })

    async function connect(options: current.NodeConnectionOptions = {}): Promise<Connection> {
      const connection = await library.connect({ servers: running.server.url, ...options })
      onTestFinished(() => connection.close())
      return connection
    }

    /** More connections than shards, so that every shard has one. */
    const connectAll = (): Promise<Connection[]> => Promise.all(Array.from({ length: 6 }, () => connect()))

    test('learns who the server is', async () => {
      const connection = await connect()
      expect(connection.info).toMatchObject({ server_id: running.server.id, headers: true, max_payload: 1048576 })
      expect(await connection.rtt()).toBeGreaterThanOrEqual(0)
    })

    test('publishes and subscribes, texts, bytes and nothing', async () => {
      const connections = await connectAll()
      const seen = connections.map((connection) => {
        const list: string[] = []
        connection.subscribe('news.>', { callback: (_error, m) => void list.push(`${m.subject}=${m.string()}`) })
        return list
      })
      for (const connection of connections) await connection.flush()
      connections[0].publish('news.a', 'grüße')
      connections[0].publish('news.b.c', new Uint8Array([0x6f, 0x6b]))
      connections[0].publish('news.d')
      connections[0].publish('other', 'x')
      await until('all messages', () => seen.every((list) => list.length >= 3))
      for (const list of seen) expect(list).toEqual(['news.a=grüße', 'news.b.c=ok', 'news.d='])
    })

    test('gets a subscription as an iterator, with a max', async () => {
      const [a, b] = await connectAll()
      const subscription = a.subscribe('count', { max: 5 })
      await a.flush()
      for (let i = 0; i < 10; i++) b.publish('count', String(i))
      const got: string[] = []
      for await (const message of subscription) got.push(message.string())
      expect(got).toEqual(['0', '1', '2', '3', '4'])
    })

    test('requests and replies', async () => {
      const connections = await connectAll()
      for (const [i, connection] of connections.entries()) {
        connection.subscribe(`service.${i}`, { callback: (_error, m) => void m.respond(`${i}:${m.string()}`) })
        await connection.flush()
      }
      for (const requester of connections) {
        for (const i of connections.keys()) {
          const answer = await requester.request(`service.${i}`, 'hi', { timeout: 5000 })
          expect(answer.string()).toBe(`${i}:hi`)
        }
      }
    })

    test('requests without multiplexing', async () => {
      const [a, b] = await connectAll()
      b.subscribe('alone', { callback: (_error, m) => void m.respond('answer') })
      await b.flush()
      const answer = await a.request('alone', 'q', { noMux: true, timeout: 5000, reply: library.createInbox() })
      expect(answer.string()).toBe('answer')
    })

    test('requests many answers', async () => {
      const [requester, ...responders] = await connectAll()
      for (const [i, responder] of responders.entries()) {
        responder.subscribe('census', { callback: (_error, m) => void m.respond(String(i)) })
        await responder.flush()
      }
      const answers: string[] = []
      const options = { strategy: 'count', maxMessages: 5, maxWait: 5000 } as const
      const many = await requester.requestMany('census', 'who', options)
      for await (const answer of many) answers.push(answer.string())
      expect(answers.sort()).toEqual(['0', '1', '2', '3', '4'])
    })

    test('is told at once that nobody responds', async () => {
      const [requester, responder] = await connectAll()
      await expect(requester.request('nobody', 'hi', { timeout: 5000 })).rejects.toThrow(/no ?responders|503/i)
      const subscription = responder.subscribe('nobody', { callback: (_error, m) => void m.respond('somebody') })
      await responder.flush()
      expect((await requester.request('nobody', 'hi', { timeout: 5000 })).string()).toBe('somebody')
      subscription.unsubscribe()
      await responder.flush()
      await expect(requester.request('nobody', 'hi', { timeout: 5000 })).rejects.toThrow(/no ?responders|503/i)
    })

    test('shares messages in a queue group', async () => {
      const [publisher, ...members] = await connectAll()
      const counts = members.map(() => 0)
      for (const [i, member] of members.entries()) {
        member.subscribe('work.*', {
          queue: 'workers',
          callback: () => {
            counts[i]++
          },
        })
        await member.flush()
      }
      for (let i = 0; i < 1000; i++) publisher.publish(`work.${i % 10}`, 'x'.repeat(i % 50))
      await until('all messages', () => counts.reduce((sum, count) => sum + count) >= 1000)
      await Promise.all(members.map((member) => member.flush()))
      expect(counts.reduce((sum, count) => sum + count)).toBe(1000)
      for (const count of counts) expect(count).toBeGreaterThan(100)
    })

    test('sends and reads headers', async () => {
      const [a, b] = await connectAll()
      const subscription = b.subscribe('with.headers', { max: 1 })
      await b.flush()
      const headers = library.headers()
      headers.append('Color', 'red')
      headers.append('Color', 'blue')
      headers.set('Empty', '')
      a.publish('with.headers', 'body', { headers })
      for await (const message of subscription) {
        expect(message.string()).toBe('body')
        expect(message.headers?.values('Color')).toEqual(['red', 'blue'])
        expect(message.headers?.get('Empty')).toBe('')
      }
    })

    test('drains a subscription and a connection without losing anything', async () => {
      const [a, b] = await connectAll()
      let got = 0
      const first = b.subscribe('drain.1', {
        callback: () => {
          got++
        },
      })
      b.subscribe('drain.2', {
        callback: () => {
          got++
        },
      })
      await b.flush()
      for (let i = 0; i < 2000; i++) a.publish(`drain.${1 + (i % 2)}`, 'x')
      await a.flush()
      // What was published before the flush came back is on its way to b, from whatever shard.
      const fence = b.subscribe('drain.fence', { max: 1 })
      await b.flush()
      a.publish('drain.fence')
      for await (const _ of fence);
      await first.drain()
      await b.drain()
      expect(got).toBe(2000)
      expect(b.isClosed()).toBe(true)
    })

    test('does without its own messages if it asks for that', async () => {
      const [other] = await connectAll()
      const silent = await connect({ noEcho: true })
      const got: string[] = []
      silent.subscribe('echo', { callback: (_error, m) => void got.push(m.string()) })
      await silent.flush()
      silent.publish('echo', 'own')
      await silent.flush()
      other.publish('echo', 'other')
      await until('the message of the other', () => got.length > 0)
      expect(got).toEqual(['other'])
    })

    test('works verbose and pedantic', async () => {
      const connection = await connect({ verbose: true, pedantic: true })
      const subscription = connection.subscribe('v', { max: 3 })
      for (let i = 0; i < 3; i++) connection.publish('v', String(i))
      const got: string[] = []
      for await (const message of subscription) got.push(message.string())
      expect(got).toEqual(['0', '1', '2'])
    })

    test('moves 20,000 messages between all connections, each in order', async () => {
      const connections = await connectAll()
      const PUBLISHED = 3334
      const next = connections.map(() => connections.map(() => 0))
      let wrong = 0
      let got = 0
      for (const [i, connection] of connections.entries()) {
        connection.subscribe('many.*', {
          callback: (_error, m) => {
            const from = Number(m.subject.slice(5))
            if (Number(m.string()) !== next[i][from]++) wrong++
            got++
          },
        })
        await connection.flush()
      }
      for (let n = 0; n < PUBLISHED; n++) {
        for (const [i, connection] of connections.entries()) connection.publish(`many.${i}`, String(n))
        if (n % 200 === 0) await connections[0].flush()
      }
      const all = PUBLISHED * connections.length * connections.length
      await until('all messages', () => got >= all)
      expect({ got, wrong }).toEqual({ got: all, wrong: 0 })
    })

    test('largest payload passes, one byte more closes the connection with the right error', async () => {
      const [a, b] = await connectAll()
      const subscription = b.subscribe('big', { max: 1 })
      await b.flush()
      a.publish('big', new Uint8Array(1048576))
      for await (const message of subscription) expect(message.data.length).toBe(1048576)
      expect(() => a.publish('big', new Uint8Array(1048577))).toThrow(/payload/i)
      await a.flush()
    })

    test('reconnects to a server that came back, and subscribes again', async () => {
      const { createServer } = await import('../../src/index.ts')
      const first = createServer({ host: '127.0.0.1', port: -1, workers })
      await first.ready()
      const { port } = first
      const connection = await library.connect({ servers: first.url, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
      onTestFinished(() => connection.close())
      let got = 0
      connection.subscribe('again', {
        callback: () => {
          got++
        },
      })
      await connection.flush()
      await first.close()
      const second = createServer({ host: '127.0.0.1', port, workers })
      await second.ready()
      onTestFinished(() => second.close())
      const other = await library.connect({ servers: second.url })
      onTestFinished(() => other.close())
      await until('the subscription to be there again', async () => {
        other.publish('again')
        await other.flush()
        return got > 0
      })
    })
  })
})
