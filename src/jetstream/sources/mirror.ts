// A stream that is the copy of another one: the same messages at the same sequences, with the gaps that are there.

import type { Json } from '../../base/json.ts'
import { type ApiError, apiError } from '../errors.ts'
import type { StreamSource } from '../stream-config.ts'
import { type FedMessage, Feed, type FeedHost } from './feed.ts'
import { type Follower, followerId, followerMetadata, keptHeaders } from './follower.ts'
import { Origin } from './origin.ts'

/** A mirror that is so many messages behind answers in the place of its origin. */
const CAUGHT_UP = 10

export class Mirror implements FeedHost {
  readonly stream: Follower
  readonly origin: Origin
  readonly kind = 'M'
  readonly identity = ''
  readonly needsFlowControl = apiError(10214)
  private readonly caughtUp: () => void
  private readonly feed: Feed

  /** `caughtUp` is called when it is, once or more often. */
  constructor(stream: Follower, source: StreamSource, caughtUp: () => void) {
    this.stream = stream
    this.origin = new Origin(source)
    this.caughtUp = caughtUp
    this.feed = new Feed(this)
  }

  get position(): number {
    return this.stream.store.last
  }

  request(): { readonly name: string; readonly [member: string]: Json } {
    const { stream } = this
    const named = { name: `JS_MIRROR_${followerId(stream)}`, metadata: followerMetadata(stream, 'mirror') }
    return { ...named, ...this.start() }
  }

  private start(): { readonly [member: string]: Json } {
    const { opt_start_seq: seq, opt_start_time: time } = this.origin.config
    const { last } = this.stream.store
    const from = last > 0 ? last + 1 : seq
    if (from > 0) return { deliver_policy: 'by_start_sequence', opt_start_seq: from }
    return time === '' ? { deliver_policy: 'all' } : { deliver_policy: 'by_start_time', opt_start_time: time }
  }

  changed(): void {}

  began(delivered: number): void {
    const { store } = this.stream
    if (delivered > store.last) store.skipTo(delivered + 1, 0)
  }

  /** A mirror counts nothing. */
  ready(): undefined {}

  take(message: FedMessage): ApiError | undefined {
    const { pending, seq, timeUs } = message.delivery
    const subject = this.origin.transformed(message.subject)
    const adopted = { place: { seq, timeUs }, origin: undefined }
    const error = this.stream.adopt(subject, keptHeaders(message), message.payload, adopted)
    if (error === undefined && pending < CAUGHT_UP) this.caughtUp()
    return error
  }

  info(): Json {
    return this.feed.info(0)
  }

  durable(): void {
    this.feed.durable()
  }

  undone(): void {
    this.feed.undone()
  }

  /** `isOver`: it will not come back. */
  close(isOver: boolean): void {
    this.feed.close()
    if (isOver) this.feed.dropConsumer()
  }
}
