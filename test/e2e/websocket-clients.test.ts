// The official client library over WebSocket, as a browser uses it: @nats-io/nats-core's wsconnect with the runtime's
// own WebSocket, or with that of `ws`, which takes up compression; beside clients of the other listener.

import { headers as messageHeaders, type NatsConnection, wsconnect } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { until } from '../support/until.ts'
import { type WebSocketServer, webSocketServers } from '../support/websocket-servers.ts'

const SOCKETS = [
  { name: "the runtime's WebSocket", factory: undefined },
  {
    name: 'that of ws, which compresses',
    factory: (url: string) => new WebSocket(url, { perMessageDeflate: { threshold: 0 } }),
  },
] as const

describe.each(webSocketServers('clients over WebSocket'))('$name', (kind) => {
  describe.each([false, true])('compression %j', (compression) => {
    let server: WebSocketServer
    beforeAll(async () => {
      server = await kind.start({ compression })
    })
    afterAll(() => server?.stop())

    describe.each(SOCKETS)('$name', ({ factory }) => {
      async function open(): Promise<NatsConnection> {
        const connection = await wsconnect({
          servers: `ws://127.0.0.1:${server.port}`,
          reconnect: false,
          ...(factory === undefined
            ? {}
            : {
                wsFactory: (url: string) =>
                  Promise.resolve({ socket: factory(url) as unknown as globalThis.WebSocket, encrypted: false }),
              }),
        })
        onTestFinished(() => connection.close())
        return connection
      }

      /** More connections than shards, and as many of the other listener. */
      async function company(): Promise<NatsConnection[]> {
        const connections = await Promise.all(Array.from({ length: 5 }, open))
        for (let i = 0; i < 5; i++) {
          const connection = await connect({ servers: `nats://127.0.0.1:${server.clientPort}` })
          onTestFinished(() => connection.close())
          connections.push(connection)
        }
        return connections
      }

      test('publish and subscribe, with texts, bytes, headers and nothing', async () => {
        const connections = await company()
        const seen = connections.map((connection) => {
          const list: string[] = []
          connection.subscribe('news.>', {
            callback: (_error, m) => void list.push(`${m.subject}=${m.string()}${m.headers?.get('x') ?? ''}`),
          })
          return list
        })
        for (const connection of connections) await connection.flush()
        const [talker] = connections
        const withHeaders = messageHeaders()
        withHeaders.set('x', '!')
        talker.publish('news.a', 'grüße')
        talker.publish('news.b', new Uint8Array([0x6f, 0x6b]), { headers: withHeaders })
        talker.publish('news.c')
        await until('all messages', () => seen.every((list) => list.length >= 3))
        for (const list of seen) expect(list).toEqual(['news.a=grüße', 'news.b=ok!', 'news.c='])
      })

      test('ask and are answered, and are told where nobody answers', async () => {
        const [asker, answerer, ...others] = await company()
        for (const connection of [answerer, others[5]]) {
          connection.subscribe('double', {
            queue: 'workers',
            callback: (_error, m) => void m.respond(String(Number(m.string()) * 2)),
          })
          await connection.flush()
        }
        const answers = await Promise.all([1, 2, 3, 4].map((i) => asker.request('double', String(i))))
        expect(answers.map((m) => m.string())).toEqual(['2', '4', '6', '8'])
        await expect(asker.request('nobody', '')).rejects.toThrow(/no responders/)
      })

      test('get large payloads and many small ones whole and in order', async () => {
        const [talker, ...listeners] = await company()
        const large = 'x'.repeat(900_000)
        const got = listeners.map((connection) => {
          const list: string[] = []
          connection.subscribe('bulk', { callback: (_error, m) => void list.push(m.string()) })
          return list
        })
        for (const connection of listeners) await connection.flush()
        // Compressed, a batch of the library may not be larger than the largest payload.
        talker.publish('bulk', large)
        await talker.flush()
        for (let i = 0; i < 5000; i++) {
          talker.publish('bulk', String(i))
          if (i % 1000 === 999) await talker.flush()
        }
        await until('all messages', () => got.every((list) => list.length === 5001))
        for (const list of got) {
          expect(list[0] === large).toBe(true)
          expect(list.slice(1).every((text, i) => text === String(i))).toBe(true)
        }
      })
    })
  })
})
