// What the client sends: operations become bytes in chunks, and chunks go to the transport when the turn ends or when
// one is full. A chunk has whole operations only, so that what was not handed over yet survives the loss of a
// connection.
//
//     chunk   [ handed over | waiting | free ]
//                           ^start    ^used
//
// A chunk that the transport has taken completely is used again.

import { BLANK, bytesOf, CR, LF, put, putAscii, putDecimal } from './bytes.ts'
import { InvalidArgumentError, InvalidSubjectError, ReconnectBufferExceededError } from './errors.ts'
import type { Transport } from './transport.ts'

const CHUNK_BYTES = 64 * 1024
/** Words are copied whole, up to seven bytes too far. */
const SLACK = 8
const SPARE_CHUNKS_MAX = 8
/** A control line beside its subjects: verb, blanks, two sizes, CRLF. */
const LINE_FIXED_MAX = 48
/** Longer payloads of text are encoded by the runtime. */
const SHORT_TEXT_MAX = 256
/** A UTF-16 unit becomes at most so many bytes of UTF-8. */
const UTF8_MAX = 3

const PUB = bytesOf('PUB ')
const HPUB = bytesOf('HPUB ')
const PING = bytesOf('PING\r\n')
const PONG = bytesOf('PONG\r\n')

class Chunk {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly capacity: number
  start = 0
  used = 0
  /** Writes of parts of it that the transport has not taken. */
  inFlight = 0
  /** No more is put into it. */
  isSealed = false
  readonly taken: () => void

  constructor(capacity: number, recycle: (chunk: Chunk) => void) {
    this.bytes = new Uint8Array(capacity + SLACK)
    this.view = new DataView(this.bytes.buffer)
    this.capacity = capacity
    this.taken = () => {
      this.inFlight--
      if (this.inFlight > 0 || this.start !== this.used) return
      this.start = 0
      this.used = 0
      if (this.isSealed) recycle(this)
    }
  }
}

/** Copies by words; may scribble on up to seven bytes behind the destination. */
function putWords(to: DataView, at: number, from: DataView, length: number): void {
  for (let i = 0; i < length; i += 8) to.setBigUint64(at + i, from.getBigUint64(i, true), true)
}

export class Output {
  /** Greatest payload with headers that the server takes. */
  payloadMax = Number.POSITIVE_INFINITY
  messages = 0
  /** Bytes handed over so far. */
  bytesOut = 0
  private transport: Transport | undefined
  private readonly bufferMax: number
  private chunk: Chunk
  /** Sealed chunks that wait for a transport, and their bytes. */
  private full: Chunk[] = []
  private fullBytes = 0
  private readonly spare: Chunk[] = []
  private isDeferred = false
  private readonly recycle = (chunk: Chunk): void => {
    if (chunk.capacity === CHUNK_BYTES && this.spare.length < SPARE_CHUNKS_MAX) this.spare.push(chunk)
  }
  private readonly flushLater = (): void => {
    this.isDeferred = false
    this.flush()
  }

  // The latest control line of a publish without reply and headers: most are equal to the one before.
  private lineSubject = ''
  private lineSize = -1
  private lineLength = 0
  private line = new Uint8Array(256 + SLACK)
  private lineView = new DataView(this.line.buffer)

  constructor(bufferMax: number) {
    this.bufferMax = bufferMax
    this.chunk = new Chunk(CHUNK_BYTES, this.recycle)
  }

  /** Bytes that the operating system does not have yet. */
  get bufferedAmount(): number {
    return this.waiting + (this.transport?.bufferedAmount ?? 0)
  }

  /** Bytes not handed to a transport. */
  private get waiting(): number {
    return this.fullBytes + this.chunk.used - this.chunk.start
  }

  /** From now on this transport gets everything: what `first` writes, then what waits, then what comes. */
  attachBehind(transport: Transport, first: () => void): void {
    const waiting = this.full
    if (this.chunk.used > this.chunk.start) waiting.push(this.chunk)
    this.full = []
    this.fullBytes = 0
    this.chunk.isSealed = true
    this.chunk = new Chunk(CHUNK_BYTES, this.recycle)
    this.transport = transport
    first()
    this.flush()
    for (const chunk of waiting) this.handOver(chunk)
  }

  /** The connection is lost: what it was given is lost with it, the rest is kept. */
  detach(): void {
    this.transport = undefined
    // A deferred flush of the lost transport may never come.
    this.isDeferred = false
  }

  /** Forgets what was not handed over. */
  clear(): void {
    this.full = []
    this.fullBytes = 0
    this.chunk.start = this.chunk.used
  }

  /**
   * PUB or HPUB. Throws InvalidSubjectError, InvalidArgumentError, ReconnectBufferExceededError, and then has written
   * nothing.
   */
  publish(subject: string, reply: string, header: Uint8Array | undefined, payload: Uint8Array | string): void {
    if (typeof payload === 'string') {
      if (payload.length <= SHORT_TEXT_MAX && this.publishAscii(subject, reply, header, payload)) return
      payload = bytesOf(payload)
    }
    const { length } = payload
    const chunk = this.head(subject, reply, header, length)
    chunk.used = this.tail(chunk, put(chunk.bytes, chunk.used, payload))
  }

  /** The same for text, if it is ASCII; false if it is not. */
  private publishAscii(subject: string, reply: string, header: Uint8Array | undefined, payload: string): boolean {
    const before = this.chunk
    const { used } = before
    const chunk = this.head(subject, reply, header, payload.length)
    const end = putAscii(chunk.bytes, chunk.used, payload)
    if (end < 0) {
      // The line is taken back; where it began a chunk, that is empty again.
      chunk.used = chunk === before ? used : 0
      return false
    }
    chunk.used = this.tail(chunk, end)
    return true
  }

  /** The end of a message. */
  private tail(chunk: Chunk, at: number): number {
    chunk.bytes[at] = CR
    chunk.bytes[at + 1] = LF
    this.messages++
    if (!this.isDeferred) this.defer()
    return at + 2
  }

  /** Writes the control line and the headers, with room for the payload behind them. */
  private head(subject: string, reply: string, header: Uint8Array | undefined, length: number): Chunk {
    const headerLength = header === undefined ? 0 : header.length
    const size = headerLength + length
    // What is neither text nor bytes has no length.
    if (!(size <= this.payloadMax)) {
      throw InvalidArgumentError.format('payload', size > 0 ? 'max_payload size exceeded' : 'must be text or bytes')
    }
    const chunk = this.room(LINE_FIXED_MAX + (subject.length + reply.length) * UTF8_MAX + size)
    if (header === undefined && reply === '') {
      if (subject === this.lineSubject && length === this.lineSize) {
        putWords(chunk.view, chunk.used, this.lineView, this.lineLength)
        chunk.used += this.lineLength
        return chunk
      }
      const end = this.composeLine(chunk, subject, '', -1, size)
      this.keepLine(subject, size, chunk, end)
      chunk.used = end
      return chunk
    }
    const end = this.composeLine(chunk, subject, reply, header === undefined ? -1 : headerLength, size)
    chunk.used = header === undefined ? end : put(chunk.bytes, end, header)
    return chunk
  }

  private composeLine(chunk: Chunk, subject: string, reply: string, headerLength: number, size: number): number {
    const { bytes } = chunk
    let at = put(bytes, chunk.used, headerLength < 0 ? PUB : HPUB)
    at = putSubject(bytes, at, subject)
    bytes[at++] = BLANK
    if (reply !== '') {
      at = putSubject(bytes, at, reply)
      bytes[at++] = BLANK
    }
    if (headerLength >= 0) {
      at = putDecimal(bytes, at, headerLength)
      bytes[at++] = BLANK
    }
    at = putDecimal(bytes, at, size)
    bytes[at] = CR
    bytes[at + 1] = LF
    return at + 2
  }

  private keepLine(subject: string, size: number, chunk: Chunk, end: number): void {
    const length = end - chunk.used
    if (length > this.line.length - SLACK) return
    for (let i = 0; i < length; i++) this.line[i] = chunk.bytes[chunk.used + i]
    this.lineSubject = subject
    this.lineSize = size
    this.lineLength = length
  }

  subscribe(subject: string, queue: string, sid: number): void {
    this.operation(`SUB ${subject}${queue === '' ? '' : ` ${queue}`} ${sid}\r\n`)
  }

  /** `max`: how many messages it gets in all; 0: none any more. */
  unsubscribe(sid: number, max: number): void {
    this.operation(`UNSUB ${sid}${max > 0 ? ` ${max}` : ''}\r\n`)
  }

  private operation(line: string): void {
    const bytes = bytesOf(line)
    const chunk = this.room(bytes.length)
    chunk.used = put(chunk.bytes, chunk.used, bytes)
    if (!this.isDeferred) this.defer()
  }

  ping(): void {
    this.signal(PING)
  }

  pong(): void {
    this.signal(PONG)
  }

  /** Does not count against the bound: somebody waits for it. */
  private signal(bytes: Uint8Array): void {
    const chunk = this.chunk.used + bytes.length <= this.chunk.capacity ? this.chunk : this.nextChunk(bytes.length)
    chunk.used = put(chunk.bytes, chunk.used, bytes)
    if (!this.isDeferred) this.defer()
  }

  /** Hands over what waits. */
  flush(): void {
    if (this.transport !== undefined && this.chunk.used > this.chunk.start) this.handOver(this.chunk)
  }

  private defer(): void {
    if (this.transport === undefined) return
    this.isDeferred = true
    this.transport.defer(this.flushLater)
  }

  /** A chunk with so much room. */
  private room(length: number): Chunk {
    const { chunk } = this
    if (this.transport === undefined && this.waiting + length > this.bufferMax) {
      throw new ReconnectBufferExceededError(this.bufferMax)
    }
    if (chunk.used + length <= chunk.capacity) return chunk
    return this.nextChunk(length)
  }

  private nextChunk(length: number): Chunk {
    const { chunk } = this
    // From here on it is put among the spare ones when it has been taken, perhaps during the next call.
    chunk.isSealed = true
    if (chunk.used === chunk.start) {
      if (chunk.inFlight === 0) this.recycle(chunk)
    } else if (this.transport !== undefined) this.handOver(chunk)
    else {
      this.full.push(chunk)
      this.fullBytes += chunk.used - chunk.start
    }
    const spare = length > CHUNK_BYTES ? undefined : this.spare.pop()
    if (spare !== undefined) {
      spare.isSealed = false
      spare.start = 0
      spare.used = 0
    }
    this.chunk = spare ?? new Chunk(Math.max(length, CHUNK_BYTES), this.recycle)
    return this.chunk
  }

  private handOver(chunk: Chunk): void {
    const { transport } = this
    const { start, used } = chunk
    if (transport === undefined || used === start) return
    chunk.start = used
    chunk.inFlight++
    this.bytesOut += used - start
    transport.write(chunk.bytes.subarray(start, used), chunk.taken)
  }
}

/** Writes a subject; returns where it ends. Throws InvalidSubjectError for one that would break the line. */
function putSubject(to: Uint8Array, at: number, subject: string): number {
  if (subject.length === 0) throw new InvalidSubjectError(subject)
  let isAscii = true
  for (let i = 0; i < subject.length; i++) {
    const code = subject.charCodeAt(i)
    if (code <= BLANK) throw new InvalidSubjectError(subject)
    if (code > 127) isAscii = false
    to[at + i] = code
  }
  return isAscii ? at + subject.length : put(to, at, bytesOf(subject))
}
