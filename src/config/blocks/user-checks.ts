// Checks that the `no_auth_user` exists.

import type { Options } from '../../options/options.ts'

/** Names and nkeys of all users. */
function usersOf({ authorization, accounts }: Options): string[] {
  const users = [...(authorization?.users ?? []), ...accounts.flatMap((account) => account.users)]
  return users.map(({ username, nkey }) => (nkey === '' ? username : nkey))
}

/** What is wrong with a `no_auth_user`; undefined if nothing, or if there is none. */
export function checkNoAuthUser(options: Options, name: string): string | undefined {
  if (name === '') return undefined
  if (options.operators.length > 0) return 'no_auth_user not compatible with Trusted Operator'
  const users = usersOf(options)
  if (users.length === 0) {
    return `no_auth_user: "${name}" present, but users/nkeys are not defined`
  }
  if (users.includes(name)) return undefined
  return `no_auth_user: "${name}" not present as user or nkey in authorization block or account configuration`
}

/** What is wrong with the credentials that a listener has for itself. */
export function checkOwnCredentials(
  listener: 'websocket' | 'mqtt',
  { noAuthUser, username, token }: { readonly noAuthUser: string; readonly username: string; readonly token: string },
  options: Options,
): string | undefined {
  const unknown = checkNoAuthUser(options, noAuthUser)
  if (unknown !== undefined || usersOf(options).length === 0) return unknown
  const what = username !== '' ? 'username' : token !== '' ? 'token' : undefined
  return what && `${listener} authentication ${what} not compatible with presence of users/nkeys`
}
