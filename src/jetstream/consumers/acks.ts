// What clients say about messages that they were given: publishes to the reply subject of the message, which names it.
//
//     $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>
//     $JS.ACK.<domain or _>.<hash of the account>.<stream>.<consumer>.<the same numbers>, perhaps more
//
//     nothing, +ACK, +OK   done with          +WPI    at work: the wait begins anew
//     -NAK [delay]         once more          +NXT    done with, and the next one, please
//     +TERM [reason]       never again        else    nothing, but an answer

import { parseDuration } from '../../base/duration.ts'
import { type Run, replyOf } from '../../protocol/run.ts'
import { decimalOf } from '../../text/decimal.ts'
import { object, readJson, span } from '../request-json.ts'
import type { Sender } from '../sender.ts'
import type { Unacknowledged } from './ack-state.ts'

const NS_PER_MS = 1e6
const DOT = 0x2e
const PLUS = 0x2b
/** No delay takes more to say. */
const DELAY_MAX = 256

const DELAY = object<{ delay: number }>('ConsumerNakOptions', { delay: span })

/** The consumer, as what is said about its messages reaches it. */
export interface AckOwner {
  readonly sender: Sender
  /** The sequence up to which something may be acknowledged. */
  readonly reached: number
  acknowledge(seq: number, consumerSeq: number, isSampled: boolean): void
  refuse(seq: number, consumerSeq: number, deliveries: number, delayMs: number | undefined): void
  progress(seq: number): void
  terminated(message: Unacknowledged, reason: string): void
  /** Somebody asks for messages. */
  asked(body: Buffer, reply: string): void
  /** Calls back when what was said so far is recorded. */
  whenRecorded(then: () => void): void
}

export class AckHandler {
  private readonly consumer: AckOwner
  /** Of what comes before the numbers in the subject. */
  private readonly prefixBytes: number

  constructor(consumer: AckOwner, prefixBytes: number) {
    this.consumer = consumer
    this.prefixBytes = prefixBytes
  }

  take(run: Run): void {
    const { block, count, first, headerSize, line, size, stride, subjectEnd } = run
    const from = run.subjectStart + this.prefixBytes
    const deliveriesEnd = tokenEnd(line.bytes, from, subjectEnd)
    const seqEnd = tokenEnd(line.bytes, deliveriesEnd + 1, subjectEnd)
    const consumerSeqEnd = tokenEnd(line.bytes, seqEnd + 1, subjectEnd)
    const deliveries = numberIn(line.bytes, from, deliveriesEnd)
    const seq = numberIn(line.bytes, deliveriesEnd + 1, seqEnd)
    const consumerSeq = numberIn(line.bytes, seqEnd + 1, consumerSeqEnd)
    for (let i = 0; i < count; i++) {
      const start = first + i * stride + headerSize
      const end = first + i * stride + size
      const isAnswered = isAck(block.bytes, start, end)
        ? this.done(seq, consumerSeq)
        : this.hear(block.bytes.subarray(start, end), seq, consumerSeq, deliveries, run)
      if (isAnswered) this.answer(run, seq)
    }
  }

  private done(seq: number, consumerSeq: number): boolean {
    const { consumer } = this
    const isKnown = seq <= consumer.reached
    if (isKnown) consumer.acknowledge(seq, consumerSeq, true)
    return isKnown
  }

  /** Somebody may await that it is recorded. */
  private answer(run: Run, seq: number): void {
    if (seq === 0 || run.replyEnd === run.replyStart) return
    const { consumer } = this
    const reply = replyOf(run)
    consumer.whenRecorded(() => consumer.sender.send(reply, ''))
  }

  /** What is said besides. Returns whether it is answered, if somebody awaits that. */
  private hear(said: Buffer, seq: number, consumerSeq: number, deliveries: number, run: Run): boolean {
    const { consumer } = this
    const word = said.toString('latin1', 0, 5)
    if (word.startsWith('+NXT')) {
      this.done(seq, consumerSeq)
      const reply = replyOf(run)
      if (reply !== '') consumer.asked(Buffer.from(said.subarray(4)), reply)
      return false
    }
    if (word.startsWith('-NAK')) consumer.refuse(seq, consumerSeq, deliveries, delayIn(said.subarray(4)))
    else if (word === '+WPI' && said.length === 4) consumer.progress(seq)
    else if (word === '+TERM') {
      if (seq > consumer.reached) return false
      consumer.acknowledge(seq, consumerSeq, false)
      const reason = said.toString('utf8', 5).trim()
      consumer.terminated({ seq, consumerSeq, deliveries, sinceMs: 0 }, reason)
    }
    return true
  }
}

function tokenEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== DOT) at++
  return at
}

/** 0: it is none. */
function numberIn(bytes: Uint8Array, start: number, end: number): number {
  return Math.max(0, decimalOf(bytes, start, end))
}

/** Nothing, `+ACK` or `+OK`. */
function isAck(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return true
  if (bytes[start] !== PLUS) return false
  if (end - start === 4) return bytes[start + 1] === 0x41 && bytes[start + 2] === 0x43 && bytes[start + 3] === 0x4b
  return end - start === 3 && bytes[start + 1] === 0x4f && bytes[start + 2] === 0x4b
}

/** The delay that is asked for, in milliseconds; undefined: none, or none that can be read. */
function delayIn(said: Buffer): number | undefined {
  if (said.length === 0 || said.length > DELAY_MAX) return undefined
  const text = said.toString().trim()
  if (text.startsWith('{')) {
    const { value, fault } = readJson(text, DELAY, false)
    return fault === undefined && value !== undefined ? (value.delay ?? 0) / NS_PER_MS : undefined
  }
  const duration = parseDuration(text)
  return 'ms' in duration ? duration.ms : undefined
}
