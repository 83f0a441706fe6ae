import { once } from 'node:events'
import { expect, test } from 'vitest'
import { CloseReason } from '../../src/base/errors.ts'
import { startPlain } from '../../src/shard/plain-entry.ts'
import { arrival, EntryShard, HELLO } from './entries.ts'

test('what had been read of a plain connection comes before what follows', async () => {
  const shard = new EntryShard()
  const { client, socket, peer, come, until } = await arrival(shard)
  startPlain(shard, client, socket, Buffer.from('CONNECT {"verbose":false}\r\nSUB a 1\r\nPI'))
  expect(shard.sublist.count).toBe(1)
  peer.write('NG\r\n')
  await until('the PONG', () => come.text.endsWith('PONG\r\n'))
})

test('a plain connection that has gone meanwhile is closed and forgotten', async () => {
  const shard = new EntryShard()
  const { client, socket } = await arrival(shard)
  socket.destroy()
  await once(socket, 'close')
  startPlain(shard, client, socket, Buffer.alloc(0))
  expect(shard.events).toEqual([`closed: ${CloseReason.clientClosed}`, 'forgotten'])
  expect(shard.bugs).toEqual([])
})

test('a bug in what had been read costs the connection', async () => {
  const shard = new EntryShard()
  const { client, socket, come, until } = await arrival(shard)
  client.operations.processPing = () => {
    throw new Error('a bug')
  }
  startPlain(shard, client, socket, Buffer.from(HELLO))
  await until('the end', () => come.closed)
  expect(shard.events[0]).toBe(`closed: ${CloseReason.internal}`)
})
