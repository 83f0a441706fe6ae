// Which account is the system account (docs/reference/accounts.md, "Accounts"): the one with the server's events and
// services.

import type { Options } from '../options/options.ts'
import { SYSTEM_ACCOUNT } from './settings.ts'
import { isOperatorMode, operatorOf } from './setup.ts'

/** What was found out: operator tokens are not read for each page. */
const known = new WeakMap<Options, { readonly name: string | undefined }>()

/** Its name, in operator mode its public key; undefined: there is none. */
export function systemAccountOf(options: Options): string | undefined {
  let found = known.get(options)
  if (found === undefined) {
    found = { name: find(options) }
    known.set(options, found)
  }
  return found.name
}

function find(options: Options): string | undefined {
  if (options.noSystemAccount) return undefined
  if (!isOperatorMode(options)) return options.systemAccount || SYSTEM_ACCOUNT
  const operator = operatorOf(options)
  return operator === undefined || 'invalid' in operator ? undefined : operator.systemAccount || undefined
}
