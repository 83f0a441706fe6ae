// Streams from outside: over all shards, in accounts, under imports; what ends by its age; what a dead shard leaves.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ownPrimary, ownServer, WORKERS } from '../support/harness.ts'
import { startCommand, startServer } from '../support/server.ts'
import { FAULTY_ENTRY, hostOf, kill, untilReplaced } from '../support/shards.ts'
import { until } from '../support/until.ts'
import { StreamClient } from './client.ts'

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-streams-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const NAMES = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']

describe.each(WORKERS)('with %i workers', (workers) => {
  test('streams of all shards take messages of clients of all shards, and are listed together', async () => {
    const { port, monitorPort } = await ownServer({ workers, jetstream: true, monitorPort: -1 })
    const clients = await Promise.all([1, 2, 3, 4].map(() => StreamClient.open(port)))
    await Promise.all(NAMES.map((name, i) => clients[i % clients.length].create(name)))
    for (const client of clients) {
      for (const name of NAMES) expect(await client.put(`${name}.x`, name)).toMatchObject({ stream: name })
    }
    const [client] = clients
    const accountz = await fetch(`http://127.0.0.1:${monitorPort}/accountz`)
    expect(await accountz.json()).toMatchObject({ accounts: ['$G', '$SYS'] })
    expect(await client.ask('STREAM.NAMES')).toMatchObject({ total: NAMES.length, streams: NAMES })
    const { streams } = (await client.ask('STREAM.LIST')) as unknown as {
      streams: { config: { name: string }; state: { messages: number } }[]
    }
    expect(streams.map(({ config, state }) => [config.name, state.messages])).toEqual(NAMES.map((name) => [name, 4]))
    expect(await client.ask('INFO')).toMatchObject({ streams: NAMES.length, api: { errors: 0 } })
  })

  test('messages of one client are stored in the order in which it sends them', async () => {
    const { port } = await ownServer({ workers, jetstream: true })
    const client = await StreamClient.open(port)
    await client.create('S', { allow_direct: true })
    for (let i = 1; i <= 500; i++) client.connection.publish('S.x', String(i))
    expect(await client.put('S.x', 'last')).toEqual({ stream: 'S', seq: 501 })
    for (const seq of [1, 250, 500]) expect((await client.get('S', seq)).string()).toBe(String(seq))
  })

  test('messages at once are stored behind a jump of sequences', async () => {
    const { port } = await ownServer({ workers, jetstream: { storeDir: temporaryFolder() } })
    const client = await StreamClient.open(port)
    await client.create('S', { storage: 'file', first_seq: 1_000_000 })
    const putThree = () => Promise.all([1, 2, 3].map((i) => client.put('S.x', String(i))))
    const seqs = async () => (await putThree()).map(({ error, seq }) => error?.description ?? seq)
    expect(await seqs()).toEqual([1_000_000, 1_000_001, 1_000_002])
    await client.ask('STREAM.PURGE.S', { seq: 5_000_000 })
    expect(await seqs()).toEqual([5_000_000, 5_000_001, 5_000_002])
  })

  test('accounts have streams of their own, and what is imported finds its way', async () => {
    const { port } = await ownServer({
      workers,
      jetstream: true,
      accounts: {
        A: { users: [{ user: 'a', password: 'a' }], jetstream: true, exports: [{ service: '$JS.API.>' }] },
        B: {
          users: [{ user: 'b', password: 'b' }],
          jetstream: { maxStreams: 1 },
          imports: [{ service: { account: 'A', subject: '$JS.API.>' }, to: 'theirs.>' }],
        },
        C: { users: [{ user: 'c', password: 'c' }] },
      },
    })
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((user) => StreamClient.open(port, { user, pass: user })))
    await Promise.all([a.create('S'), b.create('S')])
    await a.put('S.x')
    expect(await b.info('S')).toMatchObject({ state: { messages: 0 } })
    expect(await a.info('S')).toMatchObject({ state: { messages: 1 } })
    const imported = await b.connection.request('theirs.STREAM.INFO.S', '', { timeout: 5000 })
    expect(imported.json()).toMatchObject({ state: { messages: 1 } })
    const second = { name: 'T', storage: 'memory' }
    expect(await b.ask('STREAM.CREATE.T', second)).toMatchObject({ error: { err_code: 10027 } })
    expect(await c.ask('INFO')).toMatchObject({ error: { code: 503, err_code: 10039 } })
    expect(await c.ask('STREAM.NAMES')).toMatchObject({ error: { err_code: 10039 }, streams: null })
  })

  test('what a domain begins is understood as well', async () => {
    const { port } = await ownServer({ workers, jetstream: { domain: 'hub' } })
    const client = await StreamClient.open(port)
    await client.create('S', { allow_direct: true })
    expect(await client.put('S.x', 'text')).toEqual({ stream: 'S', domain: 'hub', seq: 1 })
    const inDomain = (subject: string, body = '') => client.connection.request(`$JS.hub.API.${subject}`, body)
    expect((await inDomain('STREAM.INFO.S')).json()).toMatchObject({ domain: 'hub', state: { messages: 1 } })
    expect((await inDomain('DIRECT.GET.S', '{"seq":1}')).string()).toBe('text')
  })

  test('copies of stored messages are published where the stream says', async () => {
    const { port } = await ownServer({ workers, jetstream: true })
    const [client, other] = [await StreamClient.open(port), await StreamClient.open(port)]
    await client.create('S', { republish: { src: 'S.*', dest: 'copy.$1' } })
    const copies = await other.listen('copy.>')
    await client.put('S.a', 'one', { own: 'header' })
    await client.put('S.a', 'two')
    const [first, second] = [await copies.next(), await copies.next()]
    expect([first.subject, first.string(), first.headers?.get('own')]).toEqual(['copy.a', 'one', 'header'])
    const said = ['Nats-Stream', 'Nats-Subject', 'Nats-Sequence', 'Nats-Last-Sequence']
    expect(said.map((name) => second.headers?.get(name))).toEqual(['S', 'S.a', '2', '1'])
  })
})

test('those who listen are told of streams, and of batches that came to nothing', async () => {
  const { port } = await ownServer({ workers: 2, jetstream: true })
  const [client, listener] = [await StreamClient.open(port), await StreamClient.open(port)]
  const events = await listener.listen('$JS.EVENT.ADVISORY.STREAM.>')
  await client.create('S', { allow_atomic: true })
  await client.ask('STREAM.UPDATE.S', { name: 'S', storage: 'memory', subjects: ['S.>'], allow_atomic: true })
  await client.put('S.x', '', { 'Nats-Batch-Id': 'b', 'Nats-Batch-Sequence': '1' }).catch(() => undefined)
  await client.put('S.x', '', { 'Nats-Batch-Id': 'b', 'Nats-Batch-Sequence': '3' })
  await client.ask('STREAM.DELETE.S')
  const heard = []
  for (let i = 0; i < 4; i++) heard.push((await events.next()).json<Record<string, unknown>>())
  const type = 'io.nats.jetstream.advisory.v1'
  expect(heard).toMatchObject([
    { type: `${type}.stream_action`, stream: 'S', action: 'create' },
    { type: `${type}.stream_action`, stream: 'S', action: 'modify' },
    { type: `${type}.stream_batch_abandoned`, account: '$G', stream: 'S', batch: 'b', reason: 'incomplete' },
    { type: `${type}.stream_action`, stream: 'S', action: 'delete' },
  ])
})

test('messages end by the age of the stream', async () => {
  const { port } = await ownServer({ workers: 1, jetstream: true })
  const client = await StreamClient.open(port)
  await client.create('S', { max_age: 200e6 })
  for (let i = 0; i < 3; i++) await client.put('S.x')
  const { state } = await until('the messages are gone', async () => {
    const info = await client.info('S')
    return info.state?.messages === 0 && info
  })
  expect(state).toMatchObject({ first_seq: 4, last_seq: 3 })
})

test('the last message of a subject that ends by its age leaves a marker, which ends as well', async () => {
  const { port } = await ownServer({ workers: 1, jetstream: true })
  const client = await StreamClient.open(port)
  await client.create('S', { max_age: 200e6, subject_delete_marker_ttl: 1e9, allow_direct: true })
  await client.put('S.x', 'a')
  await client.put('S.x', 'b')
  const marker = await until('the marker', async () => {
    const message = await client.get('S', 3)
    return message.headers?.code === 404 ? undefined : message
  })
  expect(marker.headers?.keys().slice(0, 3)).toEqual(['Nats-Marker-Reason', 'Nats-TTL', 'Nats-Rollup'])
  expect(marker.headers?.get('Nats-TTL')).toBe('1s')
  await until('the marker is gone', async () => (await client.info('S')).state?.messages === 0)
})

test('a message ends when it says so, and one that never does outlives the age of the stream', async () => {
  const { port } = await ownServer({ workers: 1, jetstream: true })
  const client = await StreamClient.open(port)
  await client.create('S', { allow_msg_ttl: true, max_age: 2e9, duplicate_window: 1e9 })
  await client.put('S.x', 'for ever', { 'Nats-TTL': 'never' })
  await client.put('S.x', 'a second', { 'Nats-TTL': '1' })
  await client.put('S.x', 'two seconds')
  await until('one is gone', async () => (await client.info('S')).state?.messages === 2)
  const { state } = await until('two are gone', async () => {
    const info = await client.info('S')
    return info.state?.messages === 1 && info
  })
  expect(state).toMatchObject({ first_seq: 1, last_seq: 3 })
})

test('when a shard dies, others serve their streams, and another thread opens those of the dead one', async () => {
  const primary = await ownPrimary({ workers: 3, jetstream: true }, FAULTY_ENTRY)
  const client = await StreamClient.open(primary.port)
  await Promise.all(NAMES.map((name) => client.create(name)))
  const dead = hostOf(primary, 1)
  await kill(primary, 1, 'process.exit')
  await untilReplaced(primary, 1, dead)
  const second = await StreamClient.open(primary.port)
  for (const name of NAMES) {
    await until(`${name} takes messages`, async () => (await second.put(`${name}.x`)).seq !== undefined)
  }
  expect(await second.ask('STREAM.NAMES')).toMatchObject({ total: NAMES.length, streams: NAMES })
  expect(await second.ask('INFO')).toMatchObject({ streams: NAMES.length })
})

describe.each([0, 1, 4])('with %i workers, file streams', (workers) => {
  test('are there again after the server, whatever number of workers it has then', async () => {
    const folder = temporaryFolder()
    const options = { workers, jetstream: { storeDir: folder } }
    const first = await startServer(options)
    const client = await StreamClient.open(first.port)
    for (const name of NAMES) {
      await client.create(name, { storage: 'file', description: `of ${name}`, allow_direct: true, allow_msg_ttl: true })
      for (let i = 0; i < 3; i++) await client.put(`${name}.${i}`, `message ${i}`, { 'Nats-Msg-Id': String(i) })
    }
    await client.ask('STREAM.MSG.DELETE.A', { seq: 2 })
    await client.ask('STREAM.DELETE.B')
    const before = await client.info('A', { deleted_details: true, subjects_filter: '>' })
    await client.connection.close()
    await first.close()

    const second = await ownServer({ ...options, workers: workers === 4 ? 1 : 4 })
    const again = await StreamClient.open(second.port)
    expect(await again.ask('STREAM.NAMES')).toMatchObject({ streams: NAMES.filter((name) => name !== 'B') })
    const after = await again.info('A', { deleted_details: true, subjects_filter: '>' })
    expect({ ...after, ts: '', cluster: '' }).toEqual({ ...before, ts: '', cluster: '' })
    for (const name of NAMES.filter((name) => name !== 'B')) {
      expect((await again.get(name, 3)).string()).toBe('message 2')
      expect(await again.put(`${name}.x`, '', { 'Nats-Msg-Id': '2' })).toMatchObject({ seq: 3, duplicate: true })
      expect(await again.put(`${name}.x`, '', { 'Nats-Expected-Last-Msg-Id': '2' })).toMatchObject({ seq: 4 })
    }
    await again.create('B', { storage: 'file' })
    expect(await again.info('B')).toMatchObject({ state: { messages: 0 } })
  })
})

test('what was acknowledged is there after the process was killed', async () => {
  const folder = temporaryFolder()
  const first = await startCommand(['-js', '-sd', folder])
  const client = await StreamClient.open(first.port)
  await client.create('S', { storage: 'file', allow_direct: true })
  for (let i = 1; i <= 100; i++) await client.put('S.x', `message ${i}`)
  await first.stop('SIGKILL')

  const second = await startCommand(['-js', '-sd', folder])
  onTestFinished(async () => {
    await second.stop()
  })
  const again = await StreamClient.open(second.port)
  expect(await again.info('S')).toMatchObject({ state: { messages: 100, last_seq: 100 } })
  expect((await again.get('S', 57)).string()).toBe('message 57')
})

test('a file stream of a shard that dies goes on where it was', async () => {
  const folder = temporaryFolder()
  const primary = await ownPrimary({ workers: 2, jetstream: { storeDir: folder } }, FAULTY_ENTRY)
  const client = await StreamClient.open(primary.port)
  for (const name of NAMES) {
    await client.create(name, { storage: 'file' })
    await client.put(`${name}.x`)
  }
  const dead = hostOf(primary, 1)
  await kill(primary, 1, 'process.exit')
  await untilReplaced(primary, 1, dead)
  const second = await StreamClient.open(primary.port)
  for (const name of NAMES) {
    const { seq } = await until(`${name} takes messages`, async () => {
      const answer = await second.put(`${name}.x`).catch(() => ({ seq: undefined }))
      return answer.seq !== undefined && answer
    })
    expect(seq).toBe(2)
  }
})
