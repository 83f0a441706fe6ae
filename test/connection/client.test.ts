// A connection from its socket to its end, on a shard whose turns the test ends.

import { once } from 'node:events'
import { expect, test } from 'vitest'
import { LINGER_MS } from '../../src/base/constants.ts'
import { CloseReason, Faults } from '../../src/base/errors.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { until } from '../support/until.ts'
import { type Stage, stage, TestShard } from './stage.ts'

const HELLO = 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"protocol":1}\r\n'

async function connected(shard = new TestShard()): Promise<Stage> {
  const staged = await stage(shard)
  staged.send(`${HELLO}PING\r\n`)
  await staged.read(' \r\n')
  return staged
}

// ── Coming ──────────────────────────────────────────────────────────────────────────────────────────────

test('it is greeted, and told more once it has connected and understands that', async () => {
  const staged = await stage()
  expect(await staged.read(' \r\n')).toMatch(/^INFO \{.*"client_ip":"127\.0\.0\.1"\} \r\n$/)
  staged.send(`${HELLO}PING\r\n`)
  expect(await staged.read(' \r\n')).toMatch(/^PONG\r\nINFO \{.*"remote_account":"\$G".*\} \r\n$/)
  staged.client.identityChanged()
  expect(staged.client.tellLameDuck()).toBe('told')
  const later = await staged.read(' \r\n')
  expect(later.match(/^INFO/gm)).toHaveLength(2)
  expect(later.match(/"ldm":true/g)).toHaveLength(1)
})

test('who does not understand a later INFO gets none', async () => {
  const staged = await stage()
  await staged.read(' \r\n')
  staged.send('CONNECT {"verbose":false,"protocol":0}\r\nPING\r\n')
  expect(await staged.read('PONG\r\n')).toBe('PONG\r\n')
  staged.client.identityChanged()
  expect(staged.client.tellLameDuck()).toBe('deaf')
  expect(staged.client.outbound.pendingBytes).toBe(0)
})

test('bytes that are read for it are its operations, cut where they may be', async () => {
  const staged = await connected()
  for (const piece of ['SU', 'B a 1\r', '\nPUB a 2\r\nh', 'i\r\nPI', 'NG\r\n']) staged.peer.write(piece)
  expect(await staged.read('PONG\r\n')).toBe('MSG a 1 2\r\nhi\r\nPONG\r\n')
})

// ── The end ─────────────────────────────────────────────────────────────────────────────────────────────

test('what is queued goes out before it is closed, then its last words', async () => {
  const staged = await connected()
  staged.send('SUB a 1\r\nPUB a 1\r\nx\r\n')
  staged.client.close(Faults.staleConnection)
  expect(await staged.readToEnd()).toBe("MSG a 1 1\r\nx\r\n-ERR 'Stale Connection'\r\n")
})

test('one that closes is out of the index at once, takes nothing more, and is told of once', async () => {
  const staged = await connected()
  const { shard, client } = staged
  staged.send('SUB a 1\r\nSUB b q 2\r\n')
  client.close(Faults.kicked)
  expect([shard.sublist.count, shard.deliver('a', 'x')]).toEqual([0, 0])
  staged.send('SUB c 3\r\nPUB a 0\r\n\r\n')
  client.close(Faults.staleConnection)
  await staged.readToEnd()
  await until('it is forgotten', () => shard.events.includes('forgotten'))
  expect(shard.events).toEqual([`closed: ${CloseReason.kicked}`, 'forgotten'])
  expect(client).toMatchObject({ closing: true, closeReason: CloseReason.kicked, inMessages: 0 })
  expect([shard.sublist.inserts, shard.bugs]).toEqual([2, []])
})

test('a connection that is refused hears why, and is not read', async () => {
  const shard = new TestShard()
  const staged = await connected(shard)
  staged.client.close(Faults.connections)
  staged.peer.write('PUB a 0\r\n\r\n')
  expect(await staged.readToEnd()).toBe("-ERR 'maximum connections exceeded'\r\n")
  expect(staged.client.inMessages).toBe(0)
})

test('a peer that ends has been served to its last operation', async () => {
  const staged = await connected()
  staged.peer.end('SUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n')
  expect(await staged.readToEnd()).toBe('MSG a 1 1\r\nx\r\nPONG\r\n')
  expect(staged.shard.events[0]).toBe(`closed: ${CloseReason.clientClosed}`)
})

test('a peer that breaks off leaves nothing behind', async () => {
  const staged = await connected()
  staged.send('SUB a 1\r\n')
  staged.peer.resetAndDestroy()
  await until('it is forgotten', () => staged.shard.events.includes('forgotten'))
  expect(staged.shard.events).toEqual([`closed: ${CloseReason.clientClosed}`, 'forgotten'])
  expect(staged.shard.sublist.count).toBe(0)
  staged.shard.flush()
  expect(staged.shard.bugs).toEqual([])
})

test('a connection that had gone before it was started is closed and forgotten', async () => {
  const { client, shard } = await stage(new TestShard(), (socket) => {
    socket.destroy()
    return until('it to be gone', () => socket.closed)
  })
  expect(client.closing).toBe(true)
  expect(shard.events).toEqual([`closed: ${CloseReason.clientClosed}`, 'forgotten'])
  shard.flush()
  expect(shard.bugs).toEqual([])
})

test('one that does not take its last words is cut after its time, and not before', async () => {
  const staged = await connected()
  const { client, shard } = staged
  const gone = (): boolean => shard.events.includes('forgotten')
  client.close(Faults.staleConnection)
  client.sweep(shard.nowMs)
  shard.clock.nowMs = LINGER_MS
  client.sweep(shard.nowMs)
  expect(gone()).toBe(false)
  shard.clock.nowMs = LINGER_MS + 1
  client.sweep(shard.nowMs)
  await until('it is cut', gone)
})

test('what came before a fault is dealt with before it is closed for it', async () => {
  const staged = await connected()
  staged.send(`SUB a 1\r\nPUB a 1\r\nx\r\nBAD\r\nPUB a 1\r\ny\r\n`)
  expect(await staged.readToEnd()).toBe("MSG a 1 1\r\nx\r\n-ERR 'Unknown Protocol Operation'\r\n")
})

// ── A bug of ours ───────────────────────────────────────────────────────────────────────────────────────

test('a bug in an operation costs the connection, and no other', async () => {
  const shard = new TestShard()
  const [one, other] = [await connected(shard), await connected(shard)]
  one.client.operations.processPing = () => {
    throw new Error('a bug')
  }
  one.send('PING\r\n')
  expect(await one.readToEnd()).toBe('')
  expect(shard.events[0]).toBe(`closed: ${CloseReason.internal}`)
  other.send('PING\r\n')
  expect(await other.read('PONG\r\n')).toBe('PONG\r\n')
  expect(other.client.closing).toBe(false)
})

test('a bug in closing costs the connection as well: its socket does not stay', async () => {
  const staged = await connected()
  const { client, shard } = staged
  client.operations.leaveAccount = () => {
    throw new Error('a bug')
  }
  client.failed(new Error('another bug'))
  client.failed(new Error('and one more'))
  expect(await staged.readToEnd()).toBe('')
  expect(shard.events).toContain('forgotten')
})

test('a bug that a timer meets is the connection’s', async () => {
  const staged = await connected()
  staged.client.attempt(() => Promise.reject(new Error('a bug')))
  expect(await staged.readToEnd()).toBe('')
  expect(staged.shard.events[0]).toBe(`closed: ${CloseReason.internal}`)
})

// ── Being held ──────────────────────────────────────────────────────────────────────────────────────────

test('one that is held takes nothing, and goes on with what had come, in its order', async () => {
  const staged = await connected()
  const goOn = staged.client.suspend()
  staged.send('SUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n')
  expect([staged.client.inMessages, staged.shard.sublist.count]).toEqual([0, 0])
  goOn()
  expect(await staged.read('PONG\r\n')).toBe('MSG a 1 1\r\nx\r\nPONG\r\n')
})

test('one that closes while it is held does not go on', async () => {
  const staged = await connected()
  const goOn = staged.client.suspend()
  staged.send('SUB a 1\r\nPING\r\n')
  staged.client.close(Faults.kicked)
  goOn()
  expect(await staged.readToEnd()).toBe('')
  expect(staged.shard.sublist.inserts).toBe(0)
})

test('the end of a peer that is held comes behind what it had sent', async () => {
  const staged = await connected()
  const goOn = staged.client.suspend()
  staged.send('SUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n')
  staged.client.closeBehind(Faults.staleConnection)
  expect(staged.client.closing).toBe(false)
  goOn()
  expect(await staged.readToEnd()).toBe("MSG a 1 1\r\nx\r\nPONG\r\n-ERR 'Stale Connection'\r\n")
})

test('a connection on whose behalf frames wait owes its PONGs until they do not, once each', async () => {
  const staged = await connected()
  let relieved: () => void = () => expect.fail('nobody waits')
  const peer = {
    link: {
      whenRelieved: (then: () => void) => {
        relieved = then
      },
    },
  }
  staged.client.holdForPeer(peer as never)
  staged.send('PING\r\nPING\r\n')
  staged.shard.flush()
  expect(staged.client.outbound.pendingBytes).toBe(0)
  relieved()
  expect(await staged.read('PONG\r\nPONG\r\n')).toBe('PONG\r\nPONG\r\n')
})

// ── Falling behind ──────────────────────────────────────────────────────────────────────────────────────

function shardOf(options: Parameters<typeof normaliseOptions>[0]): TestShard {
  const shard = new TestShard()
  shard.options = normaliseOptions({ port: -1, workers: 0, maxPayload: 1_000, ...options })
  return shard
}

/** The kernel takes some megabytes for a peer that does not read. */
const LARGE = 60_000
const MANY = 2_000

/** A receiver that does not read, with room for four large messages. */
async function deaf(options: Parameters<typeof normaliseOptions>[0] = {}): Promise<Stage> {
  const staged = await connected(shardOf({ maxPayload: LARGE + 4, maxPending: 4 * LARGE + 1_000, ...options }))
  staged.send('SUB a 1\r\n')
  staged.peer.pause()
  return staged
}

test('a receiver for which too much waits is cut, without another word', async () => {
  const { shard, client, peer } = await deaf()
  for (let i = 0; i < MANY && !client.closing; i++) shard.deliver('a', 'x'.repeat(LARGE))
  expect(shard.events).toEqual([`closed: ${CloseReason.slowConsumerPending}`])
  let text = ''
  peer.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
  })
  const closed = once(peer, 'close')
  shard.flush()
  peer.resume()
  await closed
  expect(text).not.toContain('-ERR')
  await until('it is forgotten', () => shard.events.includes('forgotten'))
  expect(client.outbound.pendingBytes).toBe(0)
})

test('… or loses messages, as many as do not fit, where it is to stay', async () => {
  const staged = await deaf({ slowConsumer: 'drop_newest' })
  const { shard, client, peer } = staged
  let sent = 0
  while (sent < MANY && client.droppedMessages < 3) {
    shard.deliver('a', String(sent++).padStart(4, '0') + 'x'.repeat(LARGE))
  }
  expect(client.closing).toBe(false)
  client.sendPong()
  peer.resume()
  const got = [...(await staged.read('PONG\r\n')).matchAll(/^(\d{4})x/gm)].map(([, number]) => Number(number))
  expect(got).toEqual(Array.from({ length: sent - 3 }, (_, i) => i))
  const dropped = shard.events.map((event) => Number(event.replace('dropped ', '')))
  expect(dropped.reduce((sum, count) => sum + count, 0)).toBe(3)
})

test('a peer that answers no PING is closed as stale; one that answers is not', async () => {
  const shard = shardOf({ pingMax: 1, pingInterval: 1_000 })
  const [mute, answering] = [await connected(shard), await connected(shard)]
  for (let ms = 0; ms < 5_000; ms += 500) {
    shard.nowMs += 500
    shard.clock.nowMs += 500
    shard.pings.take(shard.clock.nowMs, (keepAlive) => keepAlive.attempt(() => keepAlive.due(shard.nowMs)))
    answering.send('PONG\r\n')
  }
  expect([mute.client.closing, answering.client.closing]).toEqual([true, false])
  expect(mute.client.closeReason).toBe(CloseReason.staleConnection)
  expect(await mute.readToEnd()).toMatch(/^PING\r\n-ERR 'Stale Connection'\r\n$/)
})
