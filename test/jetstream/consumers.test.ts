// Consumers from outside: over all shards, for slow receivers, after restarts, through imports. How each request is
// answered is in consumers-beside-nats-server.test.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { open, ownPrimary, ownServer, WORKERS } from '../support/harness.ts'
import { missing, peers } from '../support/peers.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { Program, startCommand } from '../support/server.ts'
import { FAULTY_ENTRY, hostOf, kill, untilReplaced } from '../support/shards.ts'
import { until } from '../support/until.ts'
import { StreamClient } from './client.ts'

const MS = 1e6
const SECOND = 1e9

/** A folder for the streams of one test. */
function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-consumers-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function consumer(
  client: StreamClient,
  stream: string,
  config: Readonly<Record<string, unknown>>,
): Promise<void> {
  const name = String(config['name'] ?? config['durable_name'])
  const body = { stream_name: stream, config }
  const { error } = await client.ask(`CONSUMER.CREATE.${stream}.${name}`, body)
  if (error !== undefined) throw new Error(error.description)
}

/** Asks for messages, and acknowledges those that come before a status: there is one if `max_bytes` is not used up. */
async function fetch(client: StreamClient, stream: string, name: string, body: object): Promise<string[]> {
  const inbox = `fetch.${Math.random()}`
  const { next } = await client.listen(inbox)
  const payload = JSON.stringify(body)
  client.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, payload, { reply: inbox })
  const got: string[] = []
  for (;;) {
    const message = await next()
    if ((message.headers?.code ?? 0) > 0) return got
    got.push(message.string())
    message.respond()
  }
}

describe.each(WORKERS)('with %i workers', (workers) => {
  test('clients of all shards share the messages of a consumer: each is delivered once', async () => {
    const { port } = await ownServer({ workers, jetstream: true })
    const clients = await Promise.all([1, 2, 3, 4].map(() => StreamClient.open(port)))
    await clients[0].create('S')
    await consumer(clients[0], 'S', { name: 'C', ack_policy: 'explicit' })
    for (let i = 1; i <= 200; i++) clients[i % 4].connection.publish('S.x', String(i))
    await Promise.all(clients.map(({ connection }) => connection.flush()))
    await until('200 messages', async () => (await clients[0].info('S')).state?.messages === 200)
    const shares = await Promise.all(
      clients.map((client) => fetch(client, 'S', 'C', { batch: 50, expires: 20 * SECOND, max_bytes: 1e6 })),
    )
    expect(shares.map(({ length }) => length)).toEqual([50, 50, 50, 50])
    expect(new Set(shares.flat()).size).toBe(200)
    const isDone = async (): Promise<boolean> => {
      const info = await clients[1].ask('CONSUMER.INFO.S.C')
      return info['num_ack_pending'] === 0
    }
    await until('all to be acknowledged', isDone)
    expect(await clients[2].ask('CONSUMER.INFO.S.C')).toMatchObject({
      num_pending: 0,
      ack_floor: { consumer_seq: 200, stream_seq: 200 },
    })
  })

  test('pushed messages come in order, to whoever listens, from the moment on at which he does', async () => {
    const { port } = await ownServer({ workers, jetstream: true })
    const [client, other] = [await StreamClient.open(port), await StreamClient.open(port)]
    await client.create('S')
    await consumer(client, 'S', { durable_name: 'C', deliver_subject: 'to.me', ack_policy: 'none' })
    for (let i = 1; i <= 100; i++) await client.put('S.x', String(i))
    expect(await client.ask('CONSUMER.INFO.S.C')).not.toHaveProperty('push_bound')
    const { next } = await other.listen('to.me')
    const got: string[] = []
    while (got.length < 100) got.push((await next()).string())
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => String(i + 1)))
    expect(await client.ask('CONSUMER.INFO.S.C')).toMatchObject({ push_bound: true, num_pending: 0 })
    await other.connection.close()
    await until('nobody to listen', async () => (await client.ask('CONSUMER.INFO.S.C'))['push_bound'] === undefined)
  })

  test('a receiver that takes nothing is waited for, and others have theirs meanwhile', async () => {
    const bounds = { maxPending: 4 * 1024 * 1024, noFastProducerStall: workers === 2 }
    const { port } = await ownServer({ workers, jetstream: true, ...bounds })
    const client = await StreamClient.open(port)
    await client.create('S')
    const body = 'x'.repeat(64 * 1024)
    for (let i = 0; i < 400; i++) client.connection.publish('S.x', body)
    await client.connection.flush()
    await until('400 messages', async () => (await client.info('S')).state?.messages === 400)
    const slow = await open(port)
    slow.send('SUB slow 1\r\nPING\r\n')
    await slow.sync()
    slow.socket.pause()
    await consumer(client, 'S', { name: 'slow', deliver_subject: 'slow', ack_policy: 'none' })
    const { next } = await client.listen('quick')
    await consumer(client, 'S', { name: 'quick', deliver_subject: 'quick', ack_policy: 'none' })
    for (let i = 0; i < 400; i++) await next()
    expect(await client.ask('CONSUMER.INFO.S.quick')).toMatchObject({ num_pending: 0 })
    const { num_pending: left } = await client.ask('CONSUMER.INFO.S.slow')
    expect(left).toBeGreaterThan(100)
    let got = 0
    slow.onMessage = () => got++
    slow.socket.resume()
    await until('the slow one to have all', () => got === 400)
  })

  test('who asks for very much and takes nothing is waited for, and others have theirs meanwhile', async () => {
    const bounds = { maxPending: 4 * 1024 * 1024 }
    const { port } = await ownServer({ workers, jetstream: true, ...bounds })
    const client = await StreamClient.open(port)
    await client.create('S')
    const body = 'x'.repeat(64 * 1024)
    for (let i = 0; i < 400; i++) client.connection.publish('S.x', body)
    await client.connection.flush()
    await until('400 messages', async () => (await client.info('S')).state?.messages === 400)
    for (const name of ['slow', 'quick']) await consumer(client, 'S', { name, ack_policy: 'none' })
    const slow = await open(port)
    const ask = JSON.stringify({ batch: 1_000_000, expires: 60 * SECOND })
    slow.send(`SUB slow 1\r\nPUB $JS.API.CONSUMER.MSG.NEXT.S.slow slow ${ask.length}\r\n${ask}\r\nPING\r\n`)
    slow.socket.pause()
    await until('some of it to be sent', async () => {
      return ((await client.ask('CONSUMER.INFO.S.slow'))['num_pending'] as number) < 400
    })
    const { next } = await client.listen('quick')
    client.connection.publish('$JS.API.CONSUMER.MSG.NEXT.S.quick', '400', { reply: 'quick' })
    for (let i = 0; i < 400; i++) await next()
    // It has what its connection may hold, and what the sockets do.
    expect((await client.ask('CONSUMER.INFO.S.slow'))['num_pending']).toBeGreaterThan(100)
    let got = 0
    slow.onMessage = () => got++
    slow.socket.resume()
    await until('the slow one to have all', () => got === 400)
  })

  test('how much is pending is what a count says, whatever comes to the stream and goes', async () => {
    const random = new Random(chooseSeed('pending'))
    const { port } = await ownServer({ workers, jetstream: true })
    const client = await StreamClient.open(port)
    await client.create('S', { max_msgs: 60, max_msgs_per_subject: 15, allow_rollup_hdrs: true })
    const filters = [['S.0'], ['S.>'], ['S.1', 'S.2'], ['S.*.x']]
    const names = ['A', 'B', 'C', 'D']
    for (const [i, name] of names.entries()) {
      const config = { durable_name: name, filter_subjects: filters[i], ack_policy: 'explicit', max_ack_pending: -1 }
      await consumer(client, 'S', config)
    }
    for (let round = 0; round < 60; round++) {
      const subject = `S.${random.below(4)}${random.chance(0.2) ? '.x' : ''}`
      const kind = random.below(20)
      if (kind === 0) await client.ask('STREAM.PURGE.S', { filter: subject })
      else if (kind === 1) await client.ask('STREAM.PURGE.S', { keep: 10 })
      else if (kind < 5) {
        const { state } = await client.info('S')
        await client.ask('STREAM.MSG.DELETE.S', { seq: (state?.first_seq ?? 0) + random.below(40) })
      } else if (kind === 5) await client.put(subject, 'all before goes', { 'Nats-Rollup': 'sub' })
      else if (kind < 10) await fetch(client, 'S', random.pick(names), { batch: 7, no_wait: true, max_bytes: 1e6 })
      else for (let i = random.below(9); i >= 0; i--) await client.put(subject)
      for (const [i, name] of names.entries()) {
        const info = (await client.ask(`CONSUMER.INFO.S.${name}`)) as unknown as {
          delivered: { stream_seq: number }
          num_pending: number
        }
        const next = { deliver_policy: 'by_start_sequence', opt_start_seq: info.delivered.stream_seq + 1 }
        const body = { stream_name: 'S', config: { name: 'count', filter_subjects: filters[i], ...next } }
        const counted = await client.ask('CONSUMER.CREATE.S.count', body)
        expect(info.num_pending, `${name}, round ${round}`).toBe(counted['num_pending'])
        await client.ask('CONSUMER.DELETE.S.count')
      }
    }
  })

  test('who is not heard of for too long is deleted, and others are told', async () => {
    const { port } = await ownServer({ workers, jetstream: true })
    const client = await StreamClient.open(port)
    await client.create('S')
    const { next } = await client.listen('$JS.EVENT.ADVISORY.CONSUMER.DELETED.S.*')
    const threshold = { inactive_threshold: 100 * MS }
    await consumer(client, 'S', { name: 'pull', ...threshold })
    expect((await next()).subject).toMatch(/\.pull$/)
    await consumer(client, 'S', { name: 'push', deliver_subject: 'nobody', ...threshold })
    expect((await next()).subject).toMatch(/\.push$/)
    expect(await client.ask('CONSUMER.NAMES.S')).toMatchObject({ total: 0 })
    expect(await client.ask('INFO')).toMatchObject({ consumers: 0 })
  })

  test('a pause ends by itself, and is still told of', async () => {
    const { port } = await ownServer({ workers, jetstream: true })
    const client = await StreamClient.open(port)
    await client.create('S')
    await client.put('S.x', 'text')
    const events = await client.listen('$JS.EVENT.ADVISORY.CONSUMER.PAUSE.S.C')
    const pushed = await client.listen('to.me')
    const until = new Date(Date.now() + 300).toISOString().replace(/\.?0*Z$/, 'Z')
    await consumer(client, 'S', { name: 'C', deliver_subject: 'to.me', ack_policy: 'none', pause_until: until })
    for (const paused of [true, false]) {
      expect((await events.next()).json()).toMatchObject({ consumer: 'C', paused, pause_until: until })
    }
    expect((await pushed.next()).string()).toBe('text')
    const { config, paused } = await client.ask('CONSUMER.INFO.S.C')
    expect([config, paused]).toMatchObject([{ pause_until: until }, undefined])
  })

  test('messages are replayed with the gaps between them, and no faster than they may', async () => {
    const { port } = await ownServer({ workers, jetstream: true })
    const client = await StreamClient.open(port)
    await client.create('S', { max_msg_size: 100 })
    await client.put('S.x', 'x'.repeat(100))
    await until('a while', async () => {
      const { state } = (await client.ask('STREAM.INFO.S')) as unknown as { state: { first_ts: string } }
      return Date.now() - Date.parse(state.first_ts) > 150
    })
    await client.put('S.x', 'x'.repeat(100))
    for (const config of [{ replay_policy: 'original' }, { rate_limit_bps: 2_000 }]) {
      const { next } = await client.listen('to.me')
      const heartbeats = { idle_heartbeat: 100 * MS, ack_policy: 'none' }
      await consumer(client, 'S', { name: 'C', deliver_subject: 'to.me', ...heartbeats, ...config })
      const kinds: number[] = []
      while (kinds.filter((kind) => kind === 0).length < 2) kinds.push((await next()).headers?.code ?? 0)
      // A heartbeat shows that time has passed between them.
      expect(kinds).toEqual([0, ...kinds.slice(1, -1).fill(100), 0])
      expect(kinds.length).toBeGreaterThan(2)
      await client.ask('CONSUMER.DELETE.S.C')
    }
  })

  test('what is asked for by an import comes back by it, and is acknowledged by another', async () => {
    const { port } = await ownServer({
      workers,
      jetstream: true,
      accounts: {
        A: {
          users: [{ user: 'a', password: 'a' }],
          jetstream: true,
          exports: [{ service: '$JS.API.CONSUMER.MSG.NEXT.>', response: 'stream' }, { service: '$JS.ACK.>' }],
        },
        B: {
          users: [{ user: 'b', password: 'b' }],
          imports: [
            { service: { account: 'A', subject: '$JS.API.CONSUMER.MSG.NEXT.>' }, to: 'next.>' },
            { service: { account: 'A', subject: '$JS.ACK.>' } },
          ],
        },
      },
    })
    const [a, b] = await Promise.all(['a', 'b'].map((user) => StreamClient.open(port, { user, pass: user })))
    await a.create('S')
    await consumer(a, 'S', { name: 'C', ack_policy: 'explicit' })
    await a.put('S.x', 'text')
    const { next } = await b.listen('inbox')
    b.connection.publish('next.S.C', '', { reply: 'inbox' })
    const message = await next()
    expect([message.subject, message.string()]).toEqual(['S.x', 'text'])
    message.respond()
    await until('the acknowledgement', async () => (await a.ask('CONSUMER.INFO.S.C'))['num_ack_pending'] === 0)
  })

  test('consumers of a file stream are there again after a restart, with what was acknowledged', async () => {
    const jetstream = { storeDir: ownFolder() }
    const first = await ownServer({ workers, jetstream })
    let client = await StreamClient.open(first.port)
    await client.create('S', { storage: 'file' })
    await client.create('I', { storage: 'file', retention: 'interest' })
    await consumer(client, 'I', { durable_name: 'C', ack_policy: 'explicit' })
    await consumer(client, 'S', { durable_name: 'C', ack_policy: 'explicit' })
    await consumer(client, 'S', {
      durable_name: 'L',
      ack_policy: 'explicit',
      deliver_policy: 'last_per_subject',
      filter_subject: 'S.*',
    })
    await consumer(client, 'S', { durable_name: 'gone', ack_policy: 'explicit' })
    await consumer(client, 'S', { name: 'forgotten', ack_policy: 'explicit', mem_storage: true })
    for (let i = 1; i <= 10; i++) await client.put(`S.${i % 3}`, String(i))
    await client.put('I.x', 'kept')
    await consumer(client, 'S', {
      durable_name: 'M',
      ack_policy: 'explicit',
      deliver_policy: 'last_per_subject',
      filter_subject: 'S.*',
    })
    await client.put('S.0', '11')
    await client.ask('CONSUMER.DELETE.S.gone')
    const inbox = await client.listen('inbox')
    client.connection.publish('$JS.API.CONSUMER.MSG.NEXT.S.C', '5', { reply: 'inbox' })
    const messages = []
    while (messages.length < 5) messages.push(await inbox.next())
    for (const i of [0, 1, 3]) await client.connection.request(messages[i].reply ?? '')
    await client.connection.close()
    await first.close()
    const { port } = await ownServer({ workers, jetstream })
    client = await StreamClient.open(port)
    expect(await client.ask('CONSUMER.NAMES.S')).toMatchObject({ consumers: ['C', 'L', 'M'] })
    expect(await client.ask('CONSUMER.INFO.S.C')).toMatchObject({
      delivered: { consumer_seq: 5, stream_seq: 5 },
      ack_floor: { consumer_seq: 2, stream_seq: 2 },
      num_ack_pending: 2,
      num_pending: 6,
    })
    const all = { batch: 9, expires: SECOND, max_bytes: 1e6 }
    expect(await fetch(client, 'S', 'M', all)).toEqual(['8', '9', '10', '11'])
    expect(await fetch(client, 'S', 'C', { batch: 5, expires: 20 * SECOND, max_bytes: 1e6 })).toEqual([
      '6',
      '7',
      '8',
      '9',
      '10',
    ])
    expect(await client.info('I')).toMatchObject({ state: { messages: 1 } })
  })
})

test('the page of streams shows their consumers, with their configuration if that is asked for', async () => {
  const { port, monitorPort } = await ownServer({ workers: 2, jetstream: true, monitorPort: -1 })
  const client = await StreamClient.open(port)
  await client.create('S')
  await client.put('S.x')
  for (const name of ['B', 'A']) await consumer(client, 'S', { durable_name: name, ack_policy: 'explicit' })
  const consumersOn = async (query: string): Promise<unknown> => {
    const page = (await (await globalThis.fetch(`http://127.0.0.1:${monitorPort}/jsz?${query}`)).json()) as {
      account_details: { stream_detail: { consumer_detail?: unknown }[] }[]
    }
    return page.account_details[0].stream_detail[0].consumer_detail
  }
  expect(await consumersOn('streams=1')).toBeUndefined()
  const shown = await consumersOn('consumers=1')
  expect(shown).toMatchObject([{ name: 'A', num_pending: 1 }, { name: 'B' }])
  expect(shown).not.toHaveProperty('0.config')
  expect(await consumersOn('consumers=1&config=1')).toMatchObject([{ config: { durable_name: 'A' } }, {}])
  expect(await client.ask('STREAM.LIST')).not.toHaveProperty('streams.0.consumer_detail')
})

describe.skipIf(missing('nats', 'consumers by the nats command'))('the nats command', () => {
  test('creates consumers, takes and acknowledges messages, and reports', async () => {
    const { port } = await ownServer({ workers: 2, jetstream: true })
    const client = await StreamClient.open(port)
    await client.create('S')
    for (let i = 1; i <= 20; i++) await client.put('S.x', `message ${i}`)
    const nats = async (...args: readonly string[]): Promise<string> => {
      const program = new Program(peers.nats ?? '', ['-s', `127.0.0.1:${port}`, ...args])
      const { code } = await program.exit()
      expect(code, program.stdout + program.stderr).toBe(0)
      return program.stdout
    }
    await nats('consumer', 'add', 'S', 'C', '--pull', '--ack', 'explicit', '--deliver', 'all', '--defaults')
    expect(await nats('consumer', 'next', 'S', 'C', '--count', '3', '--ack')).toMatch(/message 1.*message 3/s)
    expect(JSON.parse(await nats('consumer', 'info', 'S', 'C', '--json'))).toMatchObject({
      ack_floor: { consumer_seq: 3, stream_seq: 3 },
      num_pending: 17,
    })
    expect(await nats('consumer', 'report', 'S')).toMatch(/C.*Pull.*Explicit/)
    await nats('consumer', 'edit', 'S', 'C', '--description', 'edited', '-f')
    await nats('consumer', 'pause', 'S', 'C', '1h', '-f')
    expect(await nats('consumer', 'info', 'S', 'C')).toMatch(/edited.*Paused/s)
    await nats('consumer', 'resume', 'S', 'C', '-f')
    await nats('consumer', 'rm', 'S', 'C', '-f')
    expect(await client.ask('CONSUMER.NAMES.S')).toMatchObject({ total: 0 })
  })
})

test('a shard that dies takes no consumer of a file stream with it: nothing is skipped', async () => {
  const primary = await ownPrimary({ workers: 2, jetstream: { storeDir: ownFolder() } }, FAULTY_ENTRY)
  const client = await StreamClient.open(primary.port)
  const names = ['A', 'B', 'C', 'D', 'E', 'F']
  for (const name of names) {
    await client.create(name, { storage: 'file' })
    await consumer(client, name, { durable_name: 'C', ack_policy: 'explicit', ack_wait: 500 * MS })
    for (let i = 1; i <= 4; i++) await client.put(`${name}.x`, String(i))
    // One is acknowledged, one is under way.
    const { next } = await client.listen(`inbox.${name}`)
    client.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${name}.C`, '2', { reply: `inbox.${name}` })
    const [message] = [await next(), await next()]
    await client.connection.request(message.reply ?? '')
  }
  for (const shard of [0, 1]) {
    const dead = hostOf(primary, shard)
    await kill(primary, shard, 'throw')
    await untilReplaced(primary, shard, dead)
  }
  const other = await StreamClient.open(primary.port)
  for (const name of names) {
    const got = new Set<string>()
    while (got.size < 3)
      for (const each of await fetch(other, name, 'C', { batch: 3, expires: SECOND, max_bytes: 1e6 })) got.add(each)
    expect([...got].sort()).toEqual(['2', '3', '4'])
  }
})

test('what is acknowledged, and answered, is not delivered again when the process is killed; nothing is skipped', async () => {
  const args = ['-js', '-sd', ownFolder(), '--workers', '2']
  let program = await startCommand(args)
  onTestFinished(async () => void (await program.stop('SIGKILL')))
  const acknowledged = new Set<string>()
  for (let round = 0; round < 5; round++) {
    const client = await StreamClient.open(program.port)
    if (round === 0) {
      await client.create('S', { storage: 'file' })
      await consumer(client, 'S', { durable_name: 'C', ack_policy: 'explicit', ack_wait: SECOND })
      for (let i = 0; i < 50; i++) await client.put('S.x', String(i))
    }
    const { next } = await client.listen('inbox')
    client.connection.publish('$JS.API.CONSUMER.MSG.NEXT.S.C', '10', { reply: 'inbox' })
    for (let i = 0; i < 5; i++) {
      const message = await next()
      expect(acknowledged).not.toContain(message.string())
      await client.connection.request(message.reply ?? '', '', { timeout: 10_000 })
      acknowledged.add(message.string())
    }
    await client.connection.close()
    await program.stop('SIGKILL')
    program = await startCommand(args)
  }
  const client = await StreamClient.open(program.port)
  const left = new Set<string>()
  while (left.size < 25) {
    for (const each of await fetch(client, 'S', 'C', { batch: 50, expires: SECOND, max_bytes: 1e6 })) left.add(each)
  }
  expect(acknowledged.size).toBe(25)
  expect([...left].filter((each) => acknowledged.has(each))).toEqual([])
})
