// A connection of the client as one of nats-core: errors by class, subscriptions, statuses; over each transport.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import * as official from '@nats-io/nats-core'
import { expect, onTestFinished, test } from 'vitest'
import type { ConnectionOptions } from '../../src/client/index.ts'
import * as own from '../../src/client/index.ts'
import type { ServerOptions } from '../../src/index.ts'
import * as browser from '../../src/nats-core/browser.ts'
import * as entry from '../../src/nats-core/index.ts'
import { connect, errors, type NatsConnection, natsConnection } from '../../src/nats-core/index.ts'
import { ownServer } from '../support/harness.ts'
import { DEADLINE_MS, within } from '../support/until.ts'
import { take } from './servers.ts'

function storeDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-nats-core-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

async function started(options: ServerOptions = {}, given: ConnectionOptions = {}) {
  const { port } = await ownServer({ workers: 0, ...options })
  const nc = await connect({ servers: `127.0.0.1:${port}`, timeout: DEADLINE_MS, ...given })
  onTestFinished(() => nc.close())
  return { port, nc }
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  )

/** What a program of the packages does. */
async function useStreams(nc: NatsConnection): Promise<void> {
  const jsm = await jetstreamManager(nc, { timeout: DEADLINE_MS })
  await jsm.streams.add({ name: 'S', subjects: ['s.>'], storage: StorageType.Memory })
  const js = jetstream(nc, { timeout: DEADLINE_MS })
  for (let i = 0; i < 20; i++) await js.publish('s.a', `${i}`)
  const messages = await (await js.consumers.get('S')).consume()
  expect((await take(messages, 20)).map((message) => message.string())).toEqual(
    Array.from({ length: 20 }, (_, i) => `${i}`),
  )
  const kv = await new Kvm(js).create('K', { storage: StorageType.Memory })
  await kv.put('a', 'b')
  expect((await kv.get('a'))?.string()).toBe('b')
}

test.each([0, 1])('within the process of the server, with %d workers', async (workers) => {
  const server = await ownServer({ workers, jetstream: { storeDir: storeDir() } })
  const nc = await server.connect()
  await useStreams(natsConnection(nc))
  await nc.close()
})

test('by WebSocket, with the entry for browsers', async () => {
  const websocket = { host: '127.0.0.1', port: -1, noTls: true }
  const server = await ownServer({ workers: 1, jetstream: { storeDir: storeDir() }, websocket })
  const nc = await browser.connect({ servers: `ws://127.0.0.1:${server.webSocketPort}` })
  await useStreams(nc)
  await nc.close()
})

test('all that nats-core exports is there, and a few names more', () => {
  const names = Object.keys(entry).filter((name) => name !== 'default')
  const more = names.filter((name) => !(name in official))
  expect(more.toSorted()).toEqual(['connect', 'natsConnection'])
  const missing = Object.keys(official).filter((name) => !names.includes(name))
  expect(missing.filter((name) => name !== 'default' && name !== 'module.exports')).toEqual([])
  expect(Object.keys(browser).toSorted()).toEqual(Object.keys(entry).toSorted())
})

test('errors are those of nats-core, with their stacks and causes', async () => {
  const { nc } = await started()
  const nobody = await rejection(nc.request('nobody'))
  expect(nobody).toBeInstanceOf(errors.RequestError)
  expect((nobody as InstanceType<typeof errors.RequestError>).isNoResponders()).toBe(true)
  expect((nobody as Error).cause).toMatchObject({ name: 'NoResponders', subject: 'nobody' })
  expect((nobody as Error).stack).toMatch(/no responders: 'nobody'\n +at /)
  nc.subscribe('silent', { callback: () => undefined })
  expect(await rejection(nc.request('silent', '', { timeout: 10 }))).toBeInstanceOf(errors.TimeoutError)
  const iteration = nc.subscribe('never', { timeout: 10 })
  expect(await rejection(take(iteration))).toBeInstanceOf(errors.TimeoutError)
  expect(() => nc.publish('a b')).toThrow(errors.InvalidSubjectError)
  expect(() => nc.subscribe('')).toThrow(errors.InvalidSubjectError)
  expect(() => nc.setServers([])).toThrow(errors.InvalidArgumentError)
  expect(() => nc.publish('a', new Uint8Array(2_000_000))).toThrow(errors.InvalidArgumentError)
  await nc.close()
  expect(() => nc.publish('a')).toThrow(errors.ClosedConnectionError)
  expect(await rejection(nc.flush())).toBeInstanceOf(errors.ClosedConnectionError)
  expect(await rejection(nc.drain())).toBeInstanceOf(errors.ClosedConnectionError)
  expect(await rejection(nc.reconnect())).toBeInstanceOf(errors.ClosedConnectionError)
  const refused = await started({ authorization: { token: 's' } }).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(errors.AuthorizationError)
})

test('a permission that is missing ends a subscription and a request, and is a status', async () => {
  const permissions = { publish: ['ok'], subscribe: ['ok', '_INBOX.>'] }
  const { nc } = await started(
    { authorization: { users: [{ user: 'u', password: 'p', permissions }] } },
    { user: 'u', pass: 'p' },
  )
  const statuses = nc.status()
  const subscription = nc.subscribe('bad', { callback: () => undefined })
  expect(await subscription.closed).toBeInstanceOf(errors.PermissionViolationError)
  for await (const status of statuses) {
    expect(status).toMatchObject({ type: 'error', error: { operation: 'subscription', subject: 'bad' } })
    if (status.type === 'error') expect(status.error).toBeInstanceOf(errors.PermissionViolationError)
    break
  }
  expect(await rejection(nc.request('bad'))).toMatchObject({ name: 'RequestError', cause: { operation: 'publish' } })
})

test('subscriptions and messages have what those of nats-core have', async () => {
  const { nc } = await started()
  const subscription = nc.subscribe('a.*', { max: 3 })
  const h = entry.headers()
  h.set('A', 'b')
  nc.publish('a.1', 'one', { headers: h, reply: 'a.reply' })
  nc.publish('a.2', JSON.stringify({ two: 2 }))
  nc.publish('a.3', '', { headers: entry.headers() })
  const [one, two, three] = await take(subscription)
  expect([one.subject, one.reply, one.string(), one.headers?.get('A')]).toEqual(['a.1', 'a.reply', 'one', 'b'])
  expect([two.json(), two.headers, two.reply, two.sid]).toEqual([{ two: 2 }, undefined, '', subscription.getID()])
  expect([three.data.length, three.headers?.keys()]).toEqual([0, []])
  expect([subscription.getReceived(), subscription.getProcessed(), subscription.isClosed()]).toEqual([3, 3, true])
  expect(await subscription.closed).toBeUndefined()
  expect(two.respond('x')).toBe(false)

  const replies = nc.subscribe('a.reply')
  one.respond('two')
  nc.respondMessage(one)
  nc.publishMessage({ ...two, subject: 'a.reply', data: two.data } as official.Msg)
  expect((await take(replies, 3)).map((message) => message.string())).toEqual(['two', 'one', '{"two":2}'])

  nc.subscribe('many', { callback: (_, message) => void [1, 2].map((i) => message.respond(`${i}`)) })
  const many = await nc.requestMany('many', '', { strategy: 'count', maxMessages: 2 })
  expect((await take(many)).map((message) => message.string())).toEqual(['1', '2'])
  const asked = await nc.request('many', '', { timeout: 0 })
  expect(asked.string()).toBe('1')
  const noMux = await nc.request('many', '', { timeout: DEADLINE_MS, noMux: true, reply: 'a.own' })
  expect(noMux.subject).toBe('a.own')
  expect(nc.stats().outMsgs).toBeGreaterThan(5)
})

test('an iteration over statuses can be stopped', async () => {
  const { nc } = await started()
  const statuses = nc.status() as AsyncIterable<official.Status> & { stop(): void }
  const all = take(statuses)
  statuses.stop()
  expect(await within('its end', all)).toEqual([])
})

test('the inbox prefix of the connection is that of the packages', async () => {
  const { port } = await ownServer({
    workers: 0,
    jetstream: { storeDir: storeDir() },
    authorization: { user: 'u', password: 'p', defaultPermissions: { publish: ['>'], subscribe: ['mine.>'] } },
  })
  const nc = await connect({ servers: `127.0.0.1:${port}`, user: 'u', pass: 'p', inboxPrefix: 'mine' })
  onTestFinished(() => nc.close())
  await useStreams(nc)
})

test('one connection is used both ways', async () => {
  const { port } = await ownServer({ workers: 0 })
  const nc = await own.connect({ servers: `127.0.0.1:${port}` })
  const theirs = natsConnection(nc)
  nc.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
  expect((await theirs.request('echo', 'x')).string()).toBe('x')
  expect(await rejection(nc.request('nobody'))).toBeInstanceOf(own.RequestError)
  expect(theirs.getServer()).toBe(nc.getServer())
  expect(theirs.info?.client_id).toBe(nc.info?.client_id)
  await theirs.drain()
  expect(nc.isClosed()).toBe(true)
  expect(theirs.info).toBeUndefined()
})
