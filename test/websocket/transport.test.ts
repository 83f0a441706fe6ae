// What a peer may make us keep before it has said who it is.

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { DEFLATE_STRANGER_MAX, READ_BYTES } from '../../src/base/constants.ts'
import type { Fault } from '../../src/base/errors.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { Log } from '../../src/log/log.ts'
import { allocateBlock } from '../../src/memory/block.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import { Inflater } from '../../src/websocket/deflate.ts'
import { CARRY_MAX } from '../../src/websocket/frame-reader.ts'
import { Framer, WHOLE } from '../../src/websocket/framer.ts'
import { type WebSocketClient, WebSocketTransport } from '../../src/websocket/transport.ts'
import { frame, Opcode } from '../support/websocket.ts'

async function socketPair(): Promise<Socket> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const far = connect((address as { port: number }).port, '127.0.0.1')
  const [near] = (await once(server, 'connection')) as [Socket]
  onTestFinished(() => {
    far.destroy()
    near.destroy()
    server.close()
  })
  return near
}

test.each([
  [true, DEFLATE_STRANGER_MAX],
  [false, 1024 * 1024],
])('a compressed message is bounded, more so before login (%j)', async (connectDue, bytesMax) => {
  const shared = {
    log: new Log(normaliseOptions({ log: 'none' }), { name: 'test', opened: new SharedArrayBuffer(4) }),
    pool: new ChunkPool(),
    readBlock: allocateBlock(READ_BYTES),
    readStart: 0,
    readBytes: READ_BYTES,
    maxPayload: 1024 * 1024,
    inflater: new Inflater(),
  }
  const session = {
    cookies: { jwt: '', user: '', pass: '', token: '' },
    forwardedFor: '',
    compression: true,
    masked: true,
    browser: 'none',
    tls: undefined,
  } as const
  const transport = new WebSocketTransport(shared, await socketPair(), session, new Framer(WHOLE, undefined))
  const faults: Fault[] = []
  const client: WebSocketClient = {
    closing: false,
    label: 'test',
    isStranger: connectDue,
    socketOnRead: () => undefined,
    closeBehind: (fault) => void faults.push(fault),
    attempt: (act) => act(),
    close: (fault) => void faults.push(fault),
  }
  transport.serve(client)
  const part = Buffer.alloc(8 * 1024)
  const block = allocateBlock(CARRY_MAX + 2 * part.length)
  let sent = 0
  while (faults.length === 0) {
    const bytes = frame(sent === 0 ? Opcode.binary : Opcode.continuation, part, {
      rsv: sent === 0 ? 0x40 : 0,
      fin: false,
    })
    bytes.copy(block.bytes, CARRY_MAX)
    transport.socketOnRead(block, CARRY_MAX, CARRY_MAX + bytes.length)
    sent += part.length
  }
  expect(faults.map(({ reason }) => reason)).toEqual(['Maximum Message Payload Exceeded'])
  expect(sent).toBeGreaterThan(bytesMax)
  expect(sent).toBeLessThan(bytesMax * 1.25)
})
