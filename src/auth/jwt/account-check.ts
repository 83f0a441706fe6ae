// Checks that an account's token is consistent. The rules are those of nats-server: an account that breaks one is not
// served at all, so that no account gets more than was meant.

import { hasWildcard } from '../../subjects/filter.ts'
import { isPublicKey } from '../nkey.ts'
import type { Account, AccountExport, AccountImport, Destination, Info } from './account.ts'
import { decodeActivation, whyNotImportedBy } from './activation.ts'
import { whyNotPermissions } from './rights.ts'
import { isOneWithinAnother, isSubject } from './subjects.ts'
import { isInvalid, whyNotNow } from './token.ts'

const INFO_MAX = 8 * 1024

/** What is wrong with the account at this time, if anything is. */
export function whyNotAccount(account: Account, nowMs: number): string | undefined {
  const problems: (string | undefined)[] = [
    whyNotNow(account.claims, nowMs),
    isPublicKey(account.claims.subject, 'account') ? undefined : 'subject is no account key',
    whyNotImports(account),
    whyNotExports(account),
    whyNotTiers(account),
    whyNotPermissions(account.defaultPermissions),
    ...[...account.mappings].map(([source, destinations]) => whyNotMapping(source, destinations)),
    whyNotAuthorization(account),
    whyNotTrace(account),
    [...account.signingKeys.keys()].every((key) => isPublicKey(key, 'account')) ? undefined : 'signing key is none',
    whyNotInfo(account.info),
    ['', 'system', 'owner'].includes(account.clusterTraffic) ? undefined : 'unknown cluster traffic',
  ]
  return problems.find((problem) => problem !== undefined)
}

function whyNotTiers({ limits }: Account): string | undefined {
  return limits.tiers.has('') ? 'limits of a tier without a name' : undefined
}

function whyNotInfo({ description, url }: Info): string | undefined {
  if (description.length > INFO_MAX || url.length > INFO_MAX) return 'description is too long'
  return url === '' || URL.parse(url)?.hostname ? undefined : 'information is at no URL'
}

// ── Exports ─────────────────────────────────────────────────────────────────────────────────────────────────

function whyNotExports({ exports, limits }: Account): string | undefined {
  if (limits.exports !== -1) {
    if (exports.length > limits.exports) return 'more exports than the operator allows'
    if (!limits.wildcardExports && exports.some(({ subject }) => hasWildcard(subject))) {
      return 'wildcard exports are not allowed by the operator'
    }
  }
  for (const one of exports) {
    const problem = whyNotExport(one)
    if (problem !== undefined) return problem
  }
  const subjectsOf = (kind: string): string[] =>
    exports.filter((one) => one.kind === kind).map(({ subject }) => subject)
  const isNested = isOneWithinAnother(subjectsOf('stream')) || isOneWithinAnother(subjectsOf('service'))
  return isNested ? 'export is within another' : undefined
}

function whyNotExport(one: AccountExport): string | undefined {
  const { kind, subject, responseType, latency, responseThreshold, accountTokenPosition, allowTrace } = one
  if (kind === '') return 'export of no kind'
  if (!isSubject(subject)) return 'export of no subject'
  if (kind === 'service' && !['', 'Singleton', 'Stream', 'Chunked'].includes(responseType)) {
    return 'unknown response type'
  }
  const isPlain = responseType === '' && !allowTrace && latency === undefined && responseThreshold === 0
  if (kind === 'stream' && !isPlain) return 'a stream has no responses'
  if (responseThreshold < 0) return 'response threshold is negative'
  if (latency !== undefined) {
    if (latency.sampling < 0 || latency.sampling > 100) return 'sampling is no percentage'
    if (!isSubject(latency.results) || hasWildcard(latency.results)) return 'latency results have no subject'
  }
  if (accountTokenPosition > 0 && subject.split('.')[accountTokenPosition - 1] !== '*') {
    return 'account token position is no wildcard'
  }
  return whyNotInfo(one.info)
}

// ── Imports ─────────────────────────────────────────────────────────────────────────────────────────────────

function whyNotImports({ claims, imports, limits }: Account): string | undefined {
  if (limits.imports !== -1 && imports.length > limits.imports) return 'more imports than the operator allows'
  const services = new Map<string, string[]>()
  for (const one of imports) {
    const problem = whyNotImport(one, claims.subject)
    if (problem !== undefined) return problem
    if (one.kind !== 'service') continue
    const here = localSubject(one)
    const others = services.get(one.account)
    if (others === undefined) services.set(one.account, [here])
    else others.push(here)
  }
  return [...services.values()].some(isOneWithinAnother) ? 'imports overlap' : undefined
}

/** The subject under which a service is asked here, with `*` for each reference to a wildcard. */
function localSubject(one: AccountImport): string {
  const references = one.localSubject.split('.').map((token) => (/^\$[+-]?\d+$/.test(token) ? '*' : token))
  return one.to || references.join('.') || one.subject
}

function whyNotImport(one: AccountImport, importer: string): string | undefined {
  if (one.kind === '') return 'import of no kind'
  if (one.account === '') return 'import from no account'
  if (!isSubject(one.subject)) return 'import of no subject'
  if (one.kind === 'service' ? one.allowTrace : one.share) return 'import asks for what its kind has not'
  if (one.localSubject !== '') {
    if (one.to !== '') return 'import has two local subjects'
    const problem = whyNotRenaming(one.localSubject, one.subject)
    if (problem !== undefined) return problem
  }
  if (one.token === '') return undefined
  const activation = decodeActivation(one.token)
  return isInvalid(activation) ? activation.invalid : whyNotImportedBy(activation, one, importer)
}

/** A local subject takes up each wildcard of the other once: as `*`, or as `$n`. */
function whyNotRenaming(local: string, subject: string): string | undefined {
  if (!isSubject(local)) return 'local subject is none'
  const isOpen = (text: string): boolean => text === '>' || text.endsWith('.>')
  if (isOpen(local) !== isOpen(subject)) return 'one of subject and local subject ends in >'
  const wildcards = subject.split('.').filter((token) => token === '*').length
  let taken = 0
  for (const token of local.split('.')) {
    const reference = /^\$([+-]?\d+)$/.exec(token)
    if (reference !== null && Number(reference[1]) > wildcards) return 'local subject refers to no wildcard'
    if (token === '*' || reference !== null) taken++
  }
  return taken === wildcards ? undefined : 'local subject does not take up each wildcard'
}

// ── The rest ────────────────────────────────────────────────────────────────────────────────────────────────

function whyNotMapping(source: string, destinations: readonly Destination[]): string | undefined {
  if (!isSubject(source)) return 'mapping of no subject'
  const totals = new Map<string, number>()
  for (const { subject, weight, cluster } of destinations) {
    if (!isSubject(subject)) return 'mapping to no subject'
    const total = (totals.get(cluster) ?? 0) + (weight || 100)
    if (total > 100) return 'mapping has more than 100 percent'
    totals.set(cluster, total)
  }
  return undefined
}

function whyNotAuthorization({ authorization }: Account): string | undefined {
  const { authUsers, allowedAccounts, xkey } = authorization
  if (allowedAccounts.length > 0 && authUsers.length === 0) return 'external authorization without users'
  if (!authUsers.every((user) => isPublicKey(user, 'user'))) return 'user of the external authorization is no key'
  const isAny = allowedAccounts.length === 1 && allowedAccounts[0] === '*'
  if (!isAny && !allowedAccounts.every((key) => isPublicKey(key, 'account'))) return 'allowed account is no key'
  return xkey === '' || isPublicKey(xkey, 'curve') ? undefined : 'xkey of the external authorization is none'
}

function whyNotTrace({ trace }: Account): string | undefined {
  if (trace === undefined) return undefined
  if (!isSubject(trace.destination) || hasWildcard(trace.destination)) return 'traces have no subject to go to'
  return trace.sampling < 0 || trace.sampling > 100 ? 'sampling of traces is no percentage' : undefined
}
