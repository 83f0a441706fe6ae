// Users: the entries of `users` lists, in `authorization` and in accounts (docs/reference/authentication.md, "Users").

import {
  CONNECTION_TYPES,
  type ConnectionType,
  type Draft,
  type Permissions,
  type UserOptions,
} from '../../options/shapes.ts'
import { quoteText } from '../problems.ts'
import { isPublicNkey } from './nkey.ts'
import { permissions } from './permissions.ts'
import { complain, kind, type Schema, type Take } from './schema.ts'
import { slowConsumer } from './slow-consumer.ts'
import { block, boolean, each, got, gotValue, lastOf, text, textsOf } from './values.ts'

const readTypes = textsOf('allowed connection types')

const connectionTypes = kind<ConnectionType[]>('list', (entry, reading, key) => {
  const names = readTypes(entry, reading, key)?.map((name) => name.toUpperCase() as ConnectionType)
  const unknown = names?.filter((name) => !CONNECTION_TYPES.includes(name)) ?? []
  if (unknown.length === 0) return names
  return complain(entry, `invalid connection types [${unknown.map(quoteText).join(' ')}]`, reading)
})

export const USER: Schema<Draft<UserOptions>> = {
  title: 'users[]',
  keys: [
    text('username', ['user', 'username'], 'name'),
    text('password', ['pass', 'password'], 'password, plain or as a bcrypt hash'),
    text('nkey', 'nkey', 'public user key, instead of name and password'),
    permissions('permissions', ['permissions', 'permission', 'authorization'], 'what the user may do'),
    connectionTypes(
      'connectionTypes',
      ['allowed_connection_types', 'connection_types', 'clients'],
      `ways the user may connect: ${CONNECTION_TYPES.join(', ')}`,
      'all',
    ),
    boolean('proxyRequired', 'proxy_required', 'require a connection through a trusted proxy'),
    slowConsumer("the account's"),
  ],
}

const readUser: Take<Draft<UserOptions>> = block(
  USER,
  () => ({
    username: '',
    password: '',
    nkey: '',
    permissions: undefined,
    connectionTypes: undefined,
    proxyRequired: false,
  }),
  // Not the value, as nats-server has it: it may be a password.
  got('Expected user entry to be a map/struct'),
)

const readGoodUser: Take<UserOptions> = (entry, reading, name) => {
  const user = readUser(entry, reading, name)
  const wrong = user === undefined ? undefined : whyNoUser(user)
  return wrong === undefined ? user : complain(lastOf(entry), wrong, reading)
}

function whyNoUser({ username, password, nkey }: UserOptions): string | undefined {
  if (nkey === '') return username === '' ? 'User entry requires a user' : undefined
  if (!isPublicNkey(nkey, 'user')) return 'Not a valid public nkey for a user'
  return username !== '' || password !== '' ? 'Nkey users do not take usernames or passwords' : undefined
}

/** Reads a list of users. */
export const readUsers = each(readGoodUser, gotValue('Expected users field to be an array'))

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

  /** Adds a list; returns the error for the first duplicate. */
  add(users: readonly UserOptions[]): string | undefined {
    for (const { username, nkey } of users) {
      const name = nkey === '' ? username : nkey
      if (this.seen.has(name)) return `Duplicate ${nkey === '' ? 'user' : 'nkey'} ${quoteText(name)} detected`
      this.seen.add(name)
    }
    return undefined
  }
}
