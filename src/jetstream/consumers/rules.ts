// The rules for a consumer's configuration, in nats-server's order: of several faults, the first is answered. What is
// not said is filled in on the way; what may be corrected is corrected, or refused where the request is pedantic.

import { goDuration } from '../../base/go-format.ts'
import { byteString } from '../../subjects/byte-string.ts'
import { covers, hasWildcard, isValidSubject, overlap } from '../../subjects/filter.ts'
import { DIGITS } from '../../text/scan.ts'
import { canonicalInstant, NEVER } from '../clock.ts'
import { type ApiError, apiError, invalidConfig } from '../errors.ts'
import { isValidName } from '../names.ts'
import { isReservedDestination } from '../reserved.ts'
import type { StreamConfig } from '../stream-config.ts'
import { DESCRIPTION_MAX, METADATA_MAX, metadataSize, NAME_MAX, REQUIRED_LEVEL } from '../stream-rules.ts'
import { type ConsumerConfig, filtersOf, isDurable, isPull } from './config.ts'

const NS_PER_MS = 1e6
const NS_PER_S = 1e9
const ACK_WAIT = 30 * NS_PER_S
const ACK_PENDING = 1000
const WAITING = 512
/** Of a consumer without a durable name. */
export const INACTIVE_THRESHOLD = 5 * NS_PER_S
const PINNED_TIMEOUT = 120 * NS_PER_S
const HEARTBEAT_MIN = 100 * NS_PER_MS
const EXPIRES_MIN = NS_PER_MS
/** The only heartbeat that goes with acknowledgements by flow control. */
const FLOW_HEARTBEAT = NS_PER_S
const GROUP = /^[a-zA-Z0-9/_=-]{1,16}$/

/** What a server and an account set bounds to; 0 or less: none. */
export interface ConsumerBounds {
  readonly server: { readonly maxAckPending: number; readonly maxRequestBatch: number }
  readonly account: { readonly maxAckPending: number; readonly maxConsumers: number }
}

/**
 * Completes a configuration and checks it. Answers what is wrong with it, or nothing. `pedantic`: nothing that was said
 * may be corrected.
 */
export function checkConsumer(
  config: ConsumerConfig,
  stream: StreamConfig,
  bounds: ConsumerBounds,
  pedantic: boolean,
): ApiError | undefined {
  return (
    correct(config, pedantic) ??
    complete(config, stream, bounds, pedantic) ??
    checkNames(config) ??
    checkReplicas(config, stream) ??
    checkSpans(config) ??
    checkFlowPolicy(config) ??
    checkBackoff(config) ??
    (Buffer.byteLength(config.description) > DESCRIPTION_MAX ? apiError(10107, DESCRIPTION_MAX) : undefined) ??
    (isPull(config) ? checkPull(config, stream, bounds) : checkPush(config, stream)) ??
    checkBounds(config, stream, bounds) ??
    checkDirect(config) ??
    checkFilters(config) ??
    checkStart(config) ??
    checkRest(config) ??
    checkPriority(config)
  )
}

// ── Defaults ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Members below 0, what they become, and what is said of them. */
const NEGATIVE = [
  ['max_waiting', 0, 0, 'must not be negative'],
  ['max_ack_pending', -1, -1, 'must be set to -1'],
  ['max_batch', 0, 0, 'must not be negative'],
  ['max_expires', 0, 0, 'must not be negative'],
  ['max_bytes', 0, 0, 'must not be negative'],
  ['idle_heartbeat', 0, 0, 'must not be negative'],
  ['inactive_threshold', 0, 0, 'must not be negative'],
  ['priority_timeout', 0, 0, 'must not be negative'],
] as const

function correct(config: ConsumerConfig, pedantic: boolean): ApiError | undefined {
  if (pedantic && config.max_deliver < -1) return apiError(10157, 'max_deliver must be set to -1')
  if (config.max_deliver === 0 || config.max_deliver < -1) config.max_deliver = -1
  for (const [name, least, value, reason] of NEGATIVE) {
    if (config[name] >= least) continue
    if (pedantic) return apiError(10157, `${name} ${reason}`)
    config[name] = value
  }
  return undefined
}

function complete(
  config: ConsumerConfig,
  { consumer_limits: limits }: StreamConfig,
  { server, account }: ConsumerBounds,
  pedantic: boolean,
): ApiError | undefined {
  if (isPull(config) && config.max_waiting === 0) config.max_waiting = WAITING
  const { ack_policy: policy, backoff } = config
  if (config.ack_wait === 0 && (policy === 'explicit' || policy === 'all')) config.ack_wait = ACK_WAIT
  if (backoff.length > 0) {
    if (pedantic && config.ack_wait !== backoff[0]) {
      return apiError(10157, 'first backoff value has to equal batch AckWait')
    }
    config.ack_wait = backoff[0]
  }
  const { max_ack_pending: ackPending = 0, inactive_threshold: inactive = 0 } = limits
  const configured = "must be set if it's configured in stream limits"
  if (config.max_ack_pending === 0) {
    if (pedantic && ackPending > 0) return apiError(10157, `max_ack_pending ${configured}`)
    config.max_ack_pending = ackPending
  }
  if (config.inactive_threshold === 0) {
    if (pedantic && inactive > 0) return apiError(10157, `inactive_threshold ${configured}`)
    config.inactive_threshold = inactive
  }
  if (config.max_ack_pending === 0 && policy !== 'none') {
    const least = [server.maxAckPending, account.maxAckPending].filter((bound) => bound > 0)
    config.max_ack_pending = Math.min(ACK_PENDING, ...least)
  }
  if (isPull(config) && config.max_batch === 0 && server.maxRequestBatch > 0) {
    if (pedantic) return apiError(10157, "max_request_batch must be set if it's JetStream limits are set")
    config.max_batch = server.maxRequestBatch
  }
  if (config.priority_policy === 'pinned_client' && config.priority_timeout === 0) {
    config.priority_timeout = PINNED_TIMEOUT
  }
  if (policy === 'flow_control' && !pedantic) {
    config.flow_control = true
    config.idle_heartbeat = FLOW_HEARTBEAT
  }
  return undefined
}

// ── Checks ────────────────────────────────────────────────────────────────────────────────────────────────────

function checkNames({ name, durable_name: durable }: ConsumerConfig): ApiError | undefined {
  const text = (what: string): string => `consumer ${what} can not contain '.', '*', '>', '\\', '/'`
  if (name !== '' && !isValidName(name)) return invalidConfig(text('name'))
  return durable !== '' && !isValidName(durable) ? invalidConfig(text('durable name')) : undefined
}

function checkReplicas({ num_replicas: replicas }: ConsumerConfig, stream: StreamConfig): ApiError | undefined {
  if (replicas > stream.num_replicas) return apiError(10126)
  return replicas < 0 ? apiError(10133) : undefined
}

function checkSpans({ ack_wait: wait, backoff }: ConsumerConfig): ApiError | undefined {
  if (backoff.some((span) => span < 0)) return apiError(10184)
  return wait < 0 ? apiError(10183) : undefined
}

function checkFlowPolicy(config: ConsumerConfig): ApiError | undefined {
  if (config.ack_policy !== 'flow_control') return undefined
  if (isPull(config)) return apiError(10218)
  if (!config.flow_control) return apiError(10219)
  if (config.idle_heartbeat !== FLOW_HEARTBEAT) {
    return invalidConfig('flow control ack policy heartbeat needs to be 1s')
  }
  if (config.max_ack_pending <= 0) return apiError(10220)
  if (config.ack_wait !== 0 || config.backoff.length > 0) return apiError(10221)
  return config.max_deliver > 0 ? apiError(10222) : undefined
}

/** Also of an update. */
function checkBackoff({ backoff, max_deliver: most }: ConsumerConfig): ApiError | undefined {
  return most !== -1 && backoff.length > most ? apiError(10116) : undefined
}

function checkPush(config: ConsumerConfig, stream: StreamConfig): ApiError | undefined {
  const { deliver_subject: subject } = config
  if (hasWildcard(subject)) return apiError(10079)
  if (!isValidSubject(subject) || isReservedDestination(byteString(subject))) return apiError(10112)
  if (stream.subjects.some((each) => overlap(each, subject))) return apiError(10081)
  if (config.max_waiting !== 0) return apiError(10080)
  if (config.max_ack_pending > 0 && config.ack_policy === 'none') return apiError(10082)
  return config.idle_heartbeat > 0 && config.idle_heartbeat < HEARTBEAT_MIN ? apiError(10083) : undefined
}

function checkPull(config: ConsumerConfig, stream: StreamConfig, { server }: ConsumerBounds): ApiError | undefined {
  if (config.ack_policy === 'none' && stream.retention === 'workqueue') return apiError(10084)
  if (config.rate_limit_bps > 0) return apiError(10086)
  if (config.idle_heartbeat > 0) return apiError(10088)
  if (config.flow_control) return apiError(10089)
  if (config.max_expires !== 0 && config.max_expires < EXPIRES_MIN) return apiError(10115)
  const { maxRequestBatch: most } = server
  return most > 0 && config.max_batch > most ? apiError(10125, most) : undefined
}

function checkBounds(config: ConsumerConfig, stream: StreamConfig, bounds: ConsumerBounds): ApiError | undefined {
  const { max_ack_pending: pending = 0, inactive_threshold: inactive = 0 } = stream.consumer_limits
  for (const most of [bounds.server.maxAckPending, bounds.account.maxAckPending, pending]) {
    if (most > 0 && config.max_ack_pending > most) return apiError(10121, most)
  }
  return inactive > 0 && config.inactive_threshold > inactive ? apiError(10153, goDuration(inactive)) : undefined
}

function checkDirect(config: ConsumerConfig): ApiError | undefined {
  if (config.direct && isPull(config)) return apiError(10090)
  return config.direct && isDurable(config) ? apiError(10091) : undefined
}

function checkFilters(config: ConsumerConfig): ApiError | undefined {
  const { filter_subject: one, filter_subjects: several } = config
  if (one !== '' && several.length > 0) return apiError(10136)
  if (one !== '' && !isValidSubject(one)) return invalidConfig('invalid subject')
  if (several.includes('')) return apiError(10139)
  for (const [i, subject] of several.entries()) {
    if (!isValidSubject(subject)) return invalidConfig('invalid subject')
    if (several.some((other, j) => i !== j && covers(other, subject))) return apiError(10138)
  }
  return undefined
}

/** What each policy is called, and what it needs of the optional members. */
const POLICIES = {
  all: { called: 'all', needs: '' },
  last: { called: 'last', needs: '' },
  new: { called: 'new', needs: '' },
  last_per_subject: { called: 'last per subject', needs: 'filter subject' },
  by_start_sequence: { called: 'by start sequence', needs: 'start sequence' },
  by_start_time: { called: 'by start time', needs: 'start time' },
} as const

function checkStart(config: ConsumerConfig): ApiError | undefined {
  const { deliver_policy: policy, opt_start_seq: seq, opt_start_time: time } = config
  const { called, needs } = POLICIES[policy]
  const isSet = (what: string): ApiError =>
    apiError(10094, `consumer delivery policy is deliver ${called}, but optional start ${what} is also set`)
  const notSet = (): ApiError =>
    apiError(10094, `consumer delivery policy is deliver ${called}, but optional ${needs} is not set`)
  if (policy === 'by_start_sequence' && seq === 0) return notSet()
  if (policy === 'by_start_time' && time === '') return notSet()
  if (policy === 'by_start_time' && seq > 0) return isSet('start sequence')
  if (policy !== 'by_start_sequence' && seq > 0) return isSet('sequence')
  if (policy !== 'by_start_time' && time !== '') return isSet('time')
  return policy === 'last_per_subject' && filtersOf(config).length === 0 ? notSet() : undefined
}

/** The number in a sampling frequency, in percent; undefined: it is none. Empty: 0. */
export function samplingOf(frequency: string): number | undefined {
  const digits = bareFrequency(frequency)
  return frequency === '' ? 0 : isDigits(digits) ? Number(digits) : undefined
}

const bareFrequency = (frequency: string): string => (frequency.endsWith('%') ? frequency.slice(0, -1) : frequency)

const isDigits = (text: string): boolean => text !== '' && DIGITS.endOf(text, 0) === text.length

function checkRest(config: ConsumerConfig): ApiError | undefined {
  const { durable_name: durable, name, sample_freq: frequency } = config
  if (samplingOf(frequency) === undefined) {
    const digits = bareFrequency(frequency)
    // A negative number is read, and then refused without a word.
    const isNegative = digits.startsWith('-') && isDigits(digits.slice(1))
    const reason = isNegative ? '<nil>' : `strconv.Atoi: parsing ${JSON.stringify(digits)}: invalid syntax`
    return apiError(10095, reason)
  }
  if (config.flow_control && config.idle_heartbeat === 0) return apiError(10108)
  if (durable !== '' && name !== '' && durable !== name) return apiError(10132)
  return metadataSize(config.metadata) > METADATA_MAX ? apiError(10135, `${METADATA_MAX / 1024}KB`) : undefined
}

function checkPriority(config: ConsumerConfig): ApiError | undefined {
  const { priority_groups: groups, priority_policy: policy, priority_timeout: timeout } = config
  if (policy === 'none') {
    if (groups.length > 0) return apiError(10196)
    return timeout > 0 ? apiError(10197) : undefined
  }
  if (!isPull(config)) return apiError(10178)
  if (groups.length === 0) return apiError(10159)
  if (groups.includes('')) return apiError(10161)
  return groups.every(isValidGroup) ? undefined : apiError(10162)
}

export const isValidGroup = (group: string): boolean => GROUP.test(group)

// ── The consumers of a stream ─────────────────────────────────────────────────────────────────────────────────

/** Whether a consumer with these filters has every message of a queue to itself. `others`: of all other consumers. */
export function isUniqueOnQueue(config: ConsumerConfig, others: readonly ConsumerConfig[]): boolean {
  const own = orAll(filtersOf(config))
  return !others.some((other) => orAll(filtersOf(other)).some((theirs) => own.some((each) => overlap(each, theirs))))
}

const orAll = (filters: readonly string[]): readonly string[] => (filters.length === 0 ? ['>'] : filters)

/** What is against one more consumer of a stream that has `others`. */
export function checkAddition(
  config: ConsumerConfig,
  stream: StreamConfig,
  others: readonly ConsumerConfig[],
  { account }: ConsumerBounds,
  defaultMax: number,
): ApiError | undefined {
  const { max_consumers: ofStream } = stream
  const { maxConsumers: ofAccount } = account
  let most = ofStream
  if (most <= 0 || (ofAccount > 0 && ofAccount < most)) most = ofAccount
  if (most <= 0) most = defaultMax
  if (most > 0 && others.length >= most) return apiError(10026)
  if (stream.retention === 'workqueue' && !config.direct && !config.sourcing) {
    if (config.ack_policy !== 'explicit' && config.ack_policy !== 'flow_control') return apiError(10098)
    if (config.deliver_policy !== 'all') return apiError(10101)
    if (others.length > 0 && filtersOf(config).length === 0) return apiError(10099)
    if (!isUniqueOnQueue(config, others)) return apiError(10100)
  }
  return Buffer.byteLength(config.durable_name) > NAME_MAX ? apiError(10102, NAME_MAX) : undefined
}

// ── Updates ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Members that stay as they are, and what they are called. */
const FIXED = [
  ['deliver_policy', 'deliver policy'],
  ['mem_storage', 'storage type'],
  ['direct', 'direct'],
  ['sourcing', 'sourcing'],
  ['opt_start_seq', 'start sequence'],
  ['opt_start_time', 'start time'],
  ['ack_policy', 'ack policy'],
  ['replay_policy', 'replay policy'],
  ['idle_heartbeat', 'heart beats'],
  ['flow_control', 'flow control'],
] as const

/** What is wrong with a configuration in the place of another. `isBound`: somebody hears what is delivered. */
export function checkConsumerUpdate(
  before: ConsumerConfig,
  next: ConsumerConfig,
  isBound: () => boolean,
): ApiError | undefined {
  for (const [name, called] of FIXED) {
    const isSame = name === 'opt_start_time' ? isSameTime(before[name], next[name]) : before[name] === next[name]
    if (!isSame) return apiError(10012, `${called} can not be updated`)
  }
  if (before.deliver_subject !== next.deliver_subject) {
    if (isPull(before)) return apiError(10012, 'can not update pull consumer to push based')
    if (isPull(next)) return apiError(10012, 'can not update push consumer to pull based')
    if (isBound()) return apiError(10013)
  }
  if (before.max_waiting !== next.max_waiting) return apiError(10012, 'max waiting can not be updated')
  return checkBackoff(next)
}

function isSameTime(a: string, b: string): boolean {
  return a === b || (a !== '' && b !== '' && canonicalInstant(a) === canonicalInstant(b))
}

/** Whether two completed configurations say the same; what the server notes in the metadata does not count. */
export function isSameConsumer(a: ConsumerConfig, b: ConsumerConfig): boolean {
  return canonical(a) === canonical(b)
}

function canonical(config: ConsumerConfig): string {
  const metadata = Object.entries(config.metadata ?? {}).filter(([name]) => !name.startsWith('_nats.'))
  return JSON.stringify({ ...config, metadata: metadata.sort() })
}

/** Notes the level of the API that it needs in the metadata; what clients say there of the server is dropped. */
export function noteConsumerLevel(config: ConsumerConfig): void {
  const said = Object.entries(config.metadata ?? {}).filter(([name]) => !name.startsWith('_nats.'))
  config.metadata = { ...Object.fromEntries(said), [REQUIRED_LEVEL]: String(levelOf(config)) }
}

function levelOf(config: ConsumerConfig): number {
  if (config.ack_policy === 'flow_control') return 4
  const isPrioritised = config.priority_policy !== 'none' || config.priority_groups.length > 0
  const isPause = config.pause_until !== '' && config.pause_until !== NEVER
  return isPause || isPrioritised || config.priority_timeout !== 0 ? 1 : 0
}
