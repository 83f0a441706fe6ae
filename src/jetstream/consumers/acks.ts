// What clients say about messages that they were given: publishes to the reply subject of the message, which names it.
//
//     $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>
//
//     nothing, +ACK, +OK   done with          +WPI    at work: the wait begins anew
//     -NAK [delay]         once more          +NXT    done with, and the next one, please
//     +TERM [reason]       never again        else    nothing, but an answer

import { parseDuration } from '../../base/duration.ts'
import { type Run, replyOf, subjectOf } from '../../protocol/run.ts'
import { decimalOf } from '../../text/decimal.ts'
import { object, readJson, span } from '../request-json.ts'
import type { Sender } from '../sender.ts'
import type { Unacknowledged } from './ack-state.ts'

const NS_PER_MS = 1e6
/** Places of the numbers in the subject. */
const At = { deliveries: 4, seq: 5, consumerSeq: 6 } as const
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

  constructor(consumer: AckOwner) {
    this.consumer = consumer
  }

  take(run: Run): void {
    const { consumer } = this
    const tokens = subjectOf(run).split('.')
    const [deliveries, seq, consumerSeq] = [At.deliveries, At.seq, At.consumerSeq].map((at) => numberIn(tokens[at]))
    const reply = replyOf(run)
    for (let i = 0; i < run.count; i++) {
      const start = run.first + i * run.stride
      const said = run.block.bytes.subarray(start + run.headerSize, start + run.size)
      const isAnswered = this.hear(said, seq, consumerSeq, deliveries, reply)
      if (isAnswered && seq > 0 && reply !== '') consumer.whenRecorded(() => consumer.sender.send(reply, ''))
    }
  }

  /** Returns whether it is answered, if somebody awaits that. */
  private hear(said: Buffer, seq: number, consumerSeq: number, deliveries: number, reply: string): boolean {
    const { consumer } = this
    const word = said.toString('latin1', 0, 5)
    const isKnown = seq <= consumer.reached
    if (said.length === 0 || ((word === '+ACK' || word === '+OK') && said.length === word.length)) {
      if (isKnown) consumer.acknowledge(seq, consumerSeq, true)
      return isKnown
    }
    if (word.startsWith('+NXT')) {
      if (isKnown) consumer.acknowledge(seq, consumerSeq, true)
      if (reply !== '') consumer.asked(Buffer.from(said.subarray(4)), reply)
      return false
    }
    if (word.startsWith('-NAK')) consumer.refuse(seq, consumerSeq, deliveries, delayIn(said.subarray(4)))
    else if (word === '+WPI' && said.length === 4) consumer.progress(seq)
    else if (word === '+TERM') {
      if (!isKnown) return false
      consumer.acknowledge(seq, consumerSeq, false)
      const reason = said.toString('utf8', 5).trim()
      consumer.terminated({ seq, consumerSeq, deliveries, sinceMs: 0 }, reason)
    }
    return true
  }
}

function numberIn(token: string): number {
  const bytes = Buffer.from(token, 'latin1')
  return Math.max(0, decimalOf(bytes, 0, bytes.length))
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
