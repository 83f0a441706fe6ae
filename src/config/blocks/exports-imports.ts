// `exports` and `imports` of an account (reference 4.3): their shape. Whether they fit together is asked when all
// accounts are known, in account-links.ts.

import { parseDuration } from '../../base/duration.ts'
import type { Draft, ExportOptions, ImportOptions } from '../../options/shapes.ts'
import { type ConfigEntry, isPlainData, typeName } from '../language/tree.ts'
import { suggestion } from '../nearest.ts'
import { quotedValue, quoteText } from '../problems.ts'
import { custom, type Key, type Reading, readBlock, type Schema, text } from './schema.ts'

const LATENCY_SAMPLING = 100
export const BAD_SAMPLING = 'bad sampling percentage, should be 1-100'

/** An export while it is read; what was seen already decides what may follow. */
interface ExportDraft extends Draft<Omit<ExportOptions, 'kind'>> {
  kind: 'stream' | 'service' | undefined
  /** Entries of directives that only a service may have. */
  forService: { entry: ConfigEntry; name: string }[]
  seen: Set<string>
}

function exported(kind: 'stream' | 'service'): Key<ExportDraft> {
  return custom('subject', kind, `subject of the ${kind}`, (entry, into, { problems }) => {
    const { value } = entry
    if (into.kind !== undefined && into.kind !== kind) {
      problems.error(entry, `Detected ${kind} ${quotedValue(value)} but already saw a ${into.kind}`)
    } else if (typeof value !== 'string') {
      problems.error(entry, `Expected ${kind} name to be string, got ${typeName(value)}`)
    } else {
      into.kind = kind
      into.subject = value
    }
  })
}

const EXPORT: Schema<ExportDraft> = {
  title: 'accounts.NAME.exports[]',
  keys: [
    exported('stream'),
    exported('service'),
    custom('list', 'accounts', 'accounts that may import it', readAccounts, { default: 'all' }),
    custom('text', ['response', 'response_type'], 'singleton, stream or chunked', readResponse, {
      default: 'singleton',
    }),
    custom(
      'duration',
      ['threshold', 'response_threshold', 'response_max_time', 'response_time'],
      'longest wait for an answer',
      readThreshold,
      { default: '2 min' },
    ),
    custom(
      'text',
      'latency',
      'where measurements are published: a subject, or a block with subject and sampling (percent, or headers)',
      (entry, into, reading) => {
        into.forService.push({ entry, name: 'latency' })
        into.latency = readLatency(entry, reading)
      },
    ),
    custom('integer', 'account_token_position', "where the importing account's name stands", (entry, into, reading) => {
      into.accountTokenPosition = reading.problems.integer(entry) ?? 0
    }),
    custom(
      'boolean',
      'allow_trace',
      'message traces pass',
      (entry, into, { problems }) => {
        into.forService.push({ entry, name: 'allow_trace' })
        into.allowTrace = problems.boolean(entry) ?? false
      },
      { default: 'false' },
    ),
  ],
}

function readAccounts(entry: ConfigEntry, into: ExportDraft, { problems }: Reading): void {
  into.accounts = problems.array(entry)?.flatMap((item) => problems.string(item) ?? [])
}

function readResponse(entry: ConfigEntry, into: ExportDraft, { problems }: Reading): void {
  const { value } = entry
  if (into.seen.has('response')) {
    problems.error(entry, 'Duplicate response type definition')
    return
  }
  into.seen.add('response')
  into.forService.push({ entry, name: 'response' })
  if (typeof value !== 'string') {
    problems.error(entry, `Expected response type to be string, got ${typeName(value)}`)
    return
  }
  const word = value.toLowerCase()
  if (word === 'stream') into.response = 'stream'
  else if (word === 'chunk' || word === 'chunked') into.response = 'chunked'
  else if (word !== 'single' && word !== 'singleton') {
    problems.error(entry, `Unknown response type: ${quoteText(value)}`)
  }
}

function readThreshold(entry: ConfigEntry, into: ExportDraft, { problems }: Reading): void {
  const { value } = entry
  if (into.seen.has('threshold')) {
    problems.error(entry, 'Duplicate response threshold detected')
    return
  }
  into.seen.add('threshold')
  if (into.kind === 'stream') problems.error(entry, 'Detected response directive on non-service')
  const expected = 'Expected response threshold to be a parseable time duration'
  if (typeof value !== 'string') {
    problems.error(entry, `${expected}, got ${typeName(value)}`)
    return
  }
  const span = parseDuration(value)
  if ('ms' in span) into.threshold = span.ms
  else problems.error(entry, `${expected}, got ${quoteText(value)}`)
}

function readLatency(entry: ConfigEntry, { problems }: Reading): ExportOptions['latency'] {
  const { value } = entry
  if (typeof value === 'string') return { subject: value, sampling: LATENCY_SAMPLING }
  if (!(value instanceof Map)) {
    return problems.error(entry, `Expected latency entry to be a map/struct or string, got ${typeName(value)}`)
  }
  for (const [name, member] of value) {
    if (!isPlainData(member) || name === 'sampling' || name === 'subject') continue
    problems.error(member, `unknown field ${quoteText(name)}${suggestion(name, ['sampling', 'subject'])}`)
  }
  const asked = value.get('sampling')
  const sampling = asked === undefined ? LATENCY_SAMPLING : samplingOf(asked)
  if (typeof sampling === 'string') return problems.error(asked, sampling)
  const subject = value.get('subject')
  if (subject === undefined) return problems.error(entry, 'Latency subject required, but missing')
  if (typeof subject.value !== 'string') {
    return problems.error(subject, 'Expected latency subject to be a string, got string')
  }
  return { subject: subject.value, sampling }
}

/** Percent, 0 for `headers`; a text says what is wrong. */
function samplingOf({ value }: ConfigEntry): number | string {
  if (typeof value !== 'bigint' && typeof value !== 'string') {
    return `Expected latency sample to be a string or map/struct, got ${typeName(value)}`
  }
  if (typeof value === 'string' && value.trim().toLowerCase() === 'headers') return 0
  const digits = String(value).replace(/%$/, '')
  if (!/^[-+]?[0-9]{1,18}$/.test(digits)) {
    return `Failed to parse latency sample: strconv.Atoi: parsing ${quoteText(digits)}: invalid syntax`
  }
  const percent = Number(digits)
  return percent < 1 || percent > 100 ? BAD_SAMPLING : percent
}

/** Reads the list of exports. What is neither stream nor service is passed over in a file, as in nats-server. */
export function readExports(entry: ConfigEntry, reading: Reading): ExportOptions[] {
  const { problems } = reading
  if (!Array.isArray(entry.value)) {
    problems.error(entry, `Exports should be an array, got ${typeName(entry.value)}`)
    return []
  }
  return entry.value.flatMap((item) => {
    if (!(item.value instanceof Map)) {
      problems.error(item, `Export Items should be a map with type entry, got ${typeName(item.value)}`)
      return []
    }
    const draft: ExportDraft = {
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
    }
    readBlock(item.value, EXPORT, draft, reading)
    const { kind, forService, seen: _, ...options } = draft
    if (kind === 'stream') {
      for (const { entry: directive, name } of forService) {
        problems.error(directive, `Detected ${name} directive on non-service`)
      }
    }
    if (kind !== undefined) return [{ kind, ...options }]
    if (isPlainData(item)) problems.error(item, 'expected an export to have a stream or a service')
    return []
  })
}

interface ImportDraft extends Draft<Omit<ImportOptions, 'kind'>> {
  kind: 'stream' | 'service' | undefined
  traced: ConfigEntry | undefined
}

function imported(kind: 'stream' | 'service'): Key<ImportDraft> {
  const name = kind === 'stream' ? 'Stream' : 'Service'
  return custom(
    'block',
    kind,
    `account and subject of the ${kind}`,
    (entry, into, reading) => {
      const { problems } = reading
      if (into.kind !== undefined && into.kind !== kind) {
        problems.error(entry, `Detected ${kind} but already saw a ${into.kind}`)
      } else if (!(entry.value instanceof Map)) {
        problems.error(entry, `${name} entry should be an account map, got ${typeName(entry.value)}`)
      } else {
        const source = { account: '', subject: '' }
        readBlock(entry.value, SOURCE, source, reading)
        if (source.account === '' || source.subject === '') {
          problems.error(entry, 'Expect an account name and a subject')
        } else Object.assign(into, source, { kind })
      }
    },
    { block: SOURCE as Schema<never> },
  )
}

const SOURCE: Schema<{ account: string; subject: string }> = {
  title: 'accounts.NAME.imports[].stream',
  keys: [text('account', 'account', 'exporting account'), text('subject', 'subject', 'subject there')],
}

const IMPORT: Schema<ImportDraft> = {
  title: 'accounts.NAME.imports[]',
  keys: [
    imported('stream'),
    imported('service'),
    text('prefix', 'prefix', 'put in front of the subject of a stream'),
    custom('subject', 'to', 'subject here', (entry, into, { problems }) => {
      into.to = problems.string(entry) ?? ''
      if (into.kind !== 'stream' || into.prefix === '') return
      problems.error(entry, "Stream import can not have a 'prefix' and a 'to' property")
    }),
    custom(
      'boolean',
      'share',
      'tell the service who asks',
      (entry, into, { problems }) => {
        into.share = problems.boolean(entry) ?? false
      },
      { default: 'false' },
    ),
    custom(
      'boolean',
      'allow_trace',
      'message traces pass (streams)',
      (entry, into, { problems }) => {
        into.traced = entry
        into.allowTrace = problems.boolean(entry) ?? false
      },
      { default: 'false' },
    ),
  ],
}

/** Reads the list of imports. */
export function readImports(entry: ConfigEntry, reading: Reading): ImportOptions[] {
  const { problems } = reading
  if (!Array.isArray(entry.value)) {
    problems.error(entry, `Imports should be an array, got ${typeName(entry.value)}`)
    return []
  }
  const services: ImportOptions[] = []
  return entry.value.flatMap((item) => {
    if (!(item.value instanceof Map)) {
      problems.error(item, `Import Items should be a map with type entry, got ${typeName(item.value)}`)
      return []
    }
    const draft: ImportDraft = {
      kind: undefined,
      account: '',
      subject: '',
      to: '',
      prefix: '',
      share: false,
      allowTrace: false,
      traced: undefined,
    }
    readBlock(item.value, IMPORT, draft, reading)
    const { kind, traced, ...options } = draft
    if (kind === undefined) {
      if (isPlainData(item)) problems.error(item, 'expected an import to have a stream or a service')
      return []
    }
    if (kind === 'stream') return [{ kind, ...options }]
    if (traced !== undefined) problems.error(traced, 'Detected allow_trace directive on a non-stream')
    const service: ImportOptions = { kind, ...options, to: options.to === '' ? options.subject : options.to }
    const double = services.find((each) => each.to === service.to && each.account === service.account)
    if (double !== undefined) {
      const earlier = `account ${quoteText(double.account)}, subject ${quoteText(double.subject)}`
      const text = `Duplicate service import subject ${quoteText(service.to)}, previously used in import for ${earlier}`
      problems.error(item, text)
      return []
    }
    services.push(service)
    return [service]
  })
}

export { EXPORT, IMPORT }
