// What the other end of a leaf link may make this server keep: a few compressed bytes may become megabytes. A hub that
// was configured may have much to say at once.

import { createHash } from 'node:crypto'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { deflateRawSync } from 'node:zlib'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Remote } from '../../src/leaf/primary/remotes.ts'
import type { ServerOptions } from '../../src/options/options.ts'
import type { Primary } from '../../src/primary/primary.ts'
import { Backlog } from '../../src/protocol/backlog.ts'
import { maskedCrc32c } from '../../src/s2/crc32c.ts'
import { S2_IDENTIFIER } from '../../src/s2/frames.ts'
import { writeS2 } from '../../src/s2/writer.ts'
import { startPrimary } from '../support/server.ts'
import { localShard } from '../support/staged-peer.ts'
import { until } from '../support/until.ts'
import { compressedFrame, frame, Opcode } from '../support/websocket.ts'
import { RoutePeer } from './route-peer.ts'

afterEach(() => void vi.restoreAllMocks())

async function start(block: object): Promise<Primary> {
  const primary = await startPrimary({ workers: 0, leafnodes: block } as ServerOptions)
  onTestFinished(() => primary.close())
  return primary
}

const INFO = { server_id: 'NHUB', server_name: 'HUB', version: '2.15.3', proto: 2, headers: true, max_payload: 1 << 20 }
const info = (members: object): string => `INFO ${JSON.stringify({ ...INFO, ...members })}\r\n`

/** A stream of one chunk with this body, a block (type 0) or the bytes themselves (1), that comes to `plain`. */
function streamOf(type: 0 | 1, body: Uint8Array, plain: Uint8Array): Buffer {
  const head = Buffer.alloc(8)
  head[0] = type
  head.writeUIntLE(4 + body.length, 1, 3)
  head.writeUInt32LE(maskedCrc32c(plain, 0, plain.length), 4)
  return Buffer.concat([S2_IDENTIFIER, head, body])
}

const zeros = Buffer.alloc(64 * 1024)
/** Its length, a zero, four more from one back, and as many as are missing. */
const BOMB = streamOf(0, Uint8Array.of(0x80, 0x80, 0x04, 0, 0, 1, 1, (6 << 2) | 1, 0, 0xf7, 0xfe), zeros)

test('what a compressed line becomes waits compressed, while it is not known who has dialled', async () => {
  const hub = await start({ host: '127.0.0.1', port: -1, compression: 's2_fast' })
  const peer = new RoutePeer(Number(hub.identity.leaf?.port))
  onTestFinished(() => void peer.socket.destroy())
  await peer.info()
  peer.send(info({ compression: 's2_fast' }))
  const plain = peer.text.indexOf('\r\n') + 2
  await until('INFO, compressed', () => peer.text.length > plain)
  const kept = vi.spyOn(Backlog.prototype, 'append')
  const login = writeS2([Buffer.from(`CONNECT ${JSON.stringify({ ...INFO, name: 'LEAF' })}\r\n`)], true)
  peer.socket.write(Buffer.concat([login, ...Array<Buffer>(1000).fill(BOMB)]))
  expect(await peer.refusal()).toBeDefined()
  const bytes = kept.mock.calls.reduce((sum, [, from, to]) => sum + to - from, 0)
  expect(bytes).toBeLessThanOrEqual(2 * zeros.length)
})

const FIRST = { client_id: 1, info_on_connect: true, leafnode_urls: ['127.0.0.1:1'] }

/** A hub written out by hand, to which one leaf node comes. */
async function hubOf(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer(serve).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await until('a port', () => server.listening)
  return (server.address() as AddressInfo).port
}

describe('a hub that tells all its interest together with its answer to CONNECT is heard', () => {
  const subjects = Array.from({ length: 8000 }, (_, i) => createHash('sha1').update(`${i}`).digest('hex'))
  const interest = subjects.map((subject) => `LS+ ${subject}\r\n`).join('')

  async function untilHeard(remote: object): Promise<void> {
    const leaf = await start({ reconnect: 60_000, remotes: [remote] })
    await until('the interest of the hub', () => {
      const [row] = localShard(leaf).links.leafRows(false)
      return row?.subscriptions === subjects.length
    })
  }

  const answer = Buffer.from(info({ connect_info: true, remote_account: '$G' }) + interest)

  test('in one chunk of S2, as nats-server flushes it', async () => {
    const port = await hubOf((socket) => {
      onTestFinished(() => void socket.destroy())
      socket.write(info({ ...FIRST, compression: 's2_fast' }))
      // INFO that chooses, and CONNECT.
      socket.once('data', () => {
        socket.write(writeS2([Buffer.from(info(FIRST))], true))
        socket.once('data', () => socket.write(streamOf(1, answer, answer)))
      })
    })
    await untilHeard({ url: `nats://127.0.0.1:${port}`, compression: 's2_fast' })
  })

  test('in a compressed message of a WebSocket', async () => {
    expect(deflateRawSync(answer).length).toBeGreaterThan(128 * 1024)
    const port = await hubOf((socket) => {
      onTestFinished(() => void socket.destroy())
      socket.once('data', (request: Buffer) => {
        const [, key = ''] = /Sec-WebSocket-Key: (\S+)/i.exec(request.toString('latin1')) ?? []
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
        const lines = [
          'HTTP/1.1 101 Switching Protocols',
          'Upgrade: websocket',
          'Connection: Upgrade',
          `Sec-WebSocket-Accept: ${accept}`,
          'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover',
        ]
        socket.write(`${lines.join('\r\n')}\r\n\r\n`)
        socket.write(frame(Opcode.binary, info(FIRST), { masked: false }))
        socket.once('data', () => socket.write(compressedFrame(answer, { masked: false })))
      })
    })
    await untilHeard({ url: `ws://127.0.0.1:${port}`, wsCompression: true })
  })
})

test('of what a hub tells again and again of its addresses, the primary hears the latest', async () => {
  const heard = vi.spyOn(Remote.prototype, 'discovered')
  const port = await hubOf((socket) => {
    onTestFinished(() => void socket.destroy())
    socket.write(info({ ...FIRST, compression: 'off' }))
    socket.once('data', () => {
      const told = Array.from({ length: 2000 }, (_, i) => info({ leafnode_urls: [`127.0.0.1:${i + 1}`] }))
      socket.write(info({ connect_info: true, remote_account: '$G' }))
      socket.write(told.join(''))
    })
  })
  await start({ reconnect: 60_000, remotes: [{ url: `nats://127.0.0.1:${port}`, compression: 'off' }] })
  await until('the latest', () => heard.mock.calls.at(-1)?.[0][0] === '127.0.0.1:2000')
  expect(heard.mock.calls.length).toBeLessThan(200)
})
