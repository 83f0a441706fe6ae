// `exports` and `imports` of an account (docs/reference/accounts.md, "Exports and imports"): their shape. Whether they
// fit together is asked when all accounts are known, in account-links.ts.

import { parseDuration } from '../../base/duration.ts'
import type { Draft, ExportOptions, ImportOptions } from '../../options/shapes.ts'
import { type ConfigEntry, isPlainData, typeName } from '../language/tree.ts'
import { suggestion } from '../nearest.ts'
import { quotedValue, quoteText } from '../problems.ts'
import { complain, type Key, kind, type Reading, type Schema, type Take } from './schema.ts'
import { anyText, block, boolean, digitsOf, each, got, integer, millisecondsOf, percent, text } from './values.ts'

type Sort = 'stream' | 'service'

// ── Latency ───────────────────────────────────────────────────────────────────────────────────────────────────

const LATENCY_SAMPLING = 100
export const BAD_SAMPLING = 'bad sampling percentage, should be 1-100'

const readPercent = percent(1, {
  type: got('Expected latency sample to be a string or map/struct'),
  digits: (value) =>
    `Failed to parse latency sample: strconv.Atoi: parsing ${quoteText(digitsOf(value))}: invalid syntax`,
  range: BAD_SAMPLING,
})

/** Percent, 0 for `headers`. */
const readSampling: Take<number> = (entry, reading, name) => {
  const { value } = entry
  return typeof value === 'string' && value.trim().toLowerCase() === 'headers' ? 0 : readPercent(entry, reading, name)
}

function readLatency(entry: ConfigEntry, reading: Reading): ExportOptions['latency'] {
  const { value } = entry
  if (typeof value === 'string') return { subject: value, sampling: LATENCY_SAMPLING }
  if (!(value instanceof Map)) {
    return complain(entry, got('Expected latency entry to be a map/struct or string'), reading)
  }
  for (const [name, member] of value) {
    if (!isPlainData(member) || name === 'sampling' || name === 'subject') continue
    complain(member, `unknown field ${quoteText(name)}${suggestion(name, ['sampling', 'subject'])}`, reading)
  }
  const asked = value.get('sampling')
  const sampling = asked === undefined ? LATENCY_SAMPLING : readSampling(asked, reading, 'sampling')
  if (sampling === undefined) return undefined
  const subject = value.get('subject')
  if (subject === undefined) return complain(entry, 'Latency subject required, but missing', reading)
  if (typeof subject.value === 'string') return { subject: subject.value, sampling }
  return complain(subject, 'Expected latency subject to be a string, got string', reading)
}

// ── Exports ───────────────────────────────────────────────────────────────────────────────────────────────────

/** An export while it is read; what was seen already decides what may follow. */
interface ExportDraft extends Draft<Omit<ExportOptions, 'kind'>> {
  kind: Sort | undefined
  /** Entries of directives that only a service may have. */
  forService: { entry: ConfigEntry; name: string }[]
  seen: Set<string>
}

function exportOf(sort: Sort): Key<ExportDraft> {
  const rows = kind<string, ExportDraft>('subject', (entry, reading, _, into) => {
    const { value } = entry
    if (into.kind !== undefined && into.kind !== sort) {
      return complain(entry, `Detected ${sort} ${quotedValue(value)} but already saw a ${into.kind}`, reading)
    }
    if (typeof value !== 'string') return complain(entry, got(`Expected ${sort} name to be string`), reading)
    into.kind = sort
    return value
  })
  return rows('subject', sort, `subject of the ${sort}`)
}

const accounts = kind('list', each(anyText))

const RESPONSES: ReadonlyMap<string, ExportOptions['response']> = new Map([
  ['single', 'singleton'],
  ['singleton', 'singleton'],
  ['stream', 'stream'],
  ['chunk', 'chunked'],
  ['chunked', 'chunked'],
])

const response = kind<ExportOptions['response'], ExportDraft>('text', (entry, reading, _, into) => {
  const { value } = entry
  if (into.seen.has('response')) return complain(entry, 'Duplicate response type definition', reading)
  into.seen.add('response')
  into.forService.push({ entry, name: 'response' })
  if (typeof value !== 'string') return complain(entry, got('Expected response type to be string'), reading)
  return RESPONSES.get(value.toLowerCase()) ?? complain(entry, `Unknown response type: ${quoteText(value)}`, reading)
})

const THRESHOLD_KEYS = ['threshold', 'response_threshold', 'response_max_time', 'response_time']

const threshold = kind<number, ExportDraft>('duration', (entry, reading, _, into) => {
  const { value } = entry
  if (into.seen.has('threshold')) return complain(entry, 'Duplicate response threshold detected', reading)
  into.seen.add('threshold')
  if (into.kind === 'stream') complain(entry, 'Detected response directive on non-service', reading)
  const ms = millisecondsOf(entry)
  if (ms !== undefined) return ms
  const span = typeof value === 'string' ? parseDuration(value) : undefined
  if (span !== undefined && 'ms' in span) return span.ms
  const what = typeof value === 'string' ? quoteText(value) : typeName(value)
  return complain(entry, `Expected response threshold to be a parseable time duration, got ${what}`, reading)
})

const latency = kind<NonNullable<ExportOptions['latency']>, ExportDraft>('text', (entry, reading, _, into) => {
  into.forService.push({ entry, name: 'latency' })
  return readLatency(entry, reading)
})

const traced = kind<boolean, ExportDraft>('boolean', (entry, { problems }, _, into) => {
  into.forService.push({ entry, name: 'allow_trace' })
  return problems.boolean(entry)
})

const EXPORT: Schema<ExportDraft> = {
  title: 'accounts.NAME.exports[]',
  keys: [
    exportOf('stream'),
    exportOf('service'),
    accounts('accounts', 'accounts', 'accounts that may import it', 'all'),
    response('response', ['response', 'response_type'], 'singleton, stream or chunked', 'singleton'),
    threshold('threshold', THRESHOLD_KEYS, 'maximum response time', '2 min'),
    latency(
      'latency',
      'latency',
      'where measurements are published: a subject, or a block with subject and sampling (percent, or headers)',
    ),
    integer(
      'accountTokenPosition',
      'account_token_position',
      "position of the importing account's name in the subject, from 1",
    ),
    traced('allowTrace', 'allow_trace', 'pass message traces on', 'false'),
  ],
}

const readExportDraft = block<ExportDraft>(
  EXPORT,
  () => ({
    kind: undefined,
    subject: '',
    accounts: undefined,
    accountTokenPosition: 0,
    response: 'singleton',
    threshold: 0,
    latency: undefined,
    allowTrace: false,
    forService: [],
    seen: new Set(),
  }),
  got('Export Items should be a map with type entry'),
)

const readExport: Take<ExportOptions> = (item, reading, key) => {
  const draft = readExportDraft(item, reading, key)
  if (draft === undefined) return undefined
  const { kind, forService, seen: _, ...options } = draft
  if (kind === 'stream') {
    for (const { entry, name } of forService) complain(entry, `Detected ${name} directive on non-service`, reading)
  }
  return kind === undefined ? neither('an export', item, reading) : { kind, ...options }
}

/** What is neither stream nor service is passed over in a file, as in nats-server. */
function neither(what: string, item: ConfigEntry, reading: Reading): undefined {
  if (isPlainData(item)) complain(item, `expected ${what} to have a stream or a service`, reading)
}

/** Rows for the exports of an account. */
export const exported = kind('list', each(readExport, got('Exports should be an array')), { block: EXPORT })

// ── Imports ───────────────────────────────────────────────────────────────────────────────────────────────────

interface ImportDraft extends Draft<Omit<ImportOptions, 'kind'>> {
  kind: Sort | undefined
  traced: ConfigEntry | undefined
}

const SOURCE: Schema<{ account: string; subject: string }> = {
  title: 'accounts.NAME.imports[].stream',
  keys: [
    text('account', 'account', 'exporting account'),
    text('subject', 'subject', 'subject in the exporting account'),
  ],
}

function importOf(sort: Sort): Key<ImportDraft> {
  const what = `${sort === 'stream' ? 'Stream' : 'Service'} entry should be an account map`
  const readSource = block(SOURCE, () => ({ account: '', subject: '' }), got(what))
  const rows = kind<string, ImportDraft>(
    'block',
    (entry, reading, name, into) => {
      if (into.kind !== undefined && into.kind !== sort) {
        return complain(entry, `Detected ${sort} but already saw a ${into.kind}`, reading)
      }
      const source = readSource(entry, reading, name)
      if (source === undefined) return undefined
      if (source.account === '' || source.subject === '') {
        return complain(entry, 'Expect an account name and a subject', reading)
      }
      into.kind = sort
      into.account = source.account
      return source.subject
    },
    { block: SOURCE },
  )
  return rows('subject', sort, `account and subject of the ${sort}`)
}

const destination = kind<string, ImportDraft>('subject', (entry, reading, _, { kind, prefix }) => {
  const to = reading.problems.string(entry)
  if (kind !== 'stream' || prefix === '') return to
  return complain(entry, "Stream import can not have a 'prefix' and a 'to' property", reading)
})

const allowTrace = kind<boolean, ImportDraft>('boolean', (entry, { problems }, _, into) => {
  into.traced = entry
  return problems.boolean(entry)
})

const IMPORT: Schema<ImportDraft> = {
  title: 'accounts.NAME.imports[]',
  keys: [
    importOf('stream'),
    importOf('service'),
    text('prefix', 'prefix', 'prefix for the subject of a stream'),
    destination('to', 'to', 'subject in the importing account'),
    boolean('share', 'share', 'share details of the requestor with the service'),
    allowTrace('allowTrace', 'allow_trace', 'pass message traces on (streams)', 'false'),
  ],
}

const readImportDraft = block<ImportDraft>(
  IMPORT,
  () => ({
    kind: undefined,
    account: '',
    subject: '',
    to: '',
    prefix: '',
    share: false,
    allowTrace: false,
    traced: undefined,
  }),
  got('Import Items should be a map with type entry'),
)

const readImports: Take<ImportOptions[]> = (list, reading, key) => {
  const services: ImportOptions[] = []
  const readImport: Take<ImportOptions> = (item) => {
    const draft = readImportDraft(item, reading, key)
    if (draft === undefined) return undefined
    const { kind, traced, ...options } = draft
    if (kind === undefined) return neither('an import', item, reading)
    if (kind === 'stream') return { kind, ...options }
    if (traced !== undefined) complain(traced, 'Detected allow_trace directive on a non-stream', reading)
    const service: ImportOptions = { kind, ...options, to: options.to === '' ? options.subject : options.to }
    const double = services.find((each) => each.to === service.to && each.account === service.account)
    if (double !== undefined) {
      const what = `Duplicate service import subject ${quoteText(service.to)}, previously used in import for`
      const earlier = `account ${quoteText(double.account)}, subject ${quoteText(double.subject)}`
      return complain(item, `${what} ${earlier}`, reading)
    }
    services.push(service)
    return service
  }
  return each(readImport, got('Imports should be an array'))(list, reading, key)
}

/** Rows for the imports of an account. */
export const imported = kind('list', readImports, { block: IMPORT })
