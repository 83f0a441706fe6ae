// The services by which account tokens are pushed, listed and deleted in operator mode, as `nsc push` uses them
// (docs/reference/system-account.md, "Account tokens"). Only a resolver with a directory has all of them, the others
// have UPDATE of one account; the resolver decides what may be stored (auth/resolver/resolver.ts). A stored token
// applies to connected clients.

import { decodeAccount } from '../../auth/jwt/account.ts'
import { decodeAnyToken, type Invalid, isInvalid } from '../../auth/jwt/token.ts'
import type { AccountDirectory } from '../../auth/resolver/directory.ts'
import { checkDelete, checkUpdate } from '../../auth/resolver/resolver.ts'
import { properText } from '../../subjects/byte-string.ts'
import { type ClaimsStore, claimsStoreOf } from './claims-store.ts'
import type { DeskOwner } from './owner.ts'
import { bodyShape } from './request-options.ts'
import type { Reply, ServiceCall, ServiceEntry } from './service.ts'

const bodyOf = ({ request }: ServiceCall): string => Buffer.from(request.body).toString('utf8')

type Answering = (call: ServiceCall, store: ClaimsStore) => Promise<Reply>

function entry(answer: Answering, worksUnheard: boolean): ServiceEntry {
  const shape = bodyShape('', {})
  const guarded = async (call: ServiceCall): Promise<Reply> => {
    const { options, accountResolver } = call.system.server
    const store = claimsStoreOf(options, accountResolver)
    return store === undefined ? undefined : answer(call, store)
  }
  return { shape, isRaw: true, ...(worksUnheard ? { worksUnheard } : {}), answer: guarded }
}

type DirectoryStore = ClaimsStore & { readonly directory: AccountDirectory }

function ofDirectory(answer: (call: ServiceCall, store: DirectoryStore) => Promise<Reply>): Answering {
  return async (call, store) => {
    const { directory } = store
    return directory === undefined ? undefined : answer(call, { ...store, directory })
  }
}

export const CLAIMS_SERVICES = {
  'CLAIMS.UPDATE': entry(update, true),
  'CLAIMS.DELETE': entry(ofDirectory(remove), true),
  'CLAIMS.LOOKUP': entry(ofDirectory(lookUp), false),
  'CLAIMS.LIST': entry(ofDirectory(list), false),
  'CLAIMS.PACK': entry(ofDirectory(pack), false),
} as const satisfies Record<string, ServiceEntry>

/** What came of a change, as nats-server says it and logs it; `account` empty: of several. */
function outcome(system: DeskOwner, account: string, message: string, wrong?: Invalid): Reply {
  const { log } = system.server
  const named = account === '' ? message : `${message} - ${account}`
  const about = account === '' ? {} : { account }
  if (wrong === undefined) {
    log.debug(named)
    return { data: { ...about, code: 200, message } }
  }
  log.error(`${named} - ${wrong.invalid}`)
  return { error: { ...about, code: 500, description: `${message} - ${wrong.invalid}` } }
}

/** `$SYS.REQ.CLAIMS.UPDATE`, and with the account in the subject `$SYS.REQ.ACCOUNT.<account>.CLAIMS.UPDATE`. */
async function update(call: ServiceCall, { keep, operator }: ClaimsStore): Promise<Reply> {
  const { system, request } = call
  const jwt = bodyOf(call)
  const decoded = decodeAccount(jwt)
  if (isInvalid(decoded)) return outcome(system, 'n/a', 'jwt update resulted in error', decoded)
  const { subject } = decoded.claims
  const checked = checkUpdate(jwt, request.service.account || undefined, operator)
  if (isInvalid(checked)) {
    if (checked.invalid.startsWith('validation errors'))
      return outcome(system, subject, 'jwt validation failed', checked)
    const named = properText(request.service.account)
    return outcome(system, named || subject, 'jwt update resulted in error', checked)
  }
  const wrong = await keep(subject, jwt)
  if (wrong !== undefined) return outcome(system, subject, 'jwt update resulted in error', wrong)
  system.server.claimsChanged([subject])
  return outcome(system, subject, 'jwt updated')
}

/** `$SYS.REQ.CLAIMS.DELETE`: a token signed by the operator names the accounts. */
async function remove(call: ServiceCall, store: DirectoryStore): Promise<Reply> {
  const { system } = call
  const jwt = bodyOf(call)
  const token = decodeAnyToken(jwt.trim())
  const accounts =
    !isInvalid(token) && !store.mayDelete ? NOT_ENABLED : checkDelete(jwt, store.operator, store.systemAccount)
  if (isInvalid(accounts)) {
    const asker = isInvalid(token) ? '' : token.claims.subject
    return outcome(system, '', `delete accounts request by ${asker} failed`, accounts)
  }
  const wrongs: string[] = []
  for (const account of accounts) {
    const wrong = await store.directory.delete(account)
    if (wrong !== undefined) wrongs.push(wrong.invalid)
  }
  system.server.claimsChanged(accounts)
  const deleted = `deleted ${accounts.length - wrongs.length} accounts`
  if (wrongs.length === 0) return outcome(system, '', deleted)
  return outcome(system, '', `${deleted}, failed for ${wrongs.length}`, { invalid: wrongs.join('\n') })
}

const NOT_ENABLED: Invalid = { invalid: 'delete must be enabled in server config' }

/** `$SYS.REQ.ACCOUNT.<account>.CLAIMS.LOOKUP`: the token; empty: there is none. */
async function lookUp({ request }: ServiceCall, { directory }: DirectoryStore): Promise<Reply> {
  return { texts: [(await directory.lookup(request.service.account)) ?? ''] }
}

/** `$SYS.REQ.CLAIMS.LIST`: the public keys of all accounts. */
async function list(_call: ServiceCall, { directory }: DirectoryStore): Promise<Reply> {
  const lines = await directory.pack()
  return { data: lines.map((line) => line.slice(0, line.indexOf('|'))) }
}

/** `$SYS.REQ.CLAIMS.PACK`: a message a token, and an empty one as the end; only that if the asker has all of them. */
async function pack({ request }: ServiceCall, { directory }: DirectoryStore): Promise<Reply> {
  const isSame = directory.hash().equals(request.body)
  return { texts: [...(isSame ? [] : await directory.pack()), ''] }
}
