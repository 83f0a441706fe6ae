// `authorization { … }` (reference 4.2): who may enter. The same block, with less in it, stands in cluster and gateway.

import {
  type AuthCalloutOptions,
  type AuthorizationOptions,
  type Draft,
  NO_AUTHORIZATION,
} from '../../options/shapes.ts'
import { type ConfigEntry, typeName } from '../language/tree.ts'
import { quoteText, shownValue } from '../problems.ts'
import { isPublicNkey } from './nkey.ts'
import { PERMISSIONS, readPermissions } from './permissions.ts'
import { boolean, custom, type Reading, readBlock, type Schema, text, timeoutOf } from './schema.ts'
import { readUsers, USER, withDefaults } from './users.ts'

/** A time for CONNECT that is longer than this was probably meant as something else. */
const TIMEOUT_USUAL_MAX_MS = 60_000

const CALLOUT: Schema<Draft<AuthCalloutOptions>> = {
  title: 'authorization.auth_callout',
  unknown: (name) => `Unknown field ${quoteText(name)} parsing authorization callout`,
  keys: [
    custom('nkey', 'issuer', 'public account key that signs the answers; required', (entry, into, { problems }) => {
      const key = problems.string(entry)
      if (key === undefined) return
      into.issuer = key
      if (isPublicNkey(key, 'account')) return
      problems.error(entry, `Expected callout user to be a valid public account nkey, got ${quoteText(key)}`)
    }),
    text('account', ['account', 'acc'], 'account of the service', '$G'),
    custom('list', ['auth_users', 'users'], 'users of the service; required', (entry, into, reading) => {
      into.authUsers = readNames(entry, 'auth_users', reading) ?? []
    }),
    custom('nkey', ['xkey', 'key'], 'public curve key that requests are encrypted for', (entry, into, { problems }) => {
      const key = problems.string(entry)
      if (key === undefined) return
      into.xkey = key
      if (isPublicNkey(key, 'curve')) return
      problems.error(entry, `Expected callout xkey to be a valid public xkey, got ${quoteText(key)}`)
    }),
    custom('list', 'allowed_accounts', 'accounts that answers may name', (entry, into, reading) => {
      into.allowedAccounts = readNames(entry, 'allowed accounts', reading) ?? []
    }),
  ],
}

function readNames(entry: ConfigEntry, what: string, { problems }: Reading): string[] | undefined {
  if (!Array.isArray(entry.value)) {
    return problems.error(entry, `Expected ${what} field to be an array, got ${typeName(entry.value)}`)
  }
  return entry.value.flatMap((item) => problems.string(item) ?? [])
}

export const AUTHORIZATION: Schema<Draft<AuthorizationOptions>> = {
  title: 'authorization',
  keys: [
    text('username', ['user', 'username'], "the only user's name"),
    text('password', ['pass', 'password'], 'and password, plain or as a bcrypt hash'),
    text('token', 'token', 'token that everybody has to show, plain or as a bcrypt hash'),
    custom(
      'duration',
      'timeout',
      'time for CONNECT; a number means seconds',
      (entry, into, reading, name) => {
        const ms = readAuthTimeout(entry, name, 'authorization', reading)
        if (ms !== undefined) into.timeout = ms
      },
      { default: '2 s, or 1 s more than that of TLS' },
    ),
    custom(
      'list',
      'users',
      'the users',
      (entry, into, reading) => {
        into.users = readUsers(entry, reading) ?? []
        into.hasUsers = true
      },
      { block: USER as Schema<never> },
    ),
    custom(
      'block',
      ['default_permissions', 'default_permission', 'permissions'],
      'permissions of users without their own',
      (entry, into, reading) => {
        into.defaultPermissions = readPermissions(entry, reading)
      },
      { block: PERMISSIONS as Schema<never> },
    ),
    custom(
      'block',
      ['auth_callout', 'auth_hook'],
      'a service that decides who may enter',
      (entry, into, reading) => {
        into.callout = readCallout(entry, reading)
      },
      { block: CALLOUT as Schema<never> },
    ),
    boolean('proxyRequired', 'proxy_required', 'only through a trusted proxy', 'false'),
  ],
}

/** Reads the block. */
export function readAuthorization(entry: ConfigEntry, reading: Reading): AuthorizationOptions | undefined {
  const map = reading.problems.map(entry)
  if (map === undefined) return undefined
  const draft = { ...NO_AUTHORIZATION }
  readBlock(map, AUTHORIZATION, draft, reading)
  return { ...draft, users: withDefaults(draft.users, draft.defaultPermissions) }
}

/** The time for CONNECT, with a warning where it is so long that a unit was probably forgotten. */
export function readAuthTimeout(
  entry: ConfigEntry,
  name: string,
  block: string,
  { problems }: Reading,
): number | undefined {
  const ms = timeoutOf(entry)
  if (typeof ms === 'string') return problems.error(entry, `error parsing ${block} config, ${ms}`)
  if (ms > TIMEOUT_USUAL_MAX_MS) {
    const time = `timeout of ${shownValue(entry.value)} (${(ms / 1000).toFixed(6)} seconds)`
    const cause = "possibly caused by unquoted duration; use '1m' instead of 1m, for example"
    problems.warnUse(entry, name, `${time} is high, consider keeping it under 60 seconds. ${cause}`)
  }
  return ms
}

function readCallout(entry: ConfigEntry, reading: Reading): AuthCalloutOptions | undefined {
  const { problems } = reading
  const { value } = entry
  if (!(value instanceof Map)) {
    return problems.error(entry, `Expected authorization callout to be a map/struct, got ${shownValue(value)}`)
  }
  const callout = { issuer: '', account: '$G', authUsers: [], xkey: '', allowedAccounts: [] }
  const errorsBefore = problems.errors.length
  readBlock(value, CALLOUT, callout, reading)
  if (problems.errors.length > errorsBefore) return undefined
  // The complaint stands at the block's last key.
  const last = [...value.values()].pop() ?? entry
  if (callout.issuer === '') return problems.error(last, 'Authorization callouts require an issuer to be specified')
  if (callout.authUsers.length === 0) {
    return problems.error(last, 'Authorization callouts require authorized users to be specified')
  }
  return callout
}
