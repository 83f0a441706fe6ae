// A stream that comes out of an archive, entry by entry. Its messages go into a store that nobody knows yet; when the
// archive has been read to its end, the stream goes into the list, and is opened like one that was there before.
//
// What is in an archive has been checked by nobody: each entry is judged, and what is wrong ends the restoration.

import { properText } from '../../subjects/byte-string.ts'
import { isPublishSubject } from '../../subjects/filter.ts'
import type { AccountStreams } from '../account-streams.ts'
import { clockUs, microseconds } from '../clock.ts'
import type { ConsumerConfig } from '../consumers/config.ts'
import { boundsOf } from '../consumers/consumer-api.ts'
import { keptConsumer } from '../consumers/kept-consumer.ts'
import { checkConsumer, noteConsumerLevel } from '../consumers/rules.ts'
import type { ClaimLimits, ListedStream } from '../contract.ts'
import { type ApiError, apiError } from '../errors.ts'
import { Header, readHeaders } from '../message-headers.ts'
import { readTtl } from '../message-ttl.ts'
import { isValidName } from '../names.ts'
import { instant, natural, object, readJson } from '../request-json.ts'

import type { KeptConsumer } from '../storage/catalogue.ts'
import type { StoreFailure, StreamStore } from '../storage/store.ts'
import type { Stream } from '../stream.ts'
import type { Entry } from './archive.ts'
import { readConsumerEntry } from './consumer-entry.ts'

/** Of a description of the stream, or of a consumer with all that it waits for. */
const DESCRIPTION_MAX = 16 * 1024 * 1024
const HEADERS_MAX = 65_535
const US_PER_S = 1_000_000
const CONSUMERS = 'consumers/'

interface State {
  bytes: number
  first_seq: number
  last_seq: number
  last_ts: string
  consumer_count: number
}

const STATE = object<State>('StreamState', {
  bytes: natural,
  first_seq: natural,
  last_seq: natural,
  last_ts: instant,
  consumer_count: natural,
})

export class RestoredStream {
  private readonly streams: AccountStreams
  private readonly limits: ClaimLimits
  private listed: ListedStream
  private store: StreamStore | undefined
  private state: Partial<State> | undefined
  private readonly consumers: KeptConsumer[] = []
  private room = 0
  private failure: string | undefined
  private isAdopted = false
  /** Bytes that came since the latest flush. */
  unflushed = 0

  constructor(streams: AccountStreams, listed: ListedStream, limits: ClaimLimits) {
    this.streams = streams
    this.listed = listed
    this.limits = limits
  }

  /** Finds a place for it. Answers why there is none. */
  async open(): Promise<ApiError | undefined> {
    const { limits, listed, streams } = this
    const question = { verb: 'reserve', stream: listed, limits } as const
    const { error, id = 0 } = await streams.owner.questions.ask('streams', { question })
    if (error !== undefined) return error
    this.listed = { ...listed, id }
    const failed = (failure: StoreFailure): void => {
      this.failure ??= failure.text
    }
    this.store = await streams.stores.open(this.listed, {
      becameDurable: () => undefined,
      failed: (_first, _last, failure) => failed(failure),
      lost: () => undefined,
      trouble: failed,
      recovered: () => undefined,
    })
    return undefined
  }

  // ── Entries ───────────────────────────────────────────────────────────────────────────────────────────

  /** Bytes that the next entry may have. */
  get sizeMax(): number {
    return this.isDescribed ? this.streams.owner.options.maxPayload : DESCRIPTION_MAX
  }

  private get isDescribed(): boolean {
    return this.state !== undefined && this.consumers.length >= (this.state.consumer_count ?? 0)
  }

  /** Takes an entry. Answers what is wrong with it. */
  take(entry: Entry): string | undefined {
    if (this.failure !== undefined) return this.failure
    if (this.state === undefined) return this.describe(entry)
    return this.isDescribed ? this.takeMessage(entry) : this.takeConsumer(entry)
  }

  private describe({ name, payload }: Entry): string | undefined {
    if (name !== 'state.json') return 'expected state.json first'
    const { fault, value } = readJson(payload.toString(), STATE, false)
    if (value === undefined || fault !== undefined) return `error in state.json: ${fault ?? 'it is empty'}`
    const { bytes = 0, first_seq: first = 0, last_seq: last = 0 } = value
    if (!(Number.isSafeInteger(first) && Number.isSafeInteger(last))) return 'error in state.json: sequences'
    this.room = this.streams.room(this.listed.config.storage)
    if (bytes > this.room) return this.tooMuch()
    this.state = value
    if (first > 1) this.store?.skipTo(first, 0)
    return undefined
  }

  private takeConsumer({ name: given, payload }: Entry): string | undefined {
    if (!given.startsWith(CONSUMERS)) return `expected consumer, found ${JSON.stringify(properText(given))}`
    const name = properText(given.slice(CONSUMERS.length))
    const read = readConsumerEntry(payload.toString())
    if (typeof read === 'string') return `failed to decode consumer ${JSON.stringify(name)} state: ${read}`
    const { config, state } = read
    const wrong = this.whyNoConsumer(name, config)
    if (wrong !== undefined) return `failed to add consumer ${JSON.stringify(name)}: ${wrong}`
    this.consumers.push(keptConsumer(this.listed.id, { name, config, createdUs: clockUs(), state }))
    return undefined
  }

  private whyNoConsumer(name: string, config: ConsumerConfig): string | undefined {
    if (!isValidName(name)) return apiError(10014).description
    if (this.consumers.some((each) => each.name === name)) return apiError(10013).description
    noteConsumerLevel(config)
    return checkConsumer(config, this.listed.config, boundsOf({ streams: this.streams }), false)?.description
  }

  private takeMessage({ headers, name, payload, seq, timeUs }: Entry): string | undefined {
    const { store } = this
    const { max_msg_size: most } = this.listed.config
    const size = headers.length + payload.length
    if (store === undefined || seq === 0) return 'expected message sequence'
    if (most >= 0 && size > most) return `message sequence ${seq} exceeds maximum message size`
    if (headers.length > HEADERS_MAX) return `message sequence ${seq} exceeds maximum header size`
    if (!isPublishSubject(name)) return `message sequence ${seq} has no valid subject`
    if (seq <= store.last) return `message sequence ${seq} out of order`
    if (store.bytes + store.sizeOf(name.length, headers.length, payload.length) > this.room) return this.tooMuch()
    const ttl = headers.length === 0 ? 0 : (readTtl(readHeaders(headers).get(Header.ttl) ?? '') ?? 0)
    const isOver = ttl > 0 && this.listed.config.allow_msg_ttl && timeUs + ttl * US_PER_S < clockUs()
    this.unflushed += size
    if (seq > store.last + 1) store.skipTo(seq, 0)
    if (isOver) store.skipTo(seq + 1, timeUs)
    else store.append(timeUs, Buffer.from(name, 'latin1'), headers, payload)
    return undefined
  }

  private tooMuch(): string {
    return apiError(this.listed.config.storage === 'memory' ? 10028 : 10047).description
  }

  /** Resolves when what has come so far is on the disk. Answers what is wrong. */
  async flush(): Promise<string | undefined> {
    this.unflushed = 0
    await this.store?.flush()
    return this.failure
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  /** The archive has been read to its end: the stream is there from now on. */
  async finish(): Promise<Stream | ApiError | string> {
    const { limits, listed, state, store, streams } = this
    if (store === undefined || state === undefined) return 'backup was truncated'
    const { last_seq: last = 0, last_ts: time } = state
    const timeUs = time === undefined ? 0 : microseconds(time)
    if (last > store.last) store.skipTo(last + 1, Math.max(0, timeUs) > store.lastTimeUs ? timeUs : 0)
    await store.flush()
    if (this.failure !== undefined) return this.failure
    const isFile = listed.id > 0
    this.store = undefined
    if (isFile) {
      await store.close()
      await streams.stores.service.putConsumers(this.consumers)
    }
    const question = { verb: 'adopt', stream: listed, limits } as const
    const { error, failure } = await streams.owner.questions.ask('streams', { question })
    if (error !== undefined || failure !== undefined) return error ?? failure ?? ''
    this.isAdopted = true
    const stream = await streams.open(listed, this.consumers, isFile ? undefined : store)
    if (stream !== undefined) return stream
    const { account, config } = listed
    await streams.owner.questions.ask('streams', { question: { verb: 'release', account, name: config.name } })
    return apiError(10023)
  }

  /** It comes to nothing. */
  async abandon(): Promise<void> {
    const { listed, store, streams } = this
    this.store = undefined
    await store?.close()
    if (listed.id > 0 && !this.isAdopted) await streams.stores.service.deleteStream(listed.id)
  }
}
