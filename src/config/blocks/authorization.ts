// `authorization { … }` (docs/reference/authentication.md, "Users"): the users. Cluster and gateway have a smaller form
// of the same block.

import {
  type AuthCalloutOptions,
  type AuthorizationOptions,
  type Draft,
  NO_AUTHORIZATION,
  type UserOptions,
} from '../../options/shapes.ts'
import { type ConfigEntry, isPlainData } from '../language/tree.ts'
import { quotedValue, shownValue } from '../problems.ts'
import { publicKey } from './nkey.ts'
import { permissions } from './permissions.ts'
import { complain, kind, type Reading, type Schema } from './schema.ts'
import { readUsers, USER, withDefaults } from './users.ts'
import { anyText, block, boolean, each, got, gotValue, lastOf, text, timeoutOf } from './values.ts'

/** A time for CONNECT that is longer than this was probably meant as something else. */
const TIMEOUT_USUAL_MAX_MS = 60_000

const issuer = publicKey('account', (value) => {
  return `Expected callout user to be a valid public account nkey, got ${quotedValue(value)}`
})
const xkey = publicKey('curve', (value) => `Expected callout xkey to be a valid public xkey, got ${quotedValue(value)}`)
const names = (what: string) => kind<string[]>('list', each(anyText, got(`Expected ${what} field to be an array`)))

const CALLOUT: Schema<Draft<AuthCalloutOptions>> = {
  title: 'authorization.auth_callout',
  unknown: (name) => `Unknown field ${quotedValue(name)} parsing authorization callout`,
  keys: [
    issuer('issuer', 'issuer', 'public account key that signs the answers; required'),
    text('account', ['account', 'acc'], 'account of the service', '$G'),
    names('auth_users')('authUsers', ['auth_users', 'users'], 'users of the service; required'),
    xkey('xkey', ['xkey', 'key'], 'public curve key that requests are encrypted for'),
    names('allowed accounts')('allowedAccounts', 'allowed_accounts', 'accounts that answers may name'),
  ],
}

const readCalloutBlock = block<Draft<AuthCalloutOptions>>(
  CALLOUT,
  () => ({ issuer: '', account: '$G', authUsers: [], xkey: '', allowedAccounts: [] }),
  gotValue('Expected authorization callout to be a map/struct'),
)

const callout = kind<AuthCalloutOptions>(
  'block',
  (entry, reading, name) => {
    const errorsBefore = reading.problems.errors.length
    const options = readCalloutBlock(entry, reading, name)
    if (options === undefined || reading.problems.errors.length > errorsBefore) return undefined
    const lacking =
      options.issuer === '' ? 'an issuer' : options.authUsers.length === 0 ? 'authorized users' : undefined
    if (lacking === undefined) return options
    return complain(lastOf(entry), `Authorization callouts require ${lacking} to be specified`, reading)
  },
  { block: CALLOUT },
)

/** Rows for the time for CONNECT in a block, with a warning where it is so long that a unit was probably forgotten. */
export const authTimeout = (what: string) =>
  kind<number>('duration', (entry, reading, name) => {
    const ms = timeoutOf(entry)
    if (typeof ms === 'string') return complain(entry, `error parsing ${what} config, ${ms}`, reading)
    if (ms > TIMEOUT_USUAL_MAX_MS && !isPlainData(entry)) {
      const time = `timeout of ${shownValue(entry.value)} (${(ms / 1000).toFixed(6)} seconds)`
      const cause = "possibly caused by unquoted duration; use '1m' instead of 1m, for example"
      reading.problems.warnUse(entry, name, `${time} is high, consider keeping it under 60 seconds. ${cause}`)
    }
    return ms
  })

const users = kind<UserOptions[], Draft<AuthorizationOptions>>(
  'list',
  (entry, reading, name, into) => {
    into.hasUsers = true
    return readUsers(entry, reading, name)
  },
  { block: USER },
)

const DEFAULT_PERMISSIONS = ['default_permissions', 'default_permission', 'permissions']

export const AUTHORIZATION: Schema<Draft<AuthorizationOptions>> = {
  title: 'authorization',
  keys: [
    text('username', ['user', 'username'], 'name of the single user'),
    text('password', ['pass', 'password'], 'password of the single user, plain or as a bcrypt hash'),
    text('token', 'token', 'token that every client has to send, plain or as a bcrypt hash'),
    authTimeout('authorization')(
      'timeout',
      'timeout',
      'maximum time for CONNECT; a number means seconds',
      '2 s; with TLS, its timeout plus 1 s',
    ),
    users('users', 'users', 'the users'),
    permissions('defaultPermissions', DEFAULT_PERMISSIONS, 'permissions of users without permissions of their own'),
    callout('callout', ['auth_callout', 'auth_hook'], 'a service that authenticates clients'),
    boolean('proxyRequired', 'proxy_required', 'require a connection through a trusted proxy'),
  ],
}

const readDraft = block<Draft<AuthorizationOptions>>(AUTHORIZATION, () => ({ ...NO_AUTHORIZATION }))

/** Reads the block. */
export function readAuthorization(entry: ConfigEntry, reading: Reading): AuthorizationOptions | undefined {
  const draft = readDraft(entry, reading, '')
  return draft && { ...draft, users: withDefaults(draft.users, draft.defaultPermissions) }
}
