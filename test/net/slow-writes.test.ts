// Write deadlines that a peer misses. Real sockets say how much of a write has been taken; the time is the test's.

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Fault, Faults } from '../../src/base/errors.ts'
import { untakenBytes as untakenBelow } from '../../src/base/node-private.ts'
import { type SlowWriter, type SlowWrites, sweepWrites } from '../../src/net/slow-writes.ts'
import type { Transport } from '../../src/net/transport.ts'
import type { Options } from '../../src/options/options.ts'

const DEADLINE_MS = 100

const untakenBytes = (socket: Transport): number => untakenBelow(socket)

let server: Server
beforeAll(async () => {
  server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => {
  server.close()
})

/** The test says how long its latest write has waited, and when its peer reads. */
class Writer implements SlowWriter {
  readonly socket: Socket
  readonly peer: Socket
  readonly outbound = { waitingMs: 0, pendingBytes: 1 }
  readonly lines: string[] = []
  readonly log = { info: (text: string): void => void this.lines.push(text) }
  readonly closedFor: Fault[] = []
  readonly tries: boolean[] = []
  readonly shard: { nowMs: number; readonly options: Pick<Options, 'writeDeadline' | 'writeTimeout'> }
  private known: SlowWrites | undefined

  constructor(socket: Socket, peer: Socket, writeTimeout: Options['writeTimeout']) {
    this.socket = socket
    this.peer = peer
    this.shard = { nowMs: 1_000_000, options: { writeDeadline: DEADLINE_MS, writeTimeout } }
  }

  close(fault: Fault): void {
    this.closedFor.push(fault)
  }

  triedAgain(still: boolean): void {
    this.tries.push(still)
  }

  /** Looks at it as its latest write has waited so long; answers whether it is remembered as slow. */
  look(waitingMs: number): boolean {
    this.outbound.waitingMs = waitingMs
    this.known = sweepWrites(this.known, this, this.shard, this.socket)
    return this.known !== undefined
  }

  /** The peer reads until the kernel has taken some more. */
  async readSome(): Promise<void> {
    const untaken = untakenBytes(this.socket)
    this.peer.resume()
    while (untakenBytes(this.socket) === untaken) await new Promise((resolve) => setImmediate(resolve))
    this.peer.pause()
  }
}

async function writer(writeTimeout: Options['writeTimeout']): Promise<Writer> {
  const socket = new Socket()
  const accepted = once(server, 'connection') as Promise<[Socket]>
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[peer]] = await Promise.all([accepted, once(socket, 'connect')])
  for (const one of [socket, peer]) {
    one.on('error', () => undefined)
    onTestFinished(() => void one.destroy())
  }
  peer.on('data', () => undefined)
  peer.pause()
  // More than the kernel takes.
  socket.write(Buffer.alloc(32 * 1024 * 1024))
  return new Writer(socket, peer, writeTimeout)
}

test('one that keeps its deadline is left alone', async () => {
  const one = await writer('close')
  expect([0, DEADLINE_MS].map((ms) => one.look(ms))).toEqual([false, false])
  expect([one.closedFor, one.tries, one.lines]).toEqual([[], [], []])
})

test.each(['close', 'default'] as const)('by the option %s, one that misses it is cut', async (writeTimeout) => {
  const one = await writer(writeTimeout)
  one.look(DEADLINE_MS + 1)
  expect([one.closedFor, one.tries]).toEqual([[Faults.slowConsumerDeadline], []])
})

test('by the option retry, one that takes something gets as much time again, each time', async () => {
  const one = await writer('retry')
  expect(one.look(DEADLINE_MS + 10)).toBe(true)
  // It has as much time again, counted from then.
  expect(one.look(2 * DEADLINE_MS + 10)).toBe(true)
  expect(one.tries).toEqual([false])
  await one.readSome()
  one.look(2 * DEADLINE_MS + 11)
  await one.readSome()
  one.look(3 * DEADLINE_MS + 20)
  expect([one.tries, one.closedFor]).toEqual([[false, true, true], []])
})

test('… and one that took nothing in that time is cut', async () => {
  const one = await writer('retry')
  one.look(DEADLINE_MS + 10)
  one.look(2 * DEADLINE_MS + 11)
  expect([one.tries, one.closedFor]).toEqual([[false], [Faults.slowConsumerDeadline]])
})

test('a write that waits shorter than the one that was late is another one, with its own deadline', async () => {
  const one = await writer('retry')
  one.look(5 * DEADLINE_MS)
  await one.readSome()
  expect(one.look(DEADLINE_MS)).toBe(true)
  expect(one.look(DEADLINE_MS + 1)).toBe(true)
  expect([one.tries, one.closedFor]).toEqual([[false, true], []])
})

test('one that has caught up is forgotten, and the log says how long that took', async () => {
  const one = await writer('retry')
  one.look(DEADLINE_MS + 400)
  one.shard.nowMs += 1_000
  expect(one.look(0)).toBe(true)
  one.outbound.pendingBytes = 0
  expect(one.look(0)).toBe(false)
  expect(one.lines).toEqual(['Slow Consumer Recovered: Flush took 1.500s'])
  // The next time it is late for the first time again.
  one.outbound.pendingBytes = 1
  one.look(DEADLINE_MS + 1)
  expect(one.tries).toEqual([false, false])
})
