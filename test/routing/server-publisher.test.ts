// The server as a publisher, and the links that hold it back.

import { expect, test } from 'vitest'
import { Generations } from '../../src/interest/generations.ts'
import { isServer, SERVER, SERVER_ID, ServerPublisher } from '../../src/routing/server-publisher.ts'
import { TestPeer, TestPublisher } from './parts.ts'

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
