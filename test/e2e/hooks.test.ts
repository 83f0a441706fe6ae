// The functions by which a program takes part in the life of its clients: createServer({ authorizePublish, … }).

import { connect } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { normaliseOptions } from '../../src/config/normalise.ts'
import {
  type Authorize,
  type ConnectedClient,
  createServer,
  type EmbeddedOptions,
  type HeddleServer,
  OptionError,
  type OptionsChange,
  type SlowConsumer,
} from '../../src/index.ts'
import { Primary } from '../../src/primary/primary.ts'
import { ShardThreads } from '../../src/primary/shard-threads.ts'
import { dial, open, say } from '../support/harness.ts'
import { FAULTY_ENTRY, kill, openOn } from '../support/shards.ts'
import { until } from '../support/until.ts'

const VIOLATION = "-ERR 'Authorization Violation'\r\n"
const refusedPublish = (subject: string): string => `-ERR 'Permissions Violation for Publish to "${subject}"'\r\n`
const refusedSubscription = (subject: string): string =>
  `-ERR 'Permissions Violation for Subscription to "${subject}"'\r\n`

describe.each([0, 2])('with %i workers', (workers) => {
  async function start(options: EmbeddedOptions): Promise<HeddleServer> {
    const server = createServer({ port: 0, workers, ...options })
    await server.ready()
    onTestFinished(() => server.close())
    return server
  }

  describe('authorizePublish() and authorizeSubscribe()', () => {
    test('say what a client may do; they are asked once, and its messages are not', async () => {
      const asked: ConnectedClient[] = []
      const { port, url } = await start({
        authorization: { users: [{ user: 'a', password: 'p' }] },
        authorizePublish: async (client) => {
          asked.push(client)
          await new Promise(setImmediate)
          return { allow: [`${client.user}.>`], deny: ['a.secret'] }
        },
        authorizeSubscribe: () => ({ deny: ['b.>'] }),
      })
      const client = await say(port, { user: 'a', pass: 'p', name: 'n' })
      client.send('SUB a.* 1\r\nSUB b.x 2\r\n')
      await client.expect(refusedSubscription('b.x'))
      client.send('PUB a.x 1\r\n1\r\nPUB a.secret 0\r\n\r\nPUB c 0\r\n\r\n')
      await client.expect(`MSG a.x 1 1\r\n1\r\n${refusedPublish('a.secret')}${refusedPublish('c')}`)
      client.send('PUB a.x 1\r\n2\r\n'.repeat(500))
      await client.expect('MSG a.x 1 1\r\n2\r\n'.repeat(500))
      expect(asked).toEqual([
        {
          connectionId: client.info?.client_id,
          user: 'a',
          account: '$G',
          ip: '127.0.0.1',
          connectionType: 'STANDARD',
          name: 'n',
          lang: '',
          version: '',
        },
      ])
      const nc = await connect({ servers: url, user: 'a', pass: 'p' })
      await nc.flush()
      expect(asked).toHaveLength(2)
      await nc.close()
    })

    test('stand over configured permissions: lists of what is denied are added up', async () => {
      const permissions = { publish: { allow: ['a'], deny: ['d'] }, subscribe: 'a' }
      const { port } = await start({
        authorization: { users: [{ user: 'a', password: 'p', permissions }] },
        authorizePublish: () => ({ allow: ['b', 'd', 'e'], deny: ['e'] }),
        authorizeSubscribe: () => undefined,
      })
      const client = await say(port, { user: 'a', pass: 'p' })
      client.send('PUB b 0\r\n\r\nPUB a 0\r\n\r\nPUB d 0\r\n\r\nPUB e 0\r\n\r\nSUB b 1\r\nSUB a 2\r\nPING\r\n')
      const refusals = ['a', 'd', 'e'].map(refusedPublish).join('')
      await client.expect(`${refusals}${refusedSubscription('b')}PONG\r\n`)
    })

    test('are asked again at a reload, which may bring others, but neither add nor remove one', async () => {
      const server = await start({ authorizePublish: () => ({ allow: ['a'] }) })
      const client = await say(server.port, {})
      client.send('PUB a 0\r\n\r\nPUB b 0\r\n\r\n')
      await client.expect(refusedPublish('b'))
      await server.reload({ authorizePublish: () => ({ allow: ['b'] }) })
      client.send('PUB b 0\r\n\r\nPUB a 0\r\n\r\n')
      await client.expect(refusedPublish('a'))
      const changes: OptionsChange[] = [{ authorizePublish: null }, { onConnect: () => undefined }]
      for (const change of changes) await expect(server.reload(change)).rejects.toThrow(OptionError)
    })

    test('guard an open server too: nothing is taken before CONNECT', async () => {
      const { port } = await start({ authorizePublish: () => ({ allow: ['a'] }) })
      const client = await dial(port)
      await client.readInfo()
      client.send('PUB b 0\r\n\r\nPING\r\n')
      await client.expect(VIOLATION)
      await client.expectClose()
    })

    const late = (): Promise<never> => new Promise(() => undefined)
    test.each<[string, Authorize, string]>([
      ['throws', () => expect.unreachable('no'), VIOLATION],
      ['rejects', async () => expect.unreachable('no'), VIOLATION],
      ['answers a text', () => 'a.>' as never, VIOLATION],
      ['answers a list', () => ['a.>'] as never, VIOLATION],
      ['answers rules of another shape', () => ({ allow: 'a.>' }) as never, VIOLATION],
      ['answers a Map in its rules', () => ({ allow: new Map([['a', () => 1]]) }) as never, VIOLATION],
      ['never answers', late, "-ERR 'Authentication Timeout'\r\n"],
    ])('one that %s costs its client alone', async (_, authorize, answer) => {
      const { port } = await start({
        authorization: {
          timeout: 300,
          users: [
            { user: 'good', password: 'p' },
            { user: 'bad', password: 'p' },
          ],
        },
        authorizeSubscribe: (client) => (client.user === 'bad' ? authorize(client) : undefined),
      })
      const good = await say(port, { user: 'good', pass: 'p' })
      const bad = await say(port, { user: 'bad', pass: 'p' }, answer)
      await bad.expectClose()
      await good.sync()
      await say(port, { user: 'good', pass: 'p' })
    })
  })

  describe('onConnect() and onDisconnect()', () => {
    test('tell of each client once, with the reason of its end; a refused one is not told of', async () => {
      const events: string[] = []
      const server = await start({
        authorization: {
          users: [
            { user: 'a', password: 'p' },
            { user: 'b', password: 'p' },
          ],
        },
        onConnect: ({ user, connectionId }) => events.push(`+${user} ${connectionId}`),
        onDisconnect: ({ user, connectionId }, reason) => events.push(`-${user} ${connectionId} ${reason}`),
      })
      const { port } = server
      const a = await say(port, { user: 'a', pass: 'p' })
      const b = await say(port, { user: 'b', pass: 'p' })
      const c = await say(port, { user: 'c', pass: 'p' }, VIOLATION)
      await c.expectClose()
      await a.close()
      await until('the end of a', () => events.some((event) => event.startsWith('-a')))
      b.send('NONSENSE\r\n')
      await b.expect("-ERR 'Unknown Protocol Operation'\r\n")
      await b.expectClose()
      await until('the end of b', () => events.some((event) => event.startsWith('-b')))
      const last = await say(port, { user: 'a', pass: 'p' })
      await until('the last one', () => events.length === 5)
      await server.close()
      const [ids] = [[a, b, last].map((client) => client.info?.client_id)]
      expect(events.toSorted()).toEqual(
        [
          `+a ${ids[0]}`,
          `+b ${ids[1]}`,
          `-a ${ids[0]} Client Closed`,
          expect.stringMatching(new RegExp(`^-b ${ids[1]} (Parse Error|Protocol Violation)$`)),
          `+a ${ids[2]}`,
          `-a ${ids[2]} Server Shutdown`,
        ].toSorted(),
      )
    })

    test('one that throws, rejects or never answers harms nobody', async () => {
      const server = await start({
        onConnect: ({ name }) => {
          if (name === 'throws') throw new Error('thrown by onConnect')
          return name === 'rejects' ? Promise.reject(new Error('rejected by onConnect')) : new Promise(() => undefined)
        },
        onDisconnect: () => Promise.reject('no error'),
      })
      for (const name of ['throws', 'rejects', 'waits']) {
        const client = await say(server.port, { name })
        await client.sync()
        await client.close()
      }
      await (await open(server.port)).sync()
    })
  })

  test('onSlowConsumer() tells of one that is closed, and of messages dropped for one that stays', async () => {
    const slow: SlowConsumer[] = []
    const server = await start({
      maxPending: 2 * 1024 * 1024,
      accounts: {
        A: {
          users: [
            { user: 'closed', password: 'p' },
            { user: 'drops', password: 'p', slowConsumer: 'drop_oldest' },
          ],
        },
      },
      onSlowConsumer: (event) => slow.push(event),
    })
    const round = `PUB flood 10000\r\n${'x'.repeat(10_000)}\r\n`.repeat(50)
    for (const user of ['closed', 'drops']) {
      const subscriber = await say(server.port, { user, pass: 'p' })
      const publisher = await say(server.port, { user, pass: 'p' })
      subscriber.send('SUB flood 1\r\n')
      await subscriber.sync()
      subscriber.socket.pause()
      await until(`what is told of ${user}`, async () => {
        publisher.send(round)
        await publisher.sync()
        return slow.some(({ client }) => client.user === user)
      })
      subscriber.socket.destroy()
    }
    const [closed, drops] = ['closed', 'drops'].map((user) => slow.find(({ client }) => client.user === user))
    expect(closed).toMatchObject({
      client: { account: 'A' },
      closedFor: 'Slow Consumer (Pending Bytes)',
      droppedMessages: 0,
    })
    expect(drops).toMatchObject({ client: { account: 'A' }, closedFor: undefined })
    expect(drops?.droppedMessages).toBeGreaterThan(0)
    expect(drops?.pendingBytes).toBeGreaterThan(1_000_000)
  })
})

test('clients of a shard that dies are told of as gone', async () => {
  const events: string[] = []
  const primary = new Primary(normaliseOptions({ port: 0, workers: 2 }), new ShardThreads(FAULTY_ENTRY), {
    onConnect: ({ connectionId }) => events.push(`+${connectionId}`),
    onDisconnect: ({ connectionId }, reason) => events.push(`-${connectionId} ${reason}`),
  })
  await primary.start()
  onTestFinished(() => primary.close())
  const clients = [await openOn(primary, 0), await openOn(primary, 1)]
  await until('both', () => events.length >= 2)
  await kill(primary, 1, 'process.exit')
  await clients[1].expectClose()
  const gone = `-${clients[1].info?.client_id} Shard Died`
  await until('the end', () => events.includes(gone))
  await clients[0].sync()
  expect(events.filter((event) => event.startsWith(`-${clients[0].info?.client_id} `))).toEqual([])
})

test.each(['authorizePublish', 'authorizeSubscribe', 'onConnect', 'onDisconnect', 'onSlowConsumer'])(
  '%s must be a function',
  (name) => {
    for (const value of [undefined, null, {}, 'x']) {
      expect(() => createServer({ [name]: value } as EmbeddedOptions)).toThrow(
        new OptionError(
          `${name} must be a function, not ${value === undefined || value === null || typeof value === 'string' ? String(value) : 'an object'}`,
        ),
      )
    }
  },
)
