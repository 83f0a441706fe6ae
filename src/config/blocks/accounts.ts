// `accounts` (reference 4.3): a list of names, or a block for each account, and the subject mappings that an account,
// or the top level for $G, may have.

import { ACCOUNT_NAME_MAX } from '../../base/constants.ts'
import {
  type AccountLimits,
  type AccountOptions,
  type Draft,
  GLOBAL_ACCOUNT,
  type MappingDestination,
  type MappingOptions,
} from '../../options/shapes.ts'
import { isPublishSubject, isValidSubject } from '../../subjects/filter.ts'
import { type ConfigEntry, isPlainData, typeName } from '../language/tree.ts'
import { quotedValue, quoteText, shownValue } from '../problems.ts'
import { EXPORT, IMPORT, readExports, readImports } from './exports-imports.ts'
import { ACCOUNT_JETSTREAM, readAccountJetStream } from './jetstream-keys.ts'
import { isPublicNkey } from './nkey.ts'
import { PERMISSIONS, readPermissions } from './permissions.ts'
import { custom, integer, type Reading, readBlock, type Schema, text } from './schema.ts'
import { slowConsumerKey } from './slow-consumer.ts'
import { whyNoMappings } from './subject-mapping.ts'
import { readUsers, USER, withDefaults } from './users.ts'

const LIMITS: Schema<Draft<AccountLimits>> = {
  title: 'accounts.NAME.limits',
  unknown: (name) => `Unknown field ${quoteText(name)} parsing account limits`,
  keys: [
    integer('maxConnections', ['max_connections', 'max_conn'], 'connections at once', '-1 = no limit'),
    integer('maxSubscriptions', ['max_subscriptions', 'max_subs'], 'subscriptions of all of them', '-1 = no limit'),
    integer('maxPayload', ['max_payload', 'max_pay'], 'bytes of a payload', '-1 = no limit'),
    integer('maxLeafnodes', ['max_leafnodes', 'max_leafs'], 'leaf nodes', '-1 = no limit'),
  ],
}

/** An account while it is read; it keeps the entry of its users, where complaints about them stand. */
export interface AccountDraft extends Draft<AccountOptions> {
  usersEntry: ConfigEntry | undefined
}

type TraceDraft = { destination: string; sampling: number }

const TRACE: Schema<TraceDraft> = {
  title: 'accounts.NAME.msg_trace',
  keys: [
    custom('subject', 'dest', 'where traces are published', (entry, into, { problems }, name) => {
      const { value } = entry
      if (typeof value !== 'string') {
        problems.error(entry, `Field ${quoteText(name)} should be a string, got ${typeName(value)}`)
      } else if (!isPublishSubject(value)) {
        problems.error(entry, `Trace destination ${quoteText(value)} is not valid`)
      } else into.destination = value
    }),
    custom('percent', 'sampling', 'messages traced, 1 to 100', readTraceSampling, { default: '100' }),
  ],
}

function readTraceSampling(entry: ConfigEntry, into: TraceDraft, { problems }: Reading, name: string): void {
  const { value } = entry
  if (typeof value !== 'bigint' && typeof value !== 'string') {
    const what = `Trace destination sampling field ${quoteText(name)}`
    problems.error(entry, `${what} should be an integer or a percentage, got ${typeName(value)}`)
    return
  }
  const digits = String(value).replace(/%$/, '')
  if (!/^[-+]?[0-9]{1,18}$/.test(digits)) {
    problems.error(entry, `Invalid trace destination sampling value ${quoteText(String(value))}`)
    return
  }
  const percent = Number(digits)
  if (percent >= 1 && percent <= 100) into.sampling = percent
  else {
    const what = `Ttrace destination sampling value ${percent} is invalid`
    problems.error(entry, `${what}, needs to be [1..100]`)
  }
}

const DESTINATION: Schema<{ subject: string; weight: number | undefined; cluster: string }> = {
  title: 'mappings.SUBJECT[]',
  unknown: (name) => `Unknown field ${quoteText(name)} for mapping destination`,
  keys: [
    text('subject', ['destination', 'dest'], 'subject, with functions such as {{wildcard(1)}}'),
    custom('percent', 'weight', 'share of the messages, 0 to 100; required', (entry, into, { problems }) => {
      const { value } = entry
      if (typeof value !== 'bigint' && typeof value !== 'string') {
        problems.error(entry, `Unknown entry type for weight of ${shownValue(value)}`)
        return
      }
      const digits = typeof value === 'string' ? value.replace(/%$/, '') : String(value)
      if (!/^[-+]?[0-9]{1,18}$/.test(digits)) {
        problems.error(entry, `Invalid weight ${quoteText(digits)} for mapping destination`)
      } else if (Number(digits) > 100 || Number(digits) < 0) {
        problems.error(entry, `Invalid weight ${Number(digits)} for mapping destination`)
      } else into.weight = Number(digits)
    }),
    text('cluster', 'cluster', 'only in this cluster'),
  ],
}

export const ACCOUNT: Schema<AccountDraft> = {
  title: 'accounts.NAME',
  keys: [
    custom('nkey', 'nkey', 'public account key', (entry, into, { problems }) => {
      const { value } = entry
      if (typeof value === 'string' && isPublicNkey(value, 'account')) into.nkey = value
      else problems.error(entry, `Not a valid public nkey for an account: ${quotedValue(value)}`)
    }),
    custom(
      'list',
      'users',
      'users of the account',
      (entry, into, reading) => {
        into.usersEntry = entry
        into.users = readUsers(entry, reading) ?? []
      },
      { block: USER as Schema<never> },
    ),
    custom(
      'block',
      'default_permissions',
      'permissions of users without their own',
      (entry, into, reading) => {
        into.defaultPermissions = readPermissions(entry, reading)
      },
      { block: PERMISSIONS as Schema<never> },
    ),
    custom(
      'list',
      'exports',
      'what other accounts may import',
      (entry, into, reading) => {
        into.exports = readExports(entry, reading)
      },
      { block: EXPORT as Schema<never> },
    ),
    custom(
      'list',
      'imports',
      'what comes from other accounts',
      (entry, into, reading) => {
        into.imports = readImports(entry, reading)
      },
      { block: IMPORT as Schema<never> },
    ),
    custom(
      'block',
      ['mappings', 'maps'],
      'subjects turned into others',
      (entry, into, reading) => {
        into.mappings = readMappings(entry, reading)
      },
      { block: DESTINATION as Schema<never> },
    ),
    custom(
      'block',
      'limits',
      'limits of the account',
      (entry, into, reading) => {
        const { value } = entry
        const limits = { ...into.limits }
        if (value instanceof Map) readBlock(value, LIMITS, limits, reading)
        else reading.problems.error(entry, `Expected account limits to be a map/struct, got ${shownValue(value)}`)
        into.limits = limits
      },
      { block: LIMITS as Schema<never> },
    ),
    custom(
      'boolean',
      'jetstream',
      'streams: a boolean, enabled, disabled, or limits',
      (entry, into, reading) => {
        into.jetstream = readAccountJetStream(entry, reading)
      },
      { block: ACCOUNT_JETSTREAM as Schema<never>, default: 'false' },
    ),
    custom(
      'subject',
      ['msg_trace', 'trace_dest'],
      'where traces of sampled messages go: a subject, or a block',
      readTrace,
      {
        block: TRACE as Schema<never>,
      },
    ),
    slowConsumerKey<AccountDraft>("the server's"),
  ],
}

function readTrace(entry: ConfigEntry, into: AccountDraft, reading: Reading, name: string): void {
  const { problems } = reading
  const { value } = entry
  const trace = { destination: '', sampling: 0 }
  const unknown = (key: string): string =>
    `Unknown field ${quoteText(key)} parsing account message trace map/struct ${quoteText(name)}`
  if (value instanceof Map) readBlock(value, { ...TRACE, unknown }, trace, reading)
  else if (typeof value === 'string') TRACE.keys[0].read(entry, trace, reading, name)
  else {
    const what = `Expected account message trace ${quoteText(name)}`
    problems.error(entry, `${what} to be a string or a map/struct, got ${typeName(value)}`)
  }
  if (trace.destination !== '') into.trace = { destination: trace.destination, sampling: trace.sampling || 100 }
  else if (trace.sampling > 0) problems.warn(entry, 'Trace destination sampling ignored since no destination was set')
}

/** Reads `accounts`. */
export function readAccounts(entry: ConfigEntry, reading: Reading): AccountDraft[] {
  const { problems } = reading
  const { value } = entry
  if (Array.isArray(value)) return readAccountNames(value, reading)
  if (!(value instanceof Map)) {
    // nats-server passes over anything else in a file.
    if (isPlainData(entry)) problems.error(entry, `expected accounts to be a map or an array, got ${typeName(value)}`)
    return []
  }
  const accounts: AccountDraft[] = []
  for (const [name, item] of value) {
    if (item.usedAsVariable) continue
    if (!(item.value instanceof Map)) problems.error(item, 'Expected map entries for accounts')
    else if (name === GLOBAL_ACCOUNT) problems.error(item, `${quoteText(name)} is a Reserved Account`)
    else if (isTooLong(name)) problems.error(item, TOO_LONG)
    else {
      const account = newAccount(name)
      readBlock(item.value, ACCOUNT, account, reading)
      account.users = withDefaults(account.users, account.defaultPermissions)
      accounts.push(account)
    }
  }
  return accounts
}

function readAccountNames(items: readonly ConfigEntry[], { problems }: Reading): AccountDraft[] {
  const names = new Set<string>()
  for (const item of items) {
    const name = problems.string(item)
    if (name === undefined) continue
    if (name === GLOBAL_ACCOUNT) problems.error(item, `${quoteText(name)} is a Reserved Account`)
    else if (isTooLong(name)) problems.error(item, TOO_LONG)
    else if (names.has(name)) problems.error(item, `Duplicate Account Entry: ${name}`)
    names.add(name)
  }
  return [...names].map(newAccount)
}

const TOO_LONG = `account names are limited to ${ACCOUNT_NAME_MAX} bytes`

function isTooLong(name: string): boolean {
  return Buffer.byteLength(name) > ACCOUNT_NAME_MAX
}

function newAccount(name: string): AccountDraft {
  return {
    name,
    nkey: '',
    users: [],
    defaultPermissions: undefined,
    exports: [],
    imports: [],
    mappings: [],
    limits: { maxConnections: -1, maxSubscriptions: -1, maxPayload: -1, maxLeafnodes: -1 },
    jetstream: false,
    trace: undefined,
    usersEntry: undefined,
  }
}

/** Reads a block of mappings: source to a destination, or to a list of weighted ones. */
export function readMappings(entry: ConfigEntry, reading: Reading): MappingOptions[] {
  const { problems } = reading
  const mappings: MappingOptions[] = []
  for (const [source, item] of problems.map(entry) ?? []) {
    if (!isValidSubject(source)) {
      problems.error(entry, `Subject ${quoteText(source)} is not a valid subject`)
      continue
    }
    const { value } = item
    const single = typeof value === 'string'
    const destinations = single
      ? [{ subject: value, weight: 100, cluster: '' }]
      : (Array.isArray(value) ? value : [item]).flatMap((each) => readDestination(each, reading) ?? [])
    const wrong = whyNoMappings(source, destinations)
    if (wrong === undefined) mappings.push({ source, destinations })
    else {
      const what = single ? `${quoteText(source)} to ${quoteText(value)}` : quoteText(source)
      problems.error(item, `Error adding mapping for ${what} : ${wrong}`)
    }
  }
  return mappings
}

function readDestination(entry: ConfigEntry, reading: Reading): MappingDestination | undefined {
  const { problems } = reading
  if (!(entry.value instanceof Map)) {
    return problems.error(entry, 'Expected an entry for the mapping destination')
  }
  const draft: { subject: string; weight: number | undefined; cluster: string } = {
    subject: '',
    weight: undefined,
    cluster: '',
  }
  const errorsBefore = problems.errors.length
  readBlock(entry.value, DESTINATION, draft, reading)
  const { subject, weight, cluster } = draft
  if (problems.errors.length > errorsBefore) return undefined
  if (weight !== undefined) return { subject, weight, cluster }
  return problems.error(entry, `Missing weight for mapping destination ${quoteText(subject)}`)
}
