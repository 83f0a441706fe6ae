// CONNECT (docs/reference/handshake.md, "CONNECT"), read as Go reads it into nats-server's structure.
//
// Members are taken one by one in the order in which they are written, names in any letter case: of several the last
// counts, a null changes nothing, and one of another type refuses the whole. An integer has to be written as one: 1.0
// is none.

import { folded, INT64, type Member, membersOf, readInteger, tokensOf } from '../text/json.ts'
import type { ConnectOptions } from './handshake.ts'

type Kind = 'boolean' | 'string' | 'integer' | 'permissions'
/** Wire name → our name and type. Members of features to come are checked for type and otherwise ignored. */
const MEMBERS = new Map<string, { kind: Kind; key?: keyof ConnectOptions }>([
  ['verbose', { kind: 'boolean', key: 'verbose' }],
  ['pedantic', { kind: 'boolean', key: 'pedantic' }],
  ['echo', { kind: 'boolean', key: 'echo' }],
  ['headers', { kind: 'boolean', key: 'headers' }],
  ['no_responders', { kind: 'boolean', key: 'noResponders' }],
  ['protocol', { kind: 'integer', key: 'protocol' }],
  ['name', { kind: 'string', key: 'name' }],
  ['lang', { kind: 'string', key: 'lang' }],
  ['version', { kind: 'string', key: 'version' }],
  ['account', { kind: 'string', key: 'account' }],
  ['new_account', { kind: 'boolean', key: 'newAccount' }],
  ['tls_required', { kind: 'boolean' }],
  ['user', { kind: 'string', key: 'user' }],
  ['pass', { kind: 'string', key: 'password' }],
  ['auth_token', { kind: 'string', key: 'token' }],
  ['nkey', { kind: 'string', key: 'nkey' }],
  ['sig', { kind: 'string', key: 'signature' }],
  ['jwt', { kind: 'string', key: 'jwt' }],
  ['proxy_sig', { kind: 'string', key: 'proxySignature' }],
  // Of leaf nodes.
  ['remote_account', { kind: 'string' }],
  ['import', { kind: 'permissions' }],
  ['export', { kind: 'permissions' }],
])

/** Go's own bound. */
const DEPTH_MAX = 10_000

/**
 * Applies a CONNECT's JSON to the options that hold so far (a CONNECT may be repeated; absent members stay). Known
 * members are copied one by one; nothing is spread or assigned whole. Returns undefined if the text is not acceptable,
 * in which case nothing was changed.
 */
export function parseConnect(json: string, current: ConnectOptions): ConnectOptions | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    return undefined
  }
  if (parsed === null) return { ...current }
  if (typeof parsed !== 'object' || Array.isArray(parsed) || isTooDeep(json)) return undefined
  const next = { ...current }
  for (const [name, written] of membersOf(json)) {
    const member = MEMBERS.get(name) ?? MEMBERS.get(folded(name))
    if (member === undefined || written === 'null') continue
    const value = READERS[member.kind](written)
    if (value === undefined) return undefined
    if (member.key !== undefined) setOption(next, member.key, value)
  }
  return next
}

function setOption<K extends keyof ConnectOptions>(options: ConnectOptions, key: K, value: unknown): void {
  options[key] = value as ConnectOptions[K] // its type was checked against MEMBERS
}

function isTooDeep(json: string): boolean {
  let depth = 0
  for (const { kind, start } of tokensOf(json)) {
    if (kind !== 'mark') continue
    const mark = json[start]
    if (mark === '}' || mark === ']') depth--
    else if ((mark === '{' || mark === '[') && ++depth > DEPTH_MAX) return true
  }
  return false
}

/** The value that is written; undefined: it is of another type. */
const READERS: Readonly<Record<Kind, (written: string) => boolean | string | number | undefined>> = {
  boolean: (written) => (written === 'true' ? true : written === 'false' ? false : undefined),
  // Go has no halves of surrogate pairs.
  string: (written) => (written.startsWith('"') ? (JSON.parse(written) as string).toWellFormed() : undefined),
  integer: (written) => readInteger(written, INT64),
  permissions: (written) => (isPermissions(written) ? true : undefined),
}

/** `{"allow":["a"],"deny":["b"]}` */
function isPermissions(written: string): boolean {
  if (!written.startsWith('{')) return false
  return membersOf(written).every(([name, value]: Member) => {
    const isKnown = folded(name) === 'allow' || folded(name) === 'deny'
    return !isKnown || value === 'null' || isListOfTexts(value)
  })
}

function isListOfTexts(written: string): boolean {
  const value: unknown = JSON.parse(written)
  return Array.isArray(value) && value.every((item) => item === null || typeof item === 'string')
}
