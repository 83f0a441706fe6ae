// The end of the server: what is queued goes out, and nobody waits for peers that keep their half of the connection
// open. The shard's own timers, which would cut them in the end, are off, and its time to end is an hour.

import { get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import type { ServerOptions } from '../../src/index.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { open, ownPrimary, ownServer } from '../support/harness.ts'
import { RawClient } from '../support/raw-client.ts'
import { within } from '../support/until.ts'
import { request } from '../support/websocket.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const HOUR_MS = 60 * 60_000

interface Insides {
  readonly shards: { readonly slots: readonly { readonly host: { readonly shard: Shard } }[] }
}

async function start(
  options: ServerOptions = {},
): Promise<{ port: number; webSocketPort: number; stop: () => Promise<void> }> {
  const primary = await ownPrimary({ workers: 0, ...options })
  const { shard } = (primary as unknown as Insides).shards.slots[0].host
  const stop = (): Promise<void> => {
    ;(shard as unknown as { timers: { stop(): void } }).timers.stop()
    return within('the end', new Promise((resolve) => shard.stop(HOUR_MS, resolve)))
  }
  return { port: primary.port, webSocketPort: primary.identity.webSocket?.port ?? 0, stop }
}

/** Answers FIN with nothing. */
function dialHalfOpen(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  return socket
}

async function introduce(client: RawClient): Promise<void> {
  client.send('CONNECT {"verbose":false}\r\nPING\r\n')
  await client.expect('PONG\r\n')
}

test('does not wait for a client that keeps its half open', async () => {
  const { port, stop } = await start()
  const client = RawClient.over(dialHalfOpen(port))
  await client.readInfo()
  await introduce(client)
  await stop()
  await client.expectClose()
})

test('does not wait for one that comes by TLS', async () => {
  const authority = new Authority()
  const { cert, key } = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
  const files = writeFiles({ cert, key })
  const { port, stop } = await start({ tls: { certFile: files.cert, keyFile: files.key } })
  const plain = dialHalfOpen(port)
  const info = RawClient.over(plain)
  await info.readInfo()
  plain.removeAllListeners('data')
  const secure = connectTls({ socket: plain, rejectUnauthorized: false, allowHalfOpen: true } as object)
  onTestFinished(() => void secure.destroy())
  const client = RawClient.over(secure)
  await introduce(client)
  await stop()
})

test('does not wait for a WebSocket that does not close, nor for one whose handshake is not done', async () => {
  const { webSocketPort, stop } = await start({ websocket: { host: '127.0.0.1', port: -1, noTls: true } })
  const served = dialHalfOpen(webSocketPort)
  served.write(request())
  const silent = dialHalfOpen(webSocketPort)
  for (const socket of [served, silent]) socket.on('error', () => undefined)
  const greeted = new Promise<void>((resolve) => {
    let text = ''
    served.on('data', (bytes) => {
      text += bytes.toString('latin1')
      if (text.includes('INFO {')) resolve()
    })
  })
  await greeted
  await stop()
})

test('what is queued for a slow reader goes out', async () => {
  const { port, stop } = await start()
  const reader = await open(port)
  const publisher = await open(port)
  let messages = 0
  reader.onMessage = () => messages++
  reader.send('SUB big 1\r\n')
  await reader.sync()
  reader.socket.pause()
  const payload = 'x'.repeat(1_000_000)
  for (let i = 0; i < 20; i++) publisher.send(`PUB big ${payload.length}\r\n${payload}\r\n`)
  await publisher.sync()
  const stopped = stop()
  reader.socket.resume()
  await stopped
  await reader.expectClose()
  expect(messages).toBe(20)
})

test('does not wait for connections of the monitor that are kept alive', async () => {
  const server = await ownServer({ workers: 1, monitorPort: -1 })
  const answer = await new Promise<number | undefined>((resolve, reject) => {
    get(
      { port: server.monitorPort, host: '127.0.0.1', path: '/varz', headers: { connection: 'keep-alive' } },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode))
      },
    ).on('error', reject)
  })
  expect(answer).toBe(200)
  await within('the end', server.close())
})
