// Publishes to a stream as clients do that await acknowledgements: each message has a reply subject of its own, and so
// many of each client are under way at a time. Sizes and subjects vary.

import { Random } from '../../test/support/random.ts'
import { percentile } from '../statistics.ts'
import { BareConnection, PING, PONG } from './bare-connection.ts'
import { inbox } from './names.ts'
import { type SubjectRange, Subjects } from './subject-range.ts'
import { anyFailed, now, openAll, whenTold } from './task.ts'
import type { Task } from './tasks.ts'

export interface PublishStreamTask extends Task {
  readonly connect: string
  readonly clients: number
  /** Messages of a client that are under way at most. */
  readonly window: number
  /** Of each client; fewer if it is told to stop. */
  readonly messages: number
  /** In the middle: sizes are between half of it and one and a half times as many. */
  readonly bytes: number
  readonly subjects: SubjectRange
}

export interface PublishedStream {
  readonly firstMs: number
  /** When the last acknowledgement had come. */
  readonly lastMs: number
  /** From the write of a message to its acknowledgement. */
  readonly p50Us: number
  readonly p99Us: number
}

const SEED = 1
/** Different sizes; they are used in turn. */
const SIZES = 61
/** Reply subjects of a client differ in a number of so many digits. */
const TOKEN_DIGITS = 9
const TOKEN_BASE = 10 ** (TOKEN_DIGITS - 1)
/** Latencies that are noted of a client. */
const TIMES_MAX = 1_000_000
const WRITE_BYTES = 128 * 1024
const LINE_MAX = 256

const CAPITAL_M = 0x4d
const CARRIAGE_RETURN = 0x0d
const ZERO = 0x30
const LETTER_S = 0x73

class Publisher {
  connection: BareConnection | undefined
  readonly inbox: string
  readonly done: Promise<void>
  private readonly times: Float64Array
  private readonly task: PublishStreamTask
  private readonly subjects: Subjects
  private readonly sizes: readonly number[]
  private readonly payload: Buffer
  private readonly finish: () => void
  private readonly sentMs: Float64Array
  private messages: number
  private sent = 0
  private acked = 0
  private room = Buffer.allocUnsafeSlow(WRITE_BYTES)
  /** The kernel has not taken the latest write whole. */
  private isBlocked = false
  /** What a read has cut. */
  private rest = Buffer.alloc(0)

  constructor(task: PublishStreamTask, number: number) {
    const random = new Random(SEED + number)
    this.task = task
    this.subjects = new Subjects(task.subjects, random, number * task.messages)
    this.sizes = Array.from({ length: SIZES }, () => Math.floor(task.bytes / 2) + random.below(task.bytes + 1))
    // By chance, as clients choose theirs: those of all of them do not begin alike.
    this.inbox = `${inbox(random)}.`
    this.payload = Buffer.alloc(task.bytes * 2, 'abcdefghijklmnopqrstuvwxyz0123456789')
    this.messages = task.messages
    this.times = new Float64Array(Math.min(task.messages, TIMES_MAX))
    this.sentMs = new Float64Array(task.window)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.done = promise
    this.finish = resolve
  }

  get hello(): string {
    return `${this.task.connect}SUB ${this.inbox}* 1\r\n`
  }

  /** As many as the window has room for. */
  publish(): void {
    const { messages } = this
    const { window } = this.task
    const startMs = now()
    while (!this.isBlocked && this.sent < messages && this.sent - this.acked < window) {
      let at = 0
      while (this.sent < messages && this.sent - this.acked < window) {
        const size = this.sizes[this.sent % SIZES]
        if (at + LINE_MAX + size > this.room.length) break
        const line = `PUB ${this.subjects.next()} ${this.inbox}${TOKEN_BASE + this.sent} ${size}\r\n`
        at += this.room.write(line, at, 'latin1')
        at += this.payload.copy(this.room, at, 0, size)
        this.room[at++] = CARRIAGE_RETURN
        this.room[at++] = 0x0a
        this.sentMs[this.sent++ % window] = startMs
      }
      this.write(this.room.subarray(0, at))
    }
  }

  /** Publishes nothing more. */
  stop(): void {
    this.messages = this.sent
    if (this.acked === this.sent) this.finish()
  }

  /** How long its messages took, in microseconds, as far as that was noted. */
  get taken(): Float64Array {
    return this.times.subarray(0, this.acked)
  }

  private write(bytes: Buffer): void {
    const isTaken = this.connection?.socket.write(bytes, () => {
      this.isBlocked = false
      this.publish()
    })
    if (isTaken === true) return
    this.isBlocked = true
    this.room = Buffer.allocUnsafeSlow(WRITE_BYTES)
  }

  /** Takes acknowledgements: `MSG <inbox><number> 1 <size>␍␊{"stream":…`, in the order of the messages. */
  take(read: Buffer, connection: BareConnection): void {
    const bytes = this.rest.length === 0 ? read : Buffer.concat([this.rest, read])
    const endMs = now()
    const tokenAt = 'MSG '.length + this.inbox.length
    const sizeAt = tokenAt + TOKEN_DIGITS + ' 1 '.length
    let at = 0
    for (;;) {
      if (at + sizeAt + 3 > bytes.length && bytes[at] === CAPITAL_M) break
      if (bytes[at] !== CAPITAL_M) {
        const taken = takePing(bytes, at, connection)
        if (taken === 0) break
        at += taken
        continue
      }
      let size = 0
      let end = at + sizeAt
      while (end < bytes.length && bytes[end] !== CARRIAGE_RETURN) size = size * 10 + bytes[end++] - ZERO
      const payload = end + 2
      if (payload + size + 2 > bytes.length) break
      this.acknowledged(bytes, at + tokenAt, payload, size, endMs)
      at = payload + size + 2
    }
    this.rest = Buffer.from(bytes.subarray(at))
    if (this.acked === this.messages) this.finish()
    else this.publish()
  }

  private acknowledged(bytes: Buffer, tokenAt: number, payload: number, size: number, endMs: number): void {
    let token = 0
    for (let i = tokenAt; i < tokenAt + TOKEN_DIGITS; i++) token = token * 10 + bytes[i] - ZERO
    // `{"stream":…` and not `{"error":…`
    if (token !== TOKEN_BASE + this.acked || bytes[payload + 2] !== LETTER_S) {
      throw new Error(`answer ${token} to message ${this.acked}: ${bytes.toString('latin1', payload, payload + size)}`)
    }
    // Beyond its end nothing is kept.
    this.times[this.acked] = (endMs - this.sentMs[this.acked % this.task.window]) * 1000
    this.acked++
  }
}

/** Answers a PING that stands at `at`. Returns the bytes that were taken: 0 if it is cut. Throws if it is none. */
export function takePing(bytes: Buffer, at: number, { socket }: BareConnection): number {
  const text = bytes.toString('latin1', at, at + PING.length)
  if (!PING.startsWith(text)) throw new Error(`the server sent: ${bytes.toString('latin1', at, at + 200)}`)
  if (text.length < PING.length) return 0
  socket.writeText(PONG)
  return PING.length
}

/** Publishes all messages; each has been acknowledged, in order. */
export async function publishStream(task: PublishStreamTask): Promise<PublishedStream> {
  const { clients, control, endpoint } = task
  const isGo = whenTold(control, 'go')
  const publishers = Array.from({ length: clients }, (_, number) => new Publisher(task, number))
  const connections = await openAll(clients, control, async (i) => {
    const publisher = publishers[i]
    publisher.connection = await BareConnection.open(endpoint.port, publisher.hello, (bytes, connection) =>
      publisher.take(bytes, connection),
    )
    return publisher.connection
  })
  const failed = anyFailed(connections)
  try {
    await Promise.race([isGo, failed])
    const firstMs = now()
    void whenTold(control, 'stop').then(() => {
      for (const publisher of publishers) publisher.stop()
    })
    for (const publisher of publishers) publisher.publish()
    await Promise.race([Promise.all(publishers.map(({ done }) => done)), failed])
    const lastMs = now()
    const times = Float64Array.from(publishers.flatMap(({ taken }) => [...taken])).sort()
    return { firstMs, lastMs, p50Us: percentile(times, 0.5), p99Us: percentile(times, 0.99) }
  } finally {
    for (const { socket } of connections) socket.close()
    control.close()
  }
}
