// Checks exports against imports (docs/reference/accounts.md, "Exports and imports"): each named account exists, an
// export allows each import, subjects can be mapped in both directions, and imports form no cycle.

import type { AccountOptions, ExportOptions, ImportOptions } from '../../options/shapes.ts'
import { covers, hasWildcard, isPublishSubject, isValidSubject, overlap } from '../../subjects/filter.ts'
import { identityDestination } from '../../subjects/transform.ts'
import { quoteText } from '../problems.ts'
import { whyNoTransform, withWildcards } from './subject-mapping.ts'

const BAD_SUBJECT = 'sublist: invalid subject'
const CYCLE = 'import forms a cycle'
/** Accounts that a chain of imports may pass through. */
const CHAIN_MAX = 1024

type Kind = 'stream' | 'service'

/** An import that was found good, and its exporting account. */
interface Link {
  readonly from: string
  readonly to: string
  readonly account: Linked
}

/** An account with the imports that were found good so far. */
interface Linked {
  readonly name: string
  readonly streams: ExportOptions[]
  readonly services: ExportOptions[]
  readonly streamImports: Link[]
  readonly serviceImports: Link[]
}

/** Checks all accounts together; returns the fault, with nats-server's text. */
export function checkLinks(accounts: readonly AccountOptions[], noSystemAccount: boolean): string[] {
  const all = new Map<string, Linked>()
  for (const { name } of accounts) {
    all.set(name, { name, streams: [], services: [], streamImports: [], serviceImports: [] })
  }
  const wrong: string[] = []
  // Exports first: imports are checked against them.
  for (const kind of ['stream', 'service'] as const) {
    forEach(accounts, 'exports', kind, (account, each) => {
      const { subject, latency } = each
      const reason = addExport(all, account, each)
      wrong.push(...missing(each, all), ...prefixed(`Error adding ${kind} export ${quoteText(subject)}`, reason))
      if (kind === 'stream' || latency === undefined) return
      const what = `Error adding service latency sampling for ${quoteText(subject)}`
      if (noSystemAccount) wrong.push(`${what}: system account not setup`)
      else wrong.push(...prefixed(`${what} on subject ${quoteText(latency.subject)}`, whyNoLatency(all, account, each)))
    })
  }
  for (const kind of ['stream', 'service'] as const) {
    forEach(accounts, 'imports', kind, (account, each) => {
      const source = all.get(each.account)
      const importer = all.get(account.name) as Linked
      if (source === undefined) {
        wrong.push(`${quoteText(each.account)} account not defined for ${kind} import`)
        return
      }
      const reason =
        kind === 'stream' ? addStreamImport(importer, source, each) : addServiceImport(importer, source, each)
      wrong.push(...prefixed(`Error adding ${kind} import ${quoteText(each.subject)}`, reason))
    })
  }
  return wrong
}

function forEach<L extends 'exports' | 'imports'>(
  accounts: readonly AccountOptions[],
  list: L,
  kind: Kind,
  visit: (account: AccountOptions, each: AccountOptions[L][number]) => void,
): void {
  for (const account of accounts) for (const each of account[list]) if (each.kind === kind) visit(account, each)
}

function prefixed(what: string, reason: string | undefined): string[] {
  return reason === undefined ? [] : [`${what}: ${reason}`]
}

// ── Exports ───────────────────────────────────────────────────────────────────────────────────────────────────

function missing({ kind, accounts = [] }: ExportOptions, all: ReadonlyMap<string, Linked>): string[] {
  return accounts
    .filter((name) => !all.has(name))
    .map((name) => `${quoteText(name)} account not defined for ${kind} export`)
}

function addExport(
  all: ReadonlyMap<string, Linked>,
  { name }: AccountOptions,
  added: ExportOptions,
): string | undefined {
  const { kind, subject, accountTokenPosition } = added
  if (accountTokenPosition > 0 && subject.split('.')[accountTokenPosition - 1] !== '*') return BAD_SUBJECT
  all.get(name)?.[kind === 'stream' ? 'streams' : 'services'].push(added)
  return undefined
}

function whyNoLatency(
  all: ReadonlyMap<string, Linked>,
  { name }: AccountOptions,
  { latency, response }: ExportOptions,
): string | undefined {
  const subject = latency?.subject ?? ''
  const loops = all.get(name)?.services.some((each) => covers(each.subject, subject))
  if (!isPublishSubject(subject) || loops) return 'invalid publish subject'
  return response === 'singleton' ? undefined : 'bad service response type'
}

/** Whether an account lets another import a subject. */
function isExported(exports: readonly ExportOptions[], importer: Linked, subject: string): boolean {
  const exact = exports.find((each) => each.subject === subject)
  const fitting = exact ?? exports.find((each) => covers(each.subject, subject))
  if (fitting === undefined) return false
  const { accounts, accountTokenPosition } = fitting
  if (accountTokenPosition > 0) {
    return exact === undefined && subject.split('.')[accountTokenPosition - 1] === importer.name
  }
  return accounts === undefined || accounts.length === 0 || accounts.includes(importer.name)
}

// ── Imports ───────────────────────────────────────────────────────────────────────────────────────────────────

function addStreamImport(importer: Linked, source: Linked, { subject, to, prefix }: ImportOptions): string | undefined {
  if (!isValidSubject(subject) || !isExported(source.streams, importer, subject)) return 'stream import not authorized'
  if (hasWildcard(prefix)) return 'stream import prefix can not contain wildcard tokens'
  const local = prefix === '' ? to || subject : `${prefix}${prefix.endsWith('.') ? '' : '.'}${subject}`
  for (const each of [local, subject]) {
    const round = whyRound('stream', source, each, new Set([importer.name]))
    if (round !== undefined) return round
  }
  let final = local
  if (hasWildcard(subject) && local !== subject) {
    const reason = whyNotTurned('stream', subject, local, subject, local)
    if (reason !== undefined) return reason
    final = withWildcards(local)
  }
  if (importer.streamImports.some((each) => each.account === source && each.from === subject)) {
    return 'stream import already exists'
  }
  importer.streamImports.push({ account: source, from: subject, to: final })
  return undefined
}

/**
 * Why a subject that is imported from `account` would come round; `visited` are the accounts behind us. A stream is
 * followed by the subject it has here, a service by the one it has there.
 */
function whyRound(kind: Kind, account: Linked, subject: string, visited: Set<string>): string | undefined {
  if (visited.size >= CHAIN_MAX) return 'search cycle depth exhausted'
  const stream = kind === 'stream'
  if (stream && !account.streams.some((each) => covers(each.subject, subject))) return undefined
  for (const each of stream ? account.streamImports : account.serviceImports) {
    if (!overlap(subject, each.to)) continue
    if (visited.has(each.account.name)) return CYCLE
    visited.add(account.name)
    const narrower = stream ? each.to : each.from
    const reason = whyRound(kind, each.account, covers(subject, narrower) ? narrower : subject, visited)
    if (reason !== undefined) return reason
  }
  return undefined
}

/** `to` is the subject here, `subject` the one of the service. */
function addServiceImport(importer: Linked, source: Linked, { subject, to }: ImportOptions): string | undefined {
  if (!isValidSubject(to) || !isValidSubject(subject)) return BAD_SUBJECT
  if (!isExported(source.services, importer, subject)) return 'service import not authorized'
  const local = hasWildcard(subject) ? withWildcards(to) : to
  const round = whyRound('service', source, local, new Set([importer.name]))
  if (round !== undefined) return round
  if (hasWildcard(subject) && subject !== to) {
    const reason = whyNotTurned('service', to, subject, withWildcards(subject), to)
    if (reason !== undefined) return reason
  }
  importer.serviceImports.push({ account: source, from: local, to: subject })
  return undefined
}

/** Why an import `from` one subject `to` another cannot be turned into the latter, and back. */
function whyNotTurned(kind: Kind, from: string, to: string, source: string, destination: string): string | undefined {
  const reason = whyNoTransform(source, identityDestination(destination), true)
  if (reason === undefined) return undefined
  const what = `${kind} import subject from ${quoteText(from)} to ${quoteText(to)}`
  return `failed to create mapping transform for ${what}: ${reason}`
}
