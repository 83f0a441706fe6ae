// Accounts that share one connection of a route: a subject in one of them is another than in the next.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import type { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { connectTo, type Kind, TestCluster } from './cluster.ts'

const MIXES: readonly (readonly [Kind, Kind])[] = [
  [1, 0],
  [2, 2],
  ['nats', 1],
]
const ACCOUNTS = ['A', 'B']

const payloadsOf = (client: RawClient, subject: string): string[] =>
  [
    ...client
      .received()
      .toString('latin1')
      .matchAll(new RegExp(`^MSG ${subject} \\S+ \\d+\r\n(.*)\r\n`, 'gm')),
  ].map(([, payload]) => payload)

const heard = async (client: RawClient, subject: string, payload: string): Promise<void> =>
  void (await until(`${payload} on ${subject}`, () => payloadsOf(client, subject).includes(payload)))

describe.each(MIXES.filter((kinds) => !kinds.includes('nats') || !missing('natsServer', `a cluster of ${kinds}`)))(
  'a route from %s to %s',
  (...kinds) => {
    const cluster = new TestCluster(kinds, { accounts: ACCOUNTS, poolSize: 1 })
    beforeAll(() => cluster.start())
    afterAll(() => cluster.stop())

    test('messages of one subject, of one account after the other, stay in their accounts', async () => {
      const at = (member: number): Promise<RawClient[]> =>
        Promise.all(ACCOUNTS.map((account) => connectTo(cluster.members[member], account)))
      const [publishers, subscribers] = [await at(0), await at(1)]
      for (const subscriber of subscribers) subscriber.send('SUB x 1\r\n')
      for (const [i, publisher] of publishers.entries()) {
        await until('interest', async () => {
          publisher.send('PUB x 2\r\nup\r\n')
          await new Promise((resolve) => setTimeout(resolve, 20))
          return payloadsOf(subscribers[i], 'x').includes('up')
        })
      }
      for (let n = 0; n < 20; n++) {
        const i = n % publishers.length
        const payload = `${ACCOUNTS[i]}${'.'.repeat(n >> 1)}`
        publishers[i].send(`PUB x ${payload.length}\r\n${payload}\r\n`)
        await heard(subscribers[i], 'x', payload)
      }
      for (const [i, subscriber] of subscribers.entries()) {
        const own = payloadsOf(subscriber, 'x').filter((payload) => payload !== 'up')
        expect(own).toEqual(Array.from({ length: 10 }, (_, n) => `${ACCOUNTS[i]}${'.'.repeat(n)}`))
      }
    })
  },
)
