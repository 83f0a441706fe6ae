// Headers, requests and no responders between connections, on one shard and across shards
// (docs/reference/operations.md, "Headers").

import { describe, test } from 'vitest'
import { expectNothingMore, open, openInTurn, useServer, WORKERS } from '../support/harness.ts'

const HEADER = 'NATS/1.0\r\nA: b\r\nA: ü\r\n\r\n'
const SIZE = Buffer.byteLength(HEADER)

describe.each(WORKERS)('headers with %i workers', (workers) => {
  const running = useServer({ workers })

  test('headers reach those who asked for them and are cut off for the others', async () => {
    const clients = await openInTurn(running.port, workers, 8, { headers: true })
    const plain = await openInTurn(running.port, workers, 4, { headers: false })
    for (const client of [...clients, ...plain]) client.send('SUB head.* 1\r\n')
    for (const client of [...clients, ...plain]) await client.sync()
    clients[0].send(
      `HPUB head.a reply ${SIZE} ${SIZE + 5}\r\n${HEADER}hello\r\nHPUB head.b ${SIZE} ${SIZE}\r\n${HEADER}\r\n`,
    )
    for (const client of clients) {
      await client.expect(`HMSG head.a 1 reply ${SIZE} ${SIZE + 5}\r\n${HEADER}hello\r\n`)
      await client.expect(`HMSG head.b 1 ${SIZE} ${SIZE}\r\n${HEADER}\r\n`)
    }
    for (const client of plain) await client.expect('MSG head.a 1 reply 5\r\nhello\r\nMSG head.b 1 0\r\n\r\n')
  })

  test('a message without headers is a MSG for everybody', async () => {
    const [publisher, ...receivers] = await openInTurn(running.port, workers, 5, { headers: true })
    for (const receiver of receivers) receiver.send('SUB bare 1\r\n')
    for (const receiver of receivers) await receiver.sync()
    publisher.send('PUB bare 2\r\nhi\r\nHPUB bare 0 2\r\nhi\r\n')
    for (const receiver of receivers) await receiver.expect('MSG bare 1 2\r\nhi\r\n'.repeat(2))
  })

  test('header bytes are passed on as they are, whatever they say', async () => {
    const [publisher, receiver] = await openInTurn(running.port, workers, 2, { headers: true })
    receiver.send('SUB raw 1\r\n')
    await receiver.sync()
    const bytes = Buffer.from('\x00\xff\r\n\r\nPING\r\n', 'latin1')
    publisher.send(`HPUB raw ${bytes.length} ${bytes.length + 1}\r\n`, bytes, 'x\r\n')
    await receiver.expect(
      Buffer.concat([Buffer.from(`HMSG raw 1 ${bytes.length} ${bytes.length + 1}\r\n`), bytes, Buffer.from('x\r\n')]),
    )
  })

  test('PUB and HPUB of one publisher keep their order', async () => {
    const [publisher, receiver] = await openInTurn(running.port, workers, 2, { headers: true })
    receiver.send('SUB mix 1\r\n')
    await receiver.sync()
    publisher.send(`PUB mix 1\r\na\r\nHPUB mix ${SIZE} ${SIZE + 1}\r\n${HEADER}b\r\n`.repeat(500))
    await receiver.expect(`MSG mix 1 1\r\na\r\nHMSG mix 1 ${SIZE} ${SIZE + 1}\r\n${HEADER}b\r\n`.repeat(500))
  })

  test('a request is answered from wherever the responder is', async () => {
    const clients = await openInTurn(running.port, workers, 5, { headers: true, no_responders: true })
    for (const [i, responder] of clients.entries()) {
      responder.send(`SUB service.${i} 1\r\n`)
      await responder.sync()
    }
    for (const [i, requester] of clients.entries()) {
      requester.send('SUB inbox.* 2\r\n')
      await requester.sync()
      for (const [j, responder] of clients.entries()) {
        requester.send(`PUB service.${j} inbox.${i} 8\r\nquestion\r\n`)
        await responder.expect(`MSG service.${j} 1 inbox.${i} 8\r\nquestion\r\n`)
        responder.send(`PUB inbox.${i} 6\r\nanswer\r\n`)
        await requester.expect(`MSG inbox.${i} 2 6\r\nanswer\r\n`)
      }
      requester.send('UNSUB 2\r\n')
      await requester.sync()
    }
  })

  test('a request that nobody hears is answered with 503, on the sid that listens for the answer', async () => {
    const requester = await open(running.port, { headers: true, no_responders: true })
    requester.send('SUB other.> 4\r\nSUB inbox.> 5\r\nPUB nobody.here inbox.x 4\r\nwhat\r\n')
    await requester.expect('HMSG inbox.x 5 43 43\r\nNATS/1.0 503\r\nNats-Subject: nobody.here\r\n\r\n\r\n')
  })

  test('there are no responders once the last one has gone, on any shard', async () => {
    const [requester, ...responders] = await openInTurn(running.port, workers, 5, {
      headers: true,
      no_responders: true,
    })
    requester.send('SUB inbox 1\r\n')
    for (const responder of responders) responder.send('SUB gone 1\r\n')
    for (const client of [requester, ...responders]) await client.sync()
    for (const responder of responders) {
      requester.send('PUB gone inbox 0\r\n\r\n')
      await responder.expect('MSG gone 1 inbox 0\r\n\r\n')
      await expectNothingMore(requester, requester)
      responder.send('UNSUB 1\r\n')
      await responder.sync()
      for (const other of responders.slice(responders.indexOf(responder) + 1)) {
        await other.expect('MSG gone 1 inbox 0\r\n\r\n')
      }
    }
    requester.send('PUB gone inbox 0\r\n\r\n')
    await requester.expect('HMSG inbox 1 36 36\r\nNATS/1.0 503\r\nNats-Subject: gone\r\n\r\n\r\n')
  })

  test('a queue group with a member anywhere is a responder', async () => {
    const clients = await openInTurn(running.port, workers, 5, { headers: true, no_responders: true })
    const requester = clients[0]
    requester.send('SUB inbox 1\r\n')
    await requester.sync()
    for (const member of clients.slice(1)) {
      member.send('SUB group.* workers 1\r\n')
      await member.sync()
      requester.send('PUB group.x inbox 0\r\n\r\n')
      await member.expect('MSG group.x 1 inbox 0\r\n\r\n')
      member.send('UNSUB 1\r\n')
      await member.sync()
      requester.send('PUB group.x inbox 0\r\n\r\n')
      await requester.expect('HMSG inbox 1 39 39\r\nNATS/1.0 503\r\nNats-Subject: group.x\r\n\r\n\r\n')
    }
  })
})
