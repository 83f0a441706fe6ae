// Follows an origin: asks it for a consumer, takes what that delivers, and begins again where that was interrupted. It
// talks to the origin by messages alone, as a client does, wherever the origin is.
//
//     wait ──▶ ask ──▶ CONSUMER.CREATE ──▶ answer ──▶ follow ──▶ message, in order ──▶ host
//      ▲        │ no answer, an error                   │ ◀── heartbeat: nothing is missing
//      └────────┴──── later and later ◀── a gap, silence┘ ◀── flow control: answered when all before it is durable
//
// An answer to flow control says how far this stream has come, and may let the origin drop messages. Until then they
// stay there, and no more come: that bounds what is on its way.

import type { Account } from '../../accounts/account.ts'
import { randomText } from '../../base/event-head.ts'
import { attempt, guarded } from '../../base/guarded.ts'
import type { Json } from '../../base/json.ts'
import { type Run, replyOf, shownOf, subjectOf } from '../../protocol/run.ts'
import { InternalSubscription } from '../../routing/subscription.ts'
import { byteString } from '../../subjects/byte-string.ts'
import { nowMs } from '../clock.ts'
import { type ApiError, apiError } from '../errors.ts'
import { type ArrivedMessage, HeldMessages } from '../held-messages.ts'
import { Header, headerBlock, readHeaders, withoutStatus } from '../message-headers.ts'
import type { JetStreamOwner } from '../owner.ts'
import type { Sender } from '../sender.ts'
import type { StreamStore } from '../storage/store.ts'
import { type Delivery, parseDelivery } from './delivery.ts'
import type { Origin } from './origin.ts'

/** How soon it asks again: then twice as late each time. */
const RETRY_MIN_MS = 250
const RETRY_MAX_MS = 30_000
/** How soon it asks again for a message that had no room here. */
const REFUSED_MS = 2000
const ANSWER_MS = 10_000
/** An origin that is there says something every second. */
const SILENCE_MS = 10_000
const WATCH_MS = 2000
const NS_PER_MS = 1e6
const NS_PER_S = 1e9
/** Levels of the API that are asked of an origin, one after the other; 0: an old one, which knows no `sourcing`. */
const LEVELS = [5, 4, 0] as const
/** What all consumers of mirrors and sources have in common. */
const CONSUMER = {
  ack_policy: 'none',
  ack_wait: 22 * 3600 * NS_PER_S,
  max_deliver: 1,
  replay_policy: 'instant',
  flow_control: true,
  idle_heartbeat: NS_PER_S,
  inactive_threshold: 10 * NS_PER_S,
  num_replicas: 0,
  direct: true,
} as const
const ID_LENGTH = 8
const CONTROL = 'NATS/1.0 100 '
const NOTHING = Buffer.alloc(0)
const LEVEL_REFUSED = 10185
const NOT_UNDERSTOOD = 10025
const OTHER_STREAM = 10225

/** The stream that follows. */
export interface FollowingStream {
  readonly owner: JetStreamOwner
  readonly account: Account
  readonly sender: Sender
  readonly name: string
  readonly store: StreamStore
}

/** A message of the origin. Its bytes are valid during the call. */
export interface FedMessage {
  readonly subject: string
  readonly headers: Buffer
  readonly payload: Buffer
  readonly delivery: Delivery
}

/** What a mirror and a source differ in. */
export interface FeedHost {
  readonly stream: FollowingStream
  readonly origin: Origin
  readonly kind: 'M' | 'S'
  /** The members of the consumer that say what it is called and where it begins. */
  request(): { readonly name: string; readonly [member: string]: Json }
  /** The origin's messages up to this one have been stored here, or passed over. */
  readonly position: number
  /** The stream that was followed before; empty: it is not known. */
  readonly identity: string
  /** The origin has another stream of that name now. */
  changed(): void
  /** The consumer is there. It begins behind a sequence of the origin. */
  began(delivered: number, identity: string): void
  /** Resolves when a message on this subject can be taken; undefined: it can. */
  ready(subject: string): Promise<void> | undefined
  /** Stores a message, or says why it can not. */
  take(message: FedMessage): ApiError | undefined
  /** What is wrong with a consumer that does not acknowledge by flow control. */
  readonly needsFlowControl: ApiError
}

/** A question of the origin, which is answered when what was stored before it is durable. */
interface Question {
  readonly subject: string
  readonly own: number
  readonly delivery: number
  readonly position: number
}

/** What is read of an answer. */
interface Answer {
  readonly error?: ApiError
  readonly name?: unknown
  readonly config?: { readonly deliver_subject?: unknown; readonly ack_policy?: unknown }
  readonly delivered?: { readonly stream_seq?: unknown }
}

export class Feed {
  private readonly host: FeedHost
  /** The consumer that is followed, a byte string; empty: none. */
  private consumer = ''
  /** Where it hears that: in the account of the stream, and in those from which that imports it; empty: nowhere. */
  private entries: readonly InternalSubscription[] = []
  /** Where an answer is awaited; undefined: none is. */
  private inbox: InternalSubscription | undefined
  /** The number of the latest delivery. */
  private delivered = 0
  private questions: Question[] = []
  private lag = 0
  /** When something was heard; 0: nothing was. */
  private heardMs = 0
  private error: ApiError | undefined
  private fails = 0
  private level = 0
  private timer: NodeJS.Timeout | undefined
  private readonly watch: NodeJS.Timeout
  private closed = false

  constructor(host: FeedHost) {
    this.host = host
    const { bugMet } = host.stream.owner
    this.watch = setInterval(
      guarded(bugMet, () => this.look()),
      WATCH_MS,
    ).unref()
    this.later(0)
  }

  /** The members of stream info. `seq`: how far it has come; 0: that is not shown. */
  info(seq: number): Json {
    const active = this.heardMs === 0 ? -1 : Math.round((nowMs() - this.heardMs) * NS_PER_MS)
    return shownOrigin(this.host.origin, { lag: this.lag, seq: seq || undefined, active, error: this.error })
  }

  /** Hears nothing any more. */
  close(): void {
    this.closed = true
    clearInterval(this.watch)
    this.interrupt()
  }

  /** Its consumer is of no use any more; it would end by itself, if it were not one that keeps messages. */
  dropConsumer(): void {
    const { origin, stream } = this.host
    if (origin.hasConsumer) return
    const { name } = this.host.request()
    stream.sender.send(origin.apiSubject(`CONSUMER.DELETE.${origin.config.name}.${name}`), NOTHING)
  }

  // ── What the stream tells ─────────────────────────────────────────────────────────────────────────────

  /** More of what was stored here is durable. */
  durable(): void {
    const { sender, store } = this.host.stream
    let count = 0
    for (const { delivery, own, position, subject } of this.questions) {
      if (own > store.durable) break
      count++
      const headers = headerBlock([
        ['Nats-Last-Consumer', delivery],
        ['Nats-Last-Stream', position],
      ])
      sender.send(subject, NOTHING, headers)
    }
    if (count > 0) this.questions.splice(0, count)
  }

  /** What is not durable is lost here: it has to come again. */
  undone(): void {
    this.again()
  }

  // ── Asking ────────────────────────────────────────────────────────────────────────────────────────────

  private later(ms: number): void {
    if (this.closed) return
    const { owner } = this.host.stream
    clearTimeout(this.timer)
    const ask = guarded(owner.bugMet, () => {
      owner.wake()
      this.ask()
    })
    this.timer = setTimeout(ask, ms * (1 + Math.random() / 4)).unref()
  }

  /** Begins again, the later the more often that was in vain. */
  private again(): void {
    this.interrupt()
    this.later(Math.min(RETRY_MIN_MS * 2 ** this.fails, RETRY_MAX_MS))
    this.fails++
  }

  private interrupt(): void {
    const { sublist } = this.host.stream.owner
    clearTimeout(this.timer)
    sublist.removeAll([...this.entries, ...(this.inbox === undefined ? [] : [this.inbox])])
    this.entries = []
    this.inbox = undefined
    this.consumer = ''
    this.questions = []
  }

  private hear(
    subject: string,
    handle: (run: Run) => void,
    account = this.host.stream.account,
  ): InternalSubscription | undefined {
    const { owner } = this.host.stream
    const entry = new InternalSubscription(account, subject, (run) => attempt(owner.bugMet, () => handle(run)))
    return owner.sublist.insert(entry) ? entry : undefined
  }

  private ask(): void {
    const { origin, stream } = this.host
    this.interrupt()
    const reply = `_INBOX.${randomText()}`
    const inbox = this.hear(reply, (run) => this.answered(run))
    if (inbox === undefined) {
      this.failed(apiError(10023))
      return
    }
    this.inbox = inbox
    const { bugMet } = stream.owner
    this.timer = setTimeout(
      guarded(bugMet, () => this.again()),
      ANSWER_MS,
    ).unref()
    const { body, headers, subject } = origin.hasConsumer ? this.resetRequest() : this.createRequest()
    const sent = stream.sender.send(subject, body, headers, reply)
    // It may have been answered meanwhile.
    if (sent === 0 && this.inbox === inbox) this.again()
  }

  private resetRequest() {
    const { origin } = this.host
    const { consumer, name } = origin.config
    return { subject: origin.apiSubject(`CONSUMER.RESET.${name}.${consumer?.name}`), body: '', headers: this.headers() }
  }

  private createRequest() {
    const { kind, origin } = this.host
    const { filters } = origin
    const { name: plain, ...members } = this.host.request()
    const isOld = LEVELS[this.level] === 0
    // An old one does not add to the name what makes it its own.
    const name = isOld ? `${plain}_${randomText().slice(-ID_LENGTH)}` : plain
    const config = {
      ...CONSUMER,
      ...filters,
      ...members,
      name,
      deliver_subject: origin.deliverSubject(kind),
      sourcing: isOld ? undefined : true,
    }
    const stream = origin.config.name
    const rest = filters.filter_subject === undefined ? '' : `.${name}.${filters.filter_subject}`
    return {
      subject: origin.apiSubject(`CONSUMER.CREATE.${stream}${rest}`),
      body: JSON.stringify({ stream_name: stream, config }),
      headers: this.headers(),
    }
  }

  private headers(): Buffer {
    const level = LEVELS[this.level]
    if (level === 0) return NOTHING
    const { identity, kind } = this.host
    const told = kind === 'S' && level === 5
    return headerBlock([[Header.requiredLevel, level], ...(told ? [[Header.streamIdentity, identity] as const] : [])])
  }

  private answered(run: Run): void {
    if (this.inbox === undefined) return
    const { bytes } = run.block
    const headers = readHeaders(bytes.subarray(run.first, run.first + run.headerSize))
    const answer = readAnswer(bytes.toString('utf8', run.first + run.headerSize, run.first + run.size))
    const { origin } = this.host
    const { config, delivered, error, name } = answer ?? {}
    const code = error?.err_code
    if (code === OTHER_STREAM) {
      this.host.changed()
      this.later(0)
    } else if ((code === LEVEL_REFUSED || code === NOT_UNDERSTOOD) && this.level < LEVELS.length - 1) {
      this.level++
      this.later(0)
    } else if (error !== undefined) this.failed(error)
    else if (origin.hasConsumer && config?.ack_policy !== 'flow_control') this.failed(this.host.needsFlowControl)
    else {
      const seq = delivered?.stream_seq
      const to = origin.hasConsumer ? origin.config.consumer?.deliver_subject : config?.deliver_subject
      const isWhole = typeof name === 'string' && typeof to === 'string' && Number.isSafeInteger(seq)
      if (isWhole) this.follow(name, to, seq as number, headers.get(Header.streamIdentity) ?? '')
      else this.failed(apiError(10029, 'invalid consumer create response'))
    }
  }

  private failed(error: ApiError): void {
    this.error = error
    this.again()
  }

  private follow(consumer: string, subject: string, delivered: number, identity: string): void {
    const { host } = this
    this.interrupt()
    host.began(delivered, identity)
    this.consumer = byteString(consumer)
    this.delivered = 0
    this.error = undefined
    this.heardMs = nowMs()
    const { account } = host.stream
    const places: [Account, string][] = [[account, byteString(subject)]]
    for (const via of account.streamImports) {
      const there = via.filterThere(byteString(subject))
      if (there !== undefined) places.push([via.exporter, there])
    }
    // What is still on its way from a consumer before means nothing.
    const ifCurrent = (act: () => void): void => {
      if (this.entries === entries) act()
    }
    const held = this.hold(ifCurrent)
    const heard = (run: Run): void => ifCurrent(() => this.heard(run, held))
    const all = places.map(([where, filter]) => this.hear(filter, heard, where))
    const entries = all.filter((each) => each !== undefined)
    this.entries = entries
    if (entries.length < all.length) this.failed(apiError(10023))
  }

  // ── Following ─────────────────────────────────────────────────────────────────────────────────────────

  private look(): void {
    if (this.consumer !== '' && nowMs() - this.heardMs > SILENCE_MS) this.again()
  }

  /** Where messages wait, and questions behind them, while the stream has to read something for one. */
  private hold(ifCurrent: (act: () => void) => void): HeldMessages {
    const { host } = this
    const { owner } = host.stream
    const { maxBufferedBytes = 0, maxBufferedMessages = 0 } = owner.options.jetstream ?? {}
    return new HeldMessages({
      maxMessages: maxBufferedMessages,
      maxBytes: maxBufferedBytes,
      ready: ({ subject }) => host.ready(subject.toString('latin1')),
      judge: (message) => ifCurrent(() => this.take(message)),
      together: (judgeThem) => {
        owner.wake()
        judgeThem()
      },
      bugMet: owner.bugMet,
    })
  }

  private heard(run: Run, held: HeldMessages): void {
    this.heardMs = nowMs()
    const { bytes } = run.block
    const subject = Buffer.from(shownOf(run) || subjectOf(run), 'latin1')
    const reply = replyOf(run)
    for (let i = 0; i < run.count && this.entries.length > 0; i++) {
      const start = run.first + i * run.stride
      const headers = bytes.subarray(start, start + run.headerSize)
      const payload = bytes.subarray(start + run.headerSize, start + run.size)
      if (!held.take({ subject, headers, payload, reply })) this.refused(apiError(10167))
    }
  }

  private take(message: ArrivedMessage): void {
    const { headers, payload, reply } = message
    const isControl = payload.length === 0 && headers.toString('latin1', 0, CONTROL.length) === CONTROL
    if (isControl) this.control(headers, reply)
    else this.message(message)
  }

  private control(headers: Buffer, reply: string): void {
    if (reply !== '') {
      this.asked(reply)
      return
    }
    const said = readHeaders(withoutStatus(headers))
    const last = Number(said.get('Nats-Last-Consumer') ?? 0)
    if (last > 0 && last !== this.delivered) {
      this.again()
      return
    }
    this.fails = 0
    const stalled = said.get('Nats-Consumer-Stalled') ?? ''
    if (stalled !== '') this.asked(stalled)
  }

  private asked(subject: string): void {
    if (this.questions.some((each) => each.subject === subject)) return
    const { position, stream } = this.host
    this.questions.push({ subject, own: stream.store.last, delivery: this.delivered, position })
    this.durable()
  }

  private message({ headers, payload, reply, subject }: ArrivedMessage): void {
    const { host } = this
    const delivery = parseDelivery(reply)
    // Of a consumer before, or delivered again.
    if (delivery === undefined || delivery.consumer !== this.consumer || delivery.deliveries > 1) return
    const isNext = delivery.delivery === this.delivered + 1
    if (delivery.seq > host.position && !isNext) {
      if (delivery.delivery > this.delivered) this.again()
      return
    }
    if (isNext) this.delivered++
    if (delivery.seq <= host.position) return
    const error = host.take({ subject: subject.toString('latin1'), headers, payload, delivery })
    if (error !== undefined) {
      this.refused(error)
      return
    }
    this.lag = Math.max(0, delivery.pending - 1)
    this.fails = 0
    this.error = undefined
  }

  /** It has no room here, or may not be here: it is asked for again. */
  private refused(error: ApiError): void {
    const { name, owner } = this.host.stream
    if (this.error?.err_code !== error.err_code) {
      owner.log.warn(`Stream '${name}' can not store what it follows: ${error.description}`)
    }
    this.error = error
    this.interrupt()
    this.later(REFUSED_MS)
  }
}

/** What stream info has of an origin, with what is known of it. */
export function shownOrigin({ config }: Origin, known: { readonly [member: string]: Json }): Json {
  const { external, filter_subject: filter, name, subject_transforms: transforms } = config
  return {
    name,
    external: external && { ...external },
    ...known,
    filter_subject: filter || undefined,
    subject_transforms: transforms.length === 0 ? undefined : transforms.map((each) => ({ ...each })),
  }
}

function readAnswer(text: string): Answer | undefined {
  try {
    const answer = JSON.parse(text) as Answer | null
    if (typeof answer !== 'object' || answer === null || answer.error === undefined) return answer ?? undefined
    const { code, description, err_code } = answer.error
    return { error: { code: Number(code), err_code: Number(err_code), description: String(description) } }
  } catch {
    return undefined
  }
}
