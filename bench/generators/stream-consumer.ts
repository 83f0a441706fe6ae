// Consumes a stream, as one client does: it asks for messages in batches, or is pushed them, and acknowledges them where
// it should. Messages have to come in their order, each once.

import { BareConnection, PING, PONG } from './bare-connection.ts'
import { takePing } from './stream-publisher.ts'
import { anyFailed, now, openAll, whenTold } from './task.ts'
import type { Task } from './tasks.ts'
import type { Span } from './traffic.ts'

export interface ConsumeStreamTask extends Task {
  readonly connect: string
  /** Where messages come to: it is subscribed. */
  readonly inbox: string
  /** How they are asked for; undefined: they are pushed to the inbox, once `begin` has been published. */
  readonly pull: Pull | undefined
  /** A request that makes the server push: subject and payload. */
  readonly begin: { readonly subject: string; readonly payload: string } | undefined
  readonly acknowledges: boolean
  /** Messages that will come. */
  readonly messages: number
}

export interface Pull {
  /** Of the requests. */
  readonly subject: string
  /** Messages that are asked for at most … */
  readonly batch: number
  /** … and again when no more than so many of them are to come. */
  readonly threshold: number
}

const OUT_BYTES = 256 * 1024
const ACK_MAX = 512
const ACK_END = Buffer.from(' 4\r\n+ACK\r\n')
const PUB = Buffer.from('PUB ')
/** Nanoseconds: longer than any run. */
const EXPIRES = 120e9
const STALL_MS = 20_000

const CAPITAL_H = 0x48
const CAPITAL_M = 0x4d
const CARRIAGE_RETURN = 0x0d
const DOT = 0x2e
const SPACE = 0x20
const ZERO = 0x30

class Consumer {
  received = 0
  isDone = false
  private readonly task: ConsumeStreamTask
  private readonly finish: () => void
  private rest = Buffer.alloc(0)
  private asked = 0
  private isConfirming = false
  private out = Buffer.allocUnsafeSlow(OUT_BYTES)
  private outEnd = 0
  /** What a line consists of: where its words begin. */
  private readonly words = new Uint32Array(6)

  constructor(task: ConsumeStreamTask, finish: () => void) {
    this.task = task
    this.finish = finish
  }

  begin({ socket }: BareConnection): void {
    const { begin, inbox } = this.task
    if (begin !== undefined) {
      const { payload, subject } = begin
      socket.writeText(`PUB ${subject} ${inbox}.begun ${payload.length}\r\n${payload}\r\n`)
    }
    this.ask()
    this.flush(socket)
  }

  private ask(): void {
    const { inbox, messages, pull } = this.task
    if (pull === undefined || this.asked - this.received > pull.threshold || this.received === messages) return
    const batch = pull.batch - (this.asked - this.received)
    const body = JSON.stringify({ batch, expires: EXPIRES })
    this.outEnd += this.out.write(`PUB ${pull.subject} ${inbox} ${body.length}\r\n${body}\r\n`, this.outEnd, 'latin1')
    this.asked += batch
  }

  private flush(socket: BareConnection['socket']): void {
    if (this.outEnd === 0) return
    if (!socket.write(this.out.subarray(0, this.outEnd))) this.out = Buffer.allocUnsafeSlow(OUT_BYTES)
    this.outEnd = 0
  }

  take(read: Buffer, connection: BareConnection): void {
    const bytes = this.rest.length === 0 ? read : Buffer.concat([this.rest, read])
    const { socket } = connection
    let at = 0
    while (at < bytes.length) {
      const taken = this.takeOne(bytes, at, connection)
      if (taken === 0) break
      at += taken
      if (this.outEnd + ACK_MAX > OUT_BYTES) this.flush(socket)
    }
    this.rest = Buffer.from(bytes.subarray(at))
    this.ask()
    if (this.received === this.task.messages && !this.isConfirming) {
      this.isConfirming = true
      this.outEnd += this.out.write(PING, this.outEnd, 'latin1')
    }
    this.flush(socket)
  }

  /** Returns how many bytes were taken; 0: what is there is cut. */
  private takeOne(bytes: Buffer, at: number, connection: BareConnection): number {
    const letter = bytes[at]
    if (letter !== CAPITAL_M && letter !== CAPITAL_H) {
      if (bytes.toString('latin1', at, at + PONG.length) !== PONG) return takePing(bytes, at, connection)
      this.isDone = true
      this.finish()
      return PONG.length
    }
    const { words } = this
    let count = 0
    let end = at
    for (; end < bytes.length && bytes[end] !== CARRIAGE_RETURN; end++) {
      if (bytes[end] === SPACE) words[count++] = end + 1
    }
    if (end === bytes.length) return 0
    const size = numberAt(bytes, words[count - 1], end)
    const payload = end + 2
    if (payload + size + 2 > bytes.length) return 0
    const hasReply = count > (letter === CAPITAL_M ? 3 : 4)
    const [, , reply] = words
    if (hasReply && bytes[reply + 4] === 0x41) this.message(bytes, reply, words[3] - 1)
    else this.told(bytes.toString('latin1', at, payload + size), connection)
    return payload + size + 2 - at
  }

  /** `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.…` stands in [reply, end). */
  private message(bytes: Buffer, reply: number, end: number): void {
    let dot = reply + '$JS.ACK.'.length
    for (let token = 0; token < 3; dot++) if (bytes[dot] === DOT) token++
    let seq = 0
    for (let i = dot; bytes[i] !== DOT; i++) seq = seq * 10 + bytes[i] - ZERO
    this.received++
    if (seq !== this.received) throw new Error(`message ${seq} came in place of ${this.received}`)
    if (!this.task.acknowledges) return
    PUB.copy(this.out, this.outEnd)
    bytes.copy(this.out, this.outEnd + PUB.length, reply, end)
    this.outEnd += PUB.length + end - reply
    ACK_END.copy(this.out, this.outEnd)
    this.outEnd += ACK_END.length
  }

  /** Status messages, and the answer to what begins it. */
  private told(text: string, { socket }: BareConnection): void {
    const flow = /(\$JS\.FC\.\S+)/.exec(text)
    if (flow !== null) socket.writeText(`PUB ${flow[1]} 0\r\n\r\n`)
    else if (/"error"|NATS\/1\.0 4/.test(text)) throw new Error(`the server sent: ${text}`)
  }
}

function numberAt(bytes: Buffer, from: number, to: number): number {
  let number = 0
  for (let i = from; i < to; i++) number = number * 10 + bytes[i] - ZERO
  return number
}

/** Resolves when all messages have come, and the server has heard all acknowledgements. */
export async function consumeStream(task: ConsumeStreamTask): Promise<Span> {
  const { connect, control, endpoint, inbox, messages } = task
  const isGo = whenTold(control, 'go')
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const consumer = new Consumer(task, finish)
  const hello = `${connect}SUB ${inbox} 1\r\nSUB ${inbox}.begun 2\r\n`
  const [connection] = await openAll(1, control, () =>
    BareConnection.open(endpoint.port, hello, (bytes, from) => consumer.take(bytes, from)),
  )
  let before = -1
  let watch: NodeJS.Timeout | undefined
  const stalled = new Promise<never>((_, reject) => {
    watch = setInterval(() => {
      if (consumer.received === before) reject(new Error(`${before} of ${messages} messages came, then none any more`))
      before = consumer.received
    }, STALL_MS)
  })
  try {
    await Promise.race([isGo, connection.failed])
    const firstMs = now()
    consumer.begin(connection)
    await Promise.race([finished, stalled, anyFailed([connection])])
    return { firstMs, lastMs: now() }
  } finally {
    clearInterval(watch)
    connection.socket.close()
    control.close()
  }
}
