// What the other end of a leaf link may make this server keep: a few compressed bytes may become megabytes.

import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import type { ServerOptions } from '../../src/options/options.ts'
import type { Primary } from '../../src/primary/primary.ts'
import { Backlog } from '../../src/protocol/backlog.ts'
import { maskedCrc32c } from '../../src/s2/crc32c.ts'
import { S2_IDENTIFIER } from '../../src/s2/frames.ts'
import { writeS2 } from '../../src/s2/writer.ts'
import { startPrimary } from '../support/server.ts'
import { until } from '../support/until.ts'
import { RoutePeer } from './route-peer.ts'

afterEach(() => void vi.restoreAllMocks())

async function start(block: object): Promise<Primary> {
  const primary = await startPrimary({ workers: 0, leafnodes: block } as ServerOptions)
  onTestFinished(() => primary.close())
  return primary
}

const INFO = { server_id: 'NHUB', server_name: 'HUB', version: '2.15.3', proto: 2, headers: true, max_payload: 1 << 20 }
const info = (members: object): string => `INFO ${JSON.stringify({ ...INFO, ...members })}\r\n`

/** A stream of one chunk with this body, which is a block (type 0) or the bytes themselves (1), that comes to `plain`. */
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
