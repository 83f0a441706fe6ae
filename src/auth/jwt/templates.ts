// Scopes with templates: the permissions of a scoped signing key may name the user whom it signs, as in
// `orders.{{name()}}.>` (docs/reference/authentication.md, "Scoped signing keys").

import { Characters } from '../../text/scan.ts'
import type { Rights } from './rights.ts'
import type { Claims } from './token.ts'

/** Subjects that one list may grow to, as a template with tags expands to one subject per tag. */
export const EXPANSIONS_MAX = 4096
/** … and their length together: names and tags are as long as tokens are. */
export const EXPANDED_MAX = 4 * 1024 * 1024
const OPEN = '{{'
const CLOSE = '}}'
const TAG = 'tag('
const ACCOUNT_TAG = 'account-tag('
const BLANKS = new Characters(' \t\n\f\r')

/** The user and the account that templates refer to. */
export interface Named {
  readonly user: Claims
  readonly account: Claims
  /** What the user's token names as its account. */
  readonly issuerAccount: string
}

/**
 * The rights with all templates filled in, or undefined where that is impossible: an unknown template, too many
 * subjects, or a deny that would be none. Allowed subjects that come out malformed are left out; if none remains,
 * everything is denied.
 */
export function fillTemplates(rights: Rights, named: Named): Rights | undefined {
  const subscribe = fillRule(rights.subscribe, named)
  const publish = fillRule(rights.publish, named)
  return subscribe === undefined || publish === undefined ? undefined : { ...rights, publish, subscribe }
}

function fillRule(rule: Rights['publish'], named: Named): Rights['publish'] | undefined {
  const allow = fillList(rule.allow, named, false)
  const deny = fillList(rule.deny, named, true)
  if (allow === undefined || deny === undefined) return undefined
  const isEmptied = (rule.allow ?? []).length > 0 && allow.length === 0
  return {
    allow: rule.allow && allow,
    deny: isEmptied ? [...deny, '>'] : rule.deny && deny,
  }
}

function fillList(list: readonly string[] = [], named: Named, isDeny: boolean): readonly string[] | undefined {
  // Lists without templates are left as they are, whatever their contents.
  if (!list.some((entry) => piecesOf(entry).some(({ isTemplate }) => isTemplate))) return list
  const filled: string[] = []
  let length = 0
  for (const entry of list) {
    const subjects = fill(entry, named, isDeny, EXPANSIONS_MAX - filled.length, EXPANDED_MAX - length)
    if (subjects === undefined) return undefined
    for (const subject of subjects) {
      length += subject.length
      if (isServerSubject(subject)) filled.push(subject)
      else if (isDeny) return undefined
    }
  }
  return filled
}

interface Piece {
  /** As it is written; of a template the operation only. */
  readonly text: string
  readonly isTemplate: boolean
}

/** An entry's templates, and the text between them. */
function piecesOf(entry: string): Piece[] {
  const pieces: Piece[] = []
  let literalFrom = 0
  for (let open = entry.indexOf(OPEN); open >= 0; ) {
    const from = open + OPEN.length
    const close = entry.indexOf('}', from)
    if (close < 0) break
    const isTemplate = close > from && entry.startsWith(CLOSE, close)
    if (isTemplate) {
      pieces.push({ text: entry.slice(literalFrom, open), isTemplate: false })
      pieces.push({ text: entry.slice(from, close), isTemplate: true })
      literalFrom = close + CLOSE.length
    }
    open = entry.indexOf(OPEN, isTemplate ? literalFrom : close)
  }
  pieces.push({ text: entry.slice(literalFrom), isTemplate: false })
  return pieces
}

/**
 * All subjects of an entry: one for each combination of values of its templates. A repeated template has the same value
 * in all its places.
 */
function fill(
  entry: string,
  named: Named,
  isDeny: boolean,
  max: number,
  lengthMax: number,
): readonly string[] | undefined {
  const pieces = piecesOf(entry)
  const values = new Map<string, readonly string[]>()
  let count = 1
  let longest = entry.length
  for (const { text, isTemplate } of pieces) {
    if (!isTemplate) continue
    const choices = values.get(text) ?? valuesOf(text.trim(), named)
    if (choices === undefined || (isDeny && choices.length === 0)) return undefined
    values.set(text, choices)
    // Without a value an allowed subject cannot be made: it is left out.
    count *= choices.length
    longest += choices.reduce((most, { length }) => Math.max(most, length), 0)
    if (count > max || count * longest > lengthMax) return undefined
  }
  if (count === 0) return []
  // Each with a choice doubles the count at least, so that there are few.
  const open = [...values].filter(([, choices]) => choices.length > 1)
  let chosen: ReadonlyMap<string, string>[] = [new Map()]
  for (const [text, choices] of open) {
    chosen = chosen.flatMap((one) => choices.map((value) => new Map([...one, [text, value]])))
  }
  const valueFor = (text: string, one: ReadonlyMap<string, string>): string =>
    one.get(text) ?? values.get(text)?.[0] ?? ''
  return chosen.map((one) => pieces.map(({ text, isTemplate }) => (isTemplate ? valueFor(text, one) : text)).join(''))
}

/** undefined: there is no such operation. Only tags may have other than one value. */
function valuesOf(operation: string, { user, account, issuerAccount }: Named): readonly string[] | undefined {
  switch (operation.toLowerCase()) {
    case 'name()':
      return [user.name]
    case 'subject()':
      return [user.subject]
    case 'account-name()':
      return [account.name]
    case 'account-subject()':
      return [issuerAccount]
  }
  const lowered = operation.toLowerCase()
  const isOfAccount = lowered.startsWith(ACCOUNT_TAG)
  if (!lowered.endsWith(')') || !(isOfAccount || lowered.startsWith(TAG))) return undefined
  const prefix = `${lowered.slice((isOfAccount ? ACCOUNT_TAG : TAG).length, -1)}:`
  const { tags } = isOfAccount ? account : user
  return tags.filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length))
}

/** What the server takes for a subject: no blank of any kind, no empty token, `>` only at the end. */
function isServerSubject(subject: string): boolean {
  const tokens = subject.split('.')
  return tokens.every(
    (token, i) =>
      token !== '' && BLANKS.firstIn(token, 0) === token.length && (token !== '>' || i === tokens.length - 1),
  )
}
