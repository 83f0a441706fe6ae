// Users: the entries of `users` lists, in `authorization` and in accounts (reference 4.2).

import {
  CONNECTION_TYPES,
  type ConnectionType,
  type Draft,
  type Permissions,
  type UserOptions,
} from '../../options/shapes.ts'
import { type ConfigEntry, typeName } from '../language/tree.ts'
import { quoteText, shownValue } from '../problems.ts'
import { isPublicNkey } from './nkey.ts'
import { PERMISSIONS, readPermissions } from './permissions.ts'
import { boolean, custom, type Reading, readBlock, type Schema, text, textsOf } from './schema.ts'
import { slowConsumerKey } from './slow-consumer.ts'

export const USER: Schema<Draft<UserOptions>> = {
  title: 'users[]',
  keys: [
    text('username', ['user', 'username'], 'name'),
    text('password', ['pass', 'password'], 'password, plain or as a bcrypt hash'),
    text('nkey', 'nkey', 'public user key, instead of name and password'),
    custom(
      'block',
      ['permissions', 'permission', 'authorization'],
      'what the user may do',
      (entry, into, reading) => {
        into.permissions = readPermissions(entry, reading)
      },
      { block: PERMISSIONS as Schema<never> },
    ),
    custom(
      'list',
      ['allowed_connection_types', 'connection_types', 'clients'],
      `ways the user may connect: ${CONNECTION_TYPES.join(', ')}`,
      (entry, into, reading) => {
        into.connectionTypes = readConnectionTypes(entry, reading)
      },
      { default: 'all' },
    ),
    boolean('proxyRequired', 'proxy_required', 'only through a trusted proxy', 'false'),
    slowConsumerKey<Draft<UserOptions>>("the account's"),
  ],
}

/** Reads a list of users. */
export function readUsers(entry: ConfigEntry, reading: Reading): UserOptions[] | undefined {
  const { problems } = reading
  const { value } = entry
  if (!Array.isArray(value)) {
    return problems.error(entry, `Expected users field to be an array, got ${shownValue(value)}`)
  }
  const users: UserOptions[] = []
  for (const item of value) {
    if (!(item.value instanceof Map)) {
      // Not the value, as nats-server has it: it may be a password.
      problems.error(item, `Expected user entry to be a map/struct, got ${typeName(item.value)}`)
      continue
    }
    const user: Draft<UserOptions> = {
      username: '',
      password: '',
      nkey: '',
      permissions: undefined,
      connectionTypes: undefined,
      proxyRequired: false,
    }
    readBlock(item.value, USER, user, reading)
    const wrong = whyNoUser(user)
    // The complaint stands at the entry's last key.
    if (wrong !== undefined) problems.error([...item.value.values()].pop() ?? item, wrong)
    else users.push(user)
  }
  return users
}

function whyNoUser({ username, password, nkey }: UserOptions): string | undefined {
  if (nkey === '') return username === '' ? 'User entry requires a user' : undefined
  if (!isPublicNkey(nkey, 'user')) return 'Not a valid public nkey for a user'
  return username !== '' || password !== '' ? 'Nkey users do not take usernames or passwords' : undefined
}

function readConnectionTypes(entry: ConfigEntry, reading: Reading): ConnectionType[] | undefined {
  const names = textsOf(entry, 'allowed connection types', reading)?.map((name) => name.toUpperCase())
  const unknown = names?.filter((name) => !CONNECTION_TYPES.includes(name as ConnectionType))
  if (unknown !== undefined && unknown.length > 0) {
    reading.problems.error(entry, `invalid connection types [${unknown.map(quoteText).join(' ')}]`)
  }
  return names as ConnectionType[] | undefined
}

/** Users with the permissions of those without their own. */
export function withDefaults(users: readonly UserOptions[], permissions: Permissions | undefined): UserOptions[] {
  return users.map((user) => (user.permissions === undefined ? { ...user, permissions } : user))
}

/** Tells users of a name, or nkeys, that were there before. */
export class UniqueUsers {
  private readonly seen = new Set<string>()

  get size(): number {
    return this.seen.size
  }

  /** Takes a list in; answers the complaint about the first that was there before. */
  add(users: readonly UserOptions[]): string | undefined {
    for (const { username, nkey } of users) {
      const name = nkey === '' ? username : nkey
      if (this.seen.has(name)) return `Duplicate ${nkey === '' ? 'user' : 'nkey'} ${quoteText(name)} detected`
      this.seen.add(name)
    }
    return undefined
  }
}
