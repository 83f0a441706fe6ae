// The rules for a stream's configuration, in nats-server's order: of several faults, the first is answered. What may be
// corrected is corrected on the way, or refused where the request is pedantic.

import { goDuration } from '../base/go-format.ts'
import { byteString } from '../subjects/byte-string.ts'
import { covers, hasWildcard, isValidSubject, overlap } from '../subjects/filter.ts'
import { compileTransform, identityDestination } from '../subjects/transform.ts'
import { type ApiError, apiError, invalidConfig } from './errors.ts'
import { isValidName } from './names.ts'
import { checkOrigins, isSameSource, type KnownStreams } from './sources/rules.ts'
import type { StreamConfig } from './stream-config.ts'

const NS_PER_MS = 1e6
const NS_PER_S = 1e9
/** Shortest span of `max_age` and `duplicate_window`. */
const SPAN_MIN = 100 * NS_PER_MS
const MARKER_TTL_MIN = NS_PER_S
const DUPLICATES_DEFAULT = 120 * NS_PER_S
export const NAME_MAX = 255
export const DESCRIPTION_MAX = 4096
export const METADATA_MAX = 131_072
const REPLICAS_MAX = 5
/** Where the metadata say which level of the API the features of a stream need. */
export const REQUIRED_LEVEL = '_nats.req.level'

/** What a server and an account set bounds to. */
export interface StreamBounds {
  /** Nanoseconds; 0: none. */
  readonly duplicateWindow: number
  /** The account has limits for streams of one replica, or for all. */
  readonly hasTier: boolean
  /** Streams must say `max_bytes`. */
  readonly maxBytesRequired: boolean
  /** Largest `max_bytes`, by storage; -1: any. */
  readonly maxStreamBytes: { readonly memory: number; readonly file: number }
}

/**
 * Checks a configuration and completes it. Answers what is wrong with it, or nothing. `pedantic`: nothing that was said
 * may be corrected. `known`: of the streams that it follows, and that these follow, those that are there.
 */
export function checkStream(
  config: StreamConfig,
  pedantic: boolean,
  bounds: StreamBounds,
  known: KnownStreams,
): ApiError | undefined {
  const correct = <K extends keyof StreamConfig>(
    name: K,
    value: StreamConfig[K],
    reason: string,
  ): ApiError | undefined => {
    if (pedantic) return apiError(10157, reason)
    config[name] = value
    return undefined
  }
  return (
    checkNames(config) ??
    checkReplicas(config) ??
    correctLimits(config, correct) ??
    checkSpans(config, bounds) ??
    checkFeatures(config, pedantic) ??
    checkOrigins(config, pedantic, known) ??
    checkSubjects(config) ??
    checkAccountRules(config, bounds) ??
    checkTransforms(config) ??
    checkPlacement(config)
  )
}

type Correct = <K extends keyof StreamConfig>(name: K, value: StreamConfig[K], reason: string) => ApiError | undefined

function checkNames({ name, description, metadata }: StreamConfig): ApiError | undefined {
  if (!isValidName(name)) {
    return invalidConfig("stream name is required and can not contain '.', '*', '>', '\\', '/'")
  }
  if (Buffer.byteLength(name) > NAME_MAX) {
    return invalidConfig(`stream name is too long, maximum allowed is ${NAME_MAX}`)
  }
  if (Buffer.byteLength(description) > DESCRIPTION_MAX) {
    return invalidConfig(`stream description is too long, maximum allowed is ${DESCRIPTION_MAX}`)
  }
  if (metadataSize(metadata) > METADATA_MAX) {
    return invalidConfig(`stream metadata exceeds maximum size of ${METADATA_MAX} bytes`)
  }
  return undefined
}

export function metadataSize(metadata: StreamConfig['metadata']): number {
  return Object.entries(metadata ?? {}).reduce((sum, [key, value]) => {
    return sum + Buffer.byteLength(key) + Buffer.byteLength(value)
  }, 0)
}

function checkReplicas(config: StreamConfig): ApiError | undefined {
  if (config.num_replicas === 0) config.num_replicas = 1
  if (config.num_replicas > REPLICAS_MAX) return invalidConfig(`maximum replicas is ${REPLICAS_MAX}`)
  return config.num_replicas < 0 ? apiError(10133) : undefined
}

const LIMITS = ['max_msgs', 'max_msgs_per_subject', 'max_bytes', 'max_msg_size', 'max_consumers'] as const

function correctLimits(config: StreamConfig, correct: Correct): ApiError | undefined {
  for (const name of LIMITS) {
    if (config[name] === 0) config[name] = -1
    if (config[name] >= -1) continue
    const wrong = correct(name, -1, `${name} must be set to -1`)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

function checkSpans(config: StreamConfig, { duplicateWindow: most }: StreamBounds): ApiError | undefined {
  const { max_age: age } = config
  if (age < 0) return invalidConfig('max age can not be negative')
  if (age > 0 && age < SPAN_MIN) return invalidConfig('max age needs to be >= 100ms')
  if (config.duplicate_window === 0 && config.mirror === undefined && config.sources.length === 0) {
    const bounds = [DUPLICATES_DEFAULT, most, age].filter((bound) => bound > 0)
    config.duplicate_window = Math.min(...bounds)
  }
  const { duplicate_window: window } = config
  if (window < 0) return invalidConfig('duplicates window can not be negative')
  if (age > 0 && window > age) return invalidConfig('duplicates window can not be larger then max age')
  if (most > 0 && window > most) {
    return invalidConfig(`duplicates window can not be larger then server limit of ${goDuration(most)}`)
  }
  if (window > 0 && window < SPAN_MIN) return invalidConfig('duplicates window needs to be >= 100ms')
  return undefined
}

function checkFeatures(config: StreamConfig, pedantic: boolean): ApiError | undefined {
  if (config.deny_purge && config.allow_rollup_hdrs) {
    return invalidConfig('roll-ups require the purge permission')
  }
  return (
    checkCounter(config) ??
    checkDiscard(config) ??
    checkMarkers(config, pedantic) ??
    checkSchedules(config, pedantic) ??
    checkPersistMode(config)
  )
}

function checkCounter(config: StreamConfig): ApiError | undefined {
  if (!config.allow_msg_counter) return undefined
  if (config.discard === 'new') return invalidConfig('counter stream cannot use discard new')
  if (config.allow_msg_ttl) return invalidConfig('counter stream cannot use message TTLs')
  if (config.allow_msg_schedules) return invalidConfig('counter stream cannot use message schedules')
  if (config.retention !== 'limits') return invalidConfig('counter stream can only use limits retention')
  return undefined
}

function checkDiscard(config: StreamConfig): ApiError | undefined {
  if (!config.discard_new_per_subject) return undefined
  if (config.discard !== 'new') {
    return invalidConfig('discard new per subject requires discard new policy to be set')
  }
  return config.max_msgs_per_subject <= 0
    ? invalidConfig('discard new per subject requires max msgs per subject > 0')
    : undefined
}

function checkMarkers(config: StreamConfig, pedantic: boolean): ApiError | undefined {
  const { subject_delete_marker_ttl: ttl } = config
  if (ttl < 0) return invalidConfig('subject delete marker TTL must not be negative')
  if (ttl === 0) return undefined
  if (ttl < MARKER_TTL_MIN) return invalidConfig('subject delete marker TTL must be at least 1 second')
  if (!config.allow_msg_ttl) {
    if (pedantic) return invalidConfig('subject delete marker cannot be set if message TTLs are disabled')
    config.allow_msg_ttl = true
  }
  return needRollups(config, pedantic, 'subject delete marker')
}

function checkSchedules(config: StreamConfig, pedantic: boolean): ApiError | undefined {
  if (!config.allow_msg_schedules) return undefined
  if (config.discard === 'new') return invalidConfig('message scheduling cannot use discard new')
  return needRollups(config, pedantic, 'message scheduling')
}

function needRollups(config: StreamConfig, pedantic: boolean, feature: string): ApiError | undefined {
  if (config.allow_rollup_hdrs) return undefined
  if (pedantic) return invalidConfig(`${feature} cannot be set if roll-ups are disabled`)
  config.allow_rollup_hdrs = true
  config.deny_purge = false
  return undefined
}

function checkPersistMode(config: StreamConfig): ApiError | undefined {
  if (config.persist_mode !== 'async') return undefined
  if (config.storage !== 'file') return invalidConfig('async persist mode is only supported on file storage')
  if (config.num_replicas > 1) return invalidConfig('async persist mode is not supported on replicated streams')
  if (config.allow_atomic) return invalidConfig('async persist mode is not supported with atomic batch publish')
  return undefined
}

const API_SUBJECTS = ['$JS.>', '$JSC.>', '$NRG.>'].map(byteString)

function checkSubjects(config: StreamConfig): ApiError | undefined {
  if (config.subjects.length === 0 && config.mirror === undefined && config.sources.length === 0) {
    config.subjects = [config.name]
  }
  const { subjects, no_ack: noAck } = config
  for (const [i, subject] of subjects.entries()) {
    if (!isValidSubject(subject)) return invalidConfig('invalid subject')
    const other = subjects.slice(i + 1).find((each) => overlap(each, subject))
    if (other !== undefined) {
      return invalidConfig(`subject ${JSON.stringify(subject)} overlaps with ${JSON.stringify(other)}`)
    }
    if (subject === '>' && !noAck) return invalidConfig('capturing all subjects requires no-ack to be true')
    if (subject === '>' && config.num_replicas > 1) {
      return invalidConfig('capturing all subjects requires replicas of 1')
    }
    if (noAck) continue
    if (API_SUBJECTS.some((api) => overlap(subject, api)) && !covers('$JS.EVENT.>', subject)) {
      return invalidConfig('subjects that overlap with jetstream api require no-ack to be true')
    }
    if (overlap(subject, '$SYS.>') && !covers('$SYS.ACCOUNT.>', subject)) {
      return invalidConfig('subjects that overlap with system api require no-ack to be true')
    }
  }
  return undefined
}

function checkAccountRules({ max_bytes: bytes, storage }: StreamConfig, bounds: StreamBounds): ApiError | undefined {
  if (!bounds.hasTier) return apiError(10120)
  if (bounds.maxBytesRequired && bytes <= 0) return apiError(10113)
  const most = bounds.maxStreamBytes[storage]
  return most >= 0 && bytes > most ? apiError(10122) : undefined
}

function checkTransforms(config: StreamConfig): ApiError | undefined {
  const { subject_transform: transform, republish, subjects } = config
  if (transform !== undefined) {
    if (transform.src !== '' && !isValidSubject(transform.src)) {
      return apiError(10155, `invalid subject ${transform.src}`)
    }
    const compiled = compileTransform(transform.src, transform.dest || identityDestination(transform.src || '>'))
    if ('error' in compiled) return apiError(10156, compiled.error)
  }
  if (republish === undefined) return undefined
  const src = republish.src === '' ? '>' : republish.src
  const { dest } = republish
  const isAll = src === '>' && dest === '>' && subjects.length === 1 && transform?.src === subjects[0]
  config.republish = isAll ? { ...republish, src: transform.dest, dest: transform.dest } : { ...republish, src }
  if (isAll) return undefined
  const destination = hasWildcard(dest) || /[{$]/.test(dest) ? wildcardsOf(dest) : dest
  if (subjects.some((subject) => overlap(subject, destination))) {
    return invalidConfig('stream configuration for republish destination forms a cycle')
  }
  return 'error' in compileTransform(src, dest)
    ? invalidConfig(`stream configuration for republish with transform from '${src}' to '${dest}' not valid`)
    : undefined
}

/** The filter of all that a destination can make. */
export function wildcardsOf(destination: string): string {
  return destination
    .split('.')
    .map((token) => (token.startsWith('{{') || /^\$[1-9]/.test(token) ? '*' : token))
    .join('.')
}

function checkPlacement(config: StreamConfig): ApiError | undefined {
  const { placement } = config
  if (placement === undefined) return undefined
  if (placement.preferred !== '') return invalidConfig('preferred server not permitted in placement')
  if (placement.cluster === '' && placement.tags.length === 0) config.placement = undefined
  return undefined
}

// ── Levels ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The level of the API that a server must have to serve a configuration. */
export function requiredLevel(config: StreamConfig): number {
  if (config.allow_batched) return 4
  if (config.allow_msg_counter || config.allow_atomic || config.allow_msg_schedules) return 2
  if (config.persist_mode === 'async') return 2
  return config.allow_msg_ttl || config.subject_delete_marker_ttl > 0 ? 1 : 0
}

/** Notes it in the metadata; what clients say there of the server is dropped. */
export function noteLevel(config: StreamConfig): void {
  const said = Object.entries(config.metadata ?? {}).filter(([name]) => !name.startsWith('_nats.'))
  config.metadata = { ...Object.fromEntries(said), [REQUIRED_LEVEL]: String(requiredLevel(config)) }
}

// ── Updates ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What is wrong with a configuration in the place of another; `next` is completed. */
export function checkUpdate(before: StreamConfig, next: StreamConfig): ApiError | undefined {
  const change = (what: string): ApiError => invalidConfig(`stream configuration update can not ${what}`)
  if (before.name !== next.name) return invalidConfig('stream configuration name must match original')
  if (before.storage !== next.storage) return change('change storage type')
  const isQueue = before.retention === 'workqueue' || next.retention === 'workqueue'
  if (before.retention !== next.retention && isQueue) return change('change retention policy to/from workqueue')
  if (before.sealed && !next.sealed) return change('unseal a sealed stream')
  if (before.deny_delete && !next.deny_delete) return change('cancel deny message deletes')
  if (before.deny_purge && !next.deny_purge) return change('cancel deny purge')
  if (next.mirror !== undefined && !isSameSource(before.mirror, next.mirror)) return apiError(10055)
  if (before.allow_msg_ttl && !next.allow_msg_ttl) return invalidConfig('message TTL status can not be disabled')
  if (before.allow_msg_counter !== next.allow_msg_counter) return change('change message counter setting')
  if (before.allow_msg_schedules && !next.allow_msg_schedules) {
    return invalidConfig('message schedules can not be disabled')
  }
  if ((before.persist_mode === 'async') !== (next.persist_mode === 'async')) return change('change persist mode')
  if (next.sealed && !before.sealed) {
    Object.assign(next, { max_age: 0, discard: 'new', deny_delete: true, deny_purge: true, allow_rollup_hdrs: false })
  }
  return undefined
}

/** Whether two completed configurations say the same; what the server notes in the metadata does not count. */
export function isSameStream(a: StreamConfig, b: StreamConfig): boolean {
  return canonical(a) === canonical(b)
}

function canonical(config: StreamConfig): string {
  const metadata = Object.entries(config.metadata ?? {}).filter(([name]) => !name.startsWith('_nats.'))
  const persist = config.persist_mode === 'async'
  return JSON.stringify({ ...config, persist_mode: persist, metadata: metadata.sort() })
}
