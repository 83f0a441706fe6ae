// `accounts` (docs/reference/accounts.md, "Accounts"): a list of names, or a block for each account, and the subject
// mappings that an account, or the top level for $G, may have.

import { ACCOUNT_NAME_MAX } from '../../base/constants.ts'
import {
  type AccountLimits,
  type AccountOptions,
  type Draft,
  GLOBAL_ACCOUNT,
  type MappingDestination,
  type MappingOptions,
  type UserOptions,
} from '../../options/shapes.ts'
import { isPublishSubject, isValidSubject } from '../../subjects/filter.ts'
import { type ConfigEntry, type ConfigMap, isPlainData, typeName } from '../language/tree.ts'
import { quotedValue, quoteText, shownValue } from '../problems.ts'
import { exported, imported } from './exports-imports.ts'
import { accountJetStream } from './jetstream-keys.ts'
import { publicKey } from './nkey.ts'
import { permissions } from './permissions.ts'
import { type Complaint, complain, kind, type Reading, readBlock, type Schema, type Take } from './schema.ts'
import { slowConsumer } from './slow-consumer.ts'
import { whyNoMappings } from './subject-mapping.ts'
import { readUsers, USER, withDefaults } from './users.ts'
import { block, digitsOf, got, gotValue, integer, only, percent, percentOf, such, text } from './values.ts'

const LIMITS: Schema<Draft<AccountLimits>> = {
  title: 'accounts.NAME.limits',
  unknown: (name) => `Unknown field ${quoteText(name)} parsing account limits`,
  keys: [
    integer('maxConnections', ['max_connections', 'max_conn'], 'maximum connections', '-1 = no limit'),
    integer(
      'maxSubscriptions',
      ['max_subscriptions', 'max_subs'],
      'maximum subscriptions of all connections',
      '-1 = no limit',
    ),
    integer('maxPayload', ['max_payload', 'max_pay'], 'maximum payload size in bytes', '-1 = no limit'),
    integer('maxLeafnodes', ['max_leafnodes', 'max_leafs'], 'maximum leaf nodes', '-1 = no limit'),
  ],
}

function noLimits(): Draft<AccountLimits> {
  return { maxConnections: -1, maxSubscriptions: -1, maxPayload: -1, maxLeafnodes: -1 }
}

/** An account while it is read; it keeps the entry of its users, the place of errors about them. */
export interface AccountDraft extends Draft<AccountOptions> {
  usersEntry: ConfigEntry | undefined
}

// ── Message traces ────────────────────────────────────────────────────────────────────────────────────────────

type TraceDraft = { destination: string; sampling: number }

const readDestination = such(
  isPublishSubject,
  (value) => `Trace destination ${quotedValue(value)} is not valid`,
  only('string', (value, name) => `Field ${quoteText(name)} should be a string, got ${typeName(value)}`),
)
const destination = kind('subject', readDestination)

const sampling = kind(
  'percent',
  percent(1, {
    type: (value, name) => {
      const what = `Trace destination sampling field ${quoteText(name)}`
      return `${what} should be an integer or a percentage, got ${typeName(value)}`
    },
    digits: (value) => `Invalid trace destination sampling value ${quoteText(String(value))}`,
    range: (value) => `Ttrace destination sampling value ${percentOf(value)} is invalid, needs to be [1..100]`,
  }),
)

const TRACE: Schema<TraceDraft> = {
  title: 'accounts.NAME.msg_trace',
  keys: [
    destination('destination', 'dest', 'where traces are published'),
    sampling('sampling', 'sampling', 'percentage of messages traced, 1 to 100', '100'),
  ],
}

const trace = kind<NonNullable<AccountOptions['trace']>>(
  'subject',
  (entry, reading, name) => {
    const { value } = entry
    const block = `account message trace map/struct ${quoteText(name)}`
    const unknown = (key: string): string => `Unknown field ${quoteText(key)} parsing ${block}`
    const draft: TraceDraft = { destination: '', sampling: 0 }
    if (value instanceof Map) readBlock(value, { ...TRACE, unknown }, draft, reading)
    else if (typeof value === 'string') draft.destination = readDestination(entry, reading, name) ?? ''
    else
      complain(entry, got(`Expected account message trace ${quoteText(name)} to be a string or a map/struct`), reading)
    if (draft.destination !== '') return { destination: draft.destination, sampling: draft.sampling || 100 }
    if (draft.sampling > 0) {
      reading.problems.warn(entry, 'Trace destination sampling ignored since no destination was set')
    }
    return undefined
  },
  { block: TRACE },
)

// ── Mappings ──────────────────────────────────────────────────────────────────────────────────────────────────

const weight = kind(
  'percent',
  percent(0, {
    type: (value) => `Unknown entry type for weight of ${shownValue(value)}`,
    digits: (value) => `Invalid weight ${quoteText(digitsOf(value))} for mapping destination`,
    range: (value) => `Invalid weight ${percentOf(value)} for mapping destination`,
  }),
)

type DestinationDraft = Omit<Draft<MappingDestination>, 'weight'> & { weight: number | undefined }

const DESTINATION: Schema<DestinationDraft> = {
  title: 'mappings.SUBJECT[]',
  unknown: (name) => `Unknown field ${quoteText(name)} for mapping destination`,
  keys: [
    text('subject', ['destination', 'dest'], 'subject, with functions such as {{wildcard(1)}}'),
    weight('weight', 'weight', 'share of the messages, 0 to 100; required'),
    text('cluster', 'cluster', 'only in this cluster'),
  ],
}

const readDraft = block<DestinationDraft>(
  DESTINATION,
  () => ({ subject: '', weight: undefined, cluster: '' }),
  'Expected an entry for the mapping destination',
)

const readMappingDestination: Take<MappingDestination> = (entry, reading, name) => {
  const errorsBefore = reading.problems.errors.length
  const draft = readDraft(entry, reading, name)
  if (draft === undefined || reading.problems.errors.length > errorsBefore) return undefined
  const { subject, weight, cluster } = draft
  if (weight !== undefined) return { subject, weight, cluster }
  return complain(entry, `Missing weight for mapping destination ${quoteText(subject)}`, reading)
}

/** Reads a block of mappings: source to a destination, or to a list of weighted ones. */
export function readMappings(entry: ConfigEntry, reading: Reading): MappingOptions[] {
  const mappings: MappingOptions[] = []
  for (const [source, item] of reading.problems.map(entry) ?? []) {
    if (!isValidSubject(source)) {
      complain(entry, `Subject ${quoteText(source)} is not a valid subject`, reading)
      continue
    }
    const { value } = item
    const single = typeof value === 'string'
    const destinations = single
      ? [{ subject: value, weight: 100, cluster: '' }]
      : (Array.isArray(value) ? value : [item]).flatMap((one) => readMappingDestination(one, reading, source) ?? [])
    const wrong = whyNoMappings(source, destinations)
    if (wrong === undefined) mappings.push({ source, destinations })
    else {
      const what = single ? `${quoteText(source)} to ${quoteText(value)}` : quoteText(source)
      complain(item, `Error adding mapping for ${what} : ${wrong}`, reading)
    }
  }
  return mappings
}

const mappings = kind<MappingOptions[]>('block', readMappings, { block: DESTINATION })

// ── Accounts ──────────────────────────────────────────────────────────────────────────────────────────────────

const noKey: Complaint = (value) => `Not a valid public nkey for an account: ${quotedValue(value)}`
const nkey = publicKey('account', noKey, only('string', noKey))

const users = kind<UserOptions[], AccountDraft>(
  'list',
  (entry, reading, name, into) => {
    into.usersEntry = entry
    return readUsers(entry, reading, name)
  },
  { block: USER },
)

const limits = kind<AccountLimits>(
  'block',
  block(LIMITS, noLimits, gotValue('Expected account limits to be a map/struct')),
  { block: LIMITS },
)

export const ACCOUNT: Schema<AccountDraft> = {
  title: 'accounts.NAME',
  keys: [
    nkey('nkey', 'nkey', 'public account key'),
    users('users', 'users', 'users of the account'),
    permissions('defaultPermissions', 'default_permissions', 'permissions of users without permissions of their own'),
    exported('exports', 'exports', 'exports to other accounts'),
    imported('imports', 'imports', 'imports from other accounts'),
    mappings('mappings', ['mappings', 'maps'], 'subject mappings'),
    limits('limits', 'limits', 'limits of the account'),
    accountJetStream('jetstream', 'jetstream', 'streams: a boolean, enabled, disabled, or limits', 'false'),
    trace('trace', ['msg_trace', 'trace_dest'], 'where traces of sampled messages go: a subject, or a block'),
    slowConsumer("the server's"),
  ],
}

/** Reads `accounts`. */
export function readAccounts(entry: ConfigEntry, reading: Reading): AccountDraft[] {
  const { value } = entry
  if (Array.isArray(value)) return readAccountNames(value, reading)
  if (!(value instanceof Map)) {
    // nats-server passes over anything else in a file.
    if (isPlainData(entry)) complain(entry, got('expected accounts to be a map or an array'), reading)
    return []
  }
  const accounts: AccountDraft[] = []
  for (const [name, item] of value) {
    if (item.usedAsVariable) continue
    const wrong = item.value instanceof Map ? whyNoName(name) : 'Expected map entries for accounts'
    if (wrong !== undefined) complain(item, wrong, reading)
    else {
      const account = newAccount(name)
      readBlock(item.value as ConfigMap, ACCOUNT, account, reading)
      account.users = withDefaults(account.users, account.defaultPermissions)
      accounts.push(account)
    }
  }
  return accounts
}

function readAccountNames(items: readonly ConfigEntry[], reading: Reading): AccountDraft[] {
  const names = new Set<string>()
  for (const item of items) {
    const name = reading.problems.string(item)
    if (name === undefined) continue
    const wrong = whyNoName(name) ?? (names.has(name) ? `Duplicate Account Entry: ${name}` : undefined)
    if (wrong !== undefined) complain(item, wrong, reading)
    names.add(name)
  }
  return [...names].map(newAccount)
}

function whyNoName(name: string): string | undefined {
  if (name === GLOBAL_ACCOUNT) return `${quoteText(name)} is a Reserved Account`
  const tooLong = Buffer.byteLength(name) > ACCOUNT_NAME_MAX
  return tooLong ? `account names are limited to ${ACCOUNT_NAME_MAX} bytes` : undefined
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
    limits: noLimits(),
    jetstream: undefined,
    trace: undefined,
    usersEntry: undefined,
  }
}
