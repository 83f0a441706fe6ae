// Opens the resolver of a server in operator mode, and checks its configuration before clients are admitted. The texts
// of refusals are nats-server's, where it has one.

import { bugText } from '../../base/errors.ts'
import { guarded } from '../../base/guarded.ts'
import type { Options } from '../../options/options.ts'
import type { ResolverOptions } from '../../options/shapes.ts'
import { decodeAccount } from '../jwt/account.ts'
import { AccountBook, type TrustedSigners } from '../jwt/account-book.ts'
import { whyNotAccount } from '../jwt/account-check.ts'
import { type Invalid, invalid, isInvalid } from '../jwt/token.ts'
import { operatorOf } from '../setup.ts'
import { AccountDirectory } from './directory.ts'
import { type AccountResolver, MemoryResolver } from './resolver.ts'

/** How often directories look for what has expired. */
const EXPIRE_MS = 60_000

/** A resolver, and what it was made of. */
export interface OpenResolver {
  readonly resolver: AccountResolver
  readonly options: Options['resolver']
  /** No timer of it runs any more. */
  close(): void
}

/**
 * Opens the resolver, or returns why the server can neither start nor continue with these options. The directory of
 * `before` is read again if it is the same. `warn`: doubtful settings, for the log.
 */
export async function openResolver(
  options: Options,
  before: OpenResolver | undefined,
  warn: (text: string) => void,
): Promise<OpenResolver | Invalid> {
  const operator = operatorOf(options, Date.now())
  if (operator !== undefined && isInvalid(operator)) return operator
  const systemAccount = operator?.systemAccount ?? ''
  const { operators, resolverPreload } = options
  const type = options.resolver?.type ?? 'memory'
  if (type !== 'memory' && type !== 'url' && systemAccount === '') {
    const where = 'the system account needs to be specified in configuration or the operator jwt'
    return invalid(`using nats based account resolver - ${where}`)
  }
  if (operators.length > 0 && systemAccount === '') warn('Trusted Operators should utilize a System Account')
  warnOfPreload(resolverPreload, warn)
  if (type === 'url' && Object.keys(resolverPreload).length > 0) {
    return invalid('resolver preloads only available for writeable resolver types MEM/DIR/CACHE_DIR')
  }
  const opened = await OPENERS[type](options, before, warn)
  if (isInvalid(opened)) return opened
  for (const [key, jwt] of Object.entries(resolverPreload)) {
    const wrong = await opened.resolver.storeNewer(key, jwt)
    if (wrong !== undefined) return invalid(`preload account error for ${JSON.stringify(key)}: ${wrong.invalid}`)
  }
  // Others than those in memory may be waiting for the system account to be told to them.
  if (type === 'memory' && operator !== undefined && systemAccount !== '') {
    const jwt = await opened.resolver.lookup(systemAccount)
    const found = jwt === undefined ? jwt : new AccountBook(operator, () => jwt).update(systemAccount, jwt, Date.now())
    if (found === undefined) return invalid('error resolving system account: account missing')
    if (isInvalid(found)) return invalid('error resolving system account: account validation failed')
  }
  return opened
}

function warnOfPreload(preload: Options['resolverPreload'], warn: (text: string) => void): void {
  for (const [key, jwt] of Object.entries(preload)) {
    const account = decodeAccount(jwt)
    const why = isInvalid(account) ? account.invalid : whyNotAccount(account, Date.now())
    if (why !== undefined) warn(`Account [${key}] has validation issues: ${why}`)
  }
}

type Opener = typeof openResolver

const OPENERS: Readonly<Record<ResolverOptions['type'], Opener>> = {
  memory: async ({ resolver: options }) => ({ resolver: new MemoryResolver(), options, close: () => undefined }),
  full: openDirectory,
  cache: openDirectory,
  url: openUrl,
}

function trustedBy(options: Options): TrustedSigners {
  const operator = operatorOf(options)
  return operator === undefined || isInvalid(operator) ? { trustedKeys: [], strictKeys: [] } : operator
}

/** The web server has to be reachable at the start; later, a failed fetch refuses the logins of that account only. */
async function openUrl(
  given: Options,
  before: OpenResolver | undefined,
  warn: (text: string) => void,
): Promise<OpenResolver | Invalid> {
  const [{ UrlResolver }, { readRemoteTls }] = await Promise.all([import('./url.ts'), import('../../tls/remote.ts')])
  const { resolver: options, resolverTls } = given
  const tls = readRemoteTls(resolverTls)
  if ('error' in tls) return invalid(tls.error)
  const url = options?.url ?? ''
  if (before?.resolver instanceof UrlResolver && before.resolver.isMadeOf(url, tls.value)) return before
  const resolver = new UrlResolver({ url, tls: tls.value, trusted: trustedBy(given), warn })
  const wrong = before === undefined ? await resolver.check() : undefined
  return wrong ?? { resolver, options, close: () => resolver.close() }
}

async function openDirectory(
  { resolver: options }: Options,
  before: OpenResolver | undefined,
  warn: (text: string) => void,
): Promise<OpenResolver | Invalid> {
  if (options === undefined) return invalid('resolver has no directory')
  if (before?.resolver instanceof AccountDirectory && JSON.stringify(before.options) === JSON.stringify(options)) {
    await before.resolver.takeStock()
    return before
  }
  const { dir, type, limit, ttl, allowDelete, hardDelete } = options
  const directory = await AccountDirectory.open({
    directory: dir,
    type: type === 'cache' ? 'cache' : 'full',
    limit,
    ttlMs: ttl,
    deletes: !allowDelete ? 'no' : hardDelete ? 'remove' : 'rename',
    nowMs: Date.now,
  })
  if (isInvalid(directory)) return directory
  const timer = setInterval(
    guarded(
      (error) => warn(bugText(error)),
      () => directory.expire(),
    ),
    EXPIRE_MS,
  )
  timer.unref()
  return { resolver: directory, options, close: () => clearInterval(timer) }
}
