// A backup on its way into a stream: chunks that a client sends as requests, one answered as soon as it is taken. An
// empty one ends them; its answer says what has become of the stream.
//
//     $JS.SNAPSHOT.RESTORE.<stream>.<id> ◀── chunk ─▶ S2 ─▶ archive ─▶ restored-stream.ts
//                                        ──▶ empty: one more                └─▶ on the disk, from time to time

import { randomText } from '../../base/event-head.ts'
import { attempt, guarded } from '../../base/guarded.ts'
import type { Json } from '../../base/json.ts'
import { allocateBlock, type Block } from '../../memory/block.ts'
import { type Run, replyOf } from '../../protocol/run.ts'
import { InternalSubscription } from '../../routing/subscription.ts'
import { S2Reader } from '../../s2/reader.ts'
import { byteString } from '../../subjects/byte-string.ts'
import type { AccountStreams } from '../account-streams.ts'
import type { ApiError } from '../errors.ts'
import { Stream } from '../stream.ts'
import { ArchiveReader } from './archive.ts'
import type { RestoredStream } from './restored-stream.ts'

const SILENCE_MS = 5000
/** Bytes of chunks that wait: a client has no more on their way, if it awaits answers. */
const WAITING_MAX = 32 * 1024 * 1024
/** Bytes of messages between two looks at the disk. */
const FLUSH_BYTES = 8 * 1024 * 1024
/** Largest block of S2 that nats-server writes. A few bytes may become one: so few are read at once. */
const BLOCK_MAX = 1024 * 1024
const SLICE_BYTES = 256
/** Entries that are taken before others have their turn. */
const TURN = 500
const NOTHING = Buffer.alloc(0)

interface Chunk {
  readonly block: Block
  readonly reply: string
}

/** What came of it; a text: what is wrong. */
export type Restored = Stream | ApiError | string

export class Restore {
  readonly subject: string
  private readonly streams: AccountStreams
  private readonly restored: RestoredStream
  private readonly archive: ArchiveReader
  private readonly reader: S2Reader
  private readonly done: (restored: Restored, bytes: number) => { readonly [member: string]: Json }
  private readonly entry: InternalSubscription
  private readonly chunks: Chunk[] = []
  private waiting = 0
  private total = 0
  private wrong: string | undefined
  private isBusy = false
  private isOver = false
  private timer: NodeJS.Timeout | undefined

  /** `done`: told when it is over; answers what the client hears. */
  constructor(
    streams: AccountStreams,
    name: string,
    restored: RestoredStream,
    done: (restored: Restored, bytes: number) => { readonly [member: string]: Json },
  ) {
    const { bugMet } = streams.owner
    this.streams = streams
    this.restored = restored
    this.done = done
    this.archive = new ArchiveReader(
      (entry) => restored.take(entry),
      () => restored.sizeMax,
    )
    this.reader = new S2Reader(
      {
        take: (block, start, end) => {
          this.archive.push(block.bytes.subarray(start, end))
          return true
        },
        damaged: () => {
          this.wrong ??= 's2: corrupt input'
        },
      },
      BLOCK_MAX,
    )
    this.subject = `$JS.SNAPSHOT.RESTORE.${byteString(name)}.${randomText()}`
    this.entry = new InternalSubscription(streams.account, this.subject, (run) => attempt(bugMet, () => this.take(run)))
  }

  /** Begins to hear chunks. Returns false if the index has no room. */
  listen(): boolean {
    this.watch()
    return this.streams.owner.sublist.insert(this.entry)
  }

  private watch(): void {
    clearTimeout(this.timer)
    const { account, owner } = this.streams
    const stalled = guarded(owner.bugMet, () => {
      owner.wake()
      return this.end(`restore for stream '${account.name}' is stalled`, '')
    })
    this.timer = setTimeout(stalled, SILENCE_MS).unref()
  }

  // ── Chunks ────────────────────────────────────────────────────────────────────────────────────────────

  private take(run: Run): void {
    if (this.isOver) return
    const reply = replyOf(run)
    clearTimeout(this.timer)
    for (let i = 0; i < run.count; i++) {
      const start = run.first + i * run.stride + run.headerSize
      const size = run.size - run.headerSize
      const block = allocateBlock(size)
      run.block.bytes.copy(block.bytes, 0, start, start + size)
      this.waiting += size
      this.chunks.push({ block, reply })
    }
    if (reply === '') this.wrong ??= 'a chunk without a reply subject'
    if (this.waiting > WAITING_MAX) this.wrong ??= 'too many chunks at once'
    if (!this.isBusy) attempt(this.streams.owner.bugMet, () => this.work())
  }

  /** One chunk after the other. */
  private async work(): Promise<void> {
    this.isBusy = true
    for (let chunk = this.chunks.shift(); chunk !== undefined && !this.isOver; chunk = this.chunks.shift()) {
      const { capacity: size } = chunk.block
      this.waiting -= size
      this.total += size
      if (size === 0) await this.end(this.wrong, chunk.reply)
      else await this.read(chunk)
      this.streams.owner.wake()
    }
    this.isBusy = false
    if (!this.isOver) this.watch()
  }

  private async read({ block, reply }: Chunk): Promise<void> {
    for (let at = 0; at < block.capacity && this.wrong === undefined; at += SLICE_BYTES) {
      this.reader.push(block, at, Math.min(block.capacity, at + SLICE_BYTES))
      await this.readEntries()
    }
    if (this.wrong === undefined) this.streams.sender.send(reply, NOTHING)
    else await this.end(this.wrong, reply)
  }

  /** Takes what has come of the archive so far. */
  private async readEntries(): Promise<void> {
    for (let count = TURN; count > 0 && this.wrong === undefined; ) {
      const read = this.archive.read(TURN)
      if (typeof read === 'string') this.wrong = read
      else count = read
      if (this.restored.unflushed >= FLUSH_BYTES) this.wrong ??= await this.restored.flush()
      else if (count > 0) await new Promise(setImmediate)
    }
  }

  /** What a disk may do wrong here is an answer, too. */
  private finish(): Promise<Restored> {
    return this.restored.finish().catch((error: unknown) => String(error instanceof Error ? error.message : error))
  }

  private async end(wrong: string | undefined, reply: string): Promise<void> {
    if (this.isOver) return
    this.isOver = true
    clearTimeout(this.timer)
    this.chunks.length = 0
    this.streams.owner.sublist.removeAll([this.entry])
    const whole = this.archive.isWhole ? undefined : this.archive.isEmpty ? 'EOF' : 'unexpected EOF'
    const restored = wrong ?? whole ?? (await this.finish())
    if (!(restored instanceof Stream)) await this.restored.abandon()
    this.streams.owner.wake()
    const answer = this.done(restored, this.total)
    if (reply !== '') this.streams.sender.send(reply, JSON.stringify(answer))
  }
}
