// A stream on its way to a backup: chunks of its archive, published where the client hears them. A full chunk has a
// reply subject, by which the client says that it has it; no more chunks are on their way than fit in the window.
//
//     archive ─▶ S2 ─▶ chunk 1 … n ─▶ deliver subject
//                        │             └─ $JS.SNAPSHOT.ACK.<stream>.<id>.<size>.<n> ─▶ one more may leave
//                        └─ the rest, without a reply ─▶ an empty message: 204, or what went wrong
//
// The stream goes on meanwhile. Messages that are removed before their turn are left out.

import { randomText } from '../../base/event-head.ts'
import { InternalSubscription } from '../../routing/subscription.ts'
import { writeS2 } from '../../s2/writer.ts'
import { byteString } from '../../subjects/byte-string.ts'
import { clockUs } from '../clock.ts'
import { consumersOf } from '../consumers/consumer.ts'
import type { StoredMessage } from '../storage/store.ts'
import { SubjectFilter } from '../storage/subject-filter.ts'
import type { Stream } from '../stream.ts'
import { streamState } from '../stream-info.ts'
import { END, entryHead, MAGIC } from './archive.ts'
import { consumerEntry } from './consumer-entry.ts'

const CHUNK = { standard: 128 * 1024, min: 1024, max: 1024 * 1024 }
const WINDOW = { standard: 8 * 1024 * 1024, min: 1024, max: 32 * 1024 * 1024 }
/** Bytes that are compressed at once; between two of them others have their turn. */
const BLOCK_BYTES = 64 * 1024
const INTEREST_MS = 2000
const LOOK_MS = 20
const ACK_MS = 5000
const ALL = new SubjectFilter()
const NOTHING = Buffer.alloc(0)

export interface SnapshotRequest {
  readonly deliver_subject: string
  readonly no_consumers: boolean
  /** Bytes; 0: as usual. */
  readonly chunk_size: number
  readonly window_size: number
}

const within = (value: number, { max, min, standard }: typeof CHUNK): number =>
  Math.min(Math.max(min, value || standard), max)

export class Snapshot {
  private readonly stream: Stream
  private readonly to: string
  private readonly withConsumers: boolean
  private readonly chunkSize: number
  /** Chunks that may leave. */
  private slots: number
  private readonly slotsMax: number
  private relieve: (() => void) | undefined
  private readonly ackPrefix: string
  /** Of the archive, what is not compressed yet. */
  private pieces: Uint8Array[] = []
  private pieceBytes = 0
  /** What is compressed, and not sent yet. */
  private ready: Buffer = NOTHING
  private sent = 0
  private readonly last: number

  constructor(stream: Stream, request: SnapshotRequest) {
    this.stream = stream
    this.to = byteString(request.deliver_subject)
    this.withConsumers = !request.no_consumers
    this.chunkSize = within(request.chunk_size, CHUNK)
    this.slotsMax = Math.floor(Math.max(within(request.window_size, WINDOW), this.chunkSize) / this.chunkSize)
    this.slots = this.slotsMax
    this.ackPrefix = `$JS.SNAPSHOT.ACK.${byteString(stream.name)}.${randomText()}`
    this.last = stream.store.last
  }

  /** Sends all of it. Answers what went wrong; empty: nothing. */
  async run(): Promise<string> {
    const { account, owner } = this.stream
    const acks = new InternalSubscription(account, `${this.ackPrefix}.>`, (run) => this.acknowledged(run.count))
    if (!owner.sublist.insert(acks)) return 'insufficient resources'
    try {
      await this.awaitInterest()
      const failure = await this.sendArchive()
      const status = failure === '' ? (this.sent > 0 ? '204' : '') : failure
      this.stream.sender.send(this.to, NOTHING, status === '' ? NOTHING : Buffer.from(`NATS/1.0 ${status}\r\n\r\n`))
      return failure
    } finally {
      owner.sublist.removeAll([acks])
    }
  }

  /** A client may subscribe when it has the answer. A wildcard of its own, for other answers, does not count. */
  private async awaitInterest(): Promise<void> {
    const { account, owner } = this.stream
    const isHeard = (): boolean => owner.router.planner.hasExact(account, this.to)
    for (let ms = 0; ms < INTEREST_MS && !isHeard(); ms += LOOK_MS) await pause(LOOK_MS)
  }

  private async sendArchive(): Promise<string> {
    const { stream, withConsumers } = this
    const consumers = withConsumers ? consumersOf(stream) : []
    const state = JSON.stringify({ ...streamState(stream), consumer_count: consumers.length })
    this.add(MAGIC)
    this.addEntry('state.json', Buffer.from(state))
    for (const consumer of consumers) {
      this.addEntry(`consumers/${byteString(consumer.name)}`, Buffer.from(consumerEntry(consumer, this.last)))
    }
    const { store } = stream
    for (let seq = store.next(ALL, store.first); seq > 0 && seq <= this.last; seq = store.next(ALL, seq + 1)) {
      if (stream.closed) return '500 stream is closed'
      const soon = store.load(seq)
      const message = soon instanceof Promise ? await soon : soon
      if (message !== undefined) this.addMessage(message)
      const failure = this.pieceBytes < BLOCK_BYTES ? '' : await this.flush()
      if (failure !== '') return failure
    }
    this.add(END)
    const failure = await this.flush()
    if (failure === '' && this.ready.length > 0) this.stream.sender.send(this.to, this.ready)
    return failure
  }

  // ── The archive ───────────────────────────────────────────────────────────────────────────────────────

  private add(piece: Uint8Array): void {
    this.pieces.push(piece)
    this.pieceBytes += piece.length
  }

  private addEntry(name: string, payload: Buffer): void {
    this.add(entryHead(name, clockUs(), 0, 0, payload.length))
    this.add(payload)
  }

  private addMessage({ block, end, headersStart, payloadStart, seq, subject, timeUs }: StoredMessage): void {
    this.add(entryHead(subject.toString('latin1'), timeUs, seq, payloadStart - headersStart, end - payloadStart))
    // Its bytes stay as long as they are referred to.
    this.add(block.bytes.subarray(headersStart, end))
  }

  // ── Chunks ────────────────────────────────────────────────────────────────────────────────────────────

  /** Compresses what has gathered, and sends what makes full chunks. Answers why not; empty: it was sent. */
  private async flush(): Promise<string> {
    const packed = writeS2(this.pieces, true)
    this.pieces = []
    this.pieceBytes = 0
    this.ready = this.ready.length === 0 ? packed : Buffer.concat([this.ready, packed])
    while (this.ready.length >= this.chunkSize) {
      if (this.slots === 0 && !(await this.slot())) return '408 No Flow Response'
      this.slots--
      this.sent++
      const reply = `${this.ackPrefix}.${this.chunkSize}.${this.sent}`
      const isHeard = this.stream.sender.send(this.to, this.ready.subarray(0, this.chunkSize), NOTHING, reply) > 0
      if (!isHeard) return '408 No Interest'
      this.ready = this.ready.subarray(this.chunkSize)
    }
    await new Promise(setImmediate)
    this.stream.owner.wake()
    return ''
  }

  /** Resolves when a chunk may leave: false, if the client says nothing for too long. */
  private async slot(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.relieve = resolve
    const timer = setTimeout(resolve, ACK_MS)
    await promise
    clearTimeout(timer)
    this.relieve = undefined
    return this.slots > 0
  }

  private acknowledged(count: number): void {
    this.slots = Math.min(this.slots + count, this.slotsMax)
    this.relieve?.()
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
