// Another kind of connection than a client: the router delivers to it, and takes from it, without knowing of it. A toy
// protocol stands for routes, leaf nodes and sessions of other protocols: `<subject> <bytes>: <payload>`.

import { once } from 'node:events'
import { type AddressInfo, createServer, Socket } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Account } from '../../src/accounts/account.ts'
import { Client } from '../../src/connection/client.ts'
import { allocateBlock, type Block, copyBytes } from '../../src/memory/block.ts'
import { Outbound } from '../../src/net/outbound.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import type { Dialect } from '../../src/protocol/encoder.ts'
import { type Run, subjectOf } from '../../src/protocol/run.ts'
import type { Publisher } from '../../src/routing/publisher.ts'
import { type Receiver, Subscription } from '../../src/routing/subscription.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { loneShard } from '../support/lone-shard.ts'
import { until } from '../support/until.ts'

class ToyDialect implements Dialect {
  readonly block = allocateBlock(256)
  length = 0
  readonly writesSid = false
  readonly sidAt = 0

  compose(run: Run, subject: string): void {
    const text = `${subject === '' ? subjectOf(run) : subject} ${run.size - run.headerSize}: `
    this.length = this.block.bytes.write(text, 'latin1')
  }

  begin(run: Run, subject: string): void {
    this.compose(run, subject)
  }

  write(to: Block, at: number, { block, first, stride, headerSize, size }: Run, from: number, count: number): number {
    for (let i = from; i < from + count; i++) {
      copyBytes(to, at, this.block, 0, this.length)
      at += this.length
      copyBytes(to, at, block, first + i * stride + headerSize, size - headerSize + 2)
      at += size - headerSize + 2
    }
    return at
  }
}

const TOY = new ToyDialect()
/** Of connections of all kinds; the client is 1. */
let nextId = 2

class ToyConnection implements Receiver, Publisher {
  readonly id = nextId++
  readonly kind = 99
  readonly dialect = TOY
  readonly account: Account
  readonly outbound: Outbound
  readonly options = { headers: false, echo: false, name: 'toy' }
  readonly rights = undefined
  readonly log = { messageWentOut: () => undefined }
  readonly slowConsumerPolicy = 'disconnect'
  readonly droppedMessages = 0
  readonly ended: string[] = []
  readonly awaitsResponders = false
  passing: Set<number> | undefined
  sentTo = 0
  closing = false
  inMessages = 0
  inBytes = 0
  outMessages = 0
  outBytes = 0
  lastActivityMs = 0
  private readonly shard: Shard

  constructor(shard: Shard, socket: Socket) {
    this.shard = shard
    this.account = shard.accounts.global
    this.outbound = new Outbound(shard, socket, 1_000_000, { overflowed: () => undefined, failed: () => undefined })
  }

  subscribe(filter: string, queue = ''): Subscription {
    const subscription = new Subscription(this, this.account, filter, queue, filter)
    this.shard.sublist.insert(subscription)
    return subscription
  }

  /** What its own parser would make of its own bytes. */
  publish(subject: string, payload: string): number {
    const message = { subject, reply: '', headers: {}, payload: Buffer.from(payload) }
    let sent = 0
    composeRun(this.shard.pool, message, (run) => {
      sent = this.shard.router.dispatch(run, this.account, this)
    })
    return sent
  }

  endSubscription(subscription: Subscription): void {
    this.ended.push(subscription.sid)
    this.shard.sublist.remove(subscription)
  }

  holdFor(): void {}
  holdForPeer(): void {}
  requestInfo(): string {
    return ''
  }
  introduce(then: (info: string) => void): void {
    then('')
  }
}

const shard = loneShard()
const listener = createServer()
let accepted: Socket[] = []
beforeAll(async () => {
  listener.on('connection', (socket) => accepted.push(socket))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
})
afterAll(async () => {
  await new Promise<void>((resolve) => shard.stop(0, resolve))
  listener.close()
})

/** A socket of the shard's, and what comes out at its other end. */
async function line(): Promise<{ socket: Socket; read(): string }> {
  const far = new Socket()
  let text = ''
  far.on('data', (bytes) => {
    text += bytes
  })
  accepted = []
  far.connect((listener.address() as AddressInfo).port, '127.0.0.1')
  await until('the connection', () => accepted.length === 1)
  onTestFinished(() => {
    far.destroy()
  })
  return { socket: accepted[0], read: () => text }
}

async function client(): Promise<{ client: Client; read(): string }> {
  const { socket, read } = await line()
  const client = new Client(shard, 1, socket)
  onTestFinished(() => client.destroy())
  return { client, read }
}

async function toy(): Promise<{ toy: ToyConnection; read(): string }> {
  const { socket, read } = await line()
  onTestFinished(() => {
    socket.destroy()
  })
  return { toy: new ToyConnection(shard, socket), read }
}

function subscribe(client: Client, filter: string): Subscription {
  const subscription = new Subscription(client, client.account, filter, '', '9')
  shard.sublist.insert(subscription)
  onTestFinished(() => shard.sublist.remove(subscription))
  return subscription
}

test('it gets messages in its own dialect, beside clients that get them in theirs', async () => {
  const [one, other] = [await toy(), await client()]
  const subscription = one.toy.subscribe('a.*')
  onTestFinished(() => shard.sublist.remove(subscription))
  subscribe(other.client, 'a.b')
  const publisher = await toy()
  expect(publisher.toy.publish('a.b', 'hello')).toBe(2)
  shard.flush()
  await until('both to have it', () => one.read() !== '' && other.read() !== '')
  expect(one.read()).toBe('a.b 5: hello\r\n')
  expect(other.read()).toBe('MSG a.b 9 5\r\nhello\r\n')
  expect(one.toy).toMatchObject({ outMessages: 1, outBytes: 5 })
})

test('what it publishes does not come back, as it asked for', async () => {
  const { toy: one } = await toy()
  const subscription = one.subscribe('echo')
  onTestFinished(() => shard.sublist.remove(subscription))
  expect(one.publish('echo', '')).toBe(0)
})

test('it is a member of a queue group like others', async () => {
  const [one, other] = [await toy(), await toy()]
  for (const { toy } of [one, other]) {
    const subscription = toy.subscribe('work', 'q')
    onTestFinished(() => shard.sublist.remove(subscription))
  }
  const publisher = await toy()
  for (let i = 0; i < 100; i++) expect(publisher.toy.publish('work', 'x')).toBe(1)
  expect(one.toy.outMessages + other.toy.outMessages).toBe(100)
  expect(one.toy.outMessages).toBeGreaterThan(0)
  expect(other.toy.outMessages).toBeGreaterThan(0)
})

test('a subscription of it ends after as many messages as it wants', async () => {
  const { toy: one } = await toy()
  const publisher = await toy()
  const subscription = one.subscribe('few')
  subscription.max = 2
  expect([1, 2, 3].map(() => publisher.toy.publish('few', ''))).toEqual([1, 1, 0])
  expect(one.ended).toEqual(['few'])
})

test('one that is closing gets nothing', async () => {
  const { toy: one } = await toy()
  const publisher = await toy()
  const subscription = one.subscribe('gone')
  onTestFinished(() => shard.sublist.remove(subscription))
  one.closing = true
  expect(publisher.toy.publish('gone', '')).toBe(0)
})
