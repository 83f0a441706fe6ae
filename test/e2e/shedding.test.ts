// A receiver that has fallen behind and drops messages instead of being cut: whole ones, oldest or newest first, in
// order, and every one is counted.

import { connect } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ServerOptions } from '../../src/index.ts'
import type { Primary } from '../../src/primary/primary.ts'
import type { AccountReport } from '../../src/reports/rows.ts'
import { open, openInTurn, ownPrimary } from '../support/harness.ts'
import { RawClient } from '../support/raw-client.ts'
import { connections, total } from '../support/server.ts'
import { until } from '../support/until.ts'
import { rawClientOverWebSocket } from '../support/websocket.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const MIB = 1024 * 1024
const authority = new Authority()
const certificate = authority.issue({ subject: 'server', ips: ['127.0.0.1'] })
const files = writeFiles({ cert: certificate.cert, key: certificate.key })

/** What a receiver got: the numbers that its messages begin with, and how many PONGs came in between. */
interface Got {
  readonly numbers: number[]
  pongs: number
}

function gather(client: RawClient): Got {
  const got: Got = { numbers: [], pongs: 0 }
  client.onMessage = ({ payload }) => got.numbers.push(Number(payload.toString('latin1', 0, 10)))
  client.onLine = (line) => {
    if (line === 'PONG') got.pongs++
    return line === 'PONG'
  }
  return got
}

function message(number: number, size: number): string {
  return `PUB flood ${size}\r\n${String(number).padStart(10, '0').padEnd(size, 'x')}\r\n`
}

/** Publishes numbered messages in steps that the socket has taken, until enough were dropped; answers how many. */
async function flood(primary: Primary, publisher: RawClient, size: number, enough: number): Promise<number> {
  const step = Math.max(1, Math.floor((256 * 1024) / size))
  let sent = 0
  while ((await total(primary, 'droppedMessages')) < enough) {
    const batch = Array.from({ length: step }, () => message(sent++, size)).join('')
    await new Promise<void>((resolve) => publisher.socket.write(batch, () => resolve()))
    await publisher.sync()
  }
  return sent
}

/** A client that has come over WebSocket, TLS or TCP. */
async function comeBy(way: string, primary: Primary): Promise<RawClient> {
  const { port, webSocket } = primary.identity
  if (way === 'tcp') return open(port)
  const client = await (way === 'tls' ? overTls(port) : rawClientOverWebSocket(webSocket?.port as number))
  onTestFinished(() => client.close())
  if (way === 'websocket') await client.readInfo()
  client.send('CONNECT {"verbose":false}\r\nPING\r\n')
  await client.expect('PONG\r\n')
  return client
}

async function overTls(port: number): Promise<RawClient> {
  const plain = await RawClient.connect(port)
  await plain.readInfo()
  plain.socket.removeAllListeners('data')
  const socket = connect({ socket: plain.socket, ca: authority.cert, checkServerIdentity: () => undefined })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return RawClient.over(socket)
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, i) => i === 0 || number > numbers[i - 1])
}

/** Floods a receiver that takes nothing, has it read again, and looks at what came and what was counted. */
async function scene(primary: Primary, publisher: RawClient, slow: RawClient, policy: string, size: number) {
  const got = gather(slow)
  slow.send('SUB flood 1\r\nPING\r\n')
  await until('the subscription', () => got.pongs === 1)
  slow.socket.pause()
  let pings = 1
  const timer = setInterval(() => {
    slow.send('PING\r\n')
    pings++
  }, 5)
  const sent = await flood(primary, publisher, size, 10)
  clearInterval(timer)

  slow.socket.resume()
  slow.send('PING\r\n')
  await until('everything that was kept', () => got.pongs === pings + 1)
  const dropped = await total(primary, 'droppedMessages')
  expect(got.numbers.length + dropped).toBe(sent)
  expect(isAscending(got.numbers)).toBe(true)
  expect(slow.received()).toHaveLength(0)
  if (policy === 'drop_oldest') expect(got.numbers.at(-1)).toBe(sent - 1)
  else expect(got.numbers.slice(0, 2)).toEqual([0, 1])
  expect(await total(primary, 'slowConsumers')).toBe(0)

  const row = (await connections(primary)).find(({ outMessages }) => outMessages > 0)
  expect(row).toMatchObject({ outMessages: sent, droppedMessages: dropped })
  const accounts = ((await primary.query({ kind: 'accounts' })) as AccountReport[][]).flat()
  expect(accounts.reduce((sum, { droppedMessages }) => sum + droppedMessages, 0)).toBe(dropped)

  // Whoever keeps up again loses nothing more.
  for (let i = 0; i < 100; i++) publisher.send(message(sent + i, 20))
  await until('the messages after it', () => got.numbers.at(-1) === sent + 99)
  expect(got.numbers.length + dropped).toBe(sent + 100)
}

describe.each(['drop_oldest', 'drop_newest'] as const)('%s', (policy) => {
  const options: ServerOptions = { slowConsumer: policy, maxPending: 4 * MIB, writeDeadline: 100 }

  test.each([0, 1, 3])('small messages, large ones, %i workers', async (workers) => {
    for (const size of [200, 20_000, MIB]) {
      const primary = await ownPrimary({ ...options, workers })
      const [publisher, slow] = await openInTurn(primary.identity.port, workers, 2)
      await scene(primary, publisher, slow, policy, size)
    }
  })

  test.each(['tls', 'websocket'])('by %s', async (way) => {
    for (const size of [200, MIB]) {
      const primary = await ownPrimary({
        ...options,
        workers: 1,
        ...(way === 'tls' && { tls: { certFile: files.cert, keyFile: files.key }, allowNonTls: true }),
        ...(way === 'websocket' && { websocket: { host: '127.0.0.1', port: -1, noTls: true } }),
      })
      await scene(primary, await open(primary.identity.port), await comeBy(way, primary), policy, size)
    }
  })

  test('some of many receivers', async () => {
    const primary = await ownPrimary({ ...options, workers: 3 })
    const [publisher, ...receivers] = await openInTurn(primary.identity.port, 3, 7)
    const all = receivers.map(gather)
    for (const receiver of receivers) receiver.send('SUB flood 1\r\nPING\r\n')
    await until('the subscriptions', () => all.every(({ pongs }) => pongs === 1))
    const [slow, other] = receivers
    slow.socket.pause()
    other.socket.pause()
    const sent = await flood(primary, publisher, 20_000, 100)
    slow.socket.resume()
    other.socket.resume()
    for (const receiver of receivers) receiver.send('PING\r\n')
    await until('everything that was kept', () => all.every(({ pongs }) => pongs === 2))
    const received = all.reduce((sum, { numbers }) => sum + numbers.length, 0)
    expect(received + (await total(primary, 'droppedMessages'))).toBe(sent * receivers.length)
    for (const { numbers } of all) expect(isAscending(numbers)).toBe(true)
  })

  test('one that is dead is found by its PINGs', async () => {
    const primary = await ownPrimary({ ...options, workers: 1, pingInterval: 200, pingMax: 2 })
    const [publisher, slow] = await openInTurn(primary.identity.port, 1, 2)
    slow.send('SUB flood 1\r\n')
    await slow.sync()
    slow.socket.pause()
    await flood(primary, publisher, 20_000, 10)
    await until('its end', async () => (await total(primary, 'staleConnections')) === 1)
    expect(await total(primary, 'slowConsumers')).toBe(0)
  })

  test('one that sends and sends and never reads is cut all the same', async () => {
    const primary = await ownPrimary({ ...options, workers: 1 })
    const [slow] = await openInTurn(primary.identity.port, 1, 1)
    slow.socket.pause()
    const pings = 'PING\r\n'.repeat(100_000)
    await until('the cut', async () => {
      slow.send(pings)
      return (await total(primary, 'slowConsumers')) === 1
    })
  })
})

test('a trace tells of a message that was dropped', async () => {
  const primary = await ownPrimary({ slowConsumer: 'drop_newest', maxPending: 4 * MIB, workers: 3 })
  const { port } = primary.identity
  const [publisher, , slow] = await openInTurn(port, 3, 3)
  const watcher = await open(port)
  const documents: string[] = []
  watcher.onMessage = ({ payload }) => documents.push(payload.toString())
  watcher.send('SUB traces 1\r\n')
  slow.send('SUB flood 1\r\n')
  for (const client of [watcher, slow]) await client.sync()
  slow.socket.pause()
  await flood(primary, publisher, 20_000, 10)
  const header = 'NATS/1.0\r\nNats-Trace-Dest: traces\r\n\r\n'
  const tracer = await open(port, { headers: true })
  tracer.send(`HPUB flood ${header.length} ${header.length + 20_000}\r\n${header}${'x'.repeat(20_000)}\r\n`)
  const document = await until('the trace', () => documents[0])
  expect(document).toContain('Not delivered because fast producer not stalled and consumer is slow')
})
