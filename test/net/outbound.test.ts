import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import {
  CHUNK_BYTES,
  HOLD_PENDING,
  SMALL_CHUNK_BYTES,
  WRITE_BATCH_MAX,
  WRITE_SLICES_MAX,
} from '../../src/base/constants.ts'
import { blockFrom } from '../../src/memory/block.ts'
import { Outbound, type OutboundOwner } from '../../src/net/outbound.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { chooseSeed, Random } from '../support/random.ts'

let server: Server
beforeAll(async () => {
  server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => {
  server.close()
})

/** What a shard is to its outbounds: a pool, a clock, and turns that end when the test says so. */
class TestOwner implements OutboundOwner {
  readonly pool = new CountingPool()
  readonly nowMs = performance.now()
  readonly clock = { nowMs: 1 }
  marks = 0
  onPublish: () => void = () => undefined
  private marked: Outbound[] = []

  publish(): void {
    this.onPublish()
  }

  mark(outbound: Outbound): void {
    this.marks++
    this.marked.push(outbound)
  }

  endTurn(): void {
    for (const outbound of this.marked.splice(0)) outbound.flush()
  }
}

interface Pair {
  readonly outbound: Outbound
  readonly socket: Socket
  readonly overflows: number
  /** Begins to read. Resolves with all that came, when the other side has ended or broken off. */
  read(): Promise<Buffer>
  /** Ends the turn again and again until everything pending has been taken. */
  drain(): Promise<void>
}

/** A real connection over loopback: an outbound at one end, a reader that does not read yet at the other. */
async function connect(owner: TestOwner, pendingMax = 1024 * 1024 * 1024): Promise<Pair> {
  const reader = new Socket({ allowHalfOpen: false })
  reader.pause()
  const accepted = once(server, 'connection') as Promise<[Socket]>
  reader.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[socket]] = await Promise.all([accepted, once(reader, 'connect')])
  socket.on('error', () => undefined)
  reader.on('error', () => undefined)
  onTestFinished(() => {
    socket.destroy()
    reader.destroy()
  })
  let overflows = 0
  const outbound = new Outbound(owner, socket, pendingMax, {
    overflowed: () => overflows++,
    failed: (error) => {
      throw error
    },
  })
  return {
    outbound,
    socket,
    get overflows() {
      return overflows
    },
    async read() {
      const pieces: Buffer[] = []
      reader.on('data', (piece: Buffer) => pieces.push(piece))
      reader.resume()
      await once(reader, 'close')
      return Buffer.concat(pieces)
    },
    async drain() {
      while (outbound.pendingBytes > 0) {
        owner.endTurn()
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

/** A write in flight waits as time passes. */
function isInFlight(owner: TestOwner, outbound: Outbound): boolean {
  owner.clock.nowMs++
  return outbound.waitingMs > 0
}

/** Queues more than the kernel takes, so that a write stays in flight. Answers the bytes queued. */
function clog(owner: TestOwner, { outbound }: Pair, least = 16 * 1024 * 1024): number {
  const megabyte = Buffer.alloc(1024 * 1024, 'clog')
  let bytes = 0
  while (bytes < least || !isInFlight(owner, outbound)) {
    outbound.appendBuffer(megabyte)
    bytes += megabyte.length
    owner.endTurn()
  }
  return bytes
}

function noise(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  const step = 1 + random.below(250)
  for (let i = 0; i < length; i++) bytes[i] = i * step + (i >>> 8)
  return bytes
}

test('bytes arrive in the order in which they were queued, in whatever way', async () => {
  const random = new Random(chooseSeed('outbound'))
  const owner = new TestOwner()
  const pair = await connect(owner)
  const { outbound } = pair
  const received = pair.read()
  const expected: Buffer[] = []
  for (let step = 0; step < 4_000; step++) {
    const bytes = noise(
      random,
      random.pick([1, 2, 20, 20, 100, 100, 700, random.below(random.chance(0.1) ? 90_000 : 3_000)]),
    )
    expected.push(bytes)
    switch (random.below(4)) {
      case 0:
        outbound.appendBuffer(bytes)
        break
      case 1: {
        const block = blockFrom(`head${bytes.toString('latin1')}tail`)
        outbound.appendBlock(block, 4, 4 + bytes.length)
        break
      }
      case 2: {
        expect(outbound.reserve(bytes.length)).toBeGreaterThanOrEqual(bytes.length)
        outbound.tailBlock.bytes.set(bytes, outbound.tailEnd)
        outbound.commit(bytes.length)
        break
      }
      case 3: {
        const chunk = owner.pool.acquire(bytes.length + 10)
        chunk.block.bytes.set(bytes, 10)
        outbound.share(chunk, 10, 10 + bytes.length)
        chunk.release()
      }
    }
    if (random.chance(0.05)) owner.endTurn()
    if (random.chance(0.05)) await new Promise((resolve) => setImmediate(resolve))
  }
  await pair.drain()
  pair.socket.end()
  const whole = Buffer.concat(expected)
  expect((await received).equals(whole), `seed ${random.seed}`).toBe(true)
  expect(owner.pool.outstanding).toBe(0)
})

test('nothing is written before the end of the turn, and an outbound is marked once a turn', async () => {
  const owner = new TestOwner()
  const { outbound, socket } = await connect(owner)
  for (let i = 0; i < 5; i++) outbound.appendBuffer(Buffer.from('hello'))
  expect(outbound.pendingBytes).toBe(25)
  expect([owner.marks, socket.bytesWritten]).toEqual([1, 0])
  owner.endTurn()
  expect([outbound.pendingBytes, socket.bytesWritten]).toEqual([0, 25])
  outbound.appendBuffer(Buffer.from('again'))
  expect(owner.marks).toBe(2)
})

test('a connection with nothing pending owns no memory', async () => {
  const owner = new TestOwner()
  const { outbound } = await connect(owner)
  expect(owner.pool.outstanding).toBe(0)
  outbound.appendBuffer(Buffer.from('hello'))
  expect(owner.pool.outstanding).toBe(1)
  owner.endTurn()
  expect(owner.pool.outstanding).toBe(0)
})

test('its first piece is a small one, the next ones are not', async () => {
  const owner = new TestOwner()
  const { outbound } = await connect(owner)
  expect(outbound.reserve(1)).toBeLessThan(SMALL_CHUNK_BYTES)
  outbound.commit(outbound.reserve(1))
  const room = outbound.reserve(1)
  expect(room).toBeGreaterThan(SMALL_CHUNK_BYTES)
  expect(room).toBeLessThan(CHUNK_BYTES)
  expect(outbound.reserve(300_000)).toBeGreaterThanOrEqual(300_000)
})

test('receivers of one slice get the same bytes, and the chunk is given back when the last has them', async () => {
  const owner = new TestOwner()
  const pairs = [await connect(owner), await connect(owner), await connect(owner)]
  const received = pairs.map((pair) => pair.read())
  const chunk = owner.pool.acquire(1000)
  chunk.block.bytes.write('one slice for all', 0, 'latin1')
  for (const { outbound } of pairs) {
    outbound.appendBuffer(Buffer.from('<'))
    outbound.share(chunk, 4, 17)
    outbound.appendBuffer(Buffer.from('>'))
  }
  chunk.release()
  expect(owner.pool.outstanding).toBe(4)
  owner.endTurn()
  await Promise.all(pairs.map((pair) => pair.drain()))
  expect(owner.pool.outstanding).toBe(0)
  for (const { socket } of pairs) socket.end()
  for (const bytes of received) expect((await bytes).toString()).toBe('<slice for all>')
})

test('slices that stand one behind the other are joined', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  const received = pair.read()
  const chunk = owner.pool.acquire(1000)
  chunk.block.bytes.write('abcdefghij', 0, 'latin1')
  for (let i = 0; i < 10; i++) pair.outbound.share(chunk, i, i + 1)
  pair.outbound.share(chunk, 2, 4) // and this one does not follow
  chunk.release()
  owner.endTurn()
  expect(owner.pool.outstanding).toBe(0)
  pair.socket.end()
  expect((await received).toString()).toBe('abcdefghijcd')
})

test('many slices, and many bytes, go out in several batches', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  const received = pair.read()
  const expected: string[] = []
  const chunk = owner.pool.acquire(4000)
  for (let i = 0; i < 1000; i++) chunk.block.bytes.write(String(i).padStart(4, '0'), 4 * i, 'latin1')
  for (let i = 0; i < 3 * WRITE_SLICES_MAX; i++) {
    const at = 4 * ((i * 7) % 1000)
    pair.outbound.share(chunk, at, at + 4)
    expected.push(String(at / 4).padStart(4, '0'))
  }
  chunk.release()
  const large = Buffer.alloc(3 * WRITE_BATCH_MAX, 'large')
  pair.outbound.appendBuffer(large)
  await pair.drain()
  pair.socket.end()
  expect((await received).toString('latin1')).toBe(expected.join('') + large.toString('latin1'))
  expect(owner.pool.outstanding).toBe(0)
})

// ── A reader that does not read ─────────────────────────────────────────────────────────────────────────

test('every byte that the socket has not taken is counted, and none after it has', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  const bytes = clog(owner, pair)
  const { pendingBytes } = pair.outbound
  expect(pendingBytes).toBeGreaterThan(0)
  expect(pendingBytes).toBeLessThan(bytes)
  pair.outbound.appendBuffer(Buffer.from('12345'))
  expect(pair.outbound.pendingBytes).toBe(pendingBytes + 5)
  owner.endTurn()
  expect(pair.outbound.pendingBytes).toBe(pendingBytes + 5)
  const received = pair.read()
  await pair.drain()
  pair.socket.end()
  expect((await received).length).toBe(bytes + 5)
  expect(owner.pool.outstanding).toBe(0)
})

test('while a write is in flight time runs against it, and it is stuck after a while', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  const { outbound } = pair
  expect(isInFlight(owner, outbound)).toBe(false)
  clog(owner, pair)
  const startMs = outbound.waitingMs
  owner.clock.nowMs += 50
  expect(outbound.waitingMs).toBe(startMs + 50)
  expect(outbound.isStuck).toBe(false)
  owner.clock.nowMs += 5_000
  expect(outbound.waitingMs).toBe(startMs + 5_050)
  expect(outbound.isStuck).toBe(true)
  // The loop stood still: its clock goes back to where it was before.
  owner.clock.nowMs -= 5_100
  expect(outbound.waitingMs).toBeLessThanOrEqual(startMs)
  expect(outbound.isStuck).toBe(false)
  const received = pair.read()
  await pair.drain()
  expect(isInFlight(owner, outbound)).toBe(false)
  expect(outbound.isStuck).toBe(false)
  pair.socket.end()
  await received
})

test('before bytes go out in the middle of a turn, frames for other shards are made visible', async () => {
  const owner = new TestOwner()
  const { outbound, socket } = await connect(owner, 10_000)
  const writtenBefore: number[] = []
  owner.onPublish = () => writtenBefore.push(socket.bytesWritten)
  outbound.appendBuffer(Buffer.alloc(9_000))
  expect(writtenBefore).toEqual([])
  outbound.appendBuffer(Buffer.alloc(2_000))
  expect(writtenBefore).toEqual([0])
  expect(socket.bytesWritten).toBe(11_000)
})

test('more than may wait is told, and a burst that the kernel takes is not', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner, 100_000)
  for (let i = 0; i < 300; i++) pair.outbound.appendBuffer(Buffer.alloc(100))
  owner.endTurn()
  expect(pair.overflows).toBe(0)
  const chunk = owner.pool.acquire(50_000)
  let appended = 0
  while (pair.overflows === 0 && appended < 100_000_000) {
    pair.outbound.share(chunk, 0, 50_000)
    appended += 50_000
  }
  chunk.release()
  expect(pair.overflows).toBe(1)
  expect(pair.outbound.pendingBytes).toBeGreaterThan(100_000)
  expect(pair.outbound.pendingBytes).toBeLessThanOrEqual(150_000)
})

test('a receiver that is behind says so, and caught up it does not', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  expect(pair.outbound.isBehind).toBe(false)
  clog(owner, pair)
  expect(pair.outbound.pendingBytes).toBeGreaterThan(HOLD_PENDING)
  expect(pair.outbound.isBehind).toBe(true)
  const received = pair.read()
  await pair.drain()
  expect(pair.outbound.isBehind).toBe(false)
  pair.socket.end()
  await received
})

// ── Those who wait ──────────────────────────────────────────────────────────────────────────────────────

test('whoever waits for nothing to be pending is called at once if nothing is', async () => {
  const { outbound } = await connect(new TestOwner())
  let calls = 0
  outbound.whenDrained(() => calls++)
  expect(calls).toBe(1)
})

test('whoever waits for all to be taken is called once, when it is', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  clog(owner, pair)
  let calls = 0
  pair.outbound.whenDrained(() => {
    calls++
    expect(pair.outbound.pendingBytes).toBe(0)
  })
  owner.endTurn()
  expect(calls).toBe(0)
  const received = pair.read()
  await pair.drain()
  expect(calls).toBe(1)
  pair.outbound.appendBuffer(Buffer.from('more'))
  owner.endTurn()
  expect(calls).toBe(1)
  pair.socket.end()
  await received
})

test('those who hold publishers back are called once each, when it has caught up and not before', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  clog(owner, pair)
  const calls: string[] = []
  const twice = (): void => {
    calls.push('twice')
    expect(pair.outbound.isBehind).toBe(false)
  }
  pair.outbound.whenRelieved(twice)
  pair.outbound.whenRelieved(twice)
  pair.outbound.whenRelieved(() => calls.push('once'))
  owner.endTurn()
  expect(calls).toEqual([])
  const received = pair.read()
  await pair.drain()
  expect(calls.sort()).toEqual(['once', 'twice'])
  pair.socket.end()
  await received
})

test('whoever is called may wait again', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  clog(owner, pair)
  let calls = 0
  const again = (): void => {
    if (++calls < 3) pair.outbound.whenRelieved(again)
  }
  pair.outbound.whenRelieved(again)
  const received = pair.read()
  await pair.drain()
  for (let i = 0; i < 3; i++) {
    pair.outbound.appendBuffer(Buffer.from('x'))
    await pair.drain()
  }
  expect(calls).toBe(3)
  pair.socket.end()
  await received
})

// ── The end ─────────────────────────────────────────────────────────────────────────────────────────────

test('closed, it gives back all that was queued, releases those who wait, and takes nothing more', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  const { outbound } = pair
  const chunk = owner.pool.acquire(100)
  outbound.appendBuffer(Buffer.alloc(200_000))
  outbound.share(chunk, 0, 100)
  let [relieved, drained] = [0, 0]
  outbound.whenRelieved(() => relieved++)
  outbound.whenDrained(() => drained++)
  outbound.close()
  chunk.release()
  expect([relieved, drained, outbound.pendingBytes, outbound.isClosed]).toEqual([1, 0, 0, true])
  expect(owner.pool.outstanding).toBe(0)
  outbound.appendBuffer(Buffer.from('too late'))
  outbound.share(owner.pool.acquire(10), 0, 10)
  owner.endTurn()
  outbound.close()
  expect([outbound.pendingBytes, pair.socket.bytesWritten, relieved]).toEqual([0, 0, 1])
})

test('closed with a write in flight, what was handed over still arrives unharmed', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  const bytes = clog(owner, pair)
  pair.outbound.close()
  // Whoever gets memory from the pool now writes into it at once.
  for (const [size, count] of [
    [1_000, 20],
    [60_000, 500],
    [1_000_000, 20],
  ]) {
    for (let i = 0; i < count; i++) owner.pool.acquire(size).block.bytes.fill('scribble')
  }
  const received = pair.read()
  pair.socket.end()
  const got = await received
  expect(got.length).toBeGreaterThan(0)
  expect(got.length).toBeLessThan(bytes)
  expect(got.equals(Buffer.alloc(got.length, 'clog'))).toBe(true)
})

test('a peer that breaks off in the middle of a write does no harm', async () => {
  const owner = new TestOwner()
  const pair = await connect(owner)
  clog(owner, pair)
  pair.outbound.whenDrained(() => undefined)
  const closed = once(pair.socket, 'close')
  pair.socket.destroy()
  await closed
  pair.outbound.close()
  pair.outbound.appendBuffer(Buffer.from('too late'))
  owner.endTurn()
  await new Promise((resolve) => setImmediate(resolve))
  expect(pair.outbound.pendingBytes).toBe(0)
})
