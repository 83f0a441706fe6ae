// Who holds a connection, and until when. The socket notes whether it is read.

import { beforeEach, describe, expect, test } from 'vitest'
import { HOLD_PENDING } from '../../src/base/constants.ts'
import { ReadGate } from '../../src/net/read-gate.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { TestOutputs, TestReceiver, TestTransport } from '../routing/parts.ts'
import { chooseSeed, Random } from '../support/random.ts'

/** Of which no test waits for the end. */
const LONG_READ = 1024 * 1024 * 1024

class ReadSocket extends TestTransport {
  isRead = true
  changes = 0

  override pause(): void {
    expect(this.isRead).toBe(true)
    this.isRead = false
    this.changes++
  }

  override resume(): void {
    expect(this.isRead).toBe(false)
    this.isRead = true
    this.changes++
  }
}

/** Another shard: frames for it wait until it is relieved. */
class Congested {
  readonly reliefs: (() => void)[] = []
  readonly link = { whenRelieved: (callback: () => void): void => void this.reliefs.push(callback) }

  relieve(): void {
    for (const relief of this.reliefs.splice(0)) relief()
  }
}

let socket: ReadSocket
let gate: ReadGate
let peersClear: number
beforeEach(() => {
  socket = new ReadSocket()
  peersClear = 0
  gate = new ReadGate(socket, { attempt: (act) => act() }, () => peersClear++)
})

const outputs = new TestOutputs(new CountingPool())

function slowReceiver(behindBytes = HOLD_PENDING): TestReceiver {
  const receiver = new TestReceiver(outputs, { pendingMax: 4 * behindBytes })
  receiver.transport.isSlow = true
  receiver.outbound.appendBuffer(Buffer.alloc(3 * behindBytes))
  return receiver
}

function catchUp({ outbound, transport }: TestReceiver): void {
  while (outbound.pendingBytes > 0) {
    outputs.flush()
    transport.take()
  }
}

async function untilRead(): Promise<void> {
  while (!socket.isRead) await new Promise((resolve) => setImmediate(resolve))
}

describe('for a receiver of this shard', () => {
  test('of two that are about to be cut, it is held until both have caught up', () => {
    const [one, other] = [slowReceiver(HOLD_PENDING / 4), slowReceiver(HOLD_PENDING / 4)]
    expect([one.outbound.isNearlyFull, other.outbound.isNearlyFull]).toEqual([true, true])
    gate.holdFor(one.outbound, LONG_READ)
    gate.holdFor(other.outbound, LONG_READ)
    catchUp(one)
    expect(socket.isRead).toBe(false)
    catchUp(other)
    expect([socket.isRead, gate.stalls]).toEqual([true, 1])
  })

  test('one that is about to be cut is not let go by the end of a hold for another shard', () => {
    gate.holdForShard(1, 0)
    const one = slowReceiver(HOLD_PENDING / 4)
    gate.holdFor(one.outbound, 0)
    gate.releaseForShard(1)
    expect(socket.isRead).toBe(false)
    catchUp(one)
    expect([socket.isRead, gate.stalls]).toEqual([true, 1])
  })

  test('a longer hold for another one lets it not go before the first has caught up', () => {
    const [one, other] = [slowReceiver(), slowReceiver(HOLD_PENDING / 4)]
    one.outbound.appendBuffer(Buffer.alloc(HOLD_PENDING / 2))
    expect([one.outbound.isNearlyFull, other.outbound.isNearlyFull]).toEqual([true, true])
    expect(other.outbound.holdMs(1)).toBeGreaterThan(one.outbound.holdMs(1))
    gate.holdFor(one.outbound, 1)
    gate.holdFor(other.outbound, 1)
    catchUp(other)
    expect(socket.isRead).toBe(false)
    catchUp(one)
    expect([socket.isRead, gate.stalls]).toEqual([true, 1])
  })

  test('it is held until that has caught up; a second one holds it no longer', () => {
    const [one, other] = [slowReceiver(), slowReceiver()]
    expect([gate.holdFor(one.outbound, LONG_READ), gate.holdFor(other.outbound, LONG_READ)]).toEqual([true, false])
    expect([socket.isRead, gate.stalls]).toEqual([false, 1])
    catchUp(one)
    expect(socket.isRead).toBe(true)
    catchUp(other)
    expect(socket.changes).toBe(2)
  })

  test('it is held no longer than it may, and again after its next read', async () => {
    const one = slowReceiver()
    gate.holdFor(one.outbound, 1)
    expect(socket.isRead).toBe(false)
    await untilRead()
    expect(gate.holdFor(one.outbound, LONG_READ)).toBe(true)
    expect([socket.isRead, gate.stalls]).toEqual([false, 2])
    catchUp(one)
    expect(socket.isRead).toBe(true)
  })

  test('one that closes holds nobody', () => {
    const one = slowReceiver()
    gate.holdFor(one.outbound, LONG_READ)
    one.outbound.close()
    expect(socket.isRead).toBe(true)
  })
})

describe('for receivers of other shards', () => {
  test('each read is followed by a hold until all those shards have said otherwise', async () => {
    gate.holdForShard(1, 1)
    gate.holdForShard(2, 1)
    expect(socket.isRead).toBe(false)
    await untilRead()
    gate.afterRead(1)
    expect(socket.isRead).toBe(false)
    gate.releaseForShard(1)
    expect(socket.isRead).toBe(false)
    gate.releaseForShard(9)
    gate.releaseForShard(2)
    expect(socket.isRead).toBe(true)
    gate.afterRead(LONG_READ)
    expect([socket.isRead, gate.stalls]).toEqual([true, 2])
  })

  test('one that was never held is not let go', () => {
    gate.holdFor(slowReceiver().outbound, LONG_READ)
    gate.releaseForShard(1)
    expect(socket.isRead).toBe(false)
    gate.close()
  })
})

describe('for frames that wait', () => {
  test('it is held until none waits for any shard, which is told once', () => {
    const [one, other] = [new Congested(), new Congested()]
    for (const peer of [one, other, one]) gate.holdForPeer(peer)
    expect([socket.isRead, gate.waitsForPeers, one.reliefs.length]).toEqual([false, true, 1])
    one.relieve()
    expect([socket.isRead, gate.waitsForPeers, peersClear]).toEqual([false, true, 0])
    other.relieve()
    expect([socket.isRead, gate.waitsForPeers, peersClear]).toEqual([true, false, 1])
    expect(gate.stalls).toBe(0)
    gate.holdForPeer(one)
    expect(socket.isRead).toBe(false)
  })
})

describe('the end', () => {
  test('one that closes is not held for receivers, but still for what waits', () => {
    const peer = new Congested()
    gate.holdFor(slowReceiver().outbound, LONG_READ)
    gate.holdForPeer(peer)
    gate.close()
    expect(socket.isRead).toBe(false)
    peer.relieve()
    expect(socket.isRead).toBe(true)
    expect(gate.holdFor(slowReceiver().outbound, LONG_READ)).toBe(false)
    gate.holdForShard(1, LONG_READ)
    expect([socket.isRead, gate.stalls]).toEqual([true, 1])
  })

  test('a socket that is gone is not read again', () => {
    const goOn = gate.hold()
    socket.destroyed = true
    goOn()
    expect(socket.isRead).toBe(false)
  })

  test('what goes wrong as a hold ends goes to the connection', async () => {
    const bugs: unknown[] = []
    const attempt = (act: () => unknown): void => {
      try {
        act()
      } catch (error) {
        bugs.push(error)
      }
    }
    socket.resume = () => {
      throw 'a bug'
    }
    new ReadGate(socket, { attempt }, () => undefined).holdFor(slowReceiver().outbound, 1)
    while (bugs.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(bugs).toEqual(['a bug'])
  })
})

test('whatever holds it, it is read just while nothing does', () => {
  const random = new Random(chooseSeed('read gate'))
  const holds: (() => void)[] = []
  const peers = [new Congested(), new Congested(), new Congested()]
  let receiver: TestReceiver | undefined
  for (let step = 0; step < 2_000; step++) {
    const peer = random.pick(peers)
    const what = random.below(6)
    if (what === 0) holds.push(gate.hold())
    else if (what === 1) holds.splice(random.below(holds.length), 1)[0]?.()
    else if (what === 2) gate.holdForPeer(peer)
    else if (what === 3) peer.relieve()
    else if (receiver === undefined) {
      receiver = slowReceiver(100)
      gate.holdFor(receiver.outbound, LONG_READ)
    } else {
      catchUp(receiver)
      receiver = undefined
    }
    const waits = peers.some(({ reliefs }) => reliefs.length > 0)
    const isHeld = holds.length > 0 || receiver !== undefined || waits
    expect([socket.isRead, gate.waitsForPeers], `seed ${random.seed}, step ${step}`).toEqual([!isHeld, waits])
  }
  gate.close()
})
