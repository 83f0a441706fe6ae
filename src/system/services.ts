// The subjects of the system account that the server itself answers (docs/reference/system-account.md, "Services").
//
// They are in no index: when a message is published to one of them, the shard where it was published takes it
// (planner.ts, Plan.own). So exactly one shard takes each request, none has to be appointed, and the death of a shard
// leaves no gap. Publishes elsewhere pay one check of the subject's first byte when a plan is made.

import type { ServiceName } from './service-names.ts'
import { ACCOUNT_PAGES, CLAIMS, ORDERS, SERVER_PAGES } from './service-names.ts'

export interface Service {
  readonly name: ServiceName
  /** The account that the subject names, a byte string; empty: none. */
  readonly account: string
}

/** What tells which services there are. */
export interface Offer {
  readonly serverId: string
  /** What can be done with account tokens: only the one of a named account can be pushed, or everything. */
  readonly claims: 'none' | 'update' | 'all'
}

/** Which of the server's own services a subject (byte string) in the system account is. */
export function serviceOf(subject: string, { serverId, claims }: Offer): Service | undefined {
  const found = lookUp(subject, serverId)
  if (found === undefined || claims === 'all' || !found.name.startsWith('CLAIMS.')) return found
  return claims === 'update' && found.name === 'CLAIMS.UPDATE' && found.account !== '' ? found : undefined
}

function lookUp(subject: string, serverId: string): Service | undefined {
  const [system, kind, ...rest] = subject.split('.')
  if (system !== '$SYS') return undefined
  if (kind === 'REQ') return requestOf(rest, serverId)
  if (kind === 'SERVER') return newsOf(rest)
  if (kind === 'DEBUG') return rest.length === 1 && rest[0] === 'SUBSCRIBERS' ? service('SUBSCRIBERS') : undefined
  // The older subject of the same.
  const [account, claims, verb, ...more] = rest
  const isUpdate = kind === 'ACCOUNT' && claims === 'CLAIMS' && verb === 'UPDATE' && more.length === 0
  return isUpdate ? service('CLAIMS.UPDATE', account) : undefined
}

/** What another server tells: the connections of an account there, and its end. */
function newsOf([about, second, third, ...more]: readonly string[]): Service | undefined {
  if (about === 'ACCOUNT' && third === 'CONNS' && more.length === 0) return service('NEWS.CONNS', second)
  return second === 'SHUTDOWN' && third === undefined ? service('NEWS.SHUTDOWN') : undefined
}

function requestOf([about, ...rest]: readonly string[], serverId: string): Service | undefined {
  switch (about) {
    case 'SERVER':
      return serverServiceOf(rest, serverId)
    case 'ACCOUNT':
      return accountServiceOf(rest)
    case 'CLAIMS':
      return rest.length === 1 ? named(CLAIMS, `CLAIMS.${rest[0]}`) : undefined
    case 'USER':
      // Imports of other accounts name the account; whose user it is, the connection says.
      return rest.length <= 2 && rest.at(-1) === 'INFO' ? service('USER.INFO') : undefined
    default:
      return undefined
  }
}

function serverServiceOf([whom, what, ...more]: readonly string[], serverId: string): Service | undefined {
  if (more.length > 0) return undefined
  if (whom === 'PING') return what === undefined ? service('STATSZ') : named(SERVER_PAGES, what)
  if (whom !== serverId || what === undefined) return undefined
  return named(SERVER_PAGES, what) ?? named(ORDERS, what)
}

function accountServiceOf([account, what, verb, ...more]: readonly string[]): Service | undefined {
  if (account === 'NSUBS' && what === undefined) return service('NSUBS')
  if (account === undefined || what === undefined || more.length > 0) return undefined
  if (what === 'CLAIMS') return verb === 'LOOKUP' || verb === 'UPDATE' ? service(`CLAIMS.${verb}`, account) : undefined
  if (verb !== undefined) return undefined
  if (account === 'PING' && what === 'STATZ') return service('STATZ')
  return named(ACCOUNT_PAGES, `ACCOUNT.${what}`, account)
}

function service(name: ServiceName, account = ''): Service {
  return { name, account }
}

function named(names: readonly ServiceName[], name: string, account = ''): Service | undefined {
  const found = names.find((one) => one === name)
  return found && service(found, account)
}

/** Under which subjects other servers of the cluster ask this one, and tell it of themselves. */
export function requestSubjects(serverId: string): string[] {
  return [
    `$SYS.REQ.SERVER.${serverId}.*`,
    '$SYS.REQ.SERVER.PING',
    '$SYS.REQ.SERVER.PING.*',
    '$SYS.REQ.ACCOUNT.*.*',
    '$SYS.REQ.ACCOUNT.NSUBS',
    '$SYS.REQ.ACCOUNT.PING.STATZ',
    '$SYS.SERVER.ACCOUNT.*.CONNS',
    '$SYS.SERVER.*.SHUTDOWN',
  ]
}

/** What every account may ask about itself: the subject there, and in the system account. */
export const IMPLICIT_IMPORTS: readonly {
  readonly subject: string
  readonly target: (account: string) => string
  readonly isStream: boolean
  readonly share: boolean
}[] = [
  importOf('$SYS.REQ.ACCOUNT.PING.CONNZ', (account) => `$SYS.REQ.ACCOUNT.${account}.CONNZ`, true),
  importOf('$SYS.REQ.SERVER.PING.CONNZ', (account) => `$SYS.REQ.ACCOUNT.${account}.CONNZ`, true),
  importOf('$SYS.REQ.ACCOUNT.PING.STATZ', (account) => `$SYS.REQ.ACCOUNT.${account}.STATZ`, true),
  importOf('$SYS.REQ.USER.INFO', (account) => `$SYS.REQ.USER.${account}.INFO`, false),
]

function importOf(subject: string, target: (account: string) => string, isStream: boolean) {
  return { subject, target, isStream, share: !isStream }
}
