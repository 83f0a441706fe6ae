// A message that was received: offsets into the memory into which it was read. Its parts become texts and views when a
// program asks for them, as most programs ask for few.

import type { Msg, Payload, PublishOptions } from './api.ts'
import { Empty, textOf } from './bytes.ts'
import { type MsgHdrs, MsgHdrsImpl } from './headers.ts'
import type { Parser } from './parser.ts'

/** Who sends the answer to a message. */
export interface Responder {
  publish(subject: string, payload?: Payload, options?: PublishOptions): void
}

const STATUS_START = 'NATS/1.0 '.length

export class MsgImpl implements Msg {
  readonly sid: number
  private readonly responder: Responder
  private readonly bytes: Uint8Array
  private readonly subjectStart: number
  private readonly subjectEnd: number
  private readonly replyStart: number
  private readonly replyEnd: number
  private readonly headerStart: number
  private readonly payloadStart: number
  private readonly payloadEnd: number
  private subjectText: string
  private view: Uint8Array | undefined = undefined
  private parsedHeaders: MsgHdrs | undefined = undefined

  /** `subject`: as text, if that is known; else empty. */
  constructor(responder: Responder, parser: Parser, subject: string) {
    this.responder = responder
    this.sid = parser.sid
    this.bytes = parser.bytes
    this.subjectStart = parser.subjectStart
    this.subjectEnd = parser.subjectEnd
    this.replyStart = parser.replyStart
    this.replyEnd = parser.replyEnd
    this.headerStart = parser.headerStart
    this.payloadStart = parser.payloadStart
    this.payloadEnd = parser.payloadEnd
    this.subjectText = subject
  }

  get subject(): string {
    if (this.subjectText === '') this.subjectText = textOf(this.bytes, this.subjectStart, this.subjectEnd)
    return this.subjectText
  }

  get reply(): string {
    const { replyStart, replyEnd } = this
    return replyStart < replyEnd ? textOf(this.bytes, replyStart, replyEnd) : ''
  }

  get data(): Uint8Array {
    const { payloadStart, payloadEnd } = this
    if (payloadStart === payloadEnd) return Empty
    // Not subarray(): of a Buffer that would be a Buffer, whose slice() does not copy.
    this.view ??= new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + payloadStart, payloadEnd - payloadStart)
    return this.view
  }

  get headers(): MsgHdrs | undefined {
    const { headerStart, payloadStart } = this
    if (headerStart === payloadStart) return undefined
    this.parsedHeaders ??= MsgHdrsImpl.decode(this.bytes.subarray(headerStart, payloadStart))
    return this.parsedHeaders
  }

  /** Whether it is the server's answer that nobody is subscribed: no payload, status 503. */
  get isNoResponders(): boolean {
    const { bytes, headerStart, payloadStart, payloadEnd } = this
    if (payloadStart !== payloadEnd || payloadStart === headerStart) return false
    const at = headerStart + STATUS_START
    return bytes[at] === 53 && bytes[at + 1] === 48 && bytes[at + 2] === 51
  }

  respond(payload?: Payload, options?: PublishOptions): boolean {
    const { reply } = this
    if (reply === '') return false
    this.responder.publish(reply, payload, options)
    return true
  }

  json<T>(reviver?: (key: string, value: unknown) => unknown): T {
    return JSON.parse(this.string(), reviver) as T
  }

  size(): number {
    return this.payloadEnd - this.headerStart
  }

  string(): string {
    return textOf(this.bytes, this.payloadStart, this.payloadEnd)
  }
}
