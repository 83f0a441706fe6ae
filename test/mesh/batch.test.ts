// Batches: what one read publishes for other shards, from the outbox through the links and their rings.

import { expect, test } from 'vitest'
import { Account } from '../../src/accounts/account.ts'
import { BATCH_RUNS_MAX, CHUNK_BYTES, FRAME_ROOM_MIN, SHARDS_MAX } from '../../src/base/constants.ts'
import { allocateBlock, type Block } from '../../src/memory/block.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import { createRing, RingConsumer, RingProducer } from '../../src/memory/ring.ts'
import { emptyFrame, FrameKind, messagesIn } from '../../src/mesh/frame.ts'
import { Link } from '../../src/mesh/link.ts'
import { Memos } from '../../src/mesh/memos.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import { Run, replyOf, subjectOf } from '../../src/protocol/run.ts'
import { Outbox } from '../../src/routing/outbox.ts'
import type { Peer } from '../../src/routing/peer.ts'
import { SERVER } from '../../src/routing/server-publisher.ts'
import { PLAIN, payloadsOf, TestPublisher } from '../routing/parts.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { NO_OWNER, readRuns } from '../support/staged-peer.ts'

const ACCOUNT = new Account('$G')

/** A message as it comes out: where it is from, and all that was said of it. */
type Came = readonly [account: string, publisher: number, subject: string, reply: string, header: number, text: string]

/** Another shard: its link, and its end of the ring. */
class Far {
  readonly link: Link
  readonly consumer: RingConsumer
  readonly peer: Peer
  readonly came: Came[] = []
  /** Kinds of the frames, and numbers of subjects in batches. */
  readonly kinds: FrameKind[] = []
  readonly numbers: number[] = []
  private readonly frame = emptyFrame()

  constructor(index: number, shards: number, pool: ChunkPool) {
    const memory = createRing(shards)
    this.link = new Link(new RingProducer(memory), pool, NO_OWNER)
    this.consumer = new RingConsumer(memory)
    this.peer = {
      index,
      link: this.link,
      interest: { read: () => ({ plain: true, queues: undefined }), stepsTaken: 0, freeFrom: 0, hasExact: () => false },
      askFence: () => undefined,
      whenPassed: () => undefined,
    }
  }

  /** Takes `most` frames. */
  take(most = Number.POSITIVE_INFINITY): void {
    const { consumer, frame } = this
    const { block } = consumer
    for (; most > 0; most--) {
      const at = consumer.next()
      if (at < 0) return
      readRuns(block, at, frame, (run, number) => {
        if (frame.kind === FrameKind.batch) this.numbers.push(number)
        this.note(run)
      })
      this.kinds.push(frame.kind)
      if (frame.kind === FrameKind.batch) expect(messagesIn(block, at)).toBeGreaterThanOrEqual(frame.runs)
      consumer.advance(frame.bytes)
      if (consumer.release()) this.link.pump()
    }
  }

  private note(run: Run): void {
    const { account, publisher } = this.frame
    for (const text of payloadsOf(run)) {
      this.came.push([account, publisher, subjectOf(run), replyOf(run), run.headerSize, text])
    }
  }
}

interface Published {
  readonly subject: string
  readonly reply?: string
  readonly header?: number
  readonly payloads: readonly string[]
}

/** A run at `at` of a block, as the parser reports it: its line is kept apart. */
function runAt(block: Block, at: number, { subject, reply = '', header = 0, payloads }: Published): Run {
  const size = header + payloads[0].length
  const head = 'h'.repeat(header)
  const line = `PUB  ${subject} ${reply === '' ? '' : `${reply}  `}${size}\r\n`
  block.bytes.write(payloads.map((payload) => `${line}${head}${payload}\r\n`).join(''), at, 'latin1')
  const run = new Run()
  run.line = allocateBlock(line.length)
  run.line.bytes.write(line, 0, 'latin1')
  run.lineLength = line.length
  run.subjectStart = 5
  run.subjectEnd = 5 + subject.length
  run.replyStart = reply === '' ? 0 : run.subjectEnd + 1
  run.replyEnd = reply === '' ? 0 : run.replyStart + reply.length
  run.headerSize = header
  run.size = size
  run.block = block
  run.first = at + line.length
  run.stride = line.length + size + 2
  run.count = payloads.length
  return run
}

/** A read, as it goes on: its block, and the shards for which it publishes. */
function stage(shards: number, count: number) {
  const pool = new ChunkPool()
  const fars = Array.from({ length: count }, (_, i) => new Far(i, shards, pool))
  const outbox = new Outbox(fars.map(({ peer }) => peer))
  const block = allocateBlock(256 * 1024)
  const elsewhere = allocateBlock(64 * 1024)
  const publisher = new TestPublisher()
  let at = 100
  return {
    fars,
    outbox,
    publisher,
    begin(): void {
      at = 100
      block.bytes.fill(0)
      outbox.readBegins(block)
    },
    /** Leaves some bytes between two runs. */
    skip(bytes: number): void {
      at += bytes
    },
    get isFull(): boolean {
      return at > 200 * 1024
    },
    /** Returns whether it is sent with others. */
    publish(
      published: Published,
      to: readonly Far[],
      { account = ACCOUNT, by = publisher, number = 0, isKept = false, isImported = false } = {},
    ): boolean {
      const run = runAt(isKept ? elsewhere : block, isKept ? 0 : at, published)
      run.isImported = isImported
      if (!isKept) at += run.count * run.stride
      const place = outbox.add(run, account, by, number)
      if (place >= 0) for (const { link } of to) link.pick(outbox, place)
      else
        for (const { link } of to) link.send(run, { ...PLAIN, account: account.name, publisher: by.id }, 0, run.count)
      // What is kept elsewhere does not stay there.
      if (isKept) elsewhere.bytes.fill(0)
      return place >= 0
    },
  }
}

function cameOf({ subject, reply = '', header = 0, payloads }: Published, account: string, publisher: number): Came[] {
  return payloads.map((payload) => [account, publisher, subject, reply, header, payload])
}

test('runs of one read come in one frame, to each shard those that are for it', () => {
  const { fars, outbox, publisher, begin, publish, skip } = stage(2, 3)
  const [a, b, c] = fars
  begin()
  const [first, second, third]: Published[] = [
    { subject: 'orders.new', reply: 'r.1', payloads: ['x', 'y', 'z'] },
    { subject: 'a', payloads: [''] },
    { subject: 'orders.new', header: 4, payloads: ['1234'] },
  ]
  publish(first, [a, b], { number: 7 })
  skip(30)
  publish(second, [a, c])
  publish(third, [a, b], { number: 9 })
  for (const { link, consumer } of fars) {
    link.publish()
    expect(consumer.next() >= 0).toBe(true)
  }
  outbox.readEnds()
  for (const far of fars) far.take()
  expect(fars.map(({ kinds }) => kinds)).toEqual([[FrameKind.batch], [FrameKind.batch], [FrameKind.batch]])
  const all = [first, second, third].map((published) => cameOf(published, '$G', publisher.id))
  expect(a.came).toEqual(all.flat())
  expect(b.came).toEqual([...all[0], ...all[2]])
  expect(c.came).toEqual(all[1])
  expect(fars.map(({ numbers }) => numbers)).toEqual([[7, 0, 9], [7, 9], [0]])
  expect(a.link.report()).toMatchObject({ sentMessages: 5 })
})

test('runs of any kind come out in order, through rings that turn over, fill, and are emptied late', () => {
  const random = new Random(chooseSeed('batches'))
  for (const shards of [2, SHARDS_MAX]) {
    const staged = stage(shards, 3)
    const { fars, outbox } = staged
    const accounts = [ACCOUNT, new Account('B'.repeat(200))]
    const publishers = [new TestPublisher(), new TestPublisher()]
    const expected: Came[][] = fars.map(() => [])
    const length = (): number => random.pick([0, 1, 2, 7, 60, 500, random.below(3000)])
    let direct = 0
    for (let read = 0; read < 150; read++) {
      const publisher = random.pick(publishers)
      const account = random.pick(accounts)
      staged.begin()
      for (let i = random.below(60); i > 0 && !staged.isFull; i--) {
        const size = length()
        const long = random.chance(0.03) ? FRAME_ROOM_MIN / (size + 40) : 0
        const payloads = Array.from({ length: 1 + Math.floor(random.below(4) + long * 1.5) }, () =>
          String.fromCharCode(97 + random.below(26)).repeat(size),
        )
        const published: Published = {
          subject: 's'.repeat(1 + random.below(80)),
          reply: random.chance(0.3) ? 'r'.repeat(1 + random.below(40)) : '',
          header: random.chance(0.2) ? 12 : 0,
          payloads,
        }
        const to = fars.filter(() => random.chance(0.6))
        const isKept = payloads.length * (size + 160) < 60_000 && random.chance(0.2)
        if (!staged.publish(published, to, { account, by: publisher, isKept })) direct++
        for (const far of to) expected[fars.indexOf(far)].push(...cameOf(published, account.name, publisher.id))
        if (random.chance(0.2)) staged.skip(random.below(50))
        if (random.chance(0.02)) random.pick(fars).link.sendFence(-1)
        if (random.chance(0.02)) random.pick(fars).link.publish()
      }
      outbox.readEnds()
      for (const far of fars) {
        far.link.publish()
        // One of them is late.
        if (random.chance(far === fars[0] ? 0.1 : 0.7)) far.take(1 + random.below(40))
      }
    }
    expect(direct).toBeGreaterThan(10)
    expect(fars.some(({ link }) => link.congested)).toBe(true)
    for (const far of fars) {
      do far.take()
      while (far.link.congested)
      far.take()
      expect(far.link.report()).toMatchObject({ waitingBytes: 0, usedBytes: 0 })
      expect(far.link.report().sentMessages).toBe(expected[fars.indexOf(far)].length)
    }
    for (const [i, far] of fars.entries()) {
      expect(far.came.length).toBe(expected[i].length)
      const wrong = far.came.findIndex((came, j) => came.join('|') !== expected[i][j].join('|'))
      expect(wrong, `seed ${random.seed}`).toBe(-1)
    }
    expect(publishers.flatMap(({ heldFor }) => heldFor).length).toBeGreaterThan(0)
  }
})

test('what goes by itself comes behind what was picked before it', () => {
  const { fars, outbox, begin, publish, publisher } = stage(2, 2)
  begin()
  publish({ subject: 'a', payloads: ['1'] }, fars)
  composeRun(new ChunkPool(), { subject: 'q', reply: '', headers: {}, payload: Buffer.from('2') }, (run) => {
    fars[0].link.send(run, { ...PLAIN, publisher: publisher.id, plain: false, queue: 'workers' }, 0, 1)
  })
  publish({ subject: 'a', payloads: ['3'] }, fars)
  fars[1].link.sendFence(-4)
  publish({ subject: 'a', payloads: ['5'] }, fars)
  outbox.readEnds()
  for (const far of fars) {
    far.link.publish()
    far.take()
  }
  expect(fars[0].came.map((came) => came[5])).toEqual(['1', '2', '3', '5'])
  const { batch, run, fence } = FrameKind
  expect(fars.map(({ kinds }) => kinds)).toEqual([
    [batch, run, batch, batch],
    [batch, batch, fence, batch],
  ])
})

test('a batch is of one publisher, in one account', () => {
  const { fars, outbox, begin, publish } = stage(2, 1)
  const others = [new TestPublisher(), new TestPublisher()]
  begin()
  publish({ subject: 'a', payloads: ['1'] }, fars)
  publish({ subject: 'a', payloads: ['2'] }, fars, { by: others[0] })
  publish({ subject: 'a', payloads: ['3'] }, fars, { by: others[1] })
  publish({ subject: 'a', payloads: ['4'] }, fars, { by: others[1], account: new Account('A') })
  publish({ subject: 'a', payloads: ['5'] }, fars, { by: others[1], account: new Account('A'), isImported: true })
  outbox.readEnds()
  fars[0].link.publish()
  fars[0].take()
  expect(fars[0].kinds.length).toBe(5)
  expect(fars[0].came.slice(1).map(([account, publisher]) => [account, publisher])).toEqual([
    ['$G', others[0].id],
    ['$G', others[1].id],
    ['A', others[1].id],
    ['A', others[1].id],
  ])
})

test('a read that publishes very much does not keep other shards waiting for its end', () => {
  const { fars, begin, publish } = stage(2, 1)
  const [{ link, consumer }] = fars
  begin()
  for (let i = 0; i <= BATCH_RUNS_MAX; i++) publish({ subject: 's', payloads: [`${i}`] }, fars)
  expect(link.report().sentMessages).toBe(BATCH_RUNS_MAX)
  for (let bytes = 0; bytes < CHUNK_BYTES; bytes += 1000) publish({ subject: 's', payloads: ['x'.repeat(1000)] }, fars)
  expect(consumer.next()).toBeGreaterThanOrEqual(0)
})

test('nothing is kept between reads, of the server, or with a line that is very long', () => {
  const { fars, outbox, begin, publish } = stage(2, 1)
  expect(publish({ subject: 'a', payloads: ['1'] }, fars)).toBe(false)
  begin()
  expect(publish({ subject: 'a', payloads: ['1'] }, fars)).toBe(true)
  expect(publish({ subject: 'a'.repeat(70_000), payloads: ['1'] }, fars)).toBe(false)
  expect(publish({ subject: 'a', payloads: ['x'.repeat(FRAME_ROOM_MIN)] }, fars)).toBe(false)
  let isKept = true
  outbox.apart(() => {
    isKept = publish({ subject: 'a', payloads: ['1'] }, fars)
  })
  expect(isKept).toBe(false)
  expect(publish({ subject: 'a', payloads: ['1'] }, fars)).toBe(true)
  const block = allocateBlock(100)
  expect(outbox.add(runAt(block, 0, { subject: 'a', payloads: ['1'] }), ACCOUNT, SERVER, 0)).toBe(-1)
})

test('a publisher is held by each shard whose ring has no room for its batch', () => {
  const { fars, outbox, begin, publish, publisher } = stage(2, 2)
  while (!fars[0].link.congested) {
    begin()
    publish({ subject: 'a', payloads: ['x'.repeat(10_000)] }, [fars[0]])
    outbox.readEnds()
  }
  expect(publisher.heldFor).toEqual([fars[0].peer])
  begin()
  publish({ subject: 'a', payloads: ['1'] }, fars)
  expect(publisher.heldFor.length).toBe(1)
  outbox.empty()
  expect(publisher.heldFor).toEqual([fars[0].peer, fars[0].peer])
})

test('what was picked for a shard that dies is counted, and nothing is picked for it any more', () => {
  const { fars, outbox, begin, publish } = stage(2, 2)
  begin()
  publish({ subject: 'a', payloads: ['1', '2', '3'] }, fars)
  publish({ subject: 'b', payloads: ['1', '2'] }, fars)
  const [{ link, consumer }] = fars
  expect(link.countUnread(consumer)).toBe(5)
  link.close()
  for (let i = 0; i < 2 * BATCH_RUNS_MAX; i++) publish({ subject: 'a', payloads: ['1'] }, fars)
  outbox.readEnds()
  fars[1].link.publish()
  fars[1].take()
  expect(fars[1].came.length).toBe(5 + 2 * BATCH_RUNS_MAX)
})

test('after a bug nothing that was picked joins the next batch', () => {
  const { fars, outbox, begin, publish } = stage(2, 2)
  begin()
  publish({ subject: 'a', payloads: ['1'] }, fars)
  const { link } = fars[0]
  const { sendPicked } = link
  link.sendPicked = () => {
    throw new Error('a bug')
  }
  expect(() => outbox.readEnds()).toThrow('a bug')
  link.sendPicked = sendPicked
  begin()
  publish({ subject: 'b', payloads: ['2'] }, fars)
  outbox.readEnds()
  for (const far of fars) {
    far.link.publish()
    far.take()
  }
  expect(fars.map(({ came }) => came.map((one) => one[2]))).toEqual([['b'], ['b']])
})

test('memos are found by their number until they are cleared', () => {
  const memos = new Memos(SHARDS_MAX)
  const [one, other] = [{}, {}]
  expect([memos.find(0), memos.find(5)]).toEqual([undefined, undefined])
  memos.keep(0, one)
  memos.keep(5, one)
  expect([memos.find(0), memos.find(5), memos.find(6)]).toEqual([undefined, one, undefined])
  // It has the place of another one.
  for (let number = 6; memos.find(5) !== undefined; number++) memos.keep(number, other)
  memos.clear()
  expect(memos.find(6)).toBeUndefined()
})
