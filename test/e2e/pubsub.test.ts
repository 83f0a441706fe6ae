// PUB, SUB and UNSUB between connections, on one shard and across shards (docs/reference/operations.md, "Operations
// from clients").

import { describe, expect, test } from 'vitest'
import { expectNothingMore, open, openInTurn, useServer, WORKERS } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'

describe.each(WORKERS)('publish and subscribe with %i workers', (workers) => {
  const running = useServer({ workers })
  /** One client a shard, and one more beside the first. */
  const openAll = (members = {}): Promise<RawClient[]> =>
    openInTurn(running.port, workers, Math.max(1, workers) + 1, members)

  test('a message reaches every subscriber on every shard, once', async () => {
    const clients = await openAll()
    for (const client of clients) client.send('SUB all.* 1\r\n')
    for (const client of clients) await client.sync()
    for (const [i, client] of clients.entries()) {
      client.send(`PUB all.${i} 5\r\nhello\r\n`)
      for (const receiver of clients) await receiver.expect(`MSG all.${i} 1 5\r\nhello\r\n`)
    }
    for (const client of clients) await expectNothingMore(client, clients[0])
  })

  test('each subscription of a connection that matches gets a copy', async () => {
    const [receiver, publisher] = await openAll()
    receiver.send('SUB a.b 1\r\nSUB a.* 2\r\nSUB a.> 3\r\nSUB > 4\r\nSUB *.b 5\r\nSUB a.c 6\r\n')
    await receiver.sync()
    publisher.send('PUB a.b 1\r\nx\r\n')
    const [text] = await receiver.expectMatch(/^(?:MSG a\.b \d 1\r\nx\r\n){5}/)
    expect([...text.matchAll(/MSG a\.b (\d)/g)].map((match) => match[1]).sort()).toEqual(['1', '2', '3', '4', '5'])
    receiver.send('UNSUB 4\r\n')
    await receiver.sync()
    await expectNothingMore(receiver, publisher)
  })

  test('UNSUB ends delivery before the next PONG', async () => {
    const [receiver, publisher] = await openAll()
    for (let round = 0; round < 20; round++) {
      receiver.send('SUB un 1\r\n')
      await receiver.sync()
      publisher.send('PUB un 1\r\nx\r\n')
      await receiver.expect('MSG un 1 1\r\nx\r\n')
      receiver.send('UNSUB 1\r\n')
      await receiver.sync()
      publisher.send('PUB un 1\r\ny\r\n')
      await expectNothingMore(receiver, publisher)
    }
  })

  test('UNSUB with a max delivers exactly that many, published in one piece on another shard', async () => {
    const [receiver, publisher] = await openAll()
    receiver.send('SUB max 1\r\nUNSUB 1 7\r\n')
    await receiver.sync()
    publisher.send('PUB max 1\r\nx\r\n'.repeat(100))
    await receiver.expect('MSG max 1 1\r\nx\r\n'.repeat(7))
    await expectNothingMore(receiver, publisher)
  })

  test('UNSUB with a max delivers exactly that many from publishers on all shards at once', async () => {
    const [receiver, ...publishers] = await openInTurn(running.port, workers, 9)
    for (let round = 0; round < 10; round++) {
      receiver.send(`SUB many r${round}\r\nUNSUB r${round} 50\r\n`)
      await receiver.sync()
      for (const publisher of publishers) publisher.send('PUB many 1\r\nx\r\n'.repeat(20))
      await receiver.expect(`MSG many r${round} 1\r\nx\r\n`.repeat(50))
      for (const publisher of publishers) await expectNothingMore(receiver, publisher)
    }
  })

  test('UNSUB with a max counts what was delivered before it', async () => {
    const [receiver, publisher] = await openAll()
    receiver.send('SUB count 1\r\n')
    await receiver.sync()
    publisher.send('PUB count 1\r\nx\r\n'.repeat(4))
    await receiver.expect('MSG count 1 1\r\nx\r\n'.repeat(4))
    receiver.send('UNSUB 1 6\r\n')
    await receiver.sync()
    publisher.send('PUB count 1\r\ny\r\n'.repeat(4))
    await receiver.expect('MSG count 1 1\r\ny\r\n'.repeat(2))
    await expectNothingMore(receiver, publisher)
  })

  test('a sid in use keeps its first subscription, and is free again after UNSUB', async () => {
    const [receiver, publisher] = await openAll()
    receiver.send('SUB first 1\r\nSUB second 1\r\n')
    await receiver.sync()
    publisher.send('PUB second 1\r\nx\r\nPUB first 1\r\ny\r\n')
    await receiver.expect('MSG first 1 1\r\ny\r\n')
    receiver.send('UNSUB 1\r\nSUB second 1\r\n')
    await receiver.sync()
    publisher.send('PUB first 1\r\nx\r\nPUB second 1\r\ny\r\n')
    await receiver.expect('MSG second 1 1\r\ny\r\n')
    await expectNothingMore(receiver, publisher)
  })

  test('the same sid of different connections is two subscriptions', async () => {
    const [a, b, publisher] = await openInTurn(running.port, workers, 3)
    a.send('SUB own.a 1\r\n')
    b.send('SUB own.b 1\r\n')
    await a.sync()
    await b.sync()
    publisher.send('PUB own.a 1\r\na\r\nPUB own.b 1\r\nb\r\n')
    await a.expect('MSG own.a 1 1\r\na\r\n')
    await b.expect('MSG own.b 1 1\r\nb\r\n')
    a.send('UNSUB 1\r\n')
    await a.sync()
    publisher.send('PUB own.b 1\r\nc\r\n')
    await b.expect('MSG own.b 1 1\r\nc\r\n')
    await expectNothingMore(a, publisher)
  })

  test('wildcards match across shards as they do on one', async () => {
    const [receiver, publisher] = await openAll()
    receiver.send('SUB w.*.z 1\r\nSUB w.> 2\r\nSUB *.y.* 3\r\n')
    await receiver.sync()
    const expectation: [string, string[]][] = [
      ['w', []],
      ['w.y', ['2']],
      ['w.y.z', ['1', '2', '3']],
      ['w.y.z.z', ['2']],
      ['x.y.z', ['3']],
      ['w.x.z', ['1', '2']],
      ['W.x.z', []],
    ]
    for (const [subject, sids] of expectation) {
      publisher.send(`PUB ${subject} 0\r\n\r\n`)
      const [text] = await receiver.expectMatch(new RegExp(`^(?:MSG \\S+ \\S+ 0\\r\\n\\r\\n){${sids.length}}`))
      const got = [...text.matchAll(/MSG (\S+) (\S+)/g)].map((match) => `${match[1]} ${match[2]}`).sort()
      expect(got).toEqual(sids.map((sid) => `${subject} ${sid}`))
    }
    await expectNothingMore(receiver, publisher)
  })

  test('wildcard characters in a PUB are literal across shards', async () => {
    const [receiver, publisher] = await openAll()
    receiver.send('SUB lit.a 1\r\nSUB lit.* 2\r\nSUB lit.b.> 3\r\n')
    await receiver.sync()
    publisher.send('PUB lit.* 1\r\nx\r\nPUB lit.b.> 1\r\ny\r\nPUB lit.> 1\r\nz\r\n')
    await receiver.expect('MSG lit.* 2 1\r\nx\r\nMSG lit.b.> 3 1\r\ny\r\nMSG lit.> 2 1\r\nz\r\n')
    await expectNothingMore(receiver, publisher)
  })

  test('subjects of any bytes pass through unchanged', async () => {
    const [receiver, publisher] = await openAll()
    const subject = Buffer.from('bytes.\x00\x01\x7f\x80\xff\xc3.ü', 'latin1')
    receiver.send('SUB ', subject, ' 1\r\n')
    await receiver.sync()
    publisher.send('PUB ', subject, ' reply.', subject, ' 3\r\n\x00\r\n\r\n')
    await receiver.expect(
      Buffer.concat([
        Buffer.from('MSG '),
        subject,
        Buffer.from(' 1 reply.'),
        subject,
        Buffer.from(' 3\r\n\x00\r\n\r\n'),
      ]),
    )
  })

  test('a SUB is effective before the next PONG for whoever publishes after it, on any shard', async () => {
    const clients = await openAll()
    for (let round = 0; round < 100; round++) {
      const receiver = clients[round % clients.length]
      const publisher = clients[(round * 7 + 1) % clients.length]
      // The publisher has the subject in its match cache as one that nobody wants.
      publisher.send(`PUB new.${round % 3} 0\r\n\r\n`)
      await publisher.sync()
      receiver.send(`SUB new.${round % 3} ${round}\r\n`)
      await receiver.sync()
      publisher.send(`PUB new.${round % 3} 1\r\nx\r\n`)
      await receiver.expect(`MSG new.${round % 3} ${round} 1\r\nx\r\n`)
      receiver.send(`UNSUB ${round}\r\n`)
      await receiver.sync()
    }
  })

  test('the messages of one publisher arrive in order, over subjects, sizes and shards', async () => {
    const [publisher, ...receivers] = await openInTurn(running.port, workers, 5)
    const PUBLISHED = 6000
    const seen = receivers.map(() => 0)
    for (const [i, receiver] of receivers.entries()) {
      receiver.onMessage = (message) => {
        const sequence = Number(message.payload.toString('latin1', 0, 8))
        // From the first one out of order on, messages come as text, and the expectation below fails on them.
        if (sequence !== seen[i] + 1) receiver.onMessage = undefined
        else if (++seen[i] === PUBLISHED) receiver.onMessage = undefined
      }
      receiver.send('SUB order.> 1\r\n')
    }
    for (const receiver of receivers) await receiver.sync()
    for (let sequence = 1; sequence <= PUBLISHED; sequence++) {
      const size = 8 + ((sequence * 37) % 100) + (sequence % 500 === 0 ? 70_000 : 0)
      const payload = String(sequence).padStart(8, '0').padEnd(size, '.')
      publisher.send(`PUB order.${sequence % 7}.${Math.floor(sequence / 20) % 5} ${size}\r\n${payload}\r\n`)
    }
    publisher.send('PUB order.end 8\r\n00000000\r\n')
    for (const receiver of receivers) {
      await receiver.expect('MSG order.end 1 8\r\n00000000\r\n').catch((error: unknown) => {
        throw new Error(`seen in order: ${seen.join(', ')} of ${PUBLISHED}`, { cause: error })
      })
    }
    expect(seen).toEqual(receivers.map(() => PUBLISHED))
  })

  test('what a client published before it left is delivered', async () => {
    const [receiver] = await openAll()
    receiver.send('SUB bye 1\r\n')
    await receiver.sync()
    for (let round = 0; round < 10; round++) {
      const publisher = await open(running.port)
      publisher.send('PUB bye 1\r\nx\r\n'.repeat(100))
      publisher.socket.end()
      await receiver.expect('MSG bye 1 1\r\nx\r\n'.repeat(100))
      await publisher.expectClose()
    }
  })

  test('a subscriber that leaves disturbs nobody', async () => {
    const [stays, publisher] = await openAll()
    stays.send('SUB leave 1\r\n')
    await stays.sync()
    for (let round = 0; round < 10; round++) {
      const leaves = await open(running.port)
      leaves.send('SUB leave 1\r\n')
      await leaves.sync()
      publisher.send('PUB leave 1\r\nx\r\n'.repeat(10))
      leaves.socket.destroy()
      publisher.send('PUB leave 1\r\ny\r\n'.repeat(10))
      await stays.expect('MSG leave 1 1\r\nx\r\n'.repeat(10))
      await stays.expect('MSG leave 1 1\r\ny\r\n'.repeat(10))
    }
  })

  test('a pedantic client is told of each message with a wrong subject before it is delivered', async () => {
    const client = await open(running.port, { pedantic: true })
    client.send('SUB > 1\r\n', `PUB a.* 1\r\nx\r\n`.repeat(3), `PUB a.b 1\r\ny\r\n`.repeat(2))
    const refused = `-ERR 'Invalid Publish Subject'\r\nMSG a.* 1 1\r\nx\r\n`
    await client.expect(`${refused.repeat(3)}${`MSG a.b 1 1\r\ny\r\n`.repeat(2)}`)
  })
})
