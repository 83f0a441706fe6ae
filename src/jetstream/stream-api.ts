// Requests about one stream, on the shard that owns it.

import type { Json } from '../base/json.ts'
import { byteString, properText } from '../subjects/byte-string.ts'
import { isJson, TIER } from './account-api.ts'
import { tellAction } from './advisories.ts'
import { clockUs, microseconds, timeText } from './clock.ts'
import type { ClaimLimits, ListedStream, StreamAnswer } from './contract.ts'
import { type ApiError, apiError, invalidConfig } from './errors.ts'
import { flag, instant, integer, natural, object, readJson, text } from './request-json.ts'
import { checkFilters, type KnownStreams } from './sources/rules.ts'
import type { StoredMessage } from './storage/store.ts'
import { SubjectFilter } from './storage/subject-filter.ts'
import type { Stream } from './stream.ts'
import { STREAM_REQUEST, type StreamConfig, streamConfig } from './stream-config.ts'
import { streamInfo, subjectCounts } from './stream-info.ts'
import { checkStream, checkUpdate, isSameStream, noteLevel, type StreamBounds } from './stream-rules.ts'
import { type Answer, type Call, refused, type Verb } from './verb.ts'

/** Subjects of a stream that one answer shows. */
const SUBJECTS_MAX = 100_000

type Refused = ReturnType<typeof refused>

/** Whether a request says nothing, as some must. */
export function isEmptyRequest(body: Buffer): boolean {
  return body.length === 0 || /^\{\s*\}$/.test(body.toString('latin1').trim())
}

/** The stream that a request is about, or why there is none. */
export function streamOf({ streams, stream: name }: Call): Stream | Refused {
  return streams.streams.get(name) ?? refused(apiError(10059))
}

// ── Configurations ────────────────────────────────────────────────────────────────────────────────────────────

/** Reads and checks the configuration in a request. Its name has to be that of the subject. */
async function configOf(call: Call, isCreate: boolean): Promise<{ readonly config: StreamConfig } | Refused> {
  const { value, fault } = readJson(call.body.toString(), STREAM_REQUEST, call.strict)
  if (fault !== undefined && call.body.length > 0) return refused(apiError(10025, fault))
  const config = streamConfig(value ?? {})
  if (isCreate) {
    if (config.name !== call.stream) return refused(apiError(10056))
    if (/[\\/]/.test(config.name)) return refused(apiError(10128))
  }
  const wrong = await checkConfig(call, config, value?.pedantic ?? false)
  if (wrong !== undefined) return refused(wrong)
  if (config.name !== call.stream) return refused(apiError(10056))
  noteLevel(config)
  return { config }
}

/** Completes a configuration, and answers what is wrong with it. */
export async function checkConfig(call: Call, config: StreamConfig, pedantic: boolean): Promise<ApiError | undefined> {
  return checkStream(config, pedantic, boundsOf(call), await knownTo(call, config))
}

/** Of the streams that one follows, and that these follow, those that are there. */
async function knownTo({ streams: { account, owner } }: Call, config: StreamConfig): Promise<KnownStreams> {
  if (config.mirror === undefined && config.sources.length === 0) return () => undefined
  const question = { verb: 'origins', account: account.name, config } as const
  const { configs = [] } = await owner.questions.ask('streams', { question })
  const byName = new Map(configs.map((each) => [each.name, each]))
  return (name) => byName.get(name)
}

function boundsOf({ streams: { account, owner } }: Call): StreamBounds {
  const limits = account.jetstream
  return {
    duplicateWindow: owner.options.jetstream?.limits.duplicateWindow ?? 0,
    hasTier: limits?.tiers?.has(TIER) ?? true,
    maxBytesRequired: limits?.maxBytesRequired ?? false,
    maxStreamBytes: { memory: limits?.memoryMaxStreamBytes ?? -1, file: limits?.fileMaxStreamBytes ?? -1 },
  }
}

export function claimLimits({ streams: { account } }: Call): ClaimLimits {
  const { maxStreams = -1, maxMemory = -1, maxFile = -1 } = account.jetstream ?? {}
  return { streams: maxStreams, memory: maxMemory, file: maxFile }
}

async function create(call: Call): Promise<Answer> {
  const read = await configOf(call, true)
  if ('error' in read) return read
  const { config } = read
  const { account, owner, streams } = call.streams
  const created = (stream: Stream): Answer => ({ ...streamInfo(stream), domain: undefined, did_create: true })
  if (config.sealed) return refused(invalidConfig('stream configuration for create can not be sealed'))
  const existing = streams.get(config.name)
  if (existing !== undefined) {
    return isSameStream(existing.config, config) ? created(existing) : refused(apiError(10058))
  }
  const wrong = checkFilters(config)
  if (wrong !== undefined) return refused(wrong)
  if (config.num_replicas > 1) return refused(apiError(10074))
  const stream: ListedStream = { account: account.name, config, createdUs: clockUs(), id: 0 }
  const {
    error,
    failure,
    id = 0,
  } = await owner.questions.ask('streams', {
    question: { verb: 'claim', stream, limits: claimLimits(call) },
  })
  if (error !== undefined) return refused(error)
  if (failure !== undefined) return refused(apiError(10049, failure))
  try {
    const opened = await call.streams.open({ ...stream, id })
    if (opened !== undefined) {
      const answer = created(opened)
      tellAction(call.streams.sender, opened.name, 'CREATED', opened.domain)
      return answer
    }
  } catch (error) {
    owner.log.error(`Stream '${account.name} > ${config.name}': ${error instanceof Error ? error.message : error}`)
  }
  await release(call, config.name)
  return refused(apiError(10023))
}

function release({ streams: { account, owner } }: Call, name: string): Promise<StreamAnswer> {
  return owner.questions.ask('streams', { question: { verb: 'release', account: account.name, name } })
}

/** The consumers that have more than new limits of their stream allow. */
function consumersBeyond(stream: Stream, { consumer_limits: limits }: StreamConfig): string[] {
  return [...stream.attached].flatMap(([name, { config }]) => {
    const isBeyond = (['inactive_threshold', 'max_ack_pending'] as const).some((limit) => {
      const most = limits[limit] ?? 0
      return most > 0 && config[limit] > most
    })
    return isBeyond ? [name] : []
  })
}

async function update(call: Call): Promise<Answer> {
  const read = await configOf(call, false)
  if ('error' in read) return read
  const { config } = read
  const stream = streamOf(call)
  if ('error' in stream) return stream
  const wrong = checkUpdate(stream.config, config) ?? checkFilters(config)
  if (wrong !== undefined) return refused(wrong)
  if (config.num_replicas > 1) return refused(apiError(10074))
  const beyond = consumersBeyond(stream, config)
  if (beyond.length > 0) return refused(apiError(10069, `change to limits violates consumers: ${beyond.join(', ')}`))
  const { account, owner } = call.streams
  const listed: ListedStream = { account: account.name, config, createdUs: stream.createdUs, id: stream.id }
  const { error, failure } = await owner.questions.ask('streams', {
    question: { verb: 'claim', stream: listed, limits: claimLimits(call) },
  })
  if (error !== undefined) return refused(error)
  if (failure !== undefined) return refused(apiError(10069, failure))
  owner.wake()
  if (!stream.reconfigure(config)) return refused(apiError(10023))
  tellAction(stream.sender, stream.name, 'UPDATED', stream.domain)
  return streamInfo(stream)
}

async function remove(call: Call): Promise<Answer> {
  if (!isEmptyRequest(call.body)) return refused(apiError(10038))
  const stream = streamOf(call)
  if ('error' in stream) return stream
  call.streams.streams.delete(stream.name)
  await stream.close('deleted')
  // What a crash leaves of it is removed at the next start, once this has begun; before, all of it is there.
  const { failure } = await release(call, stream.name)
  if (failure !== undefined) return refused(apiError(10050, failure))
  tellAction(stream.sender, stream.name, 'DELETED', stream.domain)
  return { success: true }
}

// ── What is in it ─────────────────────────────────────────────────────────────────────────────────────────────

const INFO_REQUEST = object<{ deleted_details: boolean; subjects_filter: string; offset: number }>(
  'JSApiStreamInfoRequest',
  { deleted_details: flag, subjects_filter: text, offset: integer },
)

function info(call: Call): Answer {
  const { value = {}, fault } = isJson(call.body) ? readJson(call.body.toString(), INFO_REQUEST, call.strict) : {}
  if (fault !== undefined) return refused(apiError(10025, fault))
  const stream = streamOf(call)
  if ('error' in stream) return stream
  const { owner } = call.streams
  const details: Record<string, Json> = { cluster: { leader: owner.identity.serverName } }
  const offset = Math.max(0, value.offset ?? 0)
  const page = { total: 0, offset: 0, limit: 0 }
  if ((value.subjects_filter ?? '') !== '') {
    const subjects = subjectCounts(stream.store, byteString(value.subjects_filter ?? ''))
    const shown = subjects.slice(offset, offset + SUBJECTS_MAX)
    const limit = subjects.length === 0 ? 0 : SUBJECTS_MAX
    Object.assign(page, { total: subjects.length, offset: Math.min(offset, subjects.length), limit })
    if (shown.length > 0) details['subjects'] = Object.fromEntries(shown)
  }
  if (value.deleted_details === true && stream.store.deleted > 0) details['deleted'] = deletedOf(stream)
  return { ...page, ...streamInfo(stream, details) }
}

function deletedOf({ store }: Stream): number[] {
  const deleted: number[] = []
  for (const { first, last } of store.deletedRanges()) for (let seq = first; seq <= last; seq++) deleted.push(seq)
  return deleted
}

const PURGE_REQUEST = object<{ filter: string; seq: number; keep: number }>('JSApiStreamPurgeRequest', {
  filter: text,
  seq: natural,
  keep: natural,
})

function purge(call: Call): Answer {
  const { value = {}, fault } = isJson(call.body) ? readJson(call.body.toString(), PURGE_REQUEST, call.strict) : {}
  if (fault !== undefined) return refused(apiError(10025, fault))
  const { filter = '', seq = 0, keep = 0 } = value
  if (seq > 0 && keep > 0) return refused(apiError(10003))
  const stream = streamOf(call)
  if ('error' in stream) return stream
  if (stream.config.sealed) return refused(apiError(10109))
  if (stream.config.deny_purge) return refused(apiError(10110, 'stream purge not permitted'))
  return { success: true, purged: stream.purge(byteString(filter), seq, keep) }
}

const GET_REQUEST = object<GetRequest>('JSApiMsgGetRequest', {
  seq: natural,
  last_by_subj: text,
  next_by_subj: text,
  batch: integer,
  max_bytes: integer,
  start_time: instant,
  multi_last: (value) => value,
  up_to_seq: natural,
  up_to_time: instant,
  no_hdr: flag,
})
interface GetRequest {
  seq: number
  last_by_subj: string
  next_by_subj: string
  batch: number
  max_bytes: number
  start_time: string
  multi_last: unknown
  up_to_seq: number
  up_to_time: string
  no_hdr: boolean
}

async function getMessage(call: Call): Promise<Answer> {
  if (isEmptyRequest(call.body)) return refused(apiError(10003))
  const { value = {}, fault } = readJson(call.body.toString(), GET_REQUEST, call.strict)
  if (fault !== undefined) return refused(apiError(10025, fault))
  const stream = streamOf(call)
  if ('error' in stream) return stream
  const seq = selected(stream, value)
  if (seq === undefined) return refused(apiError(10003))
  const message = seq === 0 ? undefined : await stream.store.load(seq)
  return message === undefined ? refused(apiError(10037)) : { message: shownMessage(message, value.no_hdr === true) }
}

/** The sequence of the message that is asked for; 0: there is none; undefined: the request makes no sense. */
function selected({ store }: Stream, request: Partial<GetRequest>): number | undefined {
  const { seq = 0, last_by_subj: last = '', next_by_subj: next = '', start_time: start } = request
  if ((request.batch ?? 0) > 0 || (request.max_bytes ?? 0) > 0) return undefined
  if (last !== '' && (next !== '' || seq > 0 || start !== undefined)) return undefined
  if (seq > 0 && start !== undefined) return undefined
  if (seq === 0 && last === '' && next === '' && start === undefined) return undefined
  if (last !== '') return store.previous(new SubjectFilter([byteString(last)]), store.last)
  const from = start === undefined ? seq : store.firstAtOrAfter(microseconds(start))
  if (next !== '') return store.next(new SubjectFilter([byteString(next)]), Math.max(1, from))
  return from
}

function shownMessage(message: StoredMessage, withoutHeaders: boolean): Json {
  const { headers, payload, seq, subject, timeUs } = message
  return {
    subject: properText(subject.toString('latin1')),
    seq,
    hdrs: withoutHeaders || headers.length === 0 ? undefined : headers.toString('base64'),
    data: payload.length === 0 ? undefined : payload.toString('base64'),
    time: timeText(timeUs),
  }
}

const DELETE_REQUEST = object<{ seq: number; no_erase: boolean }>('JSApiMsgDeleteRequest', {
  seq: natural,
  no_erase: flag,
})

function deleteMessage(call: Call): Answer {
  if (isEmptyRequest(call.body)) return refused(apiError(10003))
  const { value = {}, fault } = readJson(call.body.toString(), DELETE_REQUEST, call.strict)
  if (fault !== undefined) return refused(apiError(10025, fault))
  const stream = streamOf(call)
  if ('error' in stream) return stream
  if (stream.config.sealed) return refused(apiError(10109))
  if (stream.config.deny_delete) return refused(apiError(10057, 'message delete not permitted'))
  const { seq = 0, no_erase: noErase = false } = value
  if (stream.config.storage === 'memory') {
    return stream.remove(seq, !noErase) ? { success: true } : refused(apiError(10043, seq))
  }
  if (seq < stream.store.first || seq === 0) return refused(apiError(10057, 'no message found'))
  if (seq > stream.store.last) return refused(apiError(10057, 'stream store EOF'))
  return stream.remove(seq, !noErase) ? { success: true } : refused(apiError(10043, seq))
}

const verb = (name: string, type: string, answer: Verb['answer'], besideError: Verb['besideError'] = {}): Verb => ({
  besideError,
  subject: `STREAM.${name}.*`,
  type: `stream_${type}_response`,
  stream: name.split('.').length + 1,
  answer,
})

export const STREAM_VERBS: readonly Verb[] = [
  verb('CREATE', 'create', create),
  verb('UPDATE', 'update', update),
  verb('INFO', 'info', info, { total: 0, offset: 0, limit: 0 }),
  verb('DELETE', 'delete', remove),
  verb('PURGE', 'purge', purge, { purged: 0 }),
  { ...verb('MSG.GET', 'msg_get', getMessage), isQuiet: true },
  verb('MSG.DELETE', 'msg_delete', deleteMessage),
]
