// Queue groups: one member of a group for each message, over all shards (docs/reference/delivery.md, "Queue groups").

import { describe, expect, test } from 'vitest'
import { expectNothingMore, openInTurn, useServer, WORKERS } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

/** Sequence numbers that a client has been given, in the order of arrival. */
function collect(client: RawClient): number[] {
  const numbers: number[] = []
  client.onMessage = (message) => numbers.push(Number(message.payload.toString('latin1')))
  return numbers
}

/** `count` messages, numbered on; the subject alternates so that some travel in runs and some alone. */
function numbered(subject: string, from: number, count: number): string {
  let text = ''
  for (let i = from; i < from + count; i++) {
    const payload = String(i).padStart(7, '0')
    text += `PUB ${subject} 7\r\n${payload}\r\n`
  }
  return text
}

/** Every member has its share of `published`, within six standard deviations of an even draw. */
function expectFair(shares: readonly number[], published: number): void {
  const share = 1 / shares.length
  const tolerance = 6 * Math.sqrt(published * share * (1 - share)) + 1
  for (const count of shares) {
    expect(count, `shares ${shares.join(', ')}`).toBeGreaterThan(published * share - tolerance)
    expect(count, `shares ${shares.join(', ')}`).toBeLessThan(published * share + tolerance)
  }
}

function sum(lists: readonly number[][]): number {
  return lists.reduce((total, list) => total + list.length, 0)
}

/** No number is missing, and none came twice. */
function expectEachOnce(lists: readonly number[][], published: number): void {
  const times = new Uint8Array(published)
  for (const number of lists.flat()) times[number]++
  const wrong = [...times.keys()].filter((number) => times[number] !== 1)
  expect(wrong.slice(0, 20), `${wrong.length} of ${published} numbers are missing or came twice`).toEqual([])
}

/** Each member saw its numbers in rising order. */
function expectOrder(lists: readonly number[][]): void {
  for (const [member, list] of lists.entries()) {
    const wrong = list.filter((number, i) => i > 0 && number <= list[i - 1])
    const story = `member ${member} got ${wrong.length} of ${list.length} out of order: ${wrong.slice(0, 20).join(' ')}`
    expect(wrong.length, story).toBe(0)
  }
}

describe.each(WORKERS)('queue groups with %i workers', (workers) => {
  const running = useServer({ workers })

  test('one member gets each message, all get their share, when messages come one by one', async () => {
    const [publisher, ...members] = await openInTurn(running.port, workers, 9)
    const lists = members.map(collect)
    for (const member of members) member.send('SUB one q 1\r\n')
    for (const member of members) await member.sync()
    const published = 4000
    for (let i = 0; i < published; i += 4) {
      // A PING between them, so that no two travel in one run.
      for (let j = i; j < i + 4; j++) publisher.send(numbered('one', j, 1), 'PING\r\n')
      await publisher.expect('PONG\r\n'.repeat(4))
    }
    await until('all messages', () => sum(lists) >= published)
    expectEachOnce(lists, published)
    expectOrder(lists)
    expectFair(
      lists.map((list) => list.length),
      published,
    )
  })

  test('one member gets each message, all get their share, when messages come in long runs', async () => {
    const [publisher, ...members] = await openInTurn(running.port, workers, 9)
    const lists = members.map(collect)
    for (const member of members) member.send('SUB run q 1\r\n')
    for (const member of members) await member.sync()
    const published = 40_000
    for (let i = 0; i < published; i += 100) publisher.send(numbered('run', i, 100))
    await until('all messages', () => sum(lists) >= published)
    expectEachOnce(lists, published)
    expectOrder(lists)
    expectFair(
      lists.map((list) => list.length),
      published,
    )
  })

  test('a member alone on its shard gets as much as one among many', async () => {
    const shards = Math.max(1, workers)
    const clients = await openInTurn(running.port, workers, 6 * shards)
    const publisher = clients[0]
    // Shard 0 has one member, every other shard has five.
    const members = clients.filter((_, i) => i > 0 && (i % shards !== 0 || i === shards))
    const lists = members.map(collect)
    for (const member of members) member.send('SUB uneven q 1\r\n')
    for (const member of members) await member.sync()
    const published = 8000
    for (let i = 0; i < published; i += 2) publisher.send(numbered('uneven', i, 2), 'PUB elsewhere 0\r\n\r\n')
    await until('all messages', () => sum(lists) >= published)
    expectEachOnce(lists, published)
    expectOrder(lists)
    expectFair(
      lists.map((list) => list.length),
      published,
    )
  })

  test('groups are merged by name over different filters', async () => {
    const [publisher, ...members] = await openInTurn(running.port, workers, 7)
    const lists = members.map(collect)
    const filters = ['a.b', 'a.*', 'a.>', '>', '*.b', 'a.b']
    for (const [i, member] of members.entries()) member.send(`SUB ${filters[i]} q 1\r\n`)
    for (const member of members) await member.sync()
    const published = 6000
    for (let i = 0; i < published; i += 3) publisher.send(numbered('a.b', i, 3), 'PING\r\n')
    await until('all messages', () => sum(lists) >= published)
    expectEachOnce(lists, published)
    expectOrder(lists)
    expectFair(
      lists.map((list) => list.length),
      published,
    )
  })

  test('each group gets a copy, and so does each plain subscription', async () => {
    const [publisher, plain, a1, a2, b1] = await openInTurn(running.port, workers, 5)
    const lists = [plain, a1, a2, b1].map(collect)
    plain.send('SUB copies 1\r\n')
    a1.send('SUB copies qa 1\r\n')
    a2.send('SUB copies qa 1\r\n')
    b1.send('SUB copies qb 1\r\n')
    for (const client of [plain, a1, a2, b1]) await client.sync()
    publisher.send(numbered('copies', 0, 1000))
    await until('all messages', () => sum(lists) >= 3000)
    expectEachOnce([lists[0]], 1000)
    expectEachOnce([lists[1], lists[2]], 1000)
    expectEachOnce([lists[3]], 1000)
  })

  test('two subscriptions of one connection are two members of a group', async () => {
    const [publisher, twice] = await openInTurn(running.port, workers, 2)
    const sids: string[] = []
    twice.onMessage = (message) => sids.push(message.sid)
    twice.send('SUB pair q 1\r\nSUB pair q 2\r\n')
    await twice.sync()
    for (let i = 0; i < 1000; i++) publisher.send('PUB pair 0\r\n\r\n', 'PUB elsewhere 0\r\n\r\n')
    await until('all messages', () => sids.length >= 1000)
    expect(sids).toHaveLength(1000)
    expectFair([sids.filter((sid) => sid === '1').length, sids.filter((sid) => sid === '2').length], 1000)
  })

  describe('when members unsubscribe and subscribe again in the middle of the stream', () => {
    const published = 30_000
    async function churn(): Promise<number[][]> {
      const [publisher, ...members] = await openInTurn(running.port, workers, 5)
      const lists = members.map(collect)
      for (const member of members) member.send('SUB churn q 1\r\n')
      for (const member of members) await member.sync()
      for (let i = 0; i < published; i += 50) {
        publisher.send(numbered('churn', i, 50))
        if (i % 500 !== 0) continue
        // Members come and go, but never the last one.
        members[(i / 500) % 3].send('UNSUB 1\r\n')
        members[(i / 500 + 2) % 3].send('SUB churn q 1\r\n')
        await new Promise(setImmediate)
      }
      await until('all messages', () => sum(lists) >= published)
      return lists
    }

    test('no message is lost and none comes twice', async () => {
      expectEachOnce(await churn(), published)
    })

    test('each member gets its messages in order', async () => {
      expectOrder(await churn())
    })
  })

  test('a member with a max gets exactly that many, the others the rest', async () => {
    const [publisher, limited, rest] = await openInTurn(running.port, workers, 3)
    const lists = [limited, rest].map(collect)
    limited.send('SUB cap q 1\r\nUNSUB 1 25\r\n')
    rest.send('SUB cap q 1\r\n')
    await limited.sync()
    await rest.sync()
    publisher.send(numbered('cap', 0, 1000))
    await until('all messages', () => sum(lists) >= 1000)
    expectEachOnce(lists, 1000)
    expect(lists[0]).toHaveLength(25)
  })

  test('a member whose connection breaks costs the others nothing', async () => {
    const [publisher, stays, ...leave] = await openInTurn(running.port, workers, 6)
    const kept = collect(stays)
    const lost = leave.map(collect)
    stays.send('SUB break q 1\r\n')
    for (const client of leave) client.send('SUB break q 1\r\n')
    for (const client of [stays, ...leave]) await client.sync()
    for (let i = 0; i < 4000; i += 100) {
      publisher.send(numbered('break', i, 100))
      if (i % 1000 === 0) await leave[i / 1000].close()
    }
    for (const client of leave) await client.close()
    publisher.send(numbered('break', 4000, 1))
    publisher.send('PING\r\n')
    await publisher.expect('PONG\r\n')
    // From here on there is one member, and it gets everything.
    await until('the group to have one member', async () => {
      kept.length = 0
      publisher.send(numbered('break', 5000, 50))
      await expectNothingMoreThanMessages(stays, publisher)
      return kept.length === 50
    })
    const all = [...kept, ...lost.flat()]
    expect(new Set(all).size).toBe(all.length)
  })

  test('a publisher that does without echo is passed over in its own group', async () => {
    const [publisher, other] = await openInTurn(running.port, workers, 2, { echo: false })
    publisher.send('SUB mine q 1\r\n')
    other.send('SUB mine q 1\r\n')
    await publisher.sync()
    await other.sync()
    publisher.send('PUB mine 1\r\nx\r\n'.repeat(200))
    await other.expect('MSG mine 1 1\r\nx\r\n'.repeat(200))
    await expectNothingMore(publisher, other)
  })

  test('a publisher that does without echo is passed over even when the picked member has just gone', async () => {
    const [publisher, stays, ...leave] = await openInTurn(running.port, workers, 6, { echo: false })
    const [own, kept, ...others] = [publisher, stays, ...leave].map(collect)
    for (const client of [publisher, stays, ...leave]) client.send('SUB silent q 1\r\n')
    for (const client of [publisher, stays, ...leave]) await client.sync()
    const published = 30_000
    for (let i = 0; i < published; i += 50) {
      publisher.send(numbered('silent', i, 50))
      if (i % 500 !== 0) continue
      leave[(i / 500) % 4].send('UNSUB 1\r\n')
      leave[(i / 500 + 2) % 4].send('SUB silent q 1\r\n')
      await new Promise(setImmediate)
    }
    await until('all messages', () => sum([own, kept, ...others]) >= published)
    expect(own.length, 'messages that came back to their publisher').toBe(0)
    expectEachOnce([kept, ...others], published)
  })
})

let fences = 0
/** Waits until what `publisher` has sent so far has arrived; messages are collected elsewhere. */
async function expectNothingMoreThanMessages(subscriber: RawClient, publisher: RawClient): Promise<void> {
  const { onMessage } = subscriber
  const subject = `end.${++fences}`
  let ended = false
  subscriber.onMessage = (message) => {
    if (message.subject === subject) ended = true
    else onMessage?.(message)
  }
  subscriber.send(`SUB ${subject} ${subject}\r\n`)
  await subscriber.sync()
  publisher.send(`PUB ${subject} 0\r\n\r\n`)
  await until('the fence', () => ended)
  subscriber.onMessage = onMessage
}
