// A shard by itself: how connections come and go, what a turn writes, and what a bug costs.

import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WRITES_A_TURN } from '../../src/base/constants.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import type { Client } from '../../src/connection/client.ts'
import type { Outbound } from '../../src/net/outbound.ts'
import { Gauges } from '../../src/reports/gauges.ts'
import type { Report } from '../../src/reports/rows.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { accept } from '../support/accept.ts'
import { identity } from '../support/identity.ts'
import { loneShard } from '../support/lone-shard.ts'
import { RawClient } from '../support/raw-client.ts'
import { StagedPeer } from '../support/staged-peer.ts'
import { until } from '../support/until.ts'

const CONNECT = 'CONNECT {"protocol":1,"verbose":false,"pedantic":false}\r\nPING\r\n'

class Stage {
  readonly gauges = new Gauges(1)
  readonly shard: Shard
  /** What the shard has told of bugs. */
  readonly bugs: string[] = []

  constructor() {
    this.shard = loneShard({ gauges: this.gauges.memory })
    const bug = (error: unknown): number => this.bugs.push((error as Error).message)
    Object.assign(this.shard.log, { bug })
    onTestFinished(() => new Promise<void>((resolve) => this.shard.stop(0, resolve)))
  }

  /** A connection that was handed to the shard, and its number. */
  async arrive(refused = false): Promise<{ peer: RawClient; id: number }> {
    const { arrival, peer } = await accept()
    this.shard.take({ ...arrival, refused })
    return { peer: RawClient.over(peer), id: arrival.id }
  }

  /** One that has said CONNECT and has its PONG. */
  async client(): Promise<{ peer: RawClient; client: Client }> {
    const { peer, id } = await this.arrive()
    await peer.readInfo()
    peer.send(CONNECT)
    await peer.expect('PONG\r\n')
    // The INFO after the first PONG.
    await peer.readInfo()
    return { peer, client: this.shard.clients.get(id) as Client }
  }
}

describe('connections', () => {
  test('one that is taken gets INFO, and its operations are carried out', async () => {
    const stage = new Stage()
    const { peer } = await stage.client()
    peer.send('SUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n')
    await peer.expect('MSG a 1 1\r\nx\r\nPONG\r\n')
    expect(stage.shard.clients.size).toBe(1)
  })

  test('one too many is told so and closed, and is not counted off', async () => {
    const stage = new Stage()
    const { peer } = await stage.arrive(true)
    expect((await peer.readToClose()).toString()).toContain("-ERR 'maximum connections exceeded'\r\n")
    await until('it to be gone', () => stage.shard.clients.size === 0)
    expect(stage.gauges.openConnections(0, 1)).toBe(1)
  })

  test('one that leaves is forgotten and counted off', async () => {
    const stage = new Stage()
    const { peer } = await stage.client()
    peer.socket.destroy()
    await until('it to be gone', () => stage.shard.clients.size === 0)
    expect(stage.gauges.openConnections(0, 1)).toBe(0)
  })

  test('an eviction closes as many as it names, those that came first', async () => {
    const stage = new Stage()
    const [first, second] = [await stage.client(), await stage.client()]
    stage.shard.connections.evict(1, 'connections')
    expect((await first.peer.readToClose()).toString()).toBe("-ERR 'maximum connections exceeded'\r\n")
    await second.peer.sync()
  })
})

describe('the end', () => {
  test('comes at once where there are no connections', async () => {
    const shard = loneShard()
    await new Promise<void>((resolve) => shard.stop(60_000, resolve))
  })

  test('comes with the last connection, and who arrives meanwhile is turned away', async () => {
    const shard = loneShard()
    const { arrival, peer } = await accept()
    shard.take(arrival)
    // It does not close its half until it reads.
    peer.pause()
    let isOver = false
    shard.stop(60_000, () => {
      isOver = true
    })
    const late = await accept()
    shard.take(late.arrival)
    late.peer.resume()
    await once(late.peer, 'close')
    peer.resume()
    await until('the end', () => isOver)
    expect(shard.clients.size).toBe(0)
  })

  test('does not wait for a peer that takes nothing beyond its grace', async () => {
    const shard = loneShard()
    const { arrival, peer } = await accept()
    shard.take(arrival)
    peer.pause()
    await new Promise<void>((resolve) => shard.stop(1, resolve))
    expect(shard.clients.size).toBe(0)
  })
})

describe('a turn', () => {
  test('writes to so many receivers, and to the others in the next ones', async () => {
    const { shard } = new Stage()
    let written = 0
    const outbound = { flush: () => written++ } as unknown as Outbound
    for (let i = 0; i < 2 * WRITES_A_TURN + 1; i++) shard.mark(outbound)
    shard.flush()
    expect(written).toBe(WRITES_A_TURN)
    await until('all to be written', () => written === 2 * WRITES_A_TURN + 1)
  })

  test('a bug with one receiver does not keep the bytes of others', () => {
    const { shard } = new Stage()
    const told: unknown[] = []
    const broken = {
      flush: () => {
        throw new Error('a bug')
      },
      failed: (error: Error) => told.push(error.message),
    } as unknown as Outbound
    shard.mark(broken)
    shard.mark({ flush: () => told.push('written') } as unknown as Outbound)
    shard.flush()
    expect(told).toEqual(['a bug', 'written'])
  })
})

describe('a bug in one connection costs that one', () => {
  test.each(['identityChanged', 'optionsChanged'] as const)('where it is told of a change: %s', async (method) => {
    const stage = new Stage()
    const [one, other] = [await stage.client(), await stage.client()]
    one.client[method] = () => {
      throw new Error('a bug')
    }
    if (method === 'identityChanged') stage.shard.setIdentity(identity())
    else await stage.shard.setOptions(normaliseOptions({ port: -1, workers: 0, maxPayload: 10 }), {})
    await one.peer.readToClose()
    if (method === 'identityChanged') await other.peer.readInfo()
    await other.peer.sync()
  })
})

describe('questions and orders', () => {
  test('new options are in force when setOptions() resolves', async () => {
    const stage = new Stage()
    const { peer } = await stage.client()
    await stage.shard.setOptions(normaliseOptions({ port: -1, workers: 0, maxPayload: 10 }), {})
    peer.send('PUB a 11\r\nhello world\r\n')
    expect((await peer.readToClose()).toString()).toBe("-ERR 'Maximum Payload Violation'\r\n")
  })

  test('setOptions() resolves though a bug is met, which is logged', async () => {
    const stage = new Stage()
    stage.shard.timers.optionsChanged = () => {
      throw new Error('a bug')
    }
    await stage.shard.setOptions(normaliseOptions({ port: -1, workers: 0 }), {})
    expect(stage.bugs).toEqual(['a bug'])
  })

  test('a short question is answered at once', () => {
    const { shard } = new Stage()
    const parts: Report[] = []
    let isComplete: boolean | undefined
    shard.answer({ kind: 'totals' }, { part: (part) => parts.push(part), end: (complete) => (isComplete = complete) })
    expect([parts, isComplete]).toMatchObject([[{ shard: 0, connections: 0 }], true])
  })

  test('an answer that cannot be told ends as one that is not complete, and is logged', () => {
    const stage = new Stage()
    const ends: boolean[] = []
    const part = (): never => {
      throw new Error('a bug')
    }
    stage.shard.answer({ kind: 'totals' }, { part, end: (complete) => ends.push(complete) })
    expect([ends, stage.bugs]).toEqual([[false], ['a bug']])
  })
})

describe('another shard', () => {
  test('what it had published before it went is delivered, and nothing is sent to it any more', async () => {
    const stage = new Stage()
    const { peer } = await stage.client()
    peer.send('SUB a 1\r\n')
    await peer.sync()
    const other = new StagedPeer(stage.shard, 1)
    other.publish('a', 'last words')
    stage.shard.removePeer(1)
    await peer.expect('MSG a 1 10\r\nlast words\r\n')
    expect(stage.shard.peers).toEqual([])
  })

  test('one that is not known may go', () => {
    const { shard } = new Stage()
    expect(() => shard.removePeer(7)).not.toThrow()
  })
})
