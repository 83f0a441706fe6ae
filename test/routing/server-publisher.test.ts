// The server as a publisher, and the links that hold it back.

import { expect, test } from 'vitest'
import { HOLD_PENDING } from '../../src/base/constants.ts'
import { Generations } from '../../src/interest/generations.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import { CreditPublishers, isServer, SERVER, SERVER_ID, ServerPublisher } from '../../src/routing/server-publisher.ts'
import { TestOutputs, TestPeer, TestPublisher, TestReceiver } from './parts.ts'

function peers(): TestPeer[] {
  const generations = new Generations()
  return [1, 2].map((index) => {
    const peer = new TestPeer(index, generations)
    peer.congested = true
    return peer
  })
}

test('it is no connection: nothing is told of it, nothing that passes is waited for, and none has its number', () => {
  for (const publisher of [SERVER, new ServerPublisher()]) {
    publisher.passing = new Set([1])
    expect([publisher.id, publisher.passing, publisher.awaitsResponders]).toEqual([SERVER_ID, undefined, false])
    expect(publisher.requestInfo(true, '')).toBe('')
    const told: string[] = []
    publisher.introduce((info) => told.push(info))
    expect(told).toEqual([''])
  }
  expect([SERVER, new ServerPublisher(), new TestPublisher(SERVER_ID)].map(isServer)).toEqual([true, true, false])
})

test('single messages wait for nobody', () => {
  const [peer] = peers()
  SERVER.holdForPeer(peer)
  expect(peer.reliefs).toEqual([])
})

test('one that sends several is congested until none of them waits for any shard', () => {
  const [one, other] = peers()
  const publisher = new ServerPublisher()
  const calls: string[] = []
  publisher.whenRelieved(() => calls.push('at once'))
  expect(calls).toEqual(['at once'])
  for (const peer of [one, other, one]) publisher.holdForPeer(peer)
  expect([one.reliefs.length, other.reliefs.length]).toEqual([1, 1])
  for (const call of ['first', 'second']) publisher.whenRelieved(() => calls.push(call))
  one.relieve()
  expect([publisher.congested, calls.length]).toEqual([true, 1])
  other.relieve()
  expect([publisher.congested, calls]).toEqual([false, ['at once', 'first', 'second']])
})

test('whoever goes on may be held again, and is called again when that is over', () => {
  const [peer] = peers()
  const publisher = new ServerPublisher()
  let sent = 0
  const sendNext = (): void => {
    if (++sent > 3) return
    peer.congested = true
    publisher.holdForPeer(peer)
    publisher.whenRelieved(sendNext)
  }
  sendNext()
  for (const expected of [2, 3, 4]) {
    peer.relieve()
    expect(sent).toBe(expected)
  }
  expect(publisher.congested).toBe(false)
})

test('a source without an end waits for receivers too, here and on other shards, and for rings', () => {
  const [peer] = peers()
  const publishers = new CreditPublishers()
  const [publisher, other] = [publishers.add(), publishers.add()]
  expect([publisher.id, other.id].every((id) => id < SERVER_ID)).toBe(true)
  expect([publishers.get(publisher.id), isServer(publisher)]).toEqual([publisher, true])
  const outputs = new TestOutputs(new ChunkPool())
  const receiver = new TestReceiver(outputs, { pendingMax: 4 * HOLD_PENDING })
  const { outbound, transport } = receiver
  transport.isSlow = true
  outbound.appendBuffer(Buffer.alloc(3 * HOLD_PENDING))
  publisher.holdFor(outbound)
  publisher.holdFor(outbound)
  publisher.holdForPeer(peer)
  publishers.get(publisher.id)?.holdForShard(2)
  const calls: string[] = []
  publisher.whenRelieved(() => calls.push('on it goes'))
  while (outbound.pendingBytes > 0) {
    outputs.flush()
    transport.take()
  }
  peer.relieve()
  expect([publisher.congested, other.congested, calls]).toEqual([true, false, []])
  publishers.releaseForShard(2)
  expect([publisher.congested, calls]).toEqual([false, ['on it goes']])
  outbound.close()
  publisher.holdFor(outbound)
  expect(publisher.congested).toBe(false)
  publishers.remove(publisher)
  expect(publishers.get(publisher.id)).toBeUndefined()
})
