// Leaf nodes that reach their hub through an HTTP proxy.

import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createRawServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Party, untilLinked } from './parties.ts'
import { heddle, type Kind, leafPortOf, NATS_SERVER, start } from './servers.ts'

const KINDS: readonly Kind[] = [
  heddle(0),
  heddle(2),
  ...(missing('natsServer', 'leaf nodes of nats-server through a proxy') ? [] : [NATS_SERVER]),
]

interface Proxy {
  readonly port: number
  /** What it was asked for, and by whom. */
  readonly asked: { readonly target: string; readonly credentials: string }[]
}

/** `way`: whether it lets through, refuses, keeps silent, or answers together with the first bytes from behind it. */
async function startProxy(way: 'through' | 'refused' | 'silent' | 'joined'): Promise<Proxy> {
  const asked: Proxy['asked'] = []
  const server = createServer()
  server.on('connect', ({ url = '', headers }, near) => {
    const [, credentials = ''] = (headers['proxy-authorization'] ?? '').split(' ')
    asked.push({ target: url, credentials: Buffer.from(credentials, 'base64').toString() })
    near.on('error', () => undefined)
    if (way === 'silent') return
    if (way === 'refused') {
      near.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const far = connect(Number(url.split(':')[1]), '127.0.0.1')
    const consent = Buffer.from('HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n')
    const join = (first: Buffer): void => {
      near.write(first)
      near.pipe(far)
      far.pipe(near)
    }
    if (way === 'joined') far.once('data', (bytes: Buffer) => join(Buffer.concat([consent, bytes])))
    else far.on('connect', () => join(consent))
    far.on('error', () => near.destroy())
    far.on('close', () => near.destroy())
    near.on('close', () => far.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked }
}

function startHub(folder: string): Promise<ServerProgram> {
  const config = 'leafnodes { listen: "127.0.0.1:-1" }\nwebsocket { listen: "127.0.0.1:-1", no_tls: true }'
  return start(heddle(1), folder, 'HUB', config)
}

function startLeaf(kind: Kind, folder: string, url: string, proxy: string): Promise<ServerProgram> {
  const remote = `{ url: "${url}", first_info_timeout: "10s", proxy { ${proxy} } }`
  return start(kind, folder, 'LEAF', `leafnodes { reconnect: "100ms", remotes: [ ${remote} ] }`)
}

describe.each(KINDS.map((kind) => [kind.name, kind] as const))('%s', (_, kind) => {
  test.each([['ws'], ['nats']])('a hub is reached by it: %s', async (scheme) => {
    const folder = scratchDirectory()
    const proxy = await startProxy('through')
    const hub = await startHub(folder)
    const [, webSocketPort] = await hub.until(/Listening for websocket clients on \S*:(\d+)/)
    const port = scheme === 'ws' ? webSocketPort : await leafPortOf(hub)
    const by = `url: "http://127.0.0.1:${proxy.port}", username: u, password: "p:x", timeout: "10s"`
    const leaf = await startLeaf(kind, folder, `${scheme}://localhost:${port}`, by)
    const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
    await untilLinked(atHub, atLeaf)
    await untilLinked(atLeaf, atHub)
    expect(proxy.asked[0]).toEqual({ target: `localhost:${port}`, credentials: 'u:p:x' })
  })

  test('one that refuses is asked again', async () => {
    const proxy = await startProxy('refused')
    const leaf = await startLeaf(kind, scratchDirectory(), 'ws://localhost:80', `url: "http://127.0.0.1:${proxy.port}"`)
    await leaf.until(/proxy CONNECT failed: 407 Proxy Authentication Required/)
    await until('another attempt', () => proxy.asked.length > 1)
    expect(proxy.asked[0].credentials).toBe('')
  })

  test('one that keeps silent is waited for as long as it says', async () => {
    const proxy = await startProxy('silent')
    const by = `url: "http://127.0.0.1:${proxy.port}", timeout: "200ms"`
    const leaf = await startLeaf(kind, scratchDirectory(), 'ws://localhost:80', by)
    await leaf.until(/failed to read proxy response: .*timeout/)
  })

  test('one that is not there', async () => {
    const leaf = await startLeaf(kind, scratchDirectory(), 'ws://localhost:80', 'url: "http://127.0.0.1:1"')
    await leaf.until(/failed to connect to proxy: /)
  })
})

test('an answer that would make lines of the log is none', async () => {
  const server = createRawServer((socket) => {
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 403 no\n[1] [INF] forged\r\n\r\n')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await until('a port', () => server.listening)
  const by = `url: "http://127.0.0.1:${(server.address() as AddressInfo).port}"`
  const leaf = await startLeaf(heddle(1), scratchDirectory(), 'ws://localhost:80', by)
  await leaf.until(/failed to read proxy response: malformed HTTP response "HTTP\/1\.1 403 no\\n\[1\] \[INF\] forged"/)
  expect(leaf.stderr).not.toMatch(/^\[1\]/m)
})

test.each([0, 2])('bytes of the hub that come with the answer are not lost (%s workers)', async (workers) => {
  const folder = scratchDirectory()
  const proxy = await startProxy('joined')
  const hub = await startHub(folder)
  const url = `nats://localhost:${await leafPortOf(hub)}`
  const leaf = await startLeaf(heddle(workers), folder, url, `url: "http://127.0.0.1:${proxy.port}", timeout: "10s"`)
  const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
  await untilLinked(atHub, atLeaf)
  await untilLinked(atLeaf, atHub)
})
