// Names as long as a raised limit of control lines lets them be: queue groups, and subjects of very many tokens.

import { expect, test } from 'vitest'
import { ACCOUNT_NAME_MAX, CONTROL_LINE_MAX, QUEUE_NAME_MAX } from '../../src/base/constants.ts'
import { OptionError } from '../../src/index.ts'
import { openInTurn, ownServer, useServer } from '../support/harness.ts'
import { startServer } from '../support/server.ts'

const running = useServer({ workers: 2, maxControlLine: 1024 * 1024 })

test.each([
  ['the longest name', QUEUE_NAME_MAX],
  ['a long name', CONTROL_LINE_MAX],
])('a queue group with %s gets its messages on another shard', async (_, length) => {
  const [publisher, subscriber] = await openInTurn(running.port, 2, 2)
  subscriber.send(`SUB named ${'q'.repeat(length)} 1\r\n`)
  await subscriber.sync()
  publisher.send('PUB named 1\r\nx\r\n')
  await subscriber.expect('MSG named 1 1\r\nx\r\n')
})

test.each([QUEUE_NAME_MAX + 1, 40_000, 300_000])('a queue name of %i bytes is refused', async (length) => {
  const [publisher, subscriber] = await openInTurn(running.port, 2, 2)
  subscriber.send(`SUB refused ${'q'.repeat(length)} 1\r\nPING\r\n`)
  await subscriber.expect("-ERR 'Invalid Queue Name'\r\nPONG\r\n")
  publisher.send('PUB refused 1\r\nx\r\n')
  await publisher.sync()
  await subscriber.sync()
})

test('an account name that is too long is refused', async () => {
  const accounts = { ['a'.repeat(ACCOUNT_NAME_MAX + 1)]: {} }
  await expect(startServer({ accounts })).rejects.toThrow(OptionError)
  await expect(startServer({ accounts })).rejects.toThrow('account names are limited to')
  await ownServer({ accounts: { ['a'.repeat(ACCOUNT_NAME_MAX)]: {} } })
})

test.each([
  ['as many literal tokens', (token: string) => token],
  ['as many wildcards', () => '*'],
  ['wildcards and literals in turn', (token: string, i: number) => (i % 2 === 0 ? '*' : token)],
])('a subject of 30,000 tokens is matched by %s, on either shard', async (_, of) => {
  const clients = await openInTurn(running.port, 2, 2)
  const tokens = Array.from({ length: 30_000 }, (_, i) => String(i % 7))
  const subject = tokens.join('.')
  const filter = tokens.map(of).join('.')
  for (const client of clients) client.send(`SUB ${filter} 1\r\nSUB ${filter}.* 2\r\nSUB ${filter}.> 3\r\n`)
  for (const client of clients) await client.sync()
  clients[0].send(`PUB ${subject} 1\r\nx\r\n`, `PUB ${subject}.y 1\r\ny\r\n`)
  for (const client of clients) {
    await client.expect(`MSG ${subject} 1 1\r\nx\r\n`)
    const [, first, second] = await client.expectMatch(/^MSG [\d.y]+ (\d) 1\r\ny\r\nMSG [\d.y]+ (\d) 1\r\ny\r\n/)
    expect([first, second].sort()).toEqual(['2', '3'])
    client.send('UNSUB 1\r\nUNSUB 2\r\nUNSUB 3\r\n')
    await client.sync()
  }
})
