// `jetstream` (docs/reference/configuration-blocks.md, "Features to come"), of the server and of an account: the keys,
// as they are checked. What they mean is in jetstream-options.ts.

import type { JetStreamLimits } from '../../options/shapes.ts'
import type { ConfigEntry, ConfigMap } from '../language/tree.ts'
import type { Checked } from '../layer.ts'
import { quoteText, shownValue } from '../problems.ts'
import { jetStreamLimits } from './jetstream-options.ts'
import { type Complaint, complain, type Key, kind, type Reading, readBlock, type Schema } from './schema.ts'
import {
  block,
  boolean,
  durationOf,
  got,
  gotValue,
  integer,
  isWhole,
  only,
  spanOf,
  such,
  text,
  within,
} from './values.ts'

/** `Expected … for "key", got 5`. */
const wanted =
  (what: string, more = ''): Complaint =>
  (value, name) =>
    `Expected ${what} for ${quoteText(name)}${more}, got ${shownValue(value)}`

// ── An account's ──────────────────────────────────────────────────────────────────────────────────────────────

const limit = (names: readonly string[], doc: string): Key<Checked> =>
  kind('size', only('bigint', wanted('a parseable size')))(names[0], names, doc, '-1 = no limit')
const flag = kind('boolean', only('boolean', wanted('a parseable bool')))
const traffic = kind(
  'text',
  such(
    (text) => ['system', 'owner', ''].includes(text),
    wanted("'system' or 'owner' string value"),
    only('string', wanted("either 'system' or 'owner' string value")),
  ),
)

export const ACCOUNT_JETSTREAM: Schema<Checked> = {
  title: 'accounts.NAME.jetstream',
  keys: [
    limit(['max_memory', 'max_mem', 'mem', 'memory'], 'bytes in memory'),
    limit(['max_store', 'max_file', 'max_disk', 'store', 'disk'], 'bytes on disk'),
    limit(['max_streams', 'streams'], 'streams'),
    limit(['max_consumers', 'consumers'], 'consumers'),
    flag('required', ['max_bytes_required', 'max_stream_bytes', 'max_bytes'], 'streams must have max_bytes', 'false'),
    limit(['mem_max_stream_bytes', 'memory_max_stream_bytes'], 'bytes of a stream in memory'),
    limit(['disk_max_stream_bytes', 'store_max_stream_bytes'], 'bytes of a stream on disk'),
    limit(['max_ack_pending'], 'maximum unacknowledged messages'),
    traffic('traffic', 'cluster_traffic', 'account of the replication traffic: system or owner', 'system'),
  ],
}

/** Rows for an account's: what it may have in streams, if it may have any. */
export const accountJetStream = kind<JetStreamLimits>(
  'boolean',
  (entry, reading) => {
    const draft: Checked = {}
    const isEnabled = readEnabled(entry, reading, (map) => {
      readBlock(map, ACCOUNT_JETSTREAM, draft, reading)
      return true
    })
    return isEnabled ? jetStreamLimits(draft) : undefined
  },
  { block: ACCOUNT_JETSTREAM },
)

/** A boolean, `enabled`, `disabled`, or a block. */
function readEnabled(entry: ConfigEntry, reading: Reading, ofBlock: (map: ConfigMap) => boolean): boolean {
  const { value } = entry
  if (typeof value === 'boolean') return value
  if (value instanceof Map) return ofBlock(value)
  if (typeof value !== 'string') complain(entry, got('Expected map, bool or string to define JetStream'), reading)
  else if (!/^(?:enabled?|disabled?)$/i.test(value)) {
    complain(entry, `Expected 'enabled' or 'disabled' for string value, got '${value}'`, reading)
  }
  return typeof value === 'string' && /^enabled?$/i.test(value)
}

// ── The server's ──────────────────────────────────────────────────────────────────────────────────────────────

/** A size as an integer, or as a text with K, M, G or T. `called`: the name in the complaint. */
function storage(names: string | readonly string[], doc: string, defaultText = '', called?: string): Key<Checked> {
  const rows = kind<unknown>('size', (entry, reading, name) => {
    const { value } = entry
    if (typeof value === 'bigint' || value === '') return value
    const what = called ?? name.toLowerCase()
    if (typeof value !== 'string') return complain(entry, `${what} must be int64 or string`, reading)
    const digits = value.slice(0, -1)
    if (!isWhole(digits)) {
      return complain(entry, `${what} strconv.ParseInt: parsing ${quoteText(digits)}: invalid syntax`, reading)
    }
    if (/[KMGT]$/.test(value)) return value
    return complain(entry, `${what} sizes defined as strings must end in K, M, G, T`, reading)
  })
  return rows(typeof names === 'string' ? names : names[0], names, doc, defaultText)
}

/** `name` is what complaints call it. */
function count(name: string, doc: string, defaultText: string): Key<Checked> {
  const wrong = gotValue(`Expected a parseable size for ${quoteText(name)}`)
  return kind('integer', only('bigint', wrong))(name, name, doc, defaultText)
}

const cipher = kind(
  'text',
  such(
    (text) => /^(?:chacha|chachapoly|aes)$/i.test(text),
    (value) => `Unknown cipher type: ${quoteText(String(value))}`,
  ),
)
const CIPHER: Key<Checked> = cipher('cipher', 'cipher', 'chacha, chachapoly or aes')

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

const span = kind<number>('duration', (entry, reading) => spanOf(entry, reading))

const BATCH: Schema<Checked> = {
  title: 'jetstream.limits.batch',
  keys: [
    integer('perStream', 'max_inflight_per_stream', 'concurrent batches of one stream', '50'),
    integer('total', 'max_inflight_total', 'concurrent batches of all streams', '1000'),
    integer('messages', 'max_msgs', 'maximum messages of a batch', '1000'),
    span('timeout', 'timeout', 'maximum duration of a batch', '10 s'),
  ],
}

/** A row for a block; `what` it defines is said of what is none. */
function inner(name: string, doc: string, schema: Schema<Checked>, what: string): Key<Checked> {
  const take = block(schema, () => ({}), got(`Expected a map to define ${what}`))
  return kind('block', take, { block: schema })(name, name, doc)
}

const LIMITS: Schema<Checked> = {
  title: 'jetstream.limits',
  keys: [
    integer('ackPending', 'max_ack_pending', 'maximum unacknowledged messages'),
    integer('haAssets', 'max_ha_assets', 'replicated streams and consumers'),
    integer('requestBatch', 'max_request_batch', 'maximum messages of one pull request'),
    span('duplicates', 'duplicate_window', 'maximum duplicate window'),
    inner('batch', 'limits of batches', BATCH, 'batch limits'),
  ],
}

/** The entry is kept: the folder may also be named at the top level, and errors about both need its place. */
const folder = kind<ConfigEntry>('file', (entry, { problems }) =>
  problems.string(entry) === undefined ? undefined : entry,
)
const strict = kind(
  'boolean',
  only('boolean', (value) => `Expected 'true' or 'false' for bool value, got '${shownValue(value)}'`),
)
const syncInterval = kind<unknown>('duration', (entry, reading, name) => {
  const { value } = entry
  return typeof value === 'string' && value.toLowerCase() === 'always' ? value : durationOf(entry, name, reading)
})
/** A row for a number between bounds. */
function bounded(name: string, doc: string, defaultText: string, min: number, max: number, more = ''): Key<Checked> {
  const wrong = wanted('an absolute size', more)
  return kind('integer', within(min, max, wrong, only('bigint', wrong)))(name, name, doc, defaultText)
}

export const JETSTREAM: Schema<Checked> = {
  title: 'jetstream',
  keys: [
    boolean('enabled', ['enabled', 'enable'], 'whether JetStream is enabled', 'true'),
    folder(
      'storeDir',
      ['store_dir', 'store', 'storedir'],
      'directory of the streams',
      'in the system temporary directory',
    ),
    storage(
      ['max_mem', 'max_memory_store', 'max_mem_store'],
      'maximum bytes in memory',
      '75 % of the memory',
      'max_mem_store',
    ),
    storage(['max_file', 'max_file_store'], 'maximum bytes on disk', 'free space', 'max_file_store'),
    text('domain', 'domain', 'domain'),
    text('uniqueTag', 'unique_tag', 'tag prefix that replicas must differ in'),
    text('extensionHint', 'extension_hint', 'how domains are extended'),
    strict('strict', 'strict', 'refuse requests with unknown fields', 'true'),
    syncInterval('sync', ['sync_interval', 'sync'], 'interval between syncs to disk, or always', '2 min'),
    text('key', ['key', 'ek', 'encryption_key'], 'key for encryption at rest'),
    text('previousKey', ['prev_key', 'prev_ek', 'prev_encryption_key'], 'previous key'),
    CIPHER,
    inner('tpm', 'encryption key sealed by a TPM', TPM, 'JetStreamLimits'),
    inner('limits', 'limits', LIMITS, 'JetStreamLimits'),
    storage('max_buffered_size', 'maximum bytes buffered for a stream', '128 MB'),
    count('max_buffered_msgs', 'maximum messages buffered for a stream', '100000'),
    count('request_queue_limit', 'maximum waiting API requests', '10000'),
    count('info_queue_limit', 'maximum waiting info requests', 'as request_queue_limit'),
    storage('max_outstanding_catchup', 'maximum bytes in flight to a follower'),
    bounded('meta_compact', 'number of entries after which the meta log is compacted', '', 0, Number.POSITIVE_INFINITY),
    storage('meta_compact_size', 'bytes after which the meta log is compacted'),
    boolean('metaCompactSync', 'meta_compact_sync', 'compact immediately'),
    bounded('max_concurrent_io', 'concurrent disk operations, 4 to 8192', '4096', 4, 8192, ' between 4 and 8192'),
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
