// The store of pushed account tokens, and the keys that may change it: the resolver, as those requests see it.

import { AccountBook } from '../../auth/jwt/account-book.ts'
import { decodeOperator } from '../../auth/jwt/operator.ts'
import { type Invalid, isInvalid } from '../../auth/jwt/token.ts'
import { AccountDirectory } from '../../auth/resolver/directory.ts'
import type { AccountResolver, DirectoryOperator } from '../../auth/resolver/resolver.ts'
import { operatorOf } from '../../auth/setup.ts'
import type { Options } from '../../options/options.ts'

export interface ClaimsStore {
  /** Undefined: there is none, so that tokens can be neither listed nor deleted. */
  readonly directory: AccountDirectory | undefined
  readonly operator: DirectoryOperator
  readonly systemAccount: string
  /** Deletions are allowed. */
  readonly mayDelete: boolean
  /** Stores a checked token, or returns the obstacle. */
  readonly keep: (key: string, jwt: string) => Promise<Invalid | undefined>
}

/** Undefined outside operator mode. */
export function claimsStoreOf(options: Options, resolver: AccountResolver | undefined): ClaimsStore | undefined {
  const settings = operatorOf(options)
  if (resolver === undefined || settings === undefined || isInvalid(settings)) return undefined
  const { systemAccount } = settings
  const mayDelete = options.resolver?.allowDelete === true
  const shared = { operator: directoryOperator(options), systemAccount, mayDelete }
  if (resolver instanceof AccountDirectory) {
    // As nats-server does, a directory keeps what others may trust; whether we do is asked when it is used.
    return { ...shared, directory: resolver, keep: (key, jwt) => resolver.store(key, jwt) }
  }
  const keep = async (key: string, jwt: string): Promise<Invalid | undefined> => {
    const trusted = new AccountBook(settings, () => undefined).update(key, jwt, Date.now())
    return isInvalid(trusted) ? trusted : resolver.storeNewer(key, jwt)
  }
  return { ...shared, directory: undefined, keep }
}

/** The first operator, as in nats-server; none where only keys are trusted. */
function directoryOperator({ operators }: Options): DirectoryOperator {
  const operator = operators.length > 0 ? decodeOperator(operators[0]) : undefined
  if (operator === undefined || isInvalid(operator)) return { subject: '', isStrict: false, keys: [] }
  const { claims, signingKeys, isStrict } = operator
  return { subject: claims.subject, isStrict, keys: isStrict ? signingKeys : [claims.subject, ...signingKeys] }
}
