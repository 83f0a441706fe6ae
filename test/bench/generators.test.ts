// The loads against Heddle itself, and against servers that lose, repeat or change what they deliver.

import { once } from 'node:events'
import { createServer as createTcpServer } from 'node:net'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectText } from '../../bench/connect.ts'
import { Backlog } from '../../bench/generators/backlog.ts'
import { request } from '../../bench/generators/requests.ts'
import { liveShortly } from '../../bench/generators/short-connections.ts'
import type { Command } from '../../bench/generators/tasks.ts'
import { publishTraffic, receiveTraffic } from '../../bench/generators/traffic.ts'
import { deliveryText, type Message, owedBy, publishText, type Traffic } from '../../bench/traffic.ts'
import { mixedHeaders, oneSubject, sizesAtRandom } from '../../bench/workloads.ts'
import { createServer, type HeddleServer } from '../../src/index.ts'

const HELLO = connectText('')
let server: HeddleServer

beforeEach(async () => {
  server = createServer({ port: -1, host: '127.0.0.1', workers: 0 })
  await server.ready()
})

afterEach(async () => {
  await server.close()
})

const endpointOf = (port: number): { transport: 'tcp'; port: number } => ({ transport: 'tcp', port })
const heddle = (): { transport: 'tcp'; port: number } => endpointOf(Number(new URL(server.url).port))

/** What a generator is commanded through, which is told to go when it is ready; `ready` resolves then. */
function commanded(): { control: MessagePort; ready: Promise<void> } {
  const { port1, port2 } = new MessageChannel()
  const ready = once(port1, 'message').then(() => port1.postMessage({ kind: 'go' } satisfies Command))
  return { control: port2, ready }
}

test.each([
  ['sizes at random', () => oneSubject(3, sizesAtRandom)],
  ['headers', () => mixedHeaders(2)],
])('traffic goes through: %s', async (_, make) => {
  const traffic = make()
  const backlog = Backlog.memory(owedBy(traffic).map(({ bytes }) => 2 * bytes))
  const [receiver, sender] = [commanded(), commanded()]
  const hellos = traffic.subscribers.map(({ subscriptions: [{ filter, sid }] }) => `${HELLO}SUB ${filter} ${sid}\r\n`)
  const received = receiveTraffic({ endpoint: heddle(), control: receiver.control, traffic, hellos, backlog })
  await receiver.ready
  const pieces = [Buffer.from(traffic.publishers[0].messages.map(publishText).join(''))]
  const publishers = [{ hello: HELLO, pieces }]
  await publishTraffic({ endpoint: heddle(), control: sender.control, publishers, rounds: 2, backlog })
  const { firstMs, lastMs } = await received
  expect(lastMs).toBeGreaterThan(firstMs)
})

test.each(['departure', 'arrival'] as const)('batches are told with their times, each after the %s', async (after) => {
  const { publishers, subscribers } = oneSubject(1, () => 100)
  const messages = publishers[0].messages.slice(0, 10)
  const traffic: Traffic = { publishers: [{ account: '', messages }], subscribers }
  const marks = messages.map((_, i) => deliveryText(messages[0], '17').length * (i + 1))
  const backlog = Backlog.memory([2 * marks[9]])
  const [receiver, sender] = [commanded(), commanded()]
  const hellos = [`${HELLO}SUB orders.created 17\r\n`]
  const task = { endpoint: heddle(), traffic, hellos, backlog, marks: [marks] }
  const received = receiveTraffic({ ...task, control: receiver.control })
  await receiver.ready
  const pieces = messages.map((message) => Buffer.from(publishText(message)))
  const pace = { ms: 0.5, after }
  const paced = { endpoint: heddle(), publishers: [{ hello: HELLO, pieces }], rounds: 2, backlog, pace }
  const { departures } = await publishTraffic({ ...paced, control: sender.control })
  const { arrivals } = await received
  expect(departures).toHaveLength(20)
  expect(arrivals).toHaveLength(1)
  expect([...arrivals[0]].every((time, i) => time >= departures[i])).toBe(true)
  const overlap = [...departures.subarray(1)].filter((time, i) => time < arrivals[0][i])
  if (after === 'arrival') expect(overlap).toEqual([])
})

test.each([undefined, 20_000])('each request has its reply, at the pace %s', async (pace) => {
  const { control } = commanded()
  const counts = { clients: 8, services: 4, warmUp: 50, requests: 500, pace }
  const { p50Us, p99Us, rate } = await request({ endpoint: heddle(), control, connect: HELLO, ...counts })
  expect(p50Us).toBeGreaterThan(0)
  expect(p99Us).toBeGreaterThanOrEqual(p50Us)
  expect(rate).toBeGreaterThan(0)
})

test('short connections have their message', async () => {
  const { control } = commanded()
  const { firstMs, lastMs } = await liveShortly({
    endpoint: heddle(),
    control,
    connect: HELLO,
    connections: 100,
    atOnce: 16,
  })
  expect(lastMs).toBeGreaterThan(firstMs)
})

// ── Servers that are wrong ──────────────────────────────────────────────────────────────────────────────────

const traffic = oneSubject(1, sizesAtRandom)
const [{ messages }] = traffic.publishers

/** What a subscriber of `traffic` makes of a server that sends this, and answers its last PING so. */
async function receivedFrom(sent: readonly Message[], between = '', last = 'PONG\r\n'): Promise<unknown> {
  const bytes = sent.map((message) => deliveryText(message, '17')).join(between)
  const wrong = createTcpServer((socket) => {
    socket.write('INFO {}\r\n')
    socket.once('data', () => {
      socket.write(`PONG\r\n${bytes}`)
      socket.once('data', () => socket.write(last))
    })
    socket.on('error', () => undefined)
  }).listen(0, '127.0.0.1')
  await once(wrong, 'listening')
  const { port } = wrong.address() as { port: number }
  const backlog = Backlog.memory([
    messages
      .slice(0, 10)
      .map((each) => deliveryText(each, '17'))
      .join('').length,
  ])
  try {
    const { control } = commanded()
    return await receiveTraffic({ endpoint: endpointOf(port), control, traffic, hellos: ['CONNECT {}\r\n'], backlog })
  } finally {
    wrong.close()
  }
}

test('a server that is right passes, also with PINGs', async () => {
  await receivedFrom(messages.slice(0, 10))
  await receivedFrom(messages.slice(0, 4).concat(messages.slice(4, 10)), '', 'PONG\r\nPING\r\n')
  const first = messages.slice(0, 2)
  await expect(receivedFrom([...first, ...messages.slice(2, 10)], 'PING\r\n')).rejects.toThrow('bytes more')
})

test('a server that repeats a message, leaves one out or changes one is found out', async () => {
  await expect(receivedFrom([...messages.slice(0, 10), messages[9]])).rejects.toThrow('out of order')
  await expect(receivedFrom([messages[0], ...messages.slice(2, 13)])).rejects.toThrow('out of order')
  const changed = { ...messages[3], payload: messages[3].payload.replace(/.$/, '+') }
  await expect(receivedFrom([...messages.slice(0, 3), changed, ...messages.slice(4, 10)])).rejects.toThrow(
    'unexpectedly',
  )
})
