// Requests for a stream as a whole: SNAPSHOT sends it, RESTORE brings it back.

import { attempt } from '../../base/guarded.ts'
import type { Json } from '../../base/json.ts'
import { byteString } from '../../subjects/byte-string.ts'
import { isPublishSubject } from '../../subjects/filter.ts'
import type { AccountStreams } from '../account-streams.ts'
import { tellBackup } from '../advisories.ts'
import { clockUs, timeText } from '../clock.ts'
import type { ListedStream } from '../contract.ts'
import { type ApiError, apiError } from '../errors.ts'
import { flag, integer, object, readJson, text } from '../request-json.ts'
import { isReservedDestination } from '../reserved.ts'
import { checkFilters } from '../sources/rules.ts'
import { Stream } from '../stream.ts'
import { checkConfig, claimLimits, isEmptyRequest, streamOf } from '../stream-api.ts'
import { STREAM_CONFIG, type StreamConfig, shownConfig, streamConfig } from '../stream-config.ts'
import { streamInfo, streamState } from '../stream-info.ts'
import { noteLevel } from '../stream-rules.ts'
import { type Answer, type Call, refused, type Verb } from '../verb.ts'
import { Restore, type Restored } from './restore.ts'
import { RestoredStream } from './restored-stream.ts'
import { Snapshot, type SnapshotRequest } from './snapshot.ts'

const CREATED = 'io.nats.jetstream.api.v1.stream_create_response'
/** Of an account on one shard, at once. */
const TRANSFERS_MAX = 64

/** How many snapshots and restorations of an account are under way. */
const underWay = new WeakMap<AccountStreams, number>()

function count(streams: AccountStreams, difference: 1 | -1): void {
  underWay.set(streams, (underWay.get(streams) ?? 0) + difference)
}

const isBusy = (streams: AccountStreams): boolean => (underWay.get(streams) ?? 0) >= TRANSFERS_MAX

// ── Snapshots ─────────────────────────────────────────────────────────────────────────────────────────────────

const SNAPSHOT_REQUEST = object<SnapshotRequest & { jsck: boolean }>('JSApiStreamSnapshotRequest', {
  deliver_subject: text,
  no_consumers: flag,
  chunk_size: integer,
  window_size: integer,
  jsck: flag,
})

function snapshot(call: Call): Answer {
  if (isEmptyRequest(call.body)) return refused(apiError(10003))
  const stream = streamOf(call)
  if ('error' in stream) return stream
  const { value = {}, fault } = readJson(call.body.toString(), SNAPSHOT_REQUEST, call.strict)
  if (fault !== undefined) return refused(apiError(10025, fault))
  const { chunk_size = 0, deliver_subject = '', no_consumers = false, window_size = 0 } = value
  const subject = byteString(deliver_subject)
  if (!isPublishSubject(subject) || isReservedDestination(subject)) return refused(apiError(10015))
  if (isBusy(call.streams)) return refused(apiError(10064, 'too many at once'))
  const sending = new Snapshot(stream, { chunk_size, deliver_subject, no_consumers, window_size })
  const answer = { config: shownConfig(stream.config), state: streamState(stream) }
  count(call.streams, 1)
  // Behind the answer.
  setImmediate(() => attempt(stream.owner.bugMet, () => send(call.streams, stream, sending)))
  return answer
}

async function send(streams: AccountStreams, stream: Stream, sending: Snapshot): Promise<void> {
  const { domain, name, owner, sender } = stream
  const start = timeText(clockUs())
  try {
    owner.wake()
    tellBackup(sender, name, 'SNAPSHOT_CREATE', { stream: name, state: streamState(stream) }, domain)
    const failure = await sending.run()
    owner.wake()
    const error = failure === '' ? undefined : failure
    tellBackup(sender, name, 'SNAPSHOT_COMPLETE', { stream: name, start, end: timeText(clockUs()), error }, domain)
    if (failure !== '') owner.log.warn(`Snapshot of stream '${name}' failed: ${failure}`)
  } finally {
    count(streams, -1)
  }
}

// ── Restoration ───────────────────────────────────────────────────────────────────────────────────────────────

const RESTORE_REQUEST = object<{ config: Partial<StreamConfig>; state: unknown }>('JSApiStreamRestoreRequest', {
  config: object('StreamConfig', STREAM_CONFIG),
  state: (value) => value,
})

async function restore(call: Call): Promise<Answer> {
  if (isEmptyRequest(call.body)) return refused(apiError(10003))
  const { value, fault } = readJson(call.body.toString(), RESTORE_REQUEST, call.strict)
  if (fault !== undefined) return refused(apiError(10025, fault))
  const config = streamConfig(value?.config ?? {})
  if (config.name === '') config.name = call.stream
  if (config.name !== call.stream) return refused(apiError(10056))
  if (/[\\/]/.test(config.name)) return refused(apiError(10128))
  const wrong = (await checkConfig(call, config, false)) ?? checkFilters(config)
  if (wrong !== undefined) return refused(wrong)
  if (config.num_replicas > 1) return refused(apiError(10074))
  noteLevel(config)
  if (call.streams.streams.has(config.name)) return refused(apiError(10130))
  if (isBusy(call.streams)) return refused(apiError(10062, 'too many at once'))
  return begin(call, config)
}

async function begin(call: Call, config: StreamConfig): Promise<Answer> {
  const { streams } = call
  const { account, owner, sender } = streams
  const { name } = config
  const domain = owner.options.jetstream?.domain ?? ''
  const listed: ListedStream = { account: account.name, config, createdUs: clockUs(), id: 0 }
  const restored = new RestoredStream(streams, listed, claimLimits(call))
  const refusal = await restored.open()
  if (refusal !== undefined) return refused(refusal)
  owner.wake()
  const start = timeText(clockUs())
  const restoring = new Restore(streams, name, restored, (outcome, bytes) => {
    count(streams, -1)
    const times = { start, end: timeText(clockUs()) }
    tellBackup(sender, name, 'RESTORE_COMPLETE', { stream: name, ...times, bytes }, domain)
    if (!(outcome instanceof Stream))
      owner.log.warn(`Restore of stream '${name}' failed: ${errorOf(outcome).description}`)
    return outcomeOf(outcome)
  })
  if (!restoring.listen()) {
    await restored.abandon()
    return refused(apiError(10042, restoring.subject, 'insufficient resources'))
  }
  count(streams, 1)
  tellBackup(sender, name, 'RESTORE_CREATE', { stream: name }, domain)
  return { deliver_subject: restoring.subject }
}

function outcomeOf(outcome: Restored): { readonly [member: string]: Json } {
  if (!(outcome instanceof Stream)) return { type: CREATED, error: errorOf(outcome) }
  const { config, created, state, ts } = streamInfo(outcome)
  return { type: CREATED, config, created, state, ts }
}

const errorOf = (outcome: ApiError | string): ApiError =>
  typeof outcome === 'string' ? apiError(10062, outcome) : outcome

const verb = (name: string, answer: Verb['answer']): Verb => ({
  subject: `STREAM.${name}.*`,
  type: `stream_${name.toLowerCase()}_response`,
  stream: 2,
  answer,
})

export const BACKUP_VERBS: readonly Verb[] = [
  verb('SNAPSHOT', snapshot),
  { ...verb('RESTORE', restore), besideError: { deliver_subject: '' } },
]
