// The rules for `mirror` and `sources` of a configuration, in nats-server's order.

import { byteString } from '../../subjects/byte-string.ts'
import { covers, hasWildcard, isPublishSubject, isValidSubject, overlap } from '../../subjects/filter.ts'
import { compileTransform, identityDestination } from '../../subjects/transform.ts'
import { type ApiError, apiError, type ErrorCode, invalidConfig } from '../errors.ts'
import { isValidName } from '../names.ts'
import type { StreamConfig, StreamSource } from '../stream-config.ts'
import { indexName, originName } from './origin.ts'

const API = '$JS.API'

/** The configuration of a stream of the account; undefined: there is none of that name. */
export type KnownStreams = (name: string) => StreamConfig | undefined

/** Checks what a stream follows, and completes it. Answers what is wrong with it, or nothing. */
export function checkOrigins(config: StreamConfig, pedantic: boolean, known: KnownStreams): ApiError | undefined {
  const { mirror, mirror_direct: direct, sources } = config
  if (mirror === undefined && direct) return invalidConfig('stream has no mirror but does have mirror direct')
  const wrong = mirror === undefined ? undefined : checkMirror(config, mirror, pedantic, known)
  if (wrong !== undefined) return wrong
  if (sources.length > 0 && config.allow_msg_schedules) return apiError(10187)
  return (
    checkSources(config, known) ??
    checkPrefixes(config, known) ??
    (formsCycle(config, known) ? invalidConfig('detected cycle') : undefined)
  )
}

// ── The mirror ────────────────────────────────────────────────────────────────────────────────────────────────

function checkMirror(
  config: StreamConfig,
  mirror: StreamSource,
  pedantic: boolean,
  known: KnownStreams,
): ApiError | undefined {
  if (config.first_seq > 0) return apiError(10143)
  if (config.subjects.length > 0) return apiError(10034)
  if (config.sources.length > 0) return apiError(10031)
  if (config.allow_msg_counter) return apiError(10173)
  if (config.allow_atomic) return apiError(10198)
  if (config.allow_batched) return apiError(10209)
  if (config.allow_msg_schedules) return apiError(10186)
  if (!isConsumerFit(mirror)) return apiError(10213)
  if (mirror.filter_subject !== '' && mirror.subject_transforms.length > 0) return apiError(10150)
  if (config.subject_delete_marker_ttl > 0) return invalidConfig('subject delete markers forbidden on mirrors')
  const wrong = checkMirrorTransforms(mirror)
  if (wrong !== undefined || mirror.external !== undefined) return wrong
  if (!isValidName(mirror.name)) return apiError(10142)
  const origin = known(mirror.name)
  if (origin === undefined) return undefined
  if (isSmaller(config, origin)) return apiError(10030)
  if (pedantic && config.mirror_direct !== origin.allow_direct) {
    return apiError(10157, 'origin stream has direct get set, mirror has it disabled')
  }
  config.mirror_direct = origin.allow_direct
  return undefined
}

function checkMirrorTransforms({ subject_transforms: transforms }: StreamSource): ApiError | undefined {
  for (const [i, transform] of transforms.entries()) {
    const wrong = checkTransform(transform, 10151, 10154)
    if (wrong !== undefined) return wrong
    if (transforms.some(({ src }, j) => i !== j && overlap(src || '>', transform.src || '>'))) return apiError(10152)
  }
  return undefined
}

function checkTransform(
  { dest, src }: StreamSource['subject_transforms'][number],
  badSource: ErrorCode,
  badDestination: ErrorCode,
): ApiError | undefined {
  if (src !== '' && !isValidSubject(src)) return apiError(badSource, `invalid subject ${src}`)
  const from = byteString(src || '>')
  const compiled = compileTransform(from, dest === '' ? identityDestination(from) : byteString(dest))
  return 'error' in compiled ? apiError(badDestination, compiled.error) : undefined
}

/** Whether a consumer that is there already can serve, if one is named: it says itself what it delivers. */
function isConsumerFit({ consumer, filter_subject: filter, opt_start_seq: seq, opt_start_time: time }: StreamSource) {
  if (consumer === undefined) return true
  const { deliver_subject: subject, name } = consumer
  return (
    isValidName(name) && isValidSubject(subject) && !hasWildcard(subject) && seq === 0 && time === '' && filter === ''
  )
}

const isSmaller = ({ max_msg_size: own }: StreamConfig, { max_msg_size: theirs }: StreamConfig): boolean =>
  own > 0 && theirs > 0 && own < theirs

// ── Sources ───────────────────────────────────────────────────────────────────────────────────────────────────

function checkSources(config: StreamConfig, known: KnownStreams): ApiError | undefined {
  const entries = new Set<string>()
  const consumers = new Set<string>()
  for (const source of config.sources) {
    const wrong = checkSource(source, entries, consumers)
    if (wrong !== undefined) return wrong
    const origin = source.external === undefined ? known(source.name) : undefined
    if (origin !== undefined && isSmaller(config, origin)) return apiError(10046)
  }
  return undefined
}

/** `entries`, `consumers`: those before it, to which it is added. */
function checkSource(source: StreamSource, entries: Set<string>, consumers: Set<string>): ApiError | undefined {
  const { consumer, filter_subject: filter, name, subject_transforms: transforms } = source
  if (!isValidName(name)) return apiError(10141)
  if (!isAdded(entries, indexName(source))) return apiError(10140)
  if (filter !== '' && transforms.length > 0) return apiError(10144)
  for (const transform of transforms) {
    const wrong = checkTransform(transform, 10145, 10146)
    if (wrong !== undefined) return wrong
  }
  const isCovered = transforms.some(({ src }, i) => {
    return transforms.some((other, j) => i !== j && covers(other.src || '>', src || '>'))
  })
  if (isCovered) return apiError(10147)
  if (consumer === undefined) return undefined
  if (!isConsumerFit(source)) return apiError(10215)
  const named = `${originName({ ...source, consumer: undefined })} ${consumer.name}`
  return isAdded(consumers, named) ? undefined : apiError(10216)
}

function isAdded(to: Set<string>, name: string): boolean {
  if (to.has(name)) return false
  to.add(name)
  return true
}

/** What is checked last: whether the filters of entries are filters. */
export function checkFilters({ mirror, sources }: StreamConfig): ApiError | undefined {
  const isBad = ({ filter_subject: filter }: StreamSource): boolean => filter !== '' && !isValidSubject(filter)
  if (mirror !== undefined && isBad(mirror)) {
    return apiError(10049, `subject filter '${mirror.filter_subject}' for the mirror invalid subject`)
  }
  const bad = sources.find(isBad)
  return bad && apiError(10049, `subject filter '${bad.filter_subject}' for the source: invalid subject`)
}

// ── Both ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Prefixes of origins elsewhere must not lead back to streams or to the API that are here. */
function checkPrefixes({ mirror, sources }: StreamConfig, known: KnownStreams): ApiError | undefined {
  const followed = mirror === undefined ? sources : [mirror, ...sources]
  const here = followed.filter(({ external }) => external === undefined)
  const subjects = here.flatMap(({ name }) => known(name)?.subjects ?? [])
  for (const { deliver } of followed.flatMap(({ external }) => external ?? [])) {
    if (deliver === '') continue
    if (!isPublishSubject(byteString(deliver))) return apiError(10024, deliver)
    const overlapped = subjects.find((subject) => overlap(subject, `${deliver}.${subject}`))
    if (overlapped !== undefined) return apiError(10022, deliver, overlapped)
  }
  for (const { api } of followed.flatMap(({ external }) => external ?? [])) {
    if (api === '') continue
    if (!isPublishSubject(byteString(api))) {
      const quoted = JSON.stringify(api)
      return invalidConfig(`stream external api prefix ${quoted} must be a valid subject without wildcards`)
    }
    if (overlap(api, API)) return apiError(10021, api, API)
  }
  return undefined
}

/** What streams of this account a stream follows, and by which filter each. */
function followedHere({ mirror, sources }: StreamConfig): { name: string; filter: string }[] {
  const all = [...sources, ...(mirror === undefined ? [] : [{ ...mirror, filter_subject: '' }])]
  return all
    .filter(({ external }) => external === undefined)
    .map(({ filter_subject: filter, name }) => ({ name, filter }))
}

/** Whether a stream would follow itself, over however many others. */
export function formsCycle(config: StreamConfig, known: KnownStreams): boolean {
  const visited = new Set<string>()
  const queued = new Set<string>()
  const toVisit = [config]
  for (let next = toVisit.shift(); next !== undefined; next = toVisit.shift()) {
    visited.add(next.name)
    for (const { filter, name } of followedHere(next)) {
      if (visited.has(name)) {
        if (filter === '' || next.subjects.some((subject) => overlap(subject, filter))) return true
        continue
      }
      const origin = queued.has(name) ? undefined : known(name)
      if (origin === undefined) continue
      queued.add(name)
      toVisit.push(origin)
    }
  }
  return false
}

/** The streams that one follows, that these follow, and so on. */
export function reachableFrom(config: StreamConfig, known: KnownStreams): StreamConfig[] {
  const found = new Map<string, StreamConfig>()
  const toVisit = [config]
  for (let next = toVisit.shift(); next !== undefined; next = toVisit.shift()) {
    for (const { name } of followedHere(next)) {
      const origin = found.has(name) ? undefined : known(name)
      if (origin === undefined) continue
      found.set(name, origin)
      toVisit.push(origin)
    }
  }
  return [...found.values()]
}

/** Whether two entries say the same. */
export function isSameSource(a: StreamSource | undefined, b: StreamSource | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
