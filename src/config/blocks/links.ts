// Checks of users and accounts over the whole file (docs/reference/configuration-blocks.md, "Rules between settings"):
// one way to log in and not two, no user twice, and consistent exports and imports.

import { GLOBAL_ACCOUNT } from '../../options/shapes.ts'
import { quoteText } from '../problems.ts'
import { checkLinks } from './account-links.ts'
import type { Top } from './blocks.ts'
import type { Reading } from './schema.ts'
import { UniqueUsers } from './users.ts'

export function finishSecurity(top: Top, reading: Reading): void {
  const { problems } = reading
  const seen = new UniqueUsers()
  for (const { users, usersEntry } of top.accounts) {
    const double = seen.add(users)
    if (double !== undefined) problems.error(usersEntry, double)
  }
  checkAuthorization(top, seen, reading)
  if (problems.errors.length > 0 || top.accountsEntry === undefined) return
  const { layer, accounts, accountsEntry } = top
  const global = { ...accounts[0], name: GLOBAL_ACCOUNT, exports: [], imports: [] }
  const all = layer.values.mappings === undefined || accounts.length === 0 ? accounts : [...accounts, global]
  for (const wrong of checkLinks(all, layer.values.noSystemAccount === true)) problems.error(accountsEntry, wrong)
}

function checkAuthorization({ authorization, accounts }: Top, seen: UniqueUsers, { problems }: Reading): void {
  if (authorization === undefined) return
  const { options, entry } = authorization
  const { username, password, token, users, hasUsers, callout } = options
  if ((username !== '' || password !== '') && token !== '') {
    problems.error(entry, 'Cannot have a user/pass and token')
  } else if ((hasUsers || seen.size > 0) && username !== '') {
    problems.error(entry, 'Can not have a single user/pass and a users array')
  } else if ((hasUsers || seen.size > 0) && token !== '') {
    problems.error(entry, 'Can not have a token and a users array')
  } else {
    const double = seen.add(users)
    if (double !== undefined) problems.error(entry, double)
  }
  for (const name of callout?.allowedAccounts ?? []) {
    if (accounts.some((account) => account.name === name)) continue
    const what = `auth_callout allowed account ${quoteText(name)}`
    problems.error(undefined, `${what} not found in configured accounts`)
  }
}
