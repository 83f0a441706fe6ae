// What holds between connections of different shards (docs/threads.md, "What a PONG promises"). Each promise is tried
// for a number of rounds while every shard is kept busy, so that a shard finds work in rings and in sockets at once.
// The moments that matter are staged one by one in test/shard/caught-up.test.ts.

import { describe, expect, test } from 'vitest'
import { Counter, flush, SHARDS, whileBusy } from '../support/busy-shards.ts'
import { openInTurn, useServer } from '../support/harness.ts'
import { RawClient } from '../support/raw-client.ts'

describe('messages of two publishers, of whom the second sends when the first has its PONG', () => {
  const running = useServer({ workers: SHARDS })

  /** Rounds in which the subscriber got the second message first. `shards`: of the two publishers and the subscriber. */
  async function outOfOrder(rounds: number, shards: readonly [number, number, number]): Promise<number> {
    const clients = await openInTurn(running.port, SHARDS, 3 * SHARDS)
    const [first, second, client] = shards.map((shard, i) => clients[i * SHARDS + shard])
    const got: string[] = []
    client.onMessage = ({ subject }) => got.push(subject)
    client.send('SUB twice.* 1\r\n')
    await client.sync()
    let failed = 0
    const work = async (): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        got.length = 0
        await flush(first, 'twice.first')
        await flush(second, 'twice.second')
        await client.sync()
        if (got.join() !== 'twice.first,twice.second') failed++
      }
    }
    await whileBusy(running.port, work())
    return failed
  }

  test.each([
    { name: 'three shards', shards: [0, 1, 2] },
    { name: 'three shards, the other way round', shards: [2, 1, 0] },
    { name: 'two shards, the second publisher and the subscriber on one', shards: [0, 1, 1] },
    { name: 'two shards, the first publisher and the subscriber on one', shards: [1, 0, 1] },
  ] as const)('come in that order with $name', async ({ shards }) => {
    expect(await outOfOrder(500, shards)).toBe(0)
  })
})

describe('what a publisher has flushed', () => {
  const running = useServer({ workers: SHARDS })

  /**
   * A round for a publisher on each shard with a subscriber on the next one, again and again; answers how many rounds
   * were not as they should be.
   */
  async function failures(
    rounds: number,
    round: (publisher: RawClient, subscriber: Counter, subject: string) => Promise<boolean>,
  ): Promise<number> {
    const clients = await openInTurn(running.port, SHARDS, 2 * SHARDS)
    let failed = 0
    const work = clients.slice(0, SHARDS).map(async (publisher, i) => {
      const subscriber = new Counter(clients[SHARDS + ((i + 1) % SHARDS)])
      for (let n = 0; n < rounds; n++) if (!(await round(publisher, subscriber, `flushed.${i}.${n}`))) failed++
    })
    await whileBusy(running.port, Promise.all(work))
    return failed
  }

  /** The same with a fresh subscription each time. `then` is what the subscriber does once the publisher has its PONG. */
  function failuresWhen(then: (client: RawClient) => Promise<unknown>, rounds = 100): Promise<number> {
    return failures(rounds, async (publisher, subscriber, subject) => {
      const { client } = subscriber
      client.send(`SUB ${subject} 1\r\n`)
      await client.sync()
      subscriber.count = 0
      await flush(publisher, subject)
      await then(client)
      const isRight = subscriber.count === 1
      client.send('UNSUB 1\r\n')
      await client.sync()
      return isRight
    })
  }

  test('comes before the PONG to a PING that the subscriber sends then', async () => {
    expect(await failuresWhen((client) => client.sync())).toBe(0)
  })

  test('comes before the subscriber leaves', async () => {
    const unsubscribe = async (client: RawClient): Promise<void> => {
      client.send('UNSUB 1\r\n')
      await client.sync()
    }
    expect(await failuresWhen(unsubscribe)).toBe(0)
  })

  test('comes before the end of a subscriber that closes its half of the connection', async () => {
    const clients = await openInTurn(running.port, SHARDS, SHARDS)
    let failed = 0
    const work = clients.map(async (publisher, i) => {
      for (let n = 0; n < 30; n++) {
        const client = await RawClient.open(running.port)
        const subscriber = new Counter(client)
        client.send(`SUB ended.${i} 1\r\n`)
        await client.sync()
        await flush(publisher, `ended.${i}`)
        await client.leave()
        if (subscriber.count !== 1) failed++
      }
    })
    await whileBusy(running.port, Promise.all(work))
    expect(failed).toBe(0)
  })
})
