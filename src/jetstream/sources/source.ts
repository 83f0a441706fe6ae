// One of the streams whose messages a stream takes in: each gets a sequence and a time of its own here, and a header
// that says where it comes from.

import type { Json } from '../../base/json.ts'
import { byteString, properText } from '../../subjects/byte-string.ts'
import { microseconds, timeText } from '../clock.ts'
import { type ApiError, apiError } from '../errors.ts'
import { Header, withHeaders } from '../message-headers.ts'
import { shortHash } from '../short-hash.ts'
import { type FedMessage, Feed, type FeedHost } from './feed.ts'
import { type Follower, followerId, followerMetadata, keptHeaders } from './follower.ts'
import { type Origin, originName } from './origin.ts'
import type { Positions } from './positions.ts'
import { sourceHeader } from './source-header.ts'

export class Source implements FeedHost {
  readonly stream: Follower
  readonly origin: Origin
  readonly kind = 'S'
  readonly needsFlowControl = apiError(10217)
  private readonly positions: Positions
  /** What was passed over, of the stream that is there now. */
  private passed = 0
  private known = ''
  /** The stream that was followed before is gone. */
  private isReplaced = false
  private readonly feed: Feed

  constructor(stream: Follower, origin: Origin, positions: Positions) {
    this.stream = stream
    this.origin = origin
    this.positions = positions
    this.known = positions.of(origin.indexName)?.identity ?? ''
    this.feed = new Feed(this)
  }

  get position(): number {
    return this.isReplaced ? 0 : Math.max(this.passed, this.positions.of(this.origin.indexName)?.seq ?? 0)
  }

  get identity(): string {
    return this.isReplaced ? '' : this.known
  }

  request(): { readonly name: string; readonly [member: string]: Json } {
    const { stream } = this
    const named = { name: `JS_SRC_${this.consumerId()}`, metadata: followerMetadata(stream, 'src') }
    return { ...named, ...this.start() }
  }

  /** Several entries of one origin have a consumer each. */
  private consumerId(): string {
    const { indexName, config } = this.origin
    const id = followerId(this.stream)
    const isOnly = this.stream.config.sources.filter(({ name }) => name === config.name).length < 2
    return shortHash(isOnly ? id : `${id} ${indexName}`)
  }

  private start(): { readonly [member: string]: Json } {
    if (this.position > 0) return { deliver_policy: 'by_start_sequence', opt_start_seq: this.position + 1 }
    const { opt_start_seq: seq, opt_start_time: time } = this.origin.config
    if (seq > 0) return { deliver_policy: 'by_start_sequence', opt_start_seq: seq }
    const { first, lastTimeUs } = this.stream.store
    // Where messages have been removed here, some of the origin may have been among them.
    const isLate = time === '' ? first > 1 && !this.isReplaced : microseconds(time) < lastTimeUs
    const from = isLate && lastTimeUs > 0 ? timeText(lastTimeUs) : time
    return from === '' ? { deliver_policy: 'all' } : { deliver_policy: 'by_start_time', opt_start_time: from }
  }

  changed(): void {
    this.isReplaced = true
  }

  began(delivered: number, identity: string): void {
    if (identity !== '' && this.known !== '' && identity !== this.known) this.isReplaced = true
    if (this.isReplaced) {
      const { log } = this.stream.owner
      log.warn(`Stream '${this.stream.name}': its source '${this.origin.config.name}' is another stream now`)
      this.positions.forget(this.origin.indexName)
      this.passed = 0
    }
    this.isReplaced = false
    this.known = identity
    this.passed = Math.max(this.passed, delivered)
  }

  ready(subject: string): Promise<void> | undefined {
    return this.stream.readyToAdopt(this.origin.transformed(subject))
  }

  take(message: FedMessage): ApiError | undefined {
    const { origin, positions } = this
    const { seq } = message.delivery
    const subject = properText(message.subject)
    const value = sourceHeader(origin.indexName, seq, subject, this.known)
    const headers = withHeaders(keptHeaders(message, Header.source), [[Header.source, byteString(value)]])
    const error = this.stream.adopt(origin.transformed(message.subject), headers, message.payload, {
      place: undefined,
      origin: { stream: originName(origin.config), subject },
    })
    if (error === undefined) positions.note(origin.indexName, { seq, identity: this.known })
    return error
  }

  info(): Json {
    return this.feed.info(this.position)
  }

  durable(): void {
    this.feed.durable()
  }

  undone(): void {
    this.passed = 0
    this.feed.undone()
  }

  /** `isOver`: it will not come back. */
  close(isOver: boolean): void {
    this.feed.close()
    if (isOver) this.feed.dropConsumer()
  }
}
