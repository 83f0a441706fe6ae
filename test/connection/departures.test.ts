// The members of queue groups that a client has ended, with departures that a test ends when it likes.

import { expect, test } from 'vitest'
import { attempt } from '../../src/base/guarded.ts'
import { ClientDepartures, holdBack } from '../../src/connection/departures.ts'
import type { Subscription } from '../../src/routing/subscription.ts'
import { chooseSeed, Random } from '../support/random.ts'

/** A client, what happens to it, and the departures that are under way for it. */
function stage(comeAtOnce = false) {
  const events: string[] = []
  const underWay: (() => void)[] = []
  const client = {
    closing: false,
    endSubscription: ({ sid }: Subscription) => void events.push(`ended ${sid}`),
    suspend: () => {
      events.push('held')
      return () => void events.push('goes on')
    },
    attempt: (act: () => unknown) => attempt((error) => events.push(String(error)), act),
  }
  const departures = {
    begin: (_: Subscription, done: () => void): boolean => {
      if (comeAtOnce) return false
      underWay.push(done)
      return true
    },
  }
  const of = new ClientDepartures(client, departures)
  return {
    events,
    client,
    underWay,
    departures: of,
    leave: (sid: string) => of.begin({ sid } as Subscription),
    operate: (name: string) => of.holdBack(() => void events.push(name)),
  }
}

test('where nothing has ended, an operation waits for nothing', () => {
  const { operate, events } = stage()
  expect(operate('PING')).toBe(false)
  expect(events).toEqual([])
})

test('a member that nothing can come for any more is not waited for', () => {
  const { leave, operate, events } = stage(true)
  leave('1')
  expect(operate('PING')).toBe(false)
  expect(events).toEqual(['ended 1'])
})

test('the next operation is carried out when all that was on its way has come, and then the client goes on', () => {
  const { leave, operate, events, underWay } = stage()
  leave('1')
  leave('2')
  expect(operate('PING')).toBe(true)
  expect(events).toEqual(['ended 1', 'ended 2', 'held'])
  underWay[1]()
  expect(events).toHaveLength(3)
  underWay[0]()
  expect(events.slice(3)).toEqual(['PING', 'goes on'])
  expect(operate('SUB')).toBe(false)
})

test('departures that end before anything is asked for leave nothing behind', () => {
  const { leave, operate, events, underWay } = stage()
  leave('1')
  underWay[0]()
  expect(operate('PING')).toBe(false)
  expect(events).toEqual(['ended 1'])
})

test('an operation that waits is not carried out for a connection that has closed meanwhile', () => {
  const { leave, operate, events, underWay, client } = stage()
  leave('1')
  operate('SUB')
  client.closing = true
  underWay[0]()
  expect(events).toEqual(['ended 1', 'held', 'goes on'])
})

test('a bug in an operation that waited costs the connection, which is not held for ever', () => {
  const { leave, departures, events, underWay } = stage()
  leave('1')
  departures.holdBack(() => {
    throw new Error('a bug')
  })
  underWay[0]()
  expect(events).toEqual(['ended 1', 'held', 'Error: a bug', 'goes on'])
})

test('an operation that ends another member holds the next one back in turn', () => {
  const { leave, departures, operate, events, underWay } = stage()
  leave('1')
  departures.holdBack(() => {
    leave('2')
    operate('+OK')
  })
  underWay[0]()
  expect(events).toEqual(['ended 1', 'held', 'ended 2', 'held', 'goes on'])
  underWay[1]()
  expect(events.slice(5)).toEqual(['+OK', 'goes on'])
})

test('whoever is held back by hand goes on by hand, with the operation unless it has closed', () => {
  for (const closing of [false, true]) {
    const { client, events } = stage()
    const goOn = holdBack(client, () => void events.push('PONG'))
    expect(events).toEqual(['held'])
    client.closing = closing
    goOn()
    expect(events.slice(1)).toEqual(closing ? ['goes on'] : ['PONG', 'goes on'])
  }
})

test('in whatever order members leave and arrive, an operation comes behind all of them and before the next', () => {
  const random = new Random(chooseSeed('client departures'))
  for (let round = 0; round < 300; round++) {
    const { leave, operate, events, underWay } = stage()
    let left = 0
    let waits = false
    let operations = 0
    for (let step = 0; step < 30; step++) {
      const done = events.filter((event) => event === 'operation').length
      expect(done, `seed ${random.seed}`).toBe(operations - (waits ? 1 : 0))
      if (!waits && random.chance(0.4)) {
        leave('x')
        left++
      } else if (!waits && random.chance(0.5)) {
        waits = operate('operation')
        expect(waits).toBe(left > 0)
        if (!waits) events.push('operation')
        operations++
      } else if (left > 0) {
        underWay.splice(random.below(left--), 1)[0]()
        if (left === 0) waits = false
      }
    }
  }
})
