// Another shard, as a shard sees it: the link to it, the ring from it, its interest, and the MessagePort that serves as
// doorbell.

import assert from 'node:assert/strict'
import type { MessagePort } from 'node:worker_threads'
import { HOLD_MS } from '../base/constants.ts'
import { attempt, guarded, type OnBug } from '../base/guarded.ts'
import type { Turns } from '../base/turns.ts'
import { InterestReader } from '../interest/reader.ts'
import type { Log } from '../log/log.ts'
import type { Chunk, ChunkPool } from '../memory/chunk-pool.ts'
import type { ReadonlyNumberMap } from '../memory/number-map.ts'
import { RingConsumer, RingProducer } from '../memory/ring.ts'
import { FullReceivers } from '../net/full-receivers.ts'
import type { Outbound } from '../net/outbound.ts'
import { PACKED_RUN_BYTES, packedNumber, unpackRun } from '../protocol/packed-run.ts'
import { Run, replyOf, subjectOf } from '../protocol/run.ts'
import { bitOf, type Publisher, type RemotePublisher } from '../routing/publisher.ts'
import { SERVER_ID } from '../routing/server-publisher.ts'
import type { TraceEvent } from '../tracing/event.ts'
import type { Tracing } from '../tracing/tracing.ts'
import { attachRun, batchDone, emptyFrame, type Frame, FrameKind, readFrame, workOf } from './frame.ts'
import type { Inbox, InboxRing } from './inbox.ts'
import { Link, whenVisible } from './link.ts'
import { Memos } from './memos.ts'
import { type PeerMessage, type PeerSetup, WAKE } from './messages.ts'
import { isNotAfter, type PublishOrder } from './publish-order.ts'

/** A publisher on another shard, as the router sees it. One object a peer, renamed for each frame. */
export class PeerPublisher implements RemotePublisher {
  id = 0
  /** Its own shard asks for it. */
  readonly awaitsResponders = false
  private readonly peer: ShardPeer

  constructor(peer: ShardPeer) {
    this.peer = peer
  }

  holdFor(receiver: Outbound): void {
    const { id, peer } = this
    // A client is not kept waiting for a receiver that takes nothing; the server's own messages are.
    if (receiver.isStuck && id >= SERVER_ID) {
      peer.requestRelease(id)
      return
    }
    if (peer.requestHold(id)) receiver.whenRelieved(() => peer.requestRelease(id))
    // What is in the ring already could be more than the receiver has room for.
    if (receiver.isNearlyFull) peer.pauseFor(receiver)
  }

  /** What it sent has gone through a shard already: it waits no more. */
  get passing(): undefined {
    return undefined
  }

  set passing(_shards: Set<number> | undefined) {}

  /** It is held where it is connected. */
  sentTo = 0

  /** What it sent goes on to a third shard and waits for that one: a queue message, or an answer to a request. */
  holdForPeer({ link }: ShardPeer): void {
    const { id, peer } = this
    if (id !== SERVER_ID && peer.requestHold(id)) link.whenRelieved(() => peer.requestRelease(id))
    // Not until the third shard goes on: it may wait for this one in the same way.
    if (link.isFull) peer.pause(HOLD_MS)
  }

  /** Its own shard has told it already. */
  requestInfo(): string {
    return ''
  }

  introduce(then: (info: string) => void): void {
    this.peer.askWhoIs(this.id, then)
  }

  nobodyHeard(run: Run, asked: number, question: number): void {
    this.peer.tellNobodyHeard(this.id, run, asked, question)
  }
}

/** A connection of the shard that sees the peer. */
interface LocalPublisher extends Publisher {
  readonly closing: boolean
  attempt(act: () => unknown): void
  /** A request of its own has reached nobody by one of the frames that it went out in. */
  nobodyHeard(request: Extract<PeerMessage, { kind: 'nobody' }>): void
}

/** What a peer asks of the shard that sees it. */
export interface PeerOwner {
  readonly pool: ChunkPool
  readonly tracing: Pick<Tracing, 'answered'>
  readonly order: PublishOrder
  readonly inbox: Pick<Inbox, 'drain' | 'schedule'>
  readonly turns: Pick<Turns, 'isOver'>
  /** A frame came from the peer's publishers; its runs follow. */
  opened(frame: Frame, peer: ShardPeer): void
  /** One of its runs. */
  receive(run: Run, frame: Frame, peer: ShardPeer): void
  /** Something else than a read or a frame makes the shard work. */
  wake(): void
  /** Asks for the end of the turn, at which links publish. */
  schedule(): void
  /** A bug was met: it costs the frame or the message that it was met with. */
  readonly bugMet: OnBug
  /** A receiver on the peer's side has fallen behind a publisher of this shard, or has caught up. */
  holdPublisher(connection: number, peer: number): void
  releasePublisher(connection: number, peer: number): void
  readonly peers: readonly Pick<ShardPeer, 'link'>[]
  /** Links to other servers, which publish too. */
  readonly links: { values(): Iterable<Pick<LocalPublisher, 'sentTo' | 'closing' | 'attempt' | 'holdForPeer'>> }
  /** Publishers of this shard. */
  readonly clients: Pick<ReadonlyNumberMap<LocalPublisher>, 'get' | 'values'>
  readonly log: Pick<Log, 'complaint' | 'warn'>
}

export class ShardPeer implements InboxRing {
  readonly index: number
  readonly interest: InterestReader
  readonly link: Link
  /** The publisher of the current frame. */
  readonly publisher: PeerPublisher
  private readonly owner: PeerOwner
  private readonly port: MessagePort
  private readonly consumer: RingConsumer
  private readonly ringOut: SharedArrayBuffer
  private readonly run = new Run()
  private readonly frame = emptyFrame()
  /** A message that comes in fragments. */
  private assembly: Chunk | undefined
  private assembled = 0
  /** Of the batch at the ring's end: how many of its runs have been dealt with, and their bytes. */
  private runsDone = 0
  private rawDone = 0
  private readonly memos: Memos
  private readonly holding = new Set<number>()
  /** By the number of the fence: positive for the peer's fences, negative for this shard's. */
  private readonly fences = new Map<number, () => void>()
  private nextFence = 1
  /** By the number of the question. */
  private readonly asking = new Map<number, (info: string) => void>()
  private nextQuestion = 1
  private gone = false
  private pauseTimer: NodeJS.Timeout | undefined
  /** For whose sake the ring is left alone. */
  private readonly full = new FullReceivers()
  /** The next frame wakes this shard. */
  private isAsleep = false

  constructor(owner: PeerOwner, setup: PeerSetup) {
    this.owner = owner
    this.index = setup.index
    this.ringOut = setup.ringOut
    this.port = setup.port
    this.publisher = new PeerPublisher(this)
    this.interest = new InterestReader(setup.region)
    this.consumer = new RingConsumer(setup.ringIn)
    this.memos = new Memos(owner.peers.length + 1)
    this.link = new Link(new RingProducer(setup.ringOut), owner.pool, {
      get work() {
        return owner.order.current
      },
      wake: () => this.post(WAKE),
      mark: () => owner.schedule(),
      fellBehind: () => this.holdPublishers(),
      dropped: (messages) => this.tellDropped(messages),
      bugMet: owner.bugMet,
    })
    this.port.on(
      'message',
      guarded(owner.bugMet, (message: PeerMessage) => this.portOnMessage(message)),
    )
  }

  private post(message: PeerMessage): void {
    this.port.postMessage(message)
  }

  private portOnMessage(message: PeerMessage): void {
    if (this.gone) return
    if (message === WAKE) {
      this.isAsleep = false
      this.link.pump()
      this.owner.inbox.drain()
      return
    }
    switch (message.kind) {
      case 'hold':
        this.owner.holdPublisher(message.connection, this.index)
        return
      case 'release':
        this.owner.releasePublisher(message.connection, this.index)
        return
      case 'fence':
        this.link.sendFence(message.number)
        return
      case 'passed':
        this.fenceArrived(message.number)
        return
      case 'nobody': {
        const client = this.owner.clients.get(message.connection)
        client?.attempt(() => client.nobodyHeard(message))
        return
      }
      case 'traced':
        this.owner.tracing.answered(message.trace, message.events)
        return
      case 'whoIs':
        this.sayWho(message.connection, message.id)
        return
      case 'thisIs':
        this.tell(message.id, message.info)
        return
    }
  }

  // ── The way out ───────────────────────────────────────────────────────────────────────────────────────

  private holdPublishers(): void {
    const bit = bitOf(this.index)
    const { clients, links } = this.owner
    for (const client of [...clients.values(), ...links.values()]) {
      if ((client.sentTo & bit) !== 0 && !client.closing) client.attempt(() => client.holdForPeer(this))
    }
  }

  private tellDropped(messages: number): void {
    const { index, owner } = this
    const text = `A message of the server for clients of shard ${index} was dropped, as too much waits for that shard`
    owner.log.complaint(text, undefined, `shard ${index}`, messages)
  }

  // ── Fences ────────────────────────────────────────────────────────────────────────────────────────────

  /** Calls back when all that the peer has routed to this shard so far has been dealt with here; or it has gone. */
  askFence(then: () => void): void {
    if (this.gone) {
      then()
      return
    }
    const number = this.numberFence(1, then)
    this.post({ kind: 'fence', number })
  }

  /**
   * Calls back when the peer has dealt with all that was sent to it so far, and has made visible what of it goes on to
   * other shards; or it has gone.
   */
  whenPassed(then: () => void): void {
    if (this.gone) then()
    else this.link.sendFence(this.numberFence(-1, then))
  }

  private numberFence(sign: 1 | -1, then: () => void): number {
    const number = sign * this.nextFence
    this.nextFence = (this.nextFence % 0x7fff_ffff) + 1
    this.fences.set(number, then)
    return number
  }

  /** Callbacks for it run when the current frame, and all that it is part of, is over. */
  private fenceArrived(number: number): void {
    const then = this.fences.get(number)
    this.fences.delete(number)
    if (then === undefined) return
    setImmediate(() => {
      this.owner.wake()
      attempt(this.owner.bugMet, then)
    })
  }

  /** Calls back with the peer's description of one of its publishers; with an empty text if it has gone. */
  askWhoIs(connection: number, then: (info: string) => void): void {
    if (this.gone) {
      then('')
      return
    }
    const id = this.nextQuestion++
    this.asking.set(id, then)
    this.post({ kind: 'whoIs', connection, id })
  }

  private sayWho(connection: number, id: number): void {
    const say = (info: string): void => this.post({ kind: 'thisIs', id, info })
    const publisher = this.owner.clients.get(connection)
    if (publisher === undefined) say('')
    else publisher.introduce(say)
  }

  private tell(id: number, info: string): void {
    const then = this.asking.get(id)
    this.asking.delete(id)
    if (then !== undefined) attempt(this.owner.bugMet, () => then(info))
  }

  /** Asks the peer to slow one of its publishers down. Returns false if that was asked already. */
  requestHold(connection: number): boolean {
    if (this.holding.has(connection)) return false
    this.holding.add(connection)
    this.post({ kind: 'hold', connection })
    return true
  }

  requestRelease(connection: number): void {
    if (this.holding.delete(connection) && !this.gone) this.post({ kind: 'release', connection })
  }

  /** A request of one of its publishers has reached nobody here. */
  tellNobodyHeard(connection: number, run: Run, asked: number, question: number): void {
    const [subject, reply] = [subjectOf(run), replyOf(run)]
    this.post({ kind: 'nobody', connection, subject, reply, messages: run.count, asked, question })
  }

  /** Tells what happened here to a message of the peer's, by the number of its trace. */
  tellTrace(trace: number, events: readonly TraceEvent[]): void {
    if (trace > 0 && !this.gone) this.post({ kind: 'traced', trace, events })
  }

  /** Takes nothing from the ring for a while. */
  pause(ms: number): void {
    this.pauseTimer ??= setTimeout(this.resume, ms)
  }

  /** … or until `receiver` has caught up, if that is sooner. */
  pauseFor(receiver: Outbound): void {
    this.full.note(receiver)
    if (this.paused) return
    this.pause(receiver.holdMs(this.frame.bytes))
    receiver.whenRelieved(this.relieved)
  }

  /** One function for the peer's life, so that a receiver keeps it but once. */
  private readonly relieved = (): void => {
    if (this.full.areGone(this.relieved)) this.resume()
  }

  private readonly resume = (): void => {
    this.full.clear()
    clearTimeout(this.pauseTimer)
    this.pauseTimer = undefined
    this.owner.inbox.schedule()
  }

  get paused(): boolean {
    return this.pauseTimer !== undefined
  }

  holdsFrameOf(work: number): boolean {
    if (this.gone) return false
    const at = this.consumer.next()
    return at >= 0 && isNotAfter(workOf(this.consumer.block, at), work)
  }

  get nextNumber(): number {
    return workOf(this.consumer.block, this.consumer.next())
  }

  takeFrame(isWhole: boolean, paused: boolean): number {
    const { frame, consumer } = this
    const at = consumer.next()
    readFrame(consumer.block, at, frame, this.run)
    if (frame.kind === FrameKind.batch) {
      const before = this.rawDone
      if (!this.deliverBatch(at, isWhole, paused)) return this.rawDone - before
      this.runsDone = 0
      this.rawDone = 0
    } else {
      try {
        this.deliver()
      } catch (error) {
        // A bug costs this frame, not the shard, and not the caller.
        this.owner.bugMet(error)
        this.assembly = undefined
        this.run.chunk = undefined
      }
    }
    consumer.advance(frame.bytes)
    if (consumer.release()) this.post(WAKE)
    return frame.bytes
  }

  /** Goes on with the batch at `at`; returns false if the turn ended, or the ring was paused, before it was through. */
  private deliverBatch(at: number, isWhole: boolean, paused: boolean): boolean {
    const { frame, run, owner, memos } = this
    const { block } = this.consumer
    const { runs, rawBytes } = frame
    run.isImported = frame.isImported
    run.origin = frame.origin
    run.cluster = frame.cluster
    run.shownLength = 0
    run.memo = undefined
    owner.opened(frame, this)
    while (this.runsDone < runs) {
      const packedAt = frame.packedStart + this.runsDone * PACKED_RUN_BYTES
      unpackRun(block, packedAt, run, block, frame.rawStart + this.rawDone)
      const number = packedNumber(block, packedAt)
      const known: object | undefined = run.memo ?? memos.find(number)
      run.memo = known
      const { count } = run
      const bytes = count * run.stride
      try {
        owner.receive(run, frame, this)
      } catch (error) {
        // A bug costs this run.
        owner.bugMet(error)
      }
      if (run.memo !== known) memos.keep(number, run.memo)
      this.runsDone++
      this.rawDone += bytes
      batchDone(block, at, count)
      if ((!isWhole && owner.turns.isOver) || (!paused && this.paused)) break
    }
    assert(this.rawDone <= rawBytes, 'runs of a batch are longer than it')
    return this.runsDone === runs
  }

  /** Keeps nobody who has gone. */
  sweep(): void {
    this.memos.clear()
    this.run.memo = undefined
  }

  sleep(): boolean {
    this.isAsleep = this.isAsleep || this.gone || this.consumer.sleep()
    return this.isAsleep
  }

  private deliver(): void {
    const { frame, run, consumer } = this
    if (frame.kind === FrameKind.fence) {
      const number = frame.trace
      if (number > 0) this.fenceArrived(number)
      else {
        const links = this.owner.peers.map(({ link }) => link)
        whenVisible(links, () => this.gone || this.post({ kind: 'passed', number }))
      }
      return
    }
    if (frame.kind === FrameKind.run) {
      attachRun(run, consumer.block, frame.rawStart)
      this.owner.opened(frame, this)
      this.owner.receive(run, frame, this)
      return
    }
    if (frame.kind === FrameKind.firstFragment) {
      this.assembly = this.owner.pool.acquire(run.stride)
      this.assembled = 0
    }
    const { assembly } = this
    if (assembly === undefined) return // its beginning was lost
    consumer.block.bytes.copy(assembly.block.bytes, this.assembled, frame.rawStart, frame.rawStart + frame.rawBytes)
    this.assembled += frame.rawBytes
    if (this.assembled < run.stride) return
    this.assembly = undefined
    attachRun(run, assembly.block, 0)
    run.chunk = assembly
    this.owner.opened(frame, this)
    this.owner.receive(run, frame, this)
    run.chunk = undefined
    assembly.release()
  }

  /** The shard behind this peer has died, and all that it had published is dealt with. */
  died(): void {
    const lost = this.link.countUnread(new RingConsumer(this.ringOut))
    if (lost > 0) this.owner.log.warn(`Shard ${this.index} died; ${lost} messages for its clients were lost`)
    this.close()
  }

  /** Nothing comes from the peer any more, and nothing goes to it. */
  close(): void {
    this.gone = true
    for (const id of [...this.asking.keys()]) this.tell(id, '')
    for (const number of [...this.fences.keys()]) this.fenceArrived(number)
    this.link.close()
    this.port.close()
    this.assembly?.release()
    this.assembly = undefined
  }
}
