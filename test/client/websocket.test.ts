// The client by WebSocket: Node's own, the same that browsers have; on Heddle and on nats-server.

import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { connect, type NatsConnection, wsconnect } from '../../src/client/browser.ts'
import { connect as connectInNode } from '../../src/client/index.ts'
import { within } from '../support/until.ts'
import { type WebSocketServer, webSocketServers } from '../support/websocket-servers.ts'
import { collect, Impostor, nextStatus, rejection } from './support.ts'

describe.each(webSocketServers('the client by WebSocket', [1]))('on $name', (kind) => {
  let server: WebSocketServer
  beforeAll(async () => {
    server = await kind.start()
  })
  afterAll(() => server.stop())
  const url = () => `ws://127.0.0.1:${server.port}`

  const use = async (nc: NatsConnection): Promise<void> => {
    nc.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
    const payload = 'x'.repeat(300_000)
    expect((await nc.request('echo', payload)).string()).toBe(payload)
    const subscription = nc.subscribe('many', { max: 10_000 })
    for (let i = 0; i < 10_000; i++) nc.publish('many', `${i}`)
    expect((await collect(subscription)).map((message) => message.string())).toEqual(
      Array.from({ length: 10_000 }, (_, i) => `${i}`),
    )
    await nc.drain()
    expect(await nc.closed()).toBeUndefined()
  }

  test('the entry for browsers', async () => {
    await use(await connect({ servers: url() }))
    await use(await wsconnect({ servers: url() }))
  })

  test('the entry for Node, by the scheme', async () => {
    await use(await connectInNode({ servers: url() }))
  })

  test('a WebSocket of one’s own', async () => {
    const urls: string[] = []
    const nc = await wsconnect({
      servers: `${url()}/path?query`,
      webSocket: (address) => {
        urls.push(address)
        return new WebSocket(address) as never
      },
    })
    expect(urls).toEqual([`${url()}/path?query`])
    await nc.close()
  })

  test('a lost connection is made again', async () => {
    const nc = await connect({ servers: url(), reconnectTimeWait: 10, reconnectJitter: 1 })
    const reconnected = nextStatus(nc, 'reconnect')
    await nc.reconnect()
    await reconnected
    await nc.close()
  })

  test('a server that does not answer the close is left after a moment', async () => {
    let silence: () => void = () => undefined
    const relay = await Impostor.start((socket) => {
      const far = connectTcp(server.port, '127.0.0.1').on('error', () => undefined)
      onTestFinished(() => void far.destroy())
      socket.pipe(far).pipe(socket)
      silence = () => socket.unpipe().resume()
    })
    const nc = await connect({ servers: `ws://127.0.0.1:${relay.port}` })
    silence()
    await within('the close', nc.close())
  })

  test('what is no WebSocket is refused', async () => {
    expect((await rejection(connect({ servers: `ws://127.0.0.1:1` }))).name).toBe('ConnectionError')
    expect((await rejection(connect({ servers: `ws://127.0.0.1:${server.clientPort}` }))).name).toBe('ConnectionError')
    expect((await rejection(connect({ servers: [url(), 'nats://127.0.0.1:1'] }))).name).toBe('InvalidArgumentError')
    expect((await rejection(connect({ servers: url(), tls: {} }))).message).toContain('tls')
  })
})
