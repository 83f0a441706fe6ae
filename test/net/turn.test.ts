import { expect, test } from 'vitest'
import { READ_TURN_BYTES, TURN_GRACE, TURN_WORK } from '../../src/base/constants.ts'
import { Turns } from '../../src/base/turns.ts'
import { Turn } from '../../src/net/turn.ts'
import { chooseSeed, Random } from '../support/random.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** A connection of a shard, and what happens to it: it is held, reads begin and end, it goes on, bugs are met. */
function stage() {
  const turns = new Turns()
  const events: unknown[] = []
  const owner = {
    closing: false,
    suspend: () => {
      events.push('held')
      return () => void events.push('goes on')
    },
    failed: (error: unknown) => void events.push(error),
  }
  const shard = { turns, beginRead: () => void events.push('begin'), endRead: () => void events.push('end') }
  const turn = new Turn(shard, owner)
  return {
    turns,
    events,
    owner,
    turn,
    spend(units: number, readBytes?: number): void {
      turn.take(() => {
        turns.left -= units
      }, readBytes)
    },
  }
}

test('a connection works on while something is left of its turn', async () => {
  const { spend, events } = stage()
  spend(TURN_WORK - 1)
  await nextTurn()
  expect(events).toEqual([])
})

test('when nothing is left it is held, and goes on in a later turn, with a read around it', async () => {
  const { spend, events } = stage()
  spend(TURN_WORK)
  expect(events).toEqual(['held'])
  await nextTurn()
  expect(events).toEqual(['held', 'begin', 'goes on', 'end'])
})

test('the turn counts over as many reads as it takes', () => {
  const { spend, events } = stage()
  spend(TURN_WORK / 2)
  spend(TURN_WORK / 2 - 1)
  expect(events).toEqual([])
  spend(1)
  expect(events).toEqual(['held'])
})

test('what was read counts as well, however little came of it', () => {
  const { spend, events } = stage()
  spend(0, READ_TURN_BYTES - 1_000)
  expect(events).toEqual([])
  spend(0, 1_000)
  expect(events).toEqual(['held'])
})

test('work in a turn finds what is left of it, and half a turn more to come to its end', () => {
  const { turn, turns } = stage()
  const left: number[] = []
  for (let i = 0; i < 2; i++) {
    turn.take(() => {
      left.push(turns.left)
      turns.left -= 100
    })
  }
  expect(left).toEqual([TURN_WORK + TURN_GRACE, TURN_WORK + TURN_GRACE - 100])
})

test('after it has given way it has a whole turn again, however much it took before', async () => {
  const { spend, events } = stage()
  spend(5 * TURN_WORK)
  await nextTurn()
  events.length = 0
  spend(TURN_WORK - 1)
  expect(events).toEqual([])
})

test('it gives way once, however often it is asked to while it waits', async () => {
  const { turn, spend, events } = stage()
  spend(TURN_WORK)
  spend(TURN_WORK)
  turn.giveWay()
  await nextTurn()
  await nextTurn()
  expect(events).toEqual(['held', 'begin', 'goes on', 'end'])
})

test('one that is closing does not give way', async () => {
  const { owner, spend, turn, events } = stage()
  owner.closing = true
  spend(2 * TURN_WORK)
  turn.giveWay()
  await nextTurn()
  expect(events).toEqual([])
})

test('a bug in its work costs the connection: nothing is thrown, and the work counts', () => {
  const { turn, turns, events, spend } = stage()
  const bug = new Error('a bug')
  turn.take(() => {
    turns.left -= TURN_WORK - 1
    throw bug
  })
  expect(events).toEqual([bug])
  spend(1)
  expect(events).toEqual([bug, 'held'])
})

test('those who have given way go on in their order, each with a turn of its own', async () => {
  const turns = new Turns()
  const order: number[] = []
  const shard = { turns, beginRead: () => undefined, endRead: () => undefined }
  for (let i = 0; i < 5; i++) {
    const owner = {
      closing: false,
      suspend: () => () => {
        order.push(i)
        expect(turns.left).toBe(TURN_WORK)
      },
      failed: (error: unknown) => expect.fail(String(error)),
    }
    new Turn(shard, owner).giveWay()
  }
  while (order.length < 5) await nextTurn()
  expect(order).toEqual([0, 1, 2, 3, 4])
})

test('whatever comes when, it is held as soon as a turn of work is done, and never sooner', async () => {
  const random = new Random(chooseSeed('turn'))
  const { spend, events } = stage()
  let spent = 0
  for (let i = 0; i < 500; i++) {
    const units = random.below(TURN_WORK / 3)
    spend(units)
    spent += units
    expect(events, `seed ${random.seed}, step ${i}`).toEqual(spent >= TURN_WORK ? ['held'] : [])
    if (spent < TURN_WORK) continue
    await nextTurn()
    events.length = 0
    spent = 0
  }
})
