// Another shard as this one sees it, over real rings and a real port. The other shard is played by the test.

import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { HOLD_PENDING, LINK_BEHIND_MAX, LINK_WAITING_MAX } from '../../src/base/constants.ts'
import { Turns } from '../../src/base/turns.ts'
import { createRegion } from '../../src/interest/writer.ts'
import { allocateBlock } from '../../src/memory/block.ts'
import { createRing, RingConsumer, RingProducer } from '../../src/memory/ring.ts'
import { emptyFrame, FrameKind, readFrame } from '../../src/mesh/frame.ts'
import { Link } from '../../src/mesh/link.ts'
import { type PeerMessage, WAKE } from '../../src/mesh/messages.ts'
import { PublishOrder } from '../../src/mesh/publish-order.ts'
import { type PeerOwner, ShardPeer } from '../../src/mesh/shard-peer.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import { Run, subjectOf } from '../../src/protocol/run.ts'
import { Outbox } from '../../src/routing/outbox.ts'
import { bitOf } from '../../src/routing/publisher.ts'
import type { Routing } from '../../src/routing/routing.ts'
import { SERVER_ID } from '../../src/routing/server-publisher.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { GLOBAL, PLAIN, payloadsOf, TestOutputs, TestPublisher, TestReceiver } from '../routing/parts.ts'
import { NO_OWNER } from '../support/staged-peer.ts'

const ALL = 0x7fff_ffff
const PEER = {
  index: 0,
  interest: { read: () => ({ plain: true, queues: undefined }), stepsTaken: 0, freeFrom: 0, hasExact: () => false },
  askFence: () => undefined,
  whenPassed: () => undefined,
}

/** A connection of this shard's. */
class Client extends TestPublisher {
  closing = false
  isBuggy = false
  readonly unheard: unknown[] = []
  private readonly stage: Stage

  constructor(stage: Stage) {
    super()
    this.stage = stage
  }

  attempt(act: () => unknown): void {
    try {
      if (this.isBuggy) throw new Error(`a bug of ${this.id}`)
      act()
    } catch (error) {
      this.stage.bugMet(error)
    }
  }

  nobodyHeard(request: unknown): void {
    this.unheard.push(request)
  }

  override introduce(then: (info: string) => void): void {
    then(`client ${this.id}`)
  }
}

/** This shard, its peers, and what they made it do. */
class Stage implements PeerOwner {
  readonly pool = new CountingPool()
  readonly order = new PublishOrder()
  readonly peers: ShardPeer[] = []
  readonly clients = new Map<number, Client>()
  readonly links = new Map<number, Client>()
  readonly done: unknown[] = []
  /** Payloads that came, by subject. */
  readonly came: (readonly [subject: string, ...payloads: string[]])[] = []
  readonly tracing = { answered: (number: number): void => this.note('traced', number) }
  readonly inbox = { drain: (): void => this.note('drain'), schedule: (): void => this.note('look later') }
  readonly log = {
    complaint: (text: string, _: unknown, who: string, count = 1): boolean => {
      this.note('complaint', text, who, count)
      return true
    },
    warn: (text: string): void => this.note('warn', text),
  }

  private note(...what: unknown[]): void {
    this.done.push(what.length === 1 ? what[0] : what)
  }

  readonly turns = new Turns()
  framesOpened = 0

  opened(): void {
    this.framesOpened++
  }

  /** Of each run, whether it came with a memo. */
  readonly known: boolean[] = []

  receive(run: Run): void {
    const subject = subjectOf(run)
    if (run.memo !== undefined) expect(run.memo).toEqual({ subject })
    this.known.push(run.memo !== undefined)
    run.memo = { subject }
    if (subject === 'bug') throw new Error('a bug')
    // Only what was joined may be kept.
    expect(run.chunk === undefined).toBe(run.size < 100_000)
    this.came.push([subject, ...payloadsOf(run)])
  }

  wake(): void {
    this.note('wake')
  }

  schedule(): void {}

  readonly bugMet = (error: unknown): void => this.note((error as Error).message)

  holdPublisher(connection: number, peer: number): void {
    this.note('hold', connection, peer)
  }

  releasePublisher(connection: number, peer: number): void {
    this.note('release', connection, peer)
  }

  client(): Client {
    const client = new Client(this)
    this.clients.set(client.id, client)
    return client
  }

  addPeer(): FarShard {
    return new FarShard(this)
  }
}

/** The other shard: its end of the rings and of the port, and this one as that one's peer sees it. */
class FarShard {
  readonly peer: ShardPeer
  /** The way here, and what was sent there. */
  readonly link: Link
  readonly consumer: RingConsumer
  private readonly port
  private readonly ringIn: SharedArrayBuffer
  private readonly pool = new CountingPool()

  constructor(stage: Stage) {
    const { port1, port2 } = new MessageChannel()
    const [ringIn, ringOut] = [createRing(4), createRing(4)]
    this.ringIn = ringIn
    this.port = port2
    this.link = new Link(new RingProducer(ringIn), this.pool, NO_OWNER)
    this.consumer = new RingConsumer(ringOut)
    const index = stage.peers.length + 1
    this.peer = new ShardPeer(stage, { index, region: createRegion(), ringOut, ringIn, port: port1 })
    stage.peers.push(this.peer)
    onTestFinished(() => {
      this.peer.close()
      port2.close()
    })
  }

  publish(subject: string, payload: string, routing: Partial<Routing> = {}): void {
    composeRun(this.pool, { subject, reply: 'r', headers: {}, payload: Buffer.from(payload) }, (run) =>
      this.link.send(run, { ...PLAIN, publisher: 44, ...routing }, 0, 1),
    )
    this.link.publish()
  }

  /** Messages of one read, all of two bytes. */
  publishTogether(...subjects: readonly string[]): void {
    const outbox = new Outbox([{ ...PEER, link: this.link }])
    const far = new TestPublisher(44)
    const block = allocateBlock(4096)
    outbox.readBegins(block)
    for (const [i, subject] of subjects.entries()) {
      composeRun(this.pool, { subject, reply: 'r', headers: {}, payload: Buffer.from(`${i % 10}.`) }, (run) => {
        this.link.pick(outbox, outbox.add(run, GLOBAL, far, subject.charCodeAt(0)))
      })
    }
    outbox.readEnds()
    this.link.publish()
  }

  /** A message of this shard's to that one. */
  send(bytes: number, publisher = 1): void {
    composeRun(this.pool, { subject: 's', reply: '', headers: {}, payload: Buffer.alloc(bytes) }, (run) =>
      this.peer.link.send(run, { ...PLAIN, publisher }, 0, 1),
    )
  }

  /** As if this shard had died. */
  countUnread(): number {
    return this.link.countUnread(new RingConsumer(this.ringIn))
  }

  fence(number: number): void {
    this.link.sendFence(number)
    this.link.publish()
  }

  /** This shard takes all that lies in its ring. */
  take(): void {
    for (;;) {
      while (this.peer.holdsFrameOf(ALL)) this.peer.takeFrame(true, true)
      if (!this.link.congested) return
      this.link.pump()
    }
  }

  /** The numbers of the fences that came, as the other shard takes what was sent to it. */
  takeThere(): number[] {
    const [frame, run, fences] = [emptyFrame(), new Run(), [] as number[]]
    this.peer.link.publish()
    for (let at = this.consumer.next(); at >= 0; at = this.consumer.next()) {
      readFrame(this.consumer.block, at, frame, run)
      if (frame.kind === FrameKind.fence) fences.push(frame.trace)
      this.consumer.advance(frame.bytes)
      if (this.consumer.release()) this.peer.link.pump()
    }
    return fences
  }

  /** What was said by the port since this was asked last. */
  get said(): PeerMessage[] {
    const said: PeerMessage[] = []
    for (let one = receiveMessageOnPort(this.port); one !== undefined; one = receiveMessageOnPort(this.port)) {
      said.push(one.message as PeerMessage)
    }
    return said
  }

  /** Says something by the port; resolves when this shard has heard it. */
  async say(message: PeerMessage): Promise<void> {
    this.port.postMessage(message)
    this.port.postMessage({ kind: 'traced', trace: -9, events: [] })
    while (!stageOf(this.peer).done.some((what) => Array.isArray(what) && what[1] === -9)) await turn()
    const { done } = stageOf(this.peer)
    done.splice(
      done.findIndex((what) => Array.isArray(what) && what[1] === -9),
      1,
    )
  }
}

const stageOf = (peer: ShardPeer): Stage => (peer as unknown as { readonly owner: Stage }).owner
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function stageWith(): { stage: Stage; far: FarShard; peer: ShardPeer } {
  const stage = new Stage()
  const far = stage.addPeer()
  return { stage, far, peer: far.peer }
}

describe('frames', () => {
  test('come as runs, whole or joined from fragments, with their publisher and their order', () => {
    const { stage, far, peer } = stageWith()
    const long = Array.from({ length: 60_000 }, (_, i) => String(i)).join('')
    far.publish('a', 'one')
    far.publish('b', long)
    far.publish('c', 'three')
    expect([peer.holdsFrameOf(-1), peer.holdsFrameOf(0), peer.nextNumber]).toEqual([false, true, 0])
    far.take()
    expect(stage.came.map(([subject]) => subject)).toEqual(['a', 'b', 'c'])
    expect(stage.came[1][1] === long).toBe(true)
    expect(stage.pool.outstanding).toBe(0)
  })

  test('a bug costs the one that it was met with, and its memory is given back', () => {
    const { stage, far } = stageWith()
    const long = 'x'.repeat(400_000)
    for (let i = 0; i < 5; i++) {
      far.publish('bug', 'small')
      far.publish('bug', long)
      far.publish('b', '')
      far.publish('a', long)
      far.take()
    }
    expect(stage.came.map(([subject]) => subject)).toEqual(Array.from({ length: 5 }, () => ['b', 'a']).flat())
    expect(stage.done).toEqual(Array.from({ length: 10 }, () => 'a bug'))
    expect(far.link.report()).toMatchObject({ usedBytes: 0, waitingBytes: 0 })
  })

  test('of a batch come run by run; a bug costs the run that it was met with', () => {
    const { stage, far } = stageWith()
    far.publishTogether('a', 'bug', 'd', 'bug', 'a')
    far.publish('c', 'last')
    far.take()
    expect(stage.came).toEqual([
      ['a', '0.'],
      ['d', '2.'],
      ['a', '4.'],
      ['c', 'last'],
    ])
    expect(stage.done).toEqual(['a bug', 'a bug'])
    expect([stage.framesOpened, far.link.report().usedBytes]).toEqual([2, 0])
  })

  test('of a batch are taken as far as the turn and the receivers allow, then from there on', () => {
    const { stage, far, peer } = stageWith()
    far.publishTogether('a', 'b', 'c', 'd', 'e', 'f')
    const subjects = (): string => stage.came.map(([subject]) => subject).join('')
    stage.turns.left = 0
    const bytes = peer.takeFrame(false, false)
    expect([subjects(), peer.holdsFrameOf(ALL), peer.sleep()]).toEqual(['a', true, false])
    peer.takeFrame(false, true)
    expect(subjects()).toBe('ab')
    stage.turns.begin()
    peer.pause(10_000)
    peer.takeFrame(true, false)
    expect([subjects(), peer.paused]).toEqual(['abc', true])
    // What has to be caught up with is: whatever the turn, and whoever has no room.
    stage.turns.left = 0
    expect(peer.takeFrame(true, true)).toBeGreaterThan(3 * bytes)
    expect([subjects(), peer.holdsFrameOf(ALL)]).toEqual(['abcdef', false])
    far.publishTogether('g')
    peer.takeFrame(true, true)
    expect(subjects()).toBe('abcdefg')
  })

  test('of a batch that a dying shard has dealt with in part: the others are lost', () => {
    const { stage, far, peer } = stageWith()
    far.publishTogether('a', 'b', 'c', 'd', 'e')
    stage.turns.left = 0
    peer.takeFrame(false, false)
    peer.takeFrame(false, false)
    expect(far.countUnread()).toBe(3)
  })

  test('what the router knows of a subject is known again, by its bytes or its number, until the sweep', () => {
    const { stage, far, peer } = stageWith()
    far.publishTogether('a', 'a', 'b', 'a', 'c', 'c')
    far.take()
    expect(stage.known).toEqual([false, true, false, true, false, true])
    far.publishTogether('b', 'd', 'a')
    far.take()
    expect(stage.known.slice(6)).toEqual([true, false, true])
    peer.sweep()
    far.publishTogether('b', 'a', 'b')
    far.take()
    expect(stage.known.slice(9)).toEqual([false, false, true])
    // By itself it has no number.
    far.publish('a', 'x')
    far.take()
    expect(stage.known.slice(12)).toEqual([false])
  })

  test('a shard that waits for room is woken when there is some', () => {
    const { far, peer } = stageWith()
    for (let i = 0; i < 40; i++) far.publish('a', 'x'.repeat(50_000))
    expect(far.link.congested).toBe(true)
    peer.takeFrame(true, true)
    expect(far.said).toEqual([WAKE])
    far.take()
    expect(far.link.congested).toBe(false)
  })

  test('this shard is woken by the next one once it sleeps, which it does not while there is one', async () => {
    const { stage, far, peer } = stageWith()
    far.publish('a', '')
    expect(peer.sleep()).toBe(false)
    far.take()
    expect([peer.sleep(), peer.sleep()]).toEqual([true, true])
    await far.say(WAKE)
    expect(stage.done).toEqual(['drain'])
    far.publish('a', '')
    expect(peer.sleep()).toBe(false)
  })
})

describe('fences', () => {
  test('what waits for all that came goes on after the frame, not within it', async () => {
    const { stage, far, peer } = stageWith()
    peer.askFence(() => stage.done.push('first'))
    peer.askFence(() => stage.done.push('second'))
    expect(far.said).toEqual([
      { kind: 'fence', number: 1 },
      { kind: 'fence', number: 2 },
    ])
    far.fence(2)
    far.fence(77)
    far.take()
    expect(stage.done).toEqual([])
    await turn()
    expect(stage.done).toEqual(['wake', 'second'])
  })

  test('one that is asked for stands behind what was sent before', async () => {
    const { far, peer } = stageWith()
    far.send(10)
    await far.say({ kind: 'fence', number: 5 })
    far.send(10)
    expect(far.takeThere()).toEqual([5])
    expect(peer.link.report().sentMessages).toBe(2)
  })

  test('what was sent has passed when the other shard says so', async () => {
    const { stage, far, peer } = stageWith()
    peer.whenPassed(() => stage.done.push('passed'))
    const [number] = far.takeThere()
    expect(number).toBeLessThan(0)
    await far.say({ kind: 'passed', number: number - 1 })
    await far.say({ kind: 'passed', number })
    await far.say({ kind: 'passed', number })
    await turn()
    expect(stage.done).toEqual(['wake', 'passed'])
  })

  test('what goes on from here to a third shard has to be visible before it is said to have passed', () => {
    const { stage, far } = stageWith()
    const third = stage.addPeer()
    while (!third.peer.link.congested) third.send(50_000)
    far.fence(-4)
    far.take()
    expect(far.said).toEqual([])
    third.takeThere()
    expect(far.said).toEqual([{ kind: 'passed', number: -4 }])
  })

  test('a bug of one that waited is told, and the next one goes on', async () => {
    const { stage, far, peer } = stageWith()
    peer.askFence(() => {
      throw new Error('a bug')
    })
    peer.askFence(() => stage.done.push('next'))
    for (const number of [1, 2]) far.fence(number)
    far.take()
    await turn()
    expect(stage.done).toEqual(['wake', 'a bug', 'wake', 'next'])
  })
})

describe('publishers', () => {
  test('of the other shard are held once for a receiver here, until it has caught up', () => {
    const { stage, far, peer } = stageWith()
    const outputs = new TestOutputs(stage.pool)
    const { outbound, transport } = new TestReceiver(outputs)
    transport.isSlow = true
    outbound.appendBuffer(Buffer.alloc(2 * HOLD_PENDING))
    peer.publisher.id = 44
    for (let i = 0; i < 3; i++) peer.publisher.holdFor(outbound)
    expect(far.said).toEqual([{ kind: 'hold', connection: 44 }])
    while (outbound.pendingBytes > 0) {
      outputs.flush()
      transport.take()
    }
    expect(far.said).toEqual([{ kind: 'release', connection: 44 }])
    expect(peer.paused).toBe(false)
  })

  test('of the other shard are let go for a receiver that takes nothing', () => {
    const { stage, far, peer } = stageWith()
    const outputs = new TestOutputs(stage.pool)
    const { outbound, transport } = new TestReceiver(outputs)
    transport.isSlow = true
    outbound.appendBuffer(Buffer.alloc(2 * HOLD_PENDING))
    outputs.flush()
    peer.publisher.id = 44
    peer.publisher.holdFor(outbound)
    outputs.clock.nowMs += 60_000
    for (let i = 0; i < 2; i++) peer.publisher.holdFor(outbound)
    expect(far.said).toEqual([
      { kind: 'hold', connection: 44 },
      { kind: 'release', connection: 44 },
    ])
  })

  test('the ring is left alone while a receiver is nearly full, and looked into when it has caught up', () => {
    const { stage, far, peer } = stageWith()
    const outputs = new TestOutputs(stage.pool)
    const { outbound, transport } = new TestReceiver(outputs, { pendingMax: 100_000 })
    transport.isSlow = true
    outbound.appendBuffer(Buffer.alloc(90_000))
    far.publish('a', '')
    far.take()
    for (let i = 0; i < 2; i++) peer.publisher.holdFor(outbound)
    expect([peer.paused, stage.done]).toEqual([true, []])
    while (outbound.pendingBytes > 0) {
      outputs.flush()
      transport.take()
    }
    expect([peer.paused, stage.done]).toEqual([false, ['look later']])
  })

  test('a pause ends by itself', async () => {
    const { stage, peer } = stageWith()
    peer.pause(1)
    peer.pause(1_000_000)
    while (peer.paused) await turn()
    expect(stage.done).toEqual(['look later'])
  })

  test('of whom something waits to go on to a third shard are held, but for the server itself', () => {
    const { stage, far, peer } = stageWith()
    const third = stage.addPeer()
    while (!third.peer.link.congested) third.send(50_000)
    for (const id of [SERVER_ID, 44]) {
      peer.publisher.id = id
      peer.publisher.holdForPeer(third.peer)
    }
    expect(far.said).toEqual([{ kind: 'hold', connection: 44 }])
    third.takeThere()
    expect([far.said, peer.paused]).toEqual([[{ kind: 'release', connection: 44 }], false])
  })

  test('of this shard that have sent to a shard are all held where much waits for it, and a bug costs one of them', () => {
    const { stage, far, peer } = stageWith()
    const [idle, closing, buggy, busy] = [0, 1, 2, 3].map(() => stage.client())
    for (const client of [closing, buggy, busy]) client.sentTo = bitOf(peer.index)
    idle.sentTo = bitOf(peer.index + 1)
    closing.closing = true
    buggy.isBuggy = true
    while (peer.link.report().waitingBytes < LINK_BEHIND_MAX) far.send(200_000)
    expect([idle, closing, buggy, busy].map(({ heldFor }) => heldFor)).toEqual([[], [], [], [peer]])
    expect(stage.done).toEqual([`a bug of ${buggy.id}`])
    while (!peer.link.isFull) far.send(200_000)
    expect(busy.heldFor).toEqual([peer])
    expect(peer.link.report().waitingBytes).toBeLessThan(LINK_WAITING_MAX + 300_000)
    // What the server says of its own accord is dropped then, and nothing else; a third one's ring waits.
    far.send(10, SERVER_ID)
    far.send(10, 44)
    expect(stage.done.slice(1)).toMatchObject([['complaint', /was dropped/, 'shard 1', 1]])
    const third = stage.addPeer()
    third.peer.publisher.holdForPeer(peer)
    expect(third.peer.paused).toBe(true)
    third.peer.pause(0)
  })

  test('are held and let go by what the other shard says, and are told who nobody heard', async () => {
    const { stage, far, peer } = stageWith()
    const client = stage.client()
    await far.say({ kind: 'hold', connection: 7 })
    await far.say({ kind: 'release', connection: 7 })
    expect(stage.done).toEqual([
      ['hold', 7, peer.index],
      ['release', 7, peer.index],
    ])
    const nobody = { kind: 'nobody', subject: 's', reply: 'r', messages: 1, asked: 2, question: 3 } as const
    await far.say({ ...nobody, connection: client.id })
    await far.say({ ...nobody, connection: client.id + 1 })
    expect(client.unheard).toEqual([{ ...nobody, connection: client.id }])
    peer.publisher.id = 44
    composeRun(stage.pool, { subject: 's', reply: 'r', headers: {}, payload: Buffer.alloc(0) }, (run) =>
      peer.publisher.nobodyHeard(run, 2, 3),
    )
    expect(far.said).toEqual([{ ...nobody, connection: 44 }])
  })

  test('introduce themselves to the other shard, and those that are gone do not', async () => {
    const { stage, far, peer } = stageWith()
    const client = stage.client()
    await far.say({ kind: 'whoIs', connection: client.id, id: 3 })
    await far.say({ kind: 'whoIs', connection: client.id + 1, id: 4 })
    expect(far.said).toEqual([
      { kind: 'thisIs', id: 3, info: `client ${client.id}` },
      { kind: 'thisIs', id: 4, info: '' },
    ])
    peer.publisher.id = 44
    peer.publisher.introduce((info) => stage.done.push(info))
    expect(far.said).toEqual([{ kind: 'whoIs', connection: 44, id: 1 }])
    for (const id of [2, 1, 1]) await far.say({ kind: 'thisIs', id, info: `answer ${id}` })
    expect(stage.done).toEqual(['answer 1'])
  })

  test('what happened to a traced message is told, if it is awaited', () => {
    const { far, peer } = stageWith()
    const events = [{ type: 'eg', ts: '' }] as const
    for (const number of [-1, 0, 5]) peer.tellTrace(number, events)
    expect(far.said).toEqual([{ kind: 'traced', trace: 5, events }])
  })
})

describe('a shard that has gone', () => {
  test('holds nobody: its fences count as arrived, and its questions as answered', async () => {
    const { stage, far, peer } = stageWith()
    far.publish('a', '')
    peer.askFence(() => stage.done.push('fence'))
    peer.whenPassed(() => stage.done.push('passed'))
    peer.publisher.introduce((info) => stage.done.push(`it is ${info}`))
    while (!peer.link.congested) far.send(50_000)
    peer.link.whenRelieved(() => stage.done.push('room'))
    peer.requestHold(44)
    peer.close()
    expect(stage.done).toEqual(['it is ', 'room'])
    await turn()
    expect(stage.done.slice(2)).toEqual(['wake', 'fence', 'wake', 'passed'])
    expect([peer.holdsFrameOf(ALL), peer.sleep(), peer.link.congested, stage.pool.outstanding]).toEqual([
      false,
      true,
      false,
      0,
    ])
  })

  test('is neither asked nor waited for any more', () => {
    const { stage, peer } = stageWith()
    peer.close()
    peer.askFence(() => stage.done.push('fence'))
    peer.whenPassed(() => stage.done.push('passed'))
    peer.publisher.introduce((info) => stage.done.push(`it is ${info}`))
    peer.requestHold(44)
    peer.requestRelease(44)
    peer.tellTrace(5, [])
    expect(stage.done).toEqual(['fence', 'passed', 'it is '])
  })

  test('in the middle of a long message leaves none of its memory behind', () => {
    const { stage, far, peer } = stageWith()
    far.publish('a', 'x'.repeat(400_000))
    peer.takeFrame(true, true)
    expect(stage.pool.outstanding).toBe(1)
    peer.close()
    expect([stage.pool.outstanding, stage.came]).toEqual([0, []])
  })

  test('takes what lay in its ring along: the log says how many messages', () => {
    const { stage, far, peer } = stageWith()
    for (let i = 0; i < 30; i++) far.send(50_000)
    peer.whenPassed(() => undefined)
    peer.died()
    expect(stage.done).toEqual([['warn', 'Shard 1 died; 30 messages for its clients were lost']])
    const other = stage.addPeer()
    other.send(10)
    other.takeThere()
    other.peer.died()
    expect(stage.done).toHaveLength(1)
  })

  test('a bug of one that is told so costs nobody else', async () => {
    const { stage, peer } = stageWith()
    peer.publisher.introduce(() => {
      throw new Error('a bug')
    })
    peer.publisher.introduce((info) => stage.done.push(`it is ${info}`))
    peer.askFence(() => stage.done.push('fence'))
    peer.close()
    await turn()
    expect(stage.done).toEqual(['a bug', 'it is ', 'wake', 'fence'])
  })
})
