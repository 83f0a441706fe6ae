// Atomic batches: messages with a common id, which are kept here until the one that commits them comes. Then all are
// stored, one behind the other, or none.
//
//     Nats-Batch-Id: x  Nats-Batch-Sequence: 1 … n         kept, and acknowledged by an empty message
//                       Nats-Batch-Commit: 1 or eob         judged one by one against what is stored then, and stored

import { API_LEVEL } from '../base/constants.ts'
import { type ApiError, apiError } from './errors.ts'
import { type BatchMessage, KeptMessages } from './kept-messages.ts'
import { Header, type Headers, withHeaders, withoutHeaders } from './message-headers.ts'

const ID_MAX = 64
/** Commits without a message of its own. */
const END = 'eob'
/** Bytes of all open batches of a stream. */
const BYTES_MAX = 128 * 1024 * 1024

/** Why a batch came to nothing, as it is announced. */
export type Abandoned = 'timeout' | 'large' | 'incomplete' | 'unsupported'

export interface BatchLimits {
  /** Open batches of a stream: atomic ones, and fast ones. */
  readonly perStream: number
  readonly fastPerStream: number
  readonly messages: number
  /** Milliseconds. */
  readonly timeout: number
}

export interface BatchHost {
  readonly limits: BatchLimits
  /** Stores all messages, or says why none could be. Answers the sequence of the last. */
  commit(messages: Iterable<BatchMessage>): { readonly seq: number } | { readonly error: ApiError }
  abandoned(id: string, why: Abandoned): void
}

interface Batch {
  readonly messages: KeptMessages
  bytes: number
  timer: NodeJS.Timeout
}

/** What came of a message: it is kept; its batch is stored; or it is refused. */
export type BatchOutcome =
  | 'kept'
  | { readonly seq: number; readonly id: string; readonly count: number }
  | { readonly error: ApiError }

export class Batches {
  private readonly host: BatchHost
  private readonly open = new Map<string, Batch>()
  private bytes = 0

  constructor(host: BatchHost) {
    this.host = host
  }

  /** Takes a message that names a batch. Its bytes are copied where they are kept. */
  take(message: BatchMessage, headers: Headers): BatchOutcome {
    const id = headers.get(Header.batchId) ?? ''
    if (Buffer.byteLength(id) > ID_MAX) return { error: apiError(10179) }
    const sequence = headers.get(Header.batchSequence)
    if (sequence === undefined) return { error: apiError(10175) }
    const number = /^\d{1,15}$/.test(sequence) ? Number(sequence) : 0
    const commit = headers.get(Header.batchCommit)
    const { limits } = this.host
    let batch = this.open.get(id)
    if (batch === undefined) {
      if (number - (commit === END ? 1 : 0) > limits.messages) return { error: apiError(10199, limits.messages) }
      if (number !== 1) return { error: apiError(10176) }
      if (this.open.size >= limits.perStream) return { error: apiError(10210) }
      batch = { messages: new KeptMessages(), bytes: 0, timer: this.watch(id) }
      this.open.set(id, batch)
    }
    const wrong = this.whyNot(batch, headers, number, commit)
    if (wrong !== undefined) {
      this.drop(id, wrong.why)
      return { error: wrong.error }
    }
    if (commit !== END) this.keep(batch, message, headers.has(Header.requiredLevel))
    if (commit === undefined) {
      batch.timer.refresh()
      return 'kept'
    }
    this.drop(id)
    const { messages } = batch
    if (commit === END) messages.add(committed(messages.pop()))
    const outcome = this.host.commit(messages)
    return 'error' in outcome ? outcome : { seq: outcome.seq, id, count: messages.length }
  }

  /** Where the messages of an open batch are to be stored. */
  subjectsOf(id: string): Buffer[] {
    return [...(this.open.get(id)?.messages ?? [])].map(({ subject }) => subject)
  }

  /** All open ones come to nothing. */
  close(): void {
    for (const id of [...this.open.keys()]) this.drop(id)
  }

  private whyNot(
    { messages }: Batch,
    headers: Headers,
    number: number,
    commit: string | undefined,
  ): { error: ApiError; why?: Abandoned } | undefined {
    const level = headers.get(Header.requiredLevel)
    if (level !== undefined && !(Number(level) <= API_LEVEL)) return { error: apiError(10185), why: 'unsupported' }
    if (commit !== undefined && commit !== '1' && commit !== END) return { error: apiError(10200) }
    const isGap = number !== messages.length + 1 || (commit === END && number === 1)
    if (isGap) return { error: apiError(10176), why: 'incomplete' }
    const { limits } = this.host
    const count = messages.length + (commit === END ? 0 : 1)
    if (count > limits.messages) return { error: apiError(10199, limits.messages), why: 'large' }
    return this.bytes > BYTES_MAX ? { error: apiError(10167), why: 'large' } : undefined
  }

  /** `isBare`: what it asks of the server is left out. */
  private keep(batch: Batch, { headers, payload, subject }: BatchMessage, isBare: boolean): void {
    const bytes = headers.length + payload.length + subject.length
    batch.bytes += bytes
    this.bytes += bytes
    batch.messages.add({
      subject,
      headers: isBare ? withoutHeaders(headers, (name) => name === Header.requiredLevel) : headers,
      payload,
    })
  }

  private watch(id: string): NodeJS.Timeout {
    return setTimeout(() => this.drop(id, 'timeout'), this.host.limits.timeout).unref()
  }

  private drop(id: string, why?: Abandoned): void {
    const batch = this.open.get(id)
    if (batch === undefined) return
    this.open.delete(id)
    this.bytes -= batch.bytes
    clearTimeout(batch.timer)
    if (why !== undefined) this.host.abandoned(id, why)
  }
}

/** The last message of a batch whose end came by itself, with memory of its own. */
function committed({ subject, headers, payload }: BatchMessage): BatchMessage {
  const own = { subject: Buffer.from(subject), payload: Buffer.from(payload) }
  return { ...own, headers: withHeaders(headers, [[Header.batchCommit, '1']]) }
}
