// The floor: what the machine needs for the bytes alone. A program that a `nats bench` client takes for a server and
// that does nothing besides: with no subscribers to come it only reads (a sink); else it only writes, to each of so
// many subscribers, the messages that it is told to (a source). No Heddle and no nats-server can be below its cost.
//
//     src/node.sh bench/floor.ts -a HOST -p PORT -m IGNORED --subscribers N --messages N --bytes N

import { createServer, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { type Handle, takeHandle } from '../src/base/node-private.ts'
import { readingSocketOver } from '../src/net/handle.ts'

const { values: flags } = parseArgs({
  options: {
    address: { type: 'string', short: 'a', default: '127.0.0.1' },
    port: { type: 'string', short: 'p', default: '4222' },
    monitor: { type: 'string', short: 'm' },
    subscribers: { type: 'string', default: '0' },
    messages: { type: 'string', default: '1' },
    bytes: { type: 'string', default: '16' },
  },
})
const [subscribers, messages, bytes] = [flags.subscribers, flags.messages, flags.bytes].map(Number)
const READ_BYTES = 256 * 1024
const WRITE_BYTES = 256 * 1024
const readBuffer = Buffer.allocUnsafe(READ_BYTES)
const PING = Buffer.from('PING\r\n')
const PONG = Buffer.from('PONG\r\n')
const INFO = `INFO ${JSON.stringify({
  server_id: 'FLOOR',
  version: '2.12.0',
  proto: 1,
  headers: true,
  max_payload: 8 * 1024 * 1024,
  host: '127.0.0.1',
  port: Number(flags.port),
})}\r\n`

/** Sockets with a subscription, and its sid. */
const subscribed = new Map<Socket, string>()

/** Writes all messages to one subscriber, as fast as it takes them. */
function pour(socket: Socket, sid: string): void {
  const message = Buffer.from(`MSG bench ${sid} ${bytes}\r\n${'x'.repeat(bytes)}\r\n`)
  const count = Math.max(1, Math.min(messages, Math.floor(WRITE_BYTES / message.length)))
  const batch = Buffer.concat(Array.from({ length: count }, () => message))
  let left = messages
  const next = (): void => {
    if (left === 0) return
    const now = Math.min(left, count)
    left -= now
    socket.write(now === count ? batch : batch.subarray(0, now * message.length), next)
  }
  next()
}

/** Takes what a client sends: answers PINGs, notes its subscription, and throws everything else away. */
function serve(accepted: Socket): void {
  /** The last bytes that came: a PING may be cut by a read. */
  let tail = Buffer.alloc(0)
  const socket = readingSocketOver(takeHandle(accepted) as Handle, readBuffer, (length) => {
    if (length <= 0) return
    const read = readBuffer.subarray(0, length)
    if (subscribers > 0) note(socket, read)
    // Clients flush behind a PING, so it is the last that comes before they wait.
    tail = Buffer.concat([tail, read.subarray(-PING.length)]).subarray(-PING.length)
    if (tail.equals(PING)) socket.write(PONG)
    if (subscribed.size !== subscribers) return
    for (const [receiver, sid] of subscribed) pour(receiver, sid)
    subscribed.clear()
  })
  socket.on('error', () => socket.destroy())
  socket.write(INFO)
  socket.resume()
}

function note(socket: Socket, read: Buffer): void {
  const sid = /SUB \S+ +(\S+)\r\n/.exec(read.toString('latin1'))?.[1]
  if (sid !== undefined) subscribed.set(socket, sid)
}

const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true }, serve)
server.listen(Number(flags.port), flags.address, () => process.stderr.write('Server is ready\n'))
