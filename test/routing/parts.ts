// What the router deals with, for tests of its parts: receivers whose bytes can be read, publishers that note what they
// are told, and shards that want what a region of real memory says and keep what is sent to them.

import assert from 'node:assert/strict'
import { Account } from '../../src/accounts/account.ts'
import type { Generations } from '../../src/interest/generations.ts'
import { InterestReader } from '../../src/interest/reader.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import { blockFrom } from '../../src/memory/block.ts'
import type { Chunk, ChunkPool } from '../../src/memory/chunk-pool.ts'
import { Outbound, type OutboundHandler, type OutboundOwner } from '../../src/net/outbound.ts'
import type { Transport } from '../../src/net/transport.ts'
import type { SlowConsumerPolicy } from '../../src/options/shapes.ts'
import { CLIENT_DIALECT } from '../../src/protocol/encoder.ts'
import { Run, subjectOf } from '../../src/protocol/run.ts'
import type { Peer, PeerLink } from '../../src/routing/peer.ts'
import type { Publisher } from '../../src/routing/publisher.ts'
import type { Routing } from '../../src/routing/routing.ts'
import { type DeliveryRights, type Receiver, Subscription } from '../../src/routing/subscription.ts'

export const GLOBAL = new Account('$G')

/** How a message of the connection 1 is sent to a shard with plain interest. */
export const PLAIN: Routing = {
  account: '$G',
  plain: true,
  queue: '',
  hops: 0,
  asked: 0,
  question: 0,
  publisher: 1,
  trace: 0,
  isOnlyTraced: false,
  toLinks: false,
}

/** Takes what is written at once, or, while it is slow, when it is told to; until then it only refers to it. */
export class TestTransport implements Transport {
  destroyed = false
  isSlow = false
  writableLength = 0
  private readonly untaken: { readonly bytes: Buffer; readonly then: (() => void) | undefined }[] = []
  private taken = ''

  write(bytes: Buffer, then?: () => void): boolean {
    this.untaken.push({ bytes, then })
    this.writableLength += bytes.length
    if (!this.isSlow) this.take()
    return true
  }

  take(): void {
    for (const { bytes, then } of this.untaken.splice(0)) {
      this.taken += bytes.toString('latin1')
      this.writableLength -= bytes.length
      then?.()
    }
  }

  /** All that was taken since this was asked last. */
  read(): string {
    const { taken } = this
    this.taken = ''
    return taken
  }

  on(): void {}
  cork(): void {}
  uncork(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroySoon(): void {}
  destroy(): void {}
}

/** What outbounds need of a shard: turns end when the test says so. */
export class TestOutputs implements OutboundOwner {
  readonly pool: ChunkPool
  readonly nowMs = 1
  readonly clock = { nowMs: 1 }
  private marked: Outbound[] = []

  constructor(pool: ChunkPool) {
    this.pool = pool
  }

  publish(): void {}

  mark(outbound: Outbound): void {
    this.marked.push(outbound)
  }

  flush(): void {
    while (this.marked.length > 0) for (const outbound of this.marked.splice(0)) outbound.flush()
  }
}

let latestId = 0
/** No two connections have the same number. */
export const nextId = (): number => ++latestId

/** By default it may have 64 MiB waiting, takes headers, and is told what it publishes itself. */
interface ReceiverMembers {
  readonly pendingMax?: number
  readonly headers?: boolean
  readonly echo?: boolean
  readonly rights?: DeliveryRights
  readonly account?: Account
}

export class TestReceiver implements Receiver {
  readonly id = nextId()
  readonly kind = 0
  readonly dialect = CLIENT_DIALECT
  readonly account: Account
  readonly outbound: Outbound
  readonly transport = new TestTransport()
  readonly options: Receiver['options']
  readonly rights: DeliveryRights | undefined
  /** What the log was told of: heads, sizes of headers, and messages. */
  readonly shown: (readonly [head: string, headerSize: number, message: string])[] = []
  readonly log = {
    messageWentOut: (head: string, message: Buffer, headerSize: number): void => {
      this.shown.push([head, headerSize, message.toString('latin1')])
    },
  }
  readonly slowConsumerPolicy: SlowConsumerPolicy = 'disconnect'
  readonly droppedMessages = 0
  /** Subscriptions that have had as many messages as they wanted. */
  readonly ended: Subscription[] = []
  closing = false
  inMessages = 0
  inBytes = 0
  outMessages = 0
  outBytes = 0
  lastActivityMs = 0

  constructor(outputs: OutboundOwner, members: ReceiverMembers = {}) {
    const { pendingMax = 64 * 1024 * 1024, headers = true, echo = true, rights, account = GLOBAL } = members
    this.options = { headers, echo, name: '' }
    this.rights = rights
    this.account = account
    const handler: OutboundHandler = {
      overflowed: () => this.close(),
      failed: (error) => {
        throw error
      },
    }
    this.outbound = new Outbound(outputs, this.transport, pendingMax, handler)
  }

  /** As one that is too slow is. */
  close(): void {
    this.closing = true
    this.outbound.close()
  }

  endSubscription(subscription: Subscription): void {
    this.ended.push(subscription)
    subscription.node = 0
  }

  /** One that is listed somewhere. */
  subscription(subject: string, { queue = '', sid = '1', max = 0, account = this.account } = {}): Subscription {
    const subscription = new Subscription(this, account, subject, queue, sid)
    subscription.node = 1
    subscription.max = max
    return subscription
  }

  read(): string {
    return this.transport.read()
  }
}

/** Notes what holds it back. */
export class TestPublisher implements Publisher {
  readonly id: number
  awaitsResponders = false
  passing: Set<number> | undefined
  sentTo = 0
  readonly heldFor: unknown[] = []

  constructor(id = nextId()) {
    this.id = id
  }

  holdFor(receiver: Outbound): void {
    this.heldFor.push(receiver)
  }

  holdForPeer(peer: Peer): void {
    this.heldFor.push(peer)
  }

  requestInfo(): string {
    return ''
  }

  introduce(then: (info: string) => void): void {
    then('')
  }
}

export interface Messages {
  readonly subject: string
  readonly reply?: string
  readonly header?: string
  /** All as long as the first. */
  readonly payloads: readonly string[]
}

/** As a parser makes it: lines and messages one behind the other, somewhere in the memory of `chunk` or in its own. */
export function runOf({ subject, reply = '', header = '', payloads }: Messages, chunk?: Chunk): Run {
  const size = header.length + payloads[0].length
  const line = `PUB ${subject} ${reply} ${size}\r\n`
  const text = `before\r\n${payloads.map((payload) => `${line}${header}${payload}\r\n`).join('')}`
  const block = chunk?.block ?? blockFrom(text)
  block.bytes.write(text, 0, 'latin1')
  const run = new Run()
  run.line = block
  run.lineStart = 8
  run.lineLength = line.length
  run.subjectStart = run.lineStart + 4
  run.subjectEnd = run.subjectStart + subject.length
  run.replyStart = run.subjectEnd + 1
  run.replyEnd = run.replyStart + reply.length
  run.headerSize = header.length
  run.size = size
  run.block = block
  run.first = run.lineStart + line.length
  run.stride = line.length + size + 2
  run.count = payloads.length
  run.chunk = chunk
  return run
}

/** The payloads of a run. */
export function payloadsOf({ block, first, stride, headerSize, size, count }: Run): string[] {
  return Array.from({ length: count }, (_, i) =>
    block.bytes.toString('latin1', first + i * stride + headerSize, first + i * stride + size),
  )
}

interface Sent {
  readonly subject: string
  readonly payloads: readonly string[]
  readonly routing: Routing
}

/** Another shard: what it wants stands in a region of its own, and what it is sent is kept. */
export class TestPeer implements Peer {
  readonly index: number
  readonly interest: InterestReader
  readonly wants: InterestWriter
  readonly sent: Sent[] = []
  congested = false
  readonly link: PeerLink
  /** Those who wait for this shard: for fences, for what passes, and for room. */
  readonly fences: (() => void)[] = []
  readonly passes: (() => void)[] = []
  readonly reliefs: (() => void)[] = []

  constructor(index: number, generations: Generations) {
    this.index = index
    const region = createRegion()
    this.wants = new InterestWriter(region, generations, 7)
    this.interest = new InterestReader(region)
    const peer = this
    this.link = {
      get congested() {
        return peer.congested
      },
      send(run, routing, from, count) {
        peer.sent.push({ subject: subjectOf(run), payloads: payloadsOf(run).slice(from, from + count), routing })
      },
      // Nothing of these tests stays where it was read.
      pick: () => assert.fail('a run was picked'),
      sendPicked: () => false,
      dropPicked: () => undefined,
      whenRelieved(callback) {
        if (peer.congested) peer.reliefs.push(callback)
        else callback()
      },
    }
  }

  /** There is room again. */
  relieve(): void {
    this.congested = false
    for (const relief of this.reliefs.splice(0)) relief()
  }

  askFence(then: () => void): void {
    this.fences.push(then)
  }

  whenPassed(then: () => void): void {
    this.passes.push(then)
  }
}
