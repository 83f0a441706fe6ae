// Fast batches: messages that are stored one by one as they come, and acknowledged now and then. What a message is in
// its batch stands in its reply subject; the publisher listens to all that begin with its prefix and the id.
//
//     <prefix>.<id>.<flow>.<gap>.<sequence>.<operation>.$FI
//
//     start 1, append 2, 3, 4 …  ─▶  {"type":"ack","seq":0,"msgs":10}, then again every so many messages
//     one is missing             ─▶  {"type":"gap","last_seq":3,"seq":5}; `fail` ends the batch, `ok` goes on
//     one comes again            ─▶  the same, and the batch ends
//     one is refused             ─▶  {"type":"err","seq":4,"error":{…}}; `fail` ends the batch, `ok` goes on
//     commit                     ─▶  {"stream":"S","seq":…,"batch":"<id>","count":…}
//
// What is told of messages waits until they are durable. (docs/jetstream.md, "Fast batches")

import { API_LEVEL } from '../base/constants.ts'
import type { BatchLimits } from './batches.ts'
import { type ApiError, apiError } from './errors.ts'
import type { BatchMessage } from './kept-messages.ts'
import { Header, readHeaders, withoutHeaders } from './message-headers.ts'

const SUFFIX = '.$FI'
const ID_MAX = 64
const FLOW_DEFAULT = 10
const FLOW_MAX = 65_535
/** Messages between two acknowledgements, for all batches of a stream together. */
const FLOW_SHARED = 500
const SEQUENCE = /^\d{1,15}$/

const Operation = { start: 0, append: 1, commit: 2, end: 3, ping: 4 } as const

/** What a reply subject says of a message. */
export interface FastPlace {
  readonly id: string
  /** Messages between two acknowledgements that the publisher wants at most. */
  readonly flow: number
  /** It goes on where messages are missing. */
  readonly isGapOk: boolean
  /** From 1 on. */
  readonly seq: number
  readonly operation: number
}

export const isFastReply = (reply: string): boolean => reply.length > SUFFIX.length && reply.endsWith(SUFFIX)

/** `reply`: byte string. Undefined: it makes no sense. */
export function readPlace(reply: string): FastPlace | undefined {
  const tokens = reply.slice(0, -SUFFIX.length).split('.')
  if (tokens.length < 6) return undefined
  const [id, flow, gap, sequence, operationText] = tokens.slice(-5)
  const operation = /^[0-4]$/.test(operationText) ? Number(operationText) : -1
  const seq = SEQUENCE.test(sequence) ? Number(sequence) : 0
  if (operation < 0 || seq === 0 || (gap !== 'ok' && gap !== 'fail')) return undefined
  if (operation === Operation.end && seq === 1) return undefined
  if (operation === Operation.start && seq !== 1) return undefined
  if (operation === Operation.append && seq === 1) return undefined
  const wanted = SEQUENCE.test(flow) ? Number(flow) : 0
  return { id, flow: wanted === 0 ? FLOW_DEFAULT : Math.min(wanted, FLOW_MAX), isGapOk: gap === 'ok', seq, operation }
}

/** What came of a message: where it is stored, or was before, or why it is not. */
export type FastOutcome = { readonly seq: number } | { readonly twin: number } | { readonly error: ApiError }

export interface FastBatchHost {
  readonly limits: BatchLimits
  /** The stream says nothing of single messages. */
  readonly isMute: boolean
  store(message: BatchMessage): FastOutcome
  /** Sends a text when all that is stored by now is durable. */
  tell(reply: string, text: string): void
  /** The same for the acknowledgement of a message; `more` are members behind its sequence. */
  acknowledge(reply: string, seq: number, more: string): void
}

interface FastBatch {
  readonly id: string
  readonly isGapOk: boolean
  readonly flowMax: number
  readonly timer: NodeJS.Timeout
  /** Messages between two acknowledgements. */
  flow: number
  /** The latest message of the batch, and the latest that was told of. */
  seq: number
  toldSeq: number
  /** Where its latest message is stored. */
  streamSeq: number
}

export class FastBatches {
  private readonly host: FastBatchHost
  private readonly open = new Map<string, FastBatch>()

  constructor(host: FastBatchHost) {
    this.host = host
  }

  /** Takes a message; answers why it is refused as if it were in no batch, or nothing. */
  take(message: BatchMessage, reply: string, place: FastPlace): ApiError | undefined {
    const { host, open } = this
    if (place.id.length > ID_MAX) return apiError(10207)
    let batch = open.get(place.id)
    if (batch === undefined) {
      if (place.seq !== 1 || place.operation === Operation.ping) return apiError(10208)
      if (open.size >= host.limits.fastPerStream) return apiError(10211)
      batch = this.begin(place)
    }
    const headers = readHeaders(message.headers)
    const level = headers.get(Header.requiredLevel) ?? ''
    if (level !== '' && !(Number(level) <= API_LEVEL)) {
      this.drop(batch)
      return apiError(10185)
    }
    batch.timer.refresh()
    if (place.operation === Operation.ping) this.ping(batch, reply, place.seq)
    else if (this.isNext(batch, reply, place)) {
      const { headers: block } = message
      const bare = level === '' ? block : withoutHeaders(block, (name) => name === Header.requiredLevel)
      return this.store(batch, reply, place, { ...message, headers: bare })
    }
    return undefined
  }

  /** All open ones come to nothing. */
  close(): void {
    for (const batch of [...this.open.values()]) this.drop(batch)
  }

  private begin({ flow, id, isGapOk }: FastPlace): FastBatch {
    const batch: FastBatch = {
      id,
      isGapOk,
      flowMax: flow,
      // Who is alone has what it wants; others begin slowly.
      flow: this.open.size > 0 ? 1 : Math.min(FLOW_SHARED, flow),
      timer: setTimeout(() => this.drop(batch), this.host.limits.timeout).unref(),
      seq: 0,
      toldSeq: 0,
      streamSeq: 0,
    }
    this.open.set(id, batch)
    return batch
  }

  private drop(batch: FastBatch): void {
    clearTimeout(batch.timer)
    if (this.open.get(batch.id) === batch) this.open.delete(batch.id)
  }

  /** The batch is over: what is stored of it stays. */
  private commit(batch: FastBatch, reply: string): void {
    this.drop(batch)
    this.host.acknowledge(reply, batch.streamSeq, `,"batch":${JSON.stringify(batch.id)},"count":${batch.seq}`)
  }

  /** The publisher wants to know how far the batch is. */
  private ping(batch: FastBatch, reply: string, seq: number): void {
    if (seq > batch.seq) {
      this.tellGap(reply, batch.seq + 1, seq + 1)
      if (!batch.isGapOk) {
        this.commit(batch, reply)
        return
      }
      batch.seq = seq
      if (this.keepFlow(batch, reply)) return
    }
    this.tellFlow(batch, reply)
  }

  /** Whether a message is to be stored: it follows the one before, and is not the end of the batch alone. */
  private isNext(batch: FastBatch, reply: string, { operation, seq }: FastPlace): boolean {
    const expected = batch.seq + 1
    if (seq !== expected) this.tellGap(reply, expected, seq)
    const isOver = seq < expected || (seq > expected && !batch.isGapOk)
    if (isOver) {
      this.commit(batch, reply)
      return false
    }
    if (operation === Operation.end) {
      batch.seq = seq - 1
      this.commit(batch, reply)
      return false
    }
    batch.seq = seq
    return true
  }

  private store(batch: FastBatch, reply: string, place: FastPlace, message: BatchMessage): ApiError | undefined {
    const { host } = this
    const isCommit = place.operation === Operation.commit
    if (place.seq === 1 && !isCommit && !host.isMute) host.tell(reply, ackText(0, batch.flow))
    const outcome = host.store(message)
    if ('seq' in outcome) batch.streamSeq = outcome.seq
    const isFirst = batch.seq === 1 && !batch.isGapOk
    if ('error' in outcome) {
      if (isFirst) {
        this.drop(batch)
        return outcome.error
      }
      host.tell(reply, JSON.stringify({ type: 'err', seq: place.seq, error: outcome.error }))
      if (batch.isGapOk && !isCommit) return undefined
      batch.seq--
      this.commit(batch, reply)
    } else if (!isCommit) this.keepFlow(batch, reply)
    else if (isFirst && 'twin' in outcome) {
      this.drop(batch)
      const more = `,"duplicate": true,"batch":${JSON.stringify(batch.id)},"count":${place.seq}`
      host.acknowledge(reply, outcome.twin, more)
    } else this.commit(batch, reply)
    return undefined
  }

  /** Acknowledges if it is time to, and shares the flow among the batches of the stream. Answers whether it did. */
  private keepFlow(batch: FastBatch, reply: string): boolean {
    const steps = Math.floor((batch.seq - batch.toldSeq) / batch.flow)
    if (steps === 0) return false
    batch.toldSeq += steps * batch.flow
    const share = Math.min(batch.flowMax, Math.max(1, Math.floor(FLOW_SHARED / this.open.size)))
    if (batch.flow < share) batch.flow = Math.min(share, batch.flow * 2)
    else if (batch.flow > share) batch.flow = Math.max(share, Math.floor(batch.flow / 2))
    this.tellFlow(batch, reply)
    return true
  }

  private tellFlow({ flow, toldSeq }: FastBatch, reply: string): void {
    this.host.tell(reply, ackText(toldSeq, flow))
  }

  private tellGap(reply: string, expected: number, seq: number): void {
    this.host.tell(reply, `{"type":"gap","last_seq":${expected},"seq":${seq}}`)
  }
}

function ackText(seq: number, flow: number): string {
  return `{"type":"ack","seq":${seq},"msgs":${flow}}`
}
