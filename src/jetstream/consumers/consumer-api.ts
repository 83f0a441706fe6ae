// Requests about the consumers of a stream, on the shard that owns it. CREATE has the name of the consumer in its
// subject, and perhaps its filter; older clients use two other forms.
//
//     CONSUMER.CREATE.<stream>.<consumer>[.<filter>]
//     CONSUMER.CREATE.<stream>                              a consumer without a durable name
//     CONSUMER.DURABLE.CREATE.<stream>.<consumer>

import { randomText } from '../../base/event-head.ts'
import { byteString, properText } from '../../subjects/byte-string.ts'
import { isJson, LIST_MAX, NAMES_MAX } from '../account-api.ts'
import { canonicalInstant, clockUs, goInstant, NEVER, nowMs } from '../clock.ts'
import { type ApiError, apiError } from '../errors.ts'
import { Header, headerBlock } from '../message-headers.ts'
import { instant, integer, natural, object, readJson, text } from '../request-json.ts'
import { shortHash } from '../short-hash.ts'
import type { Stream } from '../stream.ts'
import { isEmptyRequest, streamOf } from '../stream-api.ts'
import { type Answer, type Call, HeadedAnswer, refused, type Verb } from '../verb.ts'
import {
  CONSUMER_REQUEST,
  type ConsumerAction,
  type ConsumerConfig,
  type ConsumerRequest,
  consumerConfig,
  isDurable,
} from './config.ts'
import { Consumer, consumersOf } from './consumer.ts'
import { destination } from './outlet.ts'
import { Pull } from './pull.ts'
import {
  type ConsumerBounds,
  checkAddition,
  checkConsumer,
  checkConsumerUpdate,
  INACTIVE_THRESHOLD,
  isSameConsumer,
  isUniqueOnQueue,
  isValidGroup,
  noteConsumerLevel,
} from './rules.ts'

const NS_PER_MS = 1e6
/** Of a stream, where neither it nor its account sets a limit. */
const CONSUMERS_MAX = 1000
const NAME_LENGTH = 8

type Refused = ReturnType<typeof refused>

// ── Creation ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Which consumer the subject of a request names; empty: none. */
interface Named {
  readonly form: 'plain' | 'ephemeral' | 'durable'
  readonly name: string
  readonly filter: string
}

function namedBy(tokens: readonly string[]): Named {
  const names = tokens.map(properText)
  if (names[1] === 'DURABLE') return { form: 'durable', name: names[4], filter: '' }
  if (names.length === 3) return { form: 'ephemeral', name: '', filter: '' }
  return { form: 'plain', name: names[3], filter: names.slice(4).join('.') }
}

/** Whether the configuration fits the subject, of which it gets its name. */
function nameFrom({ filter, form, name }: Named, config: ConsumerConfig): ApiError | undefined {
  const { durable_name: durable, filter_subject: filterSubject, filter_subjects: filters } = config
  const given = form === 'ephemeral' ? config.name : name
  if (/[\\/]/.test(given)) return apiError(10127)
  if (form === 'durable' && durable === '') return apiError(10018)
  if (form !== 'ephemeral' && durable !== '' && durable !== name) return apiError(10017)
  if (form === 'ephemeral' && durable !== '') return apiError(10020)
  config.name = given
  if (filter === '') return undefined
  if (filters.length > 0) return apiError(10137)
  return filterSubject === filter ? undefined : apiError(10131)
}

/** What a mirror or a source asks for becomes what its origin can give it. */
function settleFollower(config: ConsumerConfig, { config: { retention } }: Stream): void {
  if (!config.direct || !config.sourcing || config.name === '') return
  if (retention === 'limits') config.name = `${config.name}-${shortHash(randomText())}`
  else {
    // Messages stay for it until it says that it has stored them.
    const durable = { durable_name: config.name, direct: false, ack_policy: 'flow_control' } as const
    Object.assign(config, durable, { ack_wait: 0, max_deliver: 0, inactive_threshold: 0 })
  }
}

const isFollower = ({ direct, sourcing }: ConsumerConfig): boolean => direct || sourcing

async function create(call: Call): Promise<Answer | HeadedAnswer> {
  const { value, fault } = readJson(call.body.toString(), CONSUMER_REQUEST, call.strict)
  if (fault !== undefined && call.body.length > 0) return refused(apiError(10025, fault))
  const request: Partial<ConsumerRequest> = value ?? {}
  const config = consumerConfig(request.config ?? {})
  if ((request.stream_name ?? '') !== call.stream) return refused(apiError(10056))
  const misnamed = nameFrom(namedBy(call.tokens), config)
  if (misnamed !== undefined) return refused(misnamed)
  if (config.num_replicas > 1) return refused(apiError(10074))
  const stream = streamOf(call)
  if ('error' in stream) return stream
  settleFollower(config, stream)
  const { identity } = stream
  if (isFollower(config) && (call.identity ?? identity) !== identity && call.identity !== '') {
    return refused(apiError(10225, identity))
  }
  const existing = consumerNamed(stream, config.name)
  if (existing !== undefined) config.pause_until = existing.config.pause_until
  else config.pause_until = goInstant(config.pause_until)
  config.opt_start_time = goInstant(config.opt_start_time)
  if (existing !== undefined && config.sourcing && isDurable(config)) {
    const { deliver_policy, opt_start_seq, opt_start_time } = existing.config
    Object.assign(config, { deliver_policy, opt_start_seq, opt_start_time })
  }
  noteConsumerLevel(config)
  const bounds = boundsOf(call)
  const wrong = checkConsumer(config, stream.config, bounds, request.pedantic ?? false)
  if (wrong !== undefined) return refused(wrong)
  const { action = '' } = request
  const answer = await (existing === undefined
    ? add(call, stream, config, action)
    : replace(call, existing, config, action))
  return isFollower(config) && !('error' in answer) ? identified(stream, answer) : answer
}

/** An answer that says which stream it is about. */
function identified({ identity }: Stream, answer: Answer): HeadedAnswer {
  return new HeadedAnswer(headerBlock([[Header.streamIdentity, identity]]), answer)
}

async function add(call: Call, stream: Stream, config: ConsumerConfig, action: ConsumerAction): Promise<Answer> {
  const { streams } = call
  if (action === 'update') return refused(apiError(10149))
  const others = consumersOf(stream)
    .map((consumer) => consumer.config)
    .filter((other) => !isFollower(other))
  const wrong = checkAddition(config, stream.config, others, boundsOf(call), CONSUMERS_MAX)
  if (wrong !== undefined) return refused(wrong)
  stampThreshold(config)
  const name = config.name || randomText().slice(0, NAME_LENGTH)
  const listed = { name, config, createdUs: clockUs(), state: undefined }
  const consumer = new Consumer(stream, listed, streams.consumerPlace)
  if (!consumer.listen()) {
    consumer.close('closed')
    return refused(apiError(10023))
  }
  const info = consumer.info()
  const lost = await whyNotKept(call, consumer)
  if (lost !== undefined) {
    consumer.close('closed')
    return lost
  }
  consumer.advisories.created()
  if (consumer.pace.isPaused) consumer.advisories.paused(true, config.pause_until)
  return info
}

/** Who has no durable name does not live for ever. */
function stampThreshold(config: ConsumerConfig): void {
  if (!isDurable(config) && config.inactive_threshold === 0) config.inactive_threshold = INACTIVE_THRESHOLD
}

async function replace(
  call: Call,
  consumer: Consumer,
  config: ConsumerConfig,
  action: ConsumerAction,
): Promise<Answer> {
  const { stream } = consumer
  if (action === 'create' && !isSameConsumer(config, consumer.config)) return refused(apiError(10148))
  if (stream.config.retention === 'workqueue' && !isFollower(config)) {
    const others = consumersOf(stream)
      .filter((other) => other !== consumer && !isFollower(other.config))
      .map((other) => other.config)
    if (!isUniqueOnQueue(config, others)) return refused(apiError(10100))
  }
  const isBound = (): boolean => consumer.outlet.hasInterest(destination(byteString(consumer.config.deliver_subject)))
  const wrong = checkConsumerUpdate(consumer.config, config, isBound)
  if (wrong !== undefined) return refused(wrong)
  stampThreshold(config)
  consumer.configure(config)
  // Whoever follows begins behind what it has said that it has.
  if (config.sourcing) consumer.reset(0)
  return (await whyNotKept(call, consumer)) ?? consumer.info()
}

/** Keeps what a consumer has become. Why that failed: it is tried again. */
async function whyNotKept({ streams }: Call, consumer: Consumer): Promise<Refused | undefined> {
  try {
    await streams.keeper.kept(consumer)
    return undefined
  } catch (error) {
    return refused(apiError(10012, error instanceof Error ? error.message : String(error)))
  }
}

export function boundsOf({ streams: { account, owner } }: Pick<Call, 'streams'>): ConsumerBounds {
  const limits = owner.options.jetstream?.limits
  const { maxAckPending = -1, maxConsumers = -1 } = account.jetstream ?? {}
  return {
    server: { maxAckPending: limits?.maxAckPending ?? 0, maxRequestBatch: limits?.maxRequestBatch ?? 0 },
    account: { maxAckPending, maxConsumers },
  }
}

// ── One consumer ──────────────────────────────────────────────────────────────────────────────────────────────

function consumerNamed(stream: Stream, name: string): Consumer | undefined {
  const found = stream.attached.get(name)
  return found instanceof Consumer ? found : undefined
}

/** The consumer that the last token names, or why there is none. */
function consumerOf(call: Call): Consumer | Refused {
  const stream = streamOf(call)
  if ('error' in stream) return stream
  return consumerNamed(stream, properText(call.tokens[call.tokens.length - 1])) ?? refused(apiError(10014))
}

function info(call: Call): Answer {
  if (!isEmptyRequest(call.body)) return refused(apiError(10038))
  const consumer = consumerOf(call)
  return 'error' in consumer ? consumer : consumer.info()
}

async function remove(call: Call): Promise<Answer> {
  if (!isEmptyRequest(call.body)) return refused(apiError(10038))
  const consumer = consumerOf(call)
  if ('error' in consumer) return consumer
  await consumer.remove()
  return { success: true }
}

const PAUSE_REQUEST = object<{ pause_until: string }>('JSApiConsumerPauseRequest', { pause_until: instant })

async function pause(call: Call): Promise<Answer> {
  const { value = {}, fault } = isJson(call.body) ? readJson(call.body.toString(), PAUSE_REQUEST, call.strict) : {}
  if (fault !== undefined) return refused(apiError(10025, fault))
  const consumer = consumerOf(call)
  if ('error' in consumer) return consumer
  const asked = canonicalInstant(value.pause_until ?? NEVER)
  const until = asked === NEVER ? '' : asked
  if (until !== consumer.config.pause_until) {
    const config = { ...consumer.config, pause_until: until }
    noteConsumerLevel(config)
    consumer.configure(config)
    consumer.advisories.paused(consumer.pace.isPaused, until)
    const lost = await whyNotKept(call, consumer)
    if (lost !== undefined) return lost
  }
  const remainingMs = Date.parse(asked) - nowMs()
  return {
    paused: remainingMs > 0,
    pause_until: asked,
    pause_remaining: remainingMs > 0 ? Math.round(remainingMs * NS_PER_MS) : undefined,
  }
}

const UNPIN_REQUEST = object<{ group: string }>('JSApiConsumerUnpinRequest', { group: text })

function unpin(call: Call): Answer {
  const { value = {}, fault } = readJson(call.body.toString(), UNPIN_REQUEST, false)
  if (fault !== undefined) return refused(apiError(10025, fault))
  const { group = '' } = value
  if (group === '') return refused(apiError(10025, 'consumer group not specified'))
  if (!isValidGroup(group)) return refused(apiError(10162))
  const consumer = consumerOf(call)
  if ('error' in consumer) return consumer
  if (!consumer.config.priority_groups.includes(group)) return refused(apiError(10160))
  if (consumer.mode instanceof Pull) consumer.mode.unpin('admin')
  return {}
}

const RESET_REQUEST = object<{ seq: number }>('JSApiConsumerResetRequest', { seq: natural })

async function reset(call: Call): Promise<Answer | HeadedAnswer | undefined> {
  const consumer = consumerOf(call)
  // Only the consumer itself hears it.
  if ('error' in consumer) return undefined
  const { value = {}, fault } = call.body.length === 0 ? {} : readJson(call.body.toString(), RESET_REQUEST, false)
  if (fault !== undefined) return refused(apiError(10025, fault))
  const seq = consumer.reset(value.seq ?? 0)
  if (typeof seq === 'string') return refused(apiError(10204, seq))
  const info = consumer.info()
  const lost = await whyNotKept(call, consumer)
  if (lost !== undefined) return lost
  const answer = { ...info, reset_seq: seq }
  return call.identity === undefined ? answer : identified(consumer.stream, answer)
}

// ── Lists ─────────────────────────────────────────────────────────────────────────────────────────────────────

const PAGE_REQUEST = object<{ offset: number }>('JSApiConsumersRequest', { offset: integer })

/** The consumers of the page that is asked for, sorted by name. */
function pageOf(call: Call, limit: number): { total: number; offset: number; page: readonly Consumer[] } | Refused {
  const { value = {}, fault } = isJson(call.body) ? readJson(call.body.toString(), PAGE_REQUEST, call.strict) : {}
  if (fault !== undefined) return refused(apiError(10025, fault))
  const stream = streamOf(call)
  if ('error' in stream) return stream
  const consumers = consumersOf(stream)
  const offset = Math.min(Math.max(0, value.offset ?? 0), consumers.length)
  return { total: consumers.length, offset, page: consumers.slice(offset, offset + limit) }
}

function names(call: Call): Answer {
  const found = pageOf(call, NAMES_MAX)
  if ('error' in found) return found
  const { offset, page, total } = found
  return { total, offset, limit: NAMES_MAX, consumers: page.map(({ name }) => name) }
}

function list(call: Call): Answer {
  const found = pageOf(call, LIST_MAX)
  if ('error' in found) return found
  const { offset, page, total } = found
  return { total, offset, limit: LIST_MAX, consumers: page.map((consumer) => consumer.info(true)) }
}

// ── The table ─────────────────────────────────────────────────────────────────────────────────────────────────

const NO_PAGE = { total: 0, offset: 0, limit: 0, consumers: [] }

const verb = (name: string, subject: string, answer: Verb['answer'], besideError?: Verb['besideError']): Verb => ({
  subject: `CONSUMER.${subject}`,
  type: `consumer_${name}_response`,
  stream: subject.startsWith('DURABLE') ? 3 : 2,
  answer,
  ...(besideError && { besideError }),
})

export const CONSUMER_VERBS: readonly Verb[] = [
  verb('create', 'CREATE.*', create),
  verb('create', 'CREATE.*.*', create),
  verb('create', 'CREATE.*.*.>', create),
  verb('create', 'DURABLE.CREATE.*.*', create),
  verb('names', 'NAMES.*', names, NO_PAGE),
  verb('list', 'LIST.*', list, NO_PAGE),
  verb('info', 'INFO.*.*', info),
  verb('delete', 'DELETE.*.*', remove),
  verb('pause', 'PAUSE.*.*', pause, { paused: false, pause_until: NEVER }),
  verb('unpin', 'UNPIN.*.*', unpin),
  { ...verb('reset', 'RESET.*.*', reset, { reset_seq: 0 }), isQuiet: true },
]
