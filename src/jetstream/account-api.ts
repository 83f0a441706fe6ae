// Requests about all streams of an account.

import { API_LEVEL } from '../base/constants.ts'
import type { Json } from '../base/json.ts'
import { type StreamLimits, UNLIMITED_STREAMS } from '../options/shapes.ts'
import { isValidSubject } from '../subjects/filter.ts'
import { apiError } from './errors.ts'
import { integer, object, readJson, text } from './request-json.ts'
import type { Usage } from './usage.ts'
import { type Answer, type Call, refused, type Verb } from './verb.ts'

/** Of streams with one replica. */
export const TIER = 'R1'
export const NAMES_MAX = 1024
export const LIST_MAX = 256

const PAGE = object<{ offset: number; subject: string }>('JSApiStreamNamesRequest', { offset: integer, subject: text })

/** What is shown where each tier has limits of its own. */
const NO_LIMITS: StreamLimits = {
  maxMemory: 0,
  maxFile: 0,
  maxStreams: 0,
  maxConsumers: 0,
  maxAckPending: 0,
  memoryMaxStreamBytes: 0,
  fileMaxStreamBytes: 0,
  maxBytesRequired: false,
}

/** Whether a body is to be read as JSON: what begins otherwise means nothing. */
export function isJson(body: Buffer): boolean {
  const first = body.toString('latin1').trimStart()[0]
  return first === '{' || first === '['
}

function info({ streams }: Call): Answer {
  const { account, owner, usage } = streams
  const { tiers, ...limits } = account.jetstream ?? UNLIMITED_STREAMS
  return {
    ...used(usage),
    limits: shownLimits(tiers === undefined ? limits : NO_LIMITS),
    domain: owner.options.jetstream?.domain || undefined,
    api: { level: API_LEVEL, total: usage.total('requests'), errors: usage.total('errors') },
    tiers: tiers && shownTiers(tiers, usage),
  }
}

/** Undefined: nothing. */
function used(usage: Usage | undefined) {
  return {
    memory: usage?.total('memory') ?? 0,
    storage: usage?.total('file') ?? 0,
    reserved_memory: usage?.reserved('memory') ?? 0,
    reserved_storage: usage?.reserved('file') ?? 0,
    streams: usage?.total('streams') ?? 0,
    consumers: usage?.total('consumers') ?? 0,
  }
}

function shownLimits(limits: StreamLimits) {
  return {
    max_memory: limits.maxMemory,
    max_storage: limits.maxFile,
    max_streams: limits.maxStreams,
    max_consumers: limits.maxConsumers,
    max_ack_pending: limits.maxAckPending,
    memory_max_stream_bytes: limits.memoryMaxStreamBytes,
    storage_max_stream_bytes: limits.fileMaxStreamBytes,
    max_bytes_required: limits.maxBytesRequired,
  }
}

/** All streams of one server are of one tier. */
function shownTiers(tiers: ReadonlyMap<string, StreamLimits>, usage: Usage): Json {
  const shown = [...tiers].map(([name, limits]) => {
    return [name, { ...used(name === TIER ? usage : undefined), limits: shownLimits(limits) }] as const
  })
  return Object.fromEntries(shown.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The page that is asked for, or what is wrong with the request. */
function pageOf({ body, strict }: Call): { offset: number; subject: string } | ReturnType<typeof refused> {
  if (!isJson(body)) return { offset: 0, subject: '' }
  const { value, fault } = readJson(body.toString(), PAGE, strict)
  if (fault !== undefined) return refused(apiError(10025, fault))
  const subject = value?.subject ?? ''
  return { offset: Math.max(0, value?.offset ?? 0), subject: isValidSubject(subject) ? subject : '' }
}

async function names(call: Call): Promise<Answer> {
  const page = pageOf(call)
  if ('error' in page) return page
  const { account, owner } = call.streams
  const question = { verb: 'names', account: account.name, subject: page.subject } as const
  const { names = [] } = await owner.questions.ask('streams', { question })
  const offset = Math.min(page.offset, names.length)
  const shown = names.slice(offset, offset + NAMES_MAX)
  return { total: names.length, offset, limit: NAMES_MAX, streams: shown.length === 0 ? null : shown }
}

async function list(call: Call): Promise<Answer> {
  const page = pageOf(call)
  if ('error' in page) return page
  const { account, owner } = call.streams
  const question = { verb: 'list', account: account.name, subject: page.subject, offset: page.offset } as const
  const { total = 0, infos = [], missing = [] } = await owner.questions.ask('streams', { question })
  return {
    total,
    offset: Math.min(page.offset, total),
    limit: LIST_MAX,
    streams: infos as readonly Json[],
    missing: missing.length === 0 ? undefined : missing,
  }
}

const NO_PAGE = { total: 0, offset: 0, limit: 0, streams: null }

export const ACCOUNT_VERBS: readonly Verb[] = [
  { subject: 'INFO', type: 'account_info_response', answer: info },
  { subject: 'STREAM.NAMES', type: 'stream_names_response', besideError: NO_PAGE, answer: names },
  { subject: 'STREAM.LIST', type: 'stream_list_response', besideError: { ...NO_PAGE, streams: [] }, answer: list },
]
