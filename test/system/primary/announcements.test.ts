// What the primary announces of accounts, with shards that do not answer at once.

import { expect, onTestFinished, test } from 'vitest'
import { Generations } from '../../../src/interest/generations.ts'
import { ABROAD_SPACES, spaceAbroad } from '../../../src/interest/spaces.ts'
import { createRegion, InterestWriter } from '../../../src/interest/writer.ts'
import type { SystemMessage } from '../../../src/system/contract.ts'
import { Announcements } from '../../../src/system/primary/announcements.ts'
import type { AnnouncementsOwner } from '../../../src/system/primary/owner.ts'
import { MessageSequence } from '../../../src/system/server-info.ts'
import { identity } from '../../support/identity.ts'
import { until } from '../../support/until.ts'

const SYSTEM = 'SYS'

/** The accounts as each look finds them, and the shards that were silent then. */
interface Look {
  readonly connections: number
  readonly silent: readonly number[]
}

/** `space`: whose interest it is. */
function announcementsOf(
  looks: Look[],
  space = SYSTEM,
): { announcements: Announcements; told: string[]; bugs: unknown[] } {
  const region = createRegion()
  new InterestWriter(region, new Generations(), 1).add(space, '$SYS.ACCOUNT.A.SERVER.CONNS', '', false)
  const told: string[] = []
  const bugs: unknown[] = []
  const server = {
    identity: identity(),
    options: {},
    shardStates: [{ state: 'serving', region }],
    log: { bug: (error: unknown) => bugs.push(error) },
    tell(messages: readonly SystemMessage[]): void {
      for (const { subject, payload } of messages) {
        const { conns } = JSON.parse(Buffer.from(payload).toString()) as { conns: number }
        told.push(`${conns} on ${subject}`)
      }
    },
  }
  const context = () => {
    const { connections, silent } = looks.shift() as Look
    const totals = { name: 'A', tag: 'A', connections, subscriptions: 0, slowConsumers: 0, inMessages: 0, inBytes: 0 }
    return {
      accounts: { read: async () => new Map([['A', { ...totals, outMessages: 0, outBytes: 0 }]]) },
      reports: { silent },
    }
  }
  // No more of a server than its announcements look at.
  const owner = {
    server,
    sequence: new MessageSequence(),
    context: async () => context(),
    signed: (content: object) => ({ server: {}, ...content }),
  } as unknown as AnnouncementsOwner
  const announcements = new Announcements(owner, SYSTEM)
  onTestFinished(() => announcements.close())
  return { announcements, told, bugs }
}

test('the connections of an account are told when every shard has answered', async () => {
  const { announcements, told, bugs } = announcementsOf([
    { connections: 0, silent: [1] },
    { connections: 0, silent: [1] },
    { connections: 1, silent: [] },
  ])
  announcements.connectionsChanged(['A'])
  await until('the event', () => told.length > 0)
  expect([told, bugs]).toEqual([['1 on $SYS.ACCOUNT.A.SERVER.CONNS'], []])
})

test('the global account is not told of, nor one that no shard knows', async () => {
  const { announcements, told, bugs } = announcementsOf([
    { connections: 1, silent: [] },
    { connections: 2, silent: [] },
  ])
  announcements.connectionsChanged(['$G', 'unknown'])
  announcements.connectionsChanged(['A'])
  await until('the event', () => told.length > 0)
  expect([told, bugs]).toEqual([['2 on $SYS.ACCOUNT.A.SERVER.CONNS'], []])
})

test.each(ABROAD_SPACES)('what the %s of this server want is told as well', async (space) => {
  const { announcements, told, bugs } = announcementsOf([{ connections: 3, silent: [] }], spaceAbroad(SYSTEM, space))
  announcements.connectionsChanged(['A'])
  await until('an event', () => told.length > 0)
  expect(told).toEqual(['3 on $SYS.ACCOUNT.A.SERVER.CONNS'])
  expect(bugs).toEqual([])
})

test('nothing is told of accounts when it has been told that the server ends', async () => {
  const looks = [{ connections: 1, silent: [] }]
  const { announcements, told } = announcementsOf(looks)
  announcements.ending('SHUTDOWN')
  announcements.connectionsChanged(['A'])
  await until('a look at the accounts', () => looks.length === 0)
  expect(told).toEqual([])
})
