// Scopes with templates: the permissions of a scoped signing key may name the user whom it signs, as in
// `orders.{{name()}}.>` (reference 4.2).

import type { Rights } from './rights.ts'
import type { Claims } from './token.ts'

/** Subjects that one list may grow to, as a template with tags stands for one subject for each tag. */
export const EXPANSIONS_MAX = 4096
const TEMPLATE = /\{\{([^}]+)\}\}/g

/** Those of whom templates may speak. */
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
  // Lists without templates are left as they are, whatever stands in them.
  if (!list.some((entry) => entry.search(TEMPLATE) >= 0)) return list
  const filled: string[] = []
  for (const entry of list) {
    const subjects = fill(entry, named, isDeny, EXPANSIONS_MAX - filled.length)
    if (subjects === undefined) return undefined
    for (const subject of subjects) {
      if (isServerSubject(subject)) filled.push(subject)
      else if (isDeny) return undefined
    }
  }
  return filled
}

/** All subjects that an entry stands for: one for each choice of a value for each template in it. */
function fill(entry: string, named: Named, isDeny: boolean, max: number): readonly string[] | undefined {
  const templates = [...entry.matchAll(TEMPLATE)].map(([text, operation]) => ({
    text,
    values: valuesOf(operation.trim(), named),
  }))
  let subjects: readonly string[] = [entry]
  for (const { text, values } of templates) {
    if (values === undefined || (isDeny && values.length === 0)) return undefined
    // Without a value an allowed subject cannot be made: it is left out.
    if (subjects.length * values.length > max) return undefined
    subjects = subjects.flatMap((subject) => values.map((value) => subject.replaceAll(text, () => value)))
  }
  return subjects
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
  const tag = /^(account-)?tag\((.*)\)$/i.exec(operation)
  if (tag === null) return undefined
  const prefix = `${tag[2].toLowerCase()}:`
  const { tags } = tag[1] === undefined ? user : account
  return tags.filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length))
}

/** What the server takes for a subject: no blank of any kind, no empty token, `>` only at the end. */
function isServerSubject(subject: string): boolean {
  const tokens = subject.split('.')
  return tokens.every(
    (token, i) => token !== '' && !/[ \t\n\f\r]/.test(token) && (token !== '>' || i === tokens.length - 1),
  )
}
