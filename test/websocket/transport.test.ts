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
import { compressedFrame, frame, Opcode } from '../support/websocket.ts'

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

const MIB = 1024 * 1024

/** A WebSocket whose peer has logged in or not; what it is closed with, and how much was told. */
async function opened(isStranger: boolean, messageMax?: number) {
  const shared = {
    log: new Log(normaliseOptions({ log: 'none' }), { name: 'test', opened: new SharedArrayBuffer(4) }),
    pool: new ChunkPool(),
    readBlock: allocateBlock(READ_BYTES),
    readStart: 0,
    readBytes: READ_BYTES,
    maxPayload: MIB,
    inflater: new Inflater(),
  }
  const format = { compression: true, masked: true, ...(messageMax === undefined ? {} : { messageMax }) }
  const transport = new WebSocketTransport(shared, await socketPair(), format, new Framer(WHOLE, undefined))
  const heard = { bytes: 0, faults: [] as Fault[] }
  const client: WebSocketClient = {
    closing: false,
    label: 'test',
    isStranger,
    socketOnRead: (bytes) => {
      heard.bytes += bytes
    },
    closeBehind: (fault) => void heard.faults.push(fault),
    attempt: (act) => act(),
    close: (fault) => void heard.faults.push(fault),
  }
  transport.serve(client)
  return { transport, heard }
}

test.each([
  [true, DEFLATE_STRANGER_MAX],
  [false, MIB],
])('a compressed message is bounded, more so before login (%j)', async (isStranger, bytesMax) => {
  const { transport, heard } = await opened(isStranger)
  const part = Buffer.alloc(8 * 1024)
  const block = allocateBlock(CARRY_MAX + 2 * part.length)
  let sent = 0
  while (heard.faults.length === 0) {
    const bytes = frame(sent === 0 ? Opcode.binary : Opcode.continuation, part, {
      rsv: sent === 0 ? 0x40 : 0,
      fin: false,
    })
    bytes.copy(block.bytes, CARRY_MAX)
    transport.socketOnRead(block, CARRY_MAX, CARRY_MAX + bytes.length)
    sent += part.length
  }
  expect(heard.faults.map(({ reason }) => reason)).toEqual(['Maximum Message Payload Exceeded'])
  expect(sent).toBeGreaterThan(bytesMax)
  expect(sent).toBeLessThan(bytesMax * 1.25)
})

test.each([
  [true, MIB, 1],
  [false, 16 * MIB, 0],
])('what one becomes is bounded before login, whatever servers may send (%j)', async (isStranger, most, ends) => {
  const { transport, heard } = await opened(isStranger, 64 * MIB)
  const bytes = compressedFrame(Buffer.alloc(16 * MIB))
  expect(bytes.length).toBeLessThan(DEFLATE_STRANGER_MAX)
  const block = allocateBlock(CARRY_MAX + bytes.length)
  bytes.copy(block.bytes, CARRY_MAX)
  transport.socketOnRead(block, CARRY_MAX, CARRY_MAX + bytes.length)
  expect(heard.faults.length).toBe(ends)
  expect(heard.bytes).toBeLessThanOrEqual(most)
})
