// `jetstream` (reference 4.10), of the server and of an account. Streams are not there yet: the keys are checked, and
// what they say is dropped.

import { parseDuration } from '../../base/duration.ts'
import { type ConfigEntry, typeName } from '../language/tree.ts'
import type { Checked } from '../layer.ts'
import { quoteText, shownValue } from '../problems.ts'
import { boolean, custom, durationOf, integer, type Key, type Reading, readBlock, type Schema, text } from './schema.ts'

// ── An account's ──────────────────────────────────────────────────────────────────────────────────────────────

function accountLimit(names: readonly string[], doc: string): Key<Checked> {
  return custom(
    'size',
    names,
    doc,
    (entry, _, { problems }, name) => {
      if (typeof entry.value === 'bigint') return
      problems.error(entry, `Expected a parseable size for ${quoteText(name)}, got ${shownValue(entry.value)}`)
    },
    { default: '-1 = no limit' },
  )
}

export const ACCOUNT_JETSTREAM: Schema<Checked> = {
  title: 'accounts.NAME.jetstream',
  keys: [
    accountLimit(['max_memory', 'max_mem', 'mem', 'memory'], 'bytes in memory'),
    accountLimit(['max_store', 'max_file', 'max_disk', 'store', 'disk'], 'bytes on disk'),
    accountLimit(['max_streams', 'streams'], 'streams'),
    accountLimit(['max_consumers', 'consumers'], 'consumers'),
    custom(
      'boolean',
      ['max_bytes_required', 'max_stream_bytes', 'max_bytes'],
      'streams must have max_bytes',
      (entry, _, { problems }, name) => {
        if (typeof entry.value === 'boolean') return
        problems.error(entry, `Expected a parseable bool for ${quoteText(name)}, got ${shownValue(entry.value)}`)
      },
      { default: 'false' },
    ),
    accountLimit(['mem_max_stream_bytes', 'memory_max_stream_bytes'], 'bytes of a stream in memory'),
    accountLimit(['disk_max_stream_bytes', 'store_max_stream_bytes'], 'bytes of a stream on disk'),
    accountLimit(['max_ack_pending'], 'messages that wait for an acknowledgement'),
    custom(
      'text',
      'cluster_traffic',
      'account of the replication traffic: system or owner',
      (entry, _, { problems }, name) => {
        const { value } = entry
        const expected =
          typeof value === 'string' ? "Expected 'system' or 'owner'" : "Expected either 'system' or 'owner'"
        if (value === 'system' || value === 'owner' || value === '') return
        problems.error(entry, `${expected} string value for ${quoteText(name)}, got ${shownValue(value)}`)
      },
      { default: 'system' },
    ),
  ],
}

/** Whether an account has streams. */
export function readAccountJetStream(entry: ConfigEntry, reading: Reading): boolean {
  return readEnabled(entry, reading, (map) => {
    readBlock(map, ACCOUNT_JETSTREAM, {}, reading)
    return true
  })
}

/** A boolean, `enabled`, `disabled`, or a block. */
function readEnabled(
  entry: ConfigEntry,
  { problems }: Reading,
  block: (map: Parameters<typeof readBlock>[0]) => boolean,
): boolean {
  const { value } = entry
  if (typeof value === 'boolean') return value
  if (value instanceof Map) return block(value)
  if (typeof value !== 'string') {
    problems.error(entry, `Expected map, bool or string to define JetStream, got ${typeName(value)}`)
    return false
  }
  if (!/^(?:enabled?|disabled?)$/i.test(value)) {
    problems.error(entry, `Expected 'enabled' or 'disabled' for string value, got '${value}'`)
  }
  return /^enabled?$/i.test(value)
}

// ── The server's ──────────────────────────────────────────────────────────────────────────────────────────────

/** A size as an integer, or as a text with K, M, G or T. `called`: the name in the complaint. */
function storage(names: readonly string[], doc: string, defaultText: string, called?: string): Key<Checked> {
  return custom(
    'size',
    names,
    doc,
    (entry, _, { problems }, name) => {
      const { value } = entry
      if (typeof value === 'bigint' || value === '') return
      const what = called ?? name.toLowerCase()
      if (typeof value !== 'string') problems.error(entry, `${what} must be int64 or string`)
      else if (!/^[-+]?[0-9]{1,18}$/.test(value.slice(0, -1))) {
        problems.error(entry, `${what} strconv.ParseInt: parsing ${quoteText(value.slice(0, -1))}: invalid syntax`)
      } else if (!/[KMGT]$/.test(value)) {
        problems.error(entry, `${what} sizes defined as strings must end in K, M, G, T`)
      }
    },
    { default: defaultText },
  )
}

function count(name: string, doc: string, defaultText: string): Key<Checked> {
  return custom(
    'integer',
    name,
    doc,
    (entry, _, { problems }) => {
      if (typeof entry.value === 'bigint') return
      problems.error(entry, `Expected a parseable size for ${quoteText(name)}, got ${shownValue(entry.value)}`)
    },
    { default: defaultText },
  )
}

const CIPHER = custom<Checked>('text', 'cipher', 'chacha, chachapoly or aes', (entry, _, { problems }) => {
  const value = problems.string(entry)
  if (value === undefined || /^(?:chacha|chachapoly|aes)$/i.test(value)) return
  problems.error(entry, `Unknown cipher type: ${quoteText(value)}`)
})

const TPM: Schema<Checked> = {
  title: 'jetstream.tpm',
  keys: [
    text('keysFile', 'keys_file', 'file of the sealed keys'),
    text('password', 'encryption_password', 'password of the key'),
    text('srk', 'srk_password', 'password of the storage root key'),
    integer('pcr', 'pcr', 'platform configuration register'),
    CIPHER,
  ],
}

/** A time span that must be text; its complaint has no place, as in nats-server. */
function span(name: string, doc: string, defaultText: string): Key<Checked> {
  return custom(
    'duration',
    name,
    doc,
    (entry, _, { problems }) => {
      const value = problems.string(entry)
      const result = value === undefined ? undefined : parseDuration(value)
      if (result !== undefined && 'wrong' in result) problems.error(entry, result.wrong)
    },
    { default: defaultText },
  )
}

const BATCH: Schema<Checked> = {
  title: 'jetstream.limits.batch',
  keys: [
    integer('perStream', 'max_inflight_per_stream', 'batches in work for a stream', '50'),
    integer('total', 'max_inflight_total', 'and for all', '1000'),
    integer('messages', 'max_msgs', 'messages of a batch', '1000'),
    span('timeout', 'life of a batch', '10 s'),
  ],
}

const LIMITS: Schema<Checked> = {
  title: 'jetstream.limits',
  keys: [
    integer('ackPending', 'max_ack_pending', 'messages that wait for an acknowledgement'),
    integer('haAssets', 'max_ha_assets', 'replicated streams and consumers'),
    integer('requestBatch', 'max_request_batch', 'messages that a pull may ask for'),
    span('duplicate_window', 'longest window for duplicates', ''),
    custom(
      'block',
      'batch',
      'limits of batches',
      (entry, _, reading) => {
        readMap(entry, BATCH, 'Expected a map to define batch limits', reading)
      },
      { block: BATCH as Schema<never> },
    ),
  ],
}

function readMap(entry: ConfigEntry, schema: Schema<Checked>, expected: string, reading: Reading): void {
  if (entry.value instanceof Map) readBlock(entry.value, schema, {}, reading)
  else reading.problems.error(entry, `${expected}, got ${typeName(entry.value)}`)
}

export const JETSTREAM: Schema<Checked> = {
  title: 'jetstream',
  keys: [
    boolean('enabled', ['enabled', 'enable'], 'on or off, where there is a block', 'true'),
    custom(
      'file',
      ['store_dir', 'store', 'storedir'],
      'folder of the streams',
      (entry, into, { problems }) => {
        if (problems.string(entry) !== undefined) into['storeDir'] = entry
      },
      { default: 'in the system temp folder' },
    ),
    storage(['max_mem', 'max_memory_store', 'max_mem_store'], 'bytes in memory', '75 % of the memory', 'max_mem_store'),
    storage(['max_file', 'max_file_store'], 'bytes on disk', 'what is free', 'max_file_store'),
    text('domain', 'domain', 'domain'),
    text('uniqueTag', 'unique_tag', 'tag prefix that replicas must differ in'),
    text('extensionHint', 'extension_hint', 'how domains are extended'),
    custom(
      'boolean',
      'strict',
      'refuse requests with unknown fields',
      (entry, _, { problems }) => {
        if (typeof entry.value === 'boolean') return
        problems.error(entry, `Expected 'true' or 'false' for bool value, got '${shownValue(entry.value)}'`)
      },
      { default: 'true' },
    ),
    custom(
      'duration',
      ['sync_interval', 'sync'],
      'time between syncs to disk, or always',
      (entry, _, reading, name) => {
        if (!(typeof entry.value === 'string' && entry.value.toLowerCase() === 'always'))
          durationOf(entry, name, reading)
      },
      { default: '2 min' },
    ),
    text('key', ['key', 'ek', 'encryption_key'], 'key for encryption at rest'),
    text('previousKey', ['prev_key', 'prev_ek', 'prev_encryption_key'], 'the key before'),
    CIPHER,
    custom(
      'block',
      'tpm',
      'key kept by the platform module',
      (entry, _, reading) => {
        readMap(entry, TPM, 'Expected a map to define JetStreamLimits', reading)
      },
      { block: TPM as Schema<never> },
    ),
    custom(
      'block',
      'limits',
      'limits',
      (entry, _, reading) => {
        readMap(entry, LIMITS, 'Expected a map to define JetStreamLimits', reading)
      },
      { block: LIMITS as Schema<never> },
    ),
    storage(['max_buffered_size'], 'bytes buffered for a stream', '128 MB'),
    count('max_buffered_msgs', 'messages buffered for a stream', '100000'),
    count('request_queue_limit', 'API requests that may wait', '10000'),
    count('info_queue_limit', 'info requests that may wait', 'as request_queue_limit'),
    storage(['max_outstanding_catchup'], 'bytes on the way to a follower', ''),
    custom(
      'integer',
      'meta_compact',
      'entries after which the meta log is compacted',
      (entry, _, { problems }, name) => {
        if (typeof entry.value === 'bigint' && entry.value >= 0n) return
        problems.error(entry, `Expected an absolute size for ${quoteText(name)}, got ${shownValue(entry.value)}`)
      },
    ),
    storage(['meta_compact_size'], 'bytes after which it is', ''),
    boolean('metaCompactSync', 'meta_compact_sync', 'compact at once', 'false'),
    custom(
      'integer',
      'max_concurrent_io',
      'disk operations at once, 4 to 8192',
      (entry, _, { problems }, name) => {
        const { value } = entry
        if (typeof value === 'bigint' && value >= 4n && value <= 8192n) return
        const what = `Expected an absolute size for ${quoteText(name)} between 4 and 8192`
        problems.error(entry, `${what}, got ${shownValue(value)}`)
      },
      { default: '4096' },
    ),
  ],
}

/** What the block says: whether streams are asked for, `enabled`, and the entry that names their folder, `storeDir`. */
export function readJetStream(entry: ConfigEntry, reading: Reading): Checked {
  const draft: Checked = { enabled: true }
  const enabled = readEnabled(entry, reading, (map) => {
    readBlock(map, JETSTREAM, draft, reading)
    return draft['enabled'] === true
  })
  return { ...draft, enabled }
}
