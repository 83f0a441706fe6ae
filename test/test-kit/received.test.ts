// What a test sees of the messages that clients publish.

import { connect, headers } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { NotReceivedError } from '../../src/test-kit/index.ts'
import { open } from '../support/harness.ts'
import { ownTestServer } from './support.ts'

interface Order {
  readonly id: number
}

test('messages of nats.js, with their parts', async () => {
  const server = await ownTestServer()
  await using nc = await connect({ servers: server.url, name: 'shop' })
  const trace = headers()
  trace.set('Trace-Id', 'a1')
  const wait = server.received<Order>('orders.>', { count: 2, timeout: 20_000 })
  nc.publish('orders.new', JSON.stringify({ id: 1 }), { headers: trace, reply: 'answers' })
  nc.publish('other', 'x')
  nc.publish('orders.old', JSON.stringify({ id: 2 }))
  const [first, second] = await wait
  expect(first).toMatchObject({ subject: 'orders.new', reply: 'answers', client: 'shop' })
  expect(first.json().id).toBe(1)
  expect(first.headers?.get('Trace-Id')).toBe('a1')
  expect(second).toMatchObject({ subject: 'orders.old', reply: undefined, headers: undefined })
  expect(second.string()).toBe('{"id":2}')
  await nc.flush()
  expect(server.messages().map(({ subject }) => subject)).toEqual(['orders.new', 'other', 'orders.old'])
  expect(server.messages('orders.*')).toHaveLength(2)
  expect(server.messages('nothing')).toEqual([])
})

test('capturing is no subscription: a request that nobody answers is told so', async () => {
  const server = await ownTestServer()
  const nc = await server.connect()
  await expect(nc.request('nobody', 'x')).rejects.toThrow(/no responders/)
  expect(await server.received('nobody')).toMatchObject([{ subject: 'nobody', client: 'client 1' }])
})

test('messages of clients by their bytes, and large ones', async () => {
  const server = await ownTestServer()
  const raw = await open(server.port)
  const large = 'x'.repeat(1_000_000)
  raw.send('pub a 2\r\nhi\r\n', `PUB b ${large.length}\r\n${large}\r\n`)
  await raw.sync()
  expect(server.messages('a').map((message) => message.string())).toEqual(['hi'])
  expect(server.messages('b')[0].string()).toBe(large)
})

test('when they do not come, the error shows what came instead', async () => {
  const server = await ownTestServer()
  await expect(server.received('orders.>', { timeout: 1 })).rejects.toThrow(
    'expected 1 message on "orders.>" within 1 ms, but none came. The server has received no messages at all.',
  )
  const nc = await server.connect({ name: 'shop' })
  nc.publish('order.new', '{"id":1}')
  nc.publish('raw', new Uint8Array([0, 1, 255]), { reply: 'in.box' })
  nc.publish('orders.done', 'y'.repeat(100))
  await nc.flush()
  const error = await server.received('orders.>', { count: 2, timeout: 1 }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(NotReceivedError)
  const { message, received, all } = error as NotReceivedError
  expect(message.split('\n')).toEqual([
    'expected 2 messages on "orders.>" within 1 ms, but 1 came.',
    'The server has received 3 messages:',
    '    order.new  {"id":1}  from shop',
    '    raw  3 bytes  reply to in.box  from shop',
    `  * orders.done  ${'y'.repeat(60)}…  from shop`,
    '(* on "orders.>")',
  ])
  expect(received).toHaveLength(1)
  expect(all).toHaveLength(3)
  for (let i = 0; i < 20; i++) nc.publish('noise', `${i}`)
  await nc.flush()
  await expect(server.received('orders.new', { timeout: 1 })).rejects.toThrow(
    /has received 23 messages, the last 10 of them:\n {4}noise {2}10 {2}from shop\n/,
  )
})

test('a filter that is none, a signal, and the end of the server end the wait', async () => {
  const server = await ownTestServer()
  await expect(server.received('a..b')).rejects.toThrow(TypeError)
  expect(() => server.messages('>.a')).toThrow('">.a" is not a subject or a filter of subjects')
  const reason = new Error('enough')
  const controller = new AbortController()
  const waits = [server.received('a', { signal: controller.signal }), server.received('b', { timeout: 600_000 })]
  controller.abort(reason)
  await expect(waits[0]).rejects.toBe(reason)
  await expect(server.received('a', { signal: controller.signal })).rejects.toBe(reason)
  const [late] = await Promise.allSettled([waits[1], server.close()])
  expect(late).toMatchObject({ status: 'rejected', reason: { name: 'NotReceivedError' } })
})

test('reset() is a fresh start for the next test', async () => {
  const server = await ownTestServer()
  const [nc, foreign] = await Promise.all([server.connect(), connect({ servers: server.url, reconnect: false })])
  foreign.publish('a')
  await foreign.flush()
  server.faults.drop('>')
  server.refuseConnections()
  await server.reset()
  expect(nc.isClosed()).toBe(true)
  await foreign.closed()
  expect(server.clients).toEqual([])
  expect(server.messages()).toEqual([])
  const next = await server.connect()
  next.publish('b')
  expect(await server.received('b', { timeout: 20_000 })).toHaveLength(1)
})
