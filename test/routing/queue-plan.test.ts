// Places of members, here and on other shards.

import { expect, test } from 'vitest'
import { CLIENT_DIALECT } from '../../src/protocol/encoder.ts'
import type { Peer } from '../../src/routing/peer.ts'
import { peerOfMember, type QueuePlan, randomMember, randomRemoteMember } from '../../src/routing/queue-plan.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { GLOBAL } from './parts.ts'

/** A group with so many members here, and so many on each of some other shards. */
function queueOf(here: number, ...there: number[]): QueuePlan & { readonly remote: { readonly peer: Peer }[] } {
  const local = Array.from({ length: here }, (_, i) => {
    return { subject: '', sid: String(i), headers: true, dialect: CLIENT_DIALECT, subscriptions: [] }
  })
  // Who a shard is, is all that matters.
  const remote = there.map((members, index) => ({ peer: { index } as Peer, members }))
  return {
    account: GLOBAL,
    name: 'q',
    local,
    remote,
    links: undefined,
    remoteMembers: there.reduce((sum, members) => sum + members, 0),
  }
}

test('first come the members that are here, then those of each shard', () => {
  const queue = queueOf(2, 1, 3)
  const shards = [0, 1, 2, 3, 4, 5].map((place) => peerOfMember(queue, place)?.index)
  expect(shards).toEqual([undefined, undefined, 0, 1, 1, 1])
})

test('a place that nobody has is a bug', () => {
  expect(() => peerOfMember(queueOf(2, 1, 3), 6)).toThrow('no member has this place')
  expect(() => peerOfMember(queueOf(0), 0)).toThrow('no member has this place')
})

test('every member of every shard is picked, and as often as any other', () => {
  const random = new Random(chooseSeed('queue plan'))
  for (let round = 0; round < 20; round++) {
    const queue = queueOf(random.below(4), ...Array.from({ length: random.below(4) }, () => 1 + random.below(4)))
    const members = queue.local.length + queue.remoteMembers
    if (members === 0) continue
    const picks = Array.from({ length: members }, () => 0)
    // So many that none misses its share by half but once in a million runs.
    const MEAN = 400
    for (let i = 0; i < MEAN * members; i++) picks[randomMember(queue)]++
    expect(picks, `seed ${random.seed}`).toHaveLength(members)
    for (const count of picks) {
      expect(count, `seed ${random.seed}`).toBeGreaterThan(MEAN / 2)
      expect(count, `seed ${random.seed}`).toBeLessThan(MEAN * 1.5)
    }
  }
})

test('among those on other shards alone, none that is here is picked', () => {
  const queue = queueOf(5, 1, 2)
  const picked = new Set(Array.from({ length: 500 }, () => randomRemoteMember(queue)))
  expect([...picked].sort()).toEqual([5, 6, 7])
})
