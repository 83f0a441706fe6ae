// WebSocket peers that mean harm (reliability B4): the server's memory stays within bounds, they are told and closed,
// and an honest client is served meanwhile. The server is a process of its own, whose memory is its own.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { constants, deflateRawSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RawClient } from '../support/raw-client.ts'
import { Program } from '../support/server.ts'
import { until } from '../support/until.ts'
import { compressedFrame, DEFLATE, frame, Opcode, RawWebSocket } from '../support/websocket.ts'

const SERVE = fileURLToPath(new URL('../support/serve-websocket.ts', import.meta.url))
const MAX_PAYLOAD = 1024 * 1024
const PEERS = 200
const CONNECT = 'CONNECT {"verbose":false,"pedantic":false}\r\n'
const PONG = 'PONG\r\n'
const TEST_MS = 60_000

let program: Program
let port: number
let honest: RawClient

beforeEach(async () => {
  const websocket = { host: '127.0.0.1', port: -1, noTls: true, compression: true }
  program = new Program(process.execPath, [SERVE, JSON.stringify({ workers: 1, websocket })])
  const [, webSocketPort, clientPort] = await program.until(/ready (\d+) (\d+)/)
  port = Number(webSocketPort)
  honest = await RawClient.open(Number(clientPort))
})

afterEach(async () => {
  await honest?.close()
  await program.stop('SIGKILL')
  expect(program.stderr).toBe('')
})

/** The server's largest memory so far, in bytes. */
function peakBytes(): number {
  const status = readFileSync(`/proc/${program.child.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}

async function openAll(count: number): Promise<RawWebSocket[]> {
  const clients: RawWebSocket[] = []
  while (clients.length < count) {
    const more = Math.min(20, count - clients.length)
    clients.push(...(await Promise.all(Array.from({ length: more }, () => RawWebSocket.open(port, DEFLATE)))))
  }
  return clients
}

/** Compressed blanks, without making all of the blanks first. */
function bomb(mebibytes: number): Buffer {
  const piece = deflateRawSync(Buffer.alloc(1024 * 1024, ' '), { finishFlush: constants.Z_FULL_FLUSH, level: 9 })
  return Buffer.concat(Array(mebibytes).fill(piece))
}

const goodbyes = (clients: readonly RawWebSocket[]): Promise<string[]> =>
  Promise.all(clients.map((client) => client.expectGoodbye()))

describe.skipIf(process.platform !== 'linux')('two hundred at once', () => {
  test(
    'that send 512 KiB which stand for 512 MiB',
    async () => {
      // Behind +OK anything up to the next LF is ignored: the parser has nothing against any of it.
      const bytes = Buffer.concat([frame(Opcode.binary, '+OK'), frame(Opcode.binary, bomb(512), { rsv: 0x40 })])
      expect(bytes.length).toBeLessThan(600 * 1024)
      const clients = await openAll(PEERS)
      const before = peakBytes()
      for (const client of clients) client.send(bytes)
      await honest.sync()
      expect(new Set(await goodbyes(clients))).toEqual(new Set(['1009 Maximum Message Payload Exceeded']))
      await honest.sync()
      // The bytes themselves, and what a few are inflated to: not what all of them stand for.
      expect(peakBytes() - before).toBeLessThan(PEERS * 1.5 * MAX_PAYLOAD)
    },
    TEST_MS,
  )

  test(
    'that never end a compressed message',
    async () => {
      const clients = await openAll(PEERS)
      const before = peakBytes()
      const part = Buffer.alloc(64 * 1024, 0x55)
      for (const client of clients) client.send(frame(Opcode.binary, part, { rsv: 0x40, fin: false }))
      for (let i = 0; i < 16; i++) {
        for (const client of clients) {
          if (client.socket.writable) client.send(frame(Opcode.continuation, part, { fin: false }))
        }
        await honest.sync()
      }
      expect(new Set(await goodbyes(clients))).toEqual(new Set(['1009 Maximum Message Payload Exceeded']))
      expect(peakBytes() - before).toBeLessThan(PEERS * 3 * MAX_PAYLOAD)
    },
    TEST_MS,
  )

  test(
    'that begin a message of 2^53 bytes, of 2^63 bytes, or without a mask',
    async () => {
      const clients = await openAll(PEERS)
      const before = peakBytes()
      const bad = [
        frame(Opcode.binary, '', { length: 2n ** 63n }),
        frame(Opcode.binary, 'PING\r\n', { masked: false }),
        frame(Opcode.ping, 'x'.repeat(126)),
        frame(Opcode.ping, 'x', { fin: false }),
      ]
      const [endless, ...others] = [clients.slice(0, PEERS / 2), ...clients.slice(PEERS / 2)]
      for (const [i, client] of others.entries()) client.send(bad[i % bad.length])
      const head = frame(Opcode.binary, `${CONNECT}+OK\r\n`, { length: 2n ** 53n - 1n })
      // The mask goes on over the whole frame.
      const mask = [0x5a, 0x01, 0xff, 0x80]
      const said = Buffer.byteLength(`${CONNECT}+OK\r\n`)
      const more = Buffer.from('+OK\r\n'.repeat(20_000))
      for (let i = 0; i < more.length; i++) more[i] ^= mask[(said + i) & 3]
      for (const client of endless) client.send(head, more)
      await honest.sync()
      const said1002 = (await goodbyes(others)).filter((goodbye) => goodbye.startsWith('1002 '))
      expect(said1002).toHaveLength(others.length)
      await honest.sync()
      expect(endless.every(({ closed }) => !closed)).toBe(true)
      expect(peakBytes() - before).toBeLessThan(PEERS * MAX_PAYLOAD)
    },
    TEST_MS,
  )
})

test(
  'a million fragments of one byte are a message like any other',
  async () => {
    const [client] = await openAll(1)
    const before = peakBytes()
    const fragments = Array.from(`${CONNECT}PING\r\n`, (byte, i) =>
      frame(i === 0 ? Opcode.binary : Opcode.continuation, byte, { fin: false }),
    )
    client.send(...fragments)
    await client.expectText(/PONG\r\n/)
    // Behind PONG anything up to the next LF is ignored.
    client.send(...Array.from('PONG', (byte) => frame(Opcode.continuation, byte, { fin: false })))
    const blank = Buffer.concat(Array(10_000).fill(frame(Opcode.continuation, ' ', { fin: false })))
    for (let i = 0; i < 100; i++) {
      if (!client.socket.write(blank)) await new Promise((resolve) => client.socket.once('drain', resolve))
    }
    client.send(frame(Opcode.continuation, '\n'), frame(Opcode.binary, 'PING\r\n'))
    await client.expectText(/PONG\r\n/)
    await honest.sync()
    expect(peakBytes() - before).toBeLessThan(32 * MAX_PAYLOAD)
  },
  TEST_MS,
)

test(
  'who sends PINGs and reads nothing is not answered without end',
  async () => {
    const [client] = await openAll(1)
    const before = peakBytes()
    client.socket.pause()
    const pings = Buffer.concat(Array(5000).fill(frame(Opcode.ping, 'x'.repeat(125))))
    for (let i = 0; i < 100; i++) {
      if (!client.socket.write(pings)) await new Promise((resolve) => client.socket.once('drain', resolve))
    }
    await honest.sync()
    expect(peakBytes() - before).toBeLessThan(32 * MAX_PAYLOAD)
    client.socket.resume()
    client.send(frame(Opcode.ping, 'last'))
    await until('the answer to the latest', () =>
      client.frames.some(({ opcode, payload }) => opcode === Opcode.pong && payload.toString() === 'last'),
    )
  },
  TEST_MS,
)

test(
  'who packs much into little lets others have their turn, and gets everything',
  async () => {
    const [client] = await openAll(1)
    await client.readInfo()
    // Each frame is about 2 KiB and stands for 900 KiB of PINGs, of which every one is answered.
    const pings = compressedFrame('PING\r\n'.repeat(150_000))
    expect(pings.length).toBeLessThan(8 * 1024)
    client.send(frame(Opcode.binary, CONNECT), ...Array(20).fill(pings))
    let pongs = 0
    // On a busy machine it takes so long that the server sends its own PING among them.
    client.onMessage = (message) => {
      pongs += message.length / PONG.length - (message.includes('PING') ? 1 : 0)
    }
    for (let i = 0; i < 20; i++) await honest.sync()
    await until('all answers', () => Math.round(pongs) === 20 * 150_000, 30_000)
  },
  TEST_MS,
)
