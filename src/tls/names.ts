// The user of a client certificate: the names that `verify_and_map` looks for among the users, in the order of
// nats-server: e-mail, DNS name and URI of the alternative names, then the subject (docs/reference/authentication.md,
// "Certificates").
//
// Subjects are compared part by part, never as text. The same parts in another order match if exactly one user has
// them: nats-server takes any of several, Heddle takes none (CVE-2026-33248 was a subject that matched a user it did
// not name).

import { createHash } from 'node:crypto'
import { type Attribute, type CertificateParts, readCertificate, type Subject } from './certificate.ts'

/** A distinguished name, most specific part first as RFC 4514 writes it, as keys that can be compared. */
export interface DistinguishedName {
  /** Equal for names with the same parts in the same order. */
  readonly inOrder: string
  /** Equal for names with the same parts in any order. */
  readonly anyOrder: string
}

/** A name of a certificate, to be looked up among the users. */
export type PeerName =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'subject'; readonly subject: DistinguishedName }

const COMMON_NAME = '2.5.4.3'
const SERIAL_NUMBER = '2.5.4.5'
const DOMAIN_COMPONENT = '0.9.2342.19200300.100.1.25'

/** Types of attributes as they are written. */
const TYPES = new Map([
  [COMMON_NAME, 'CN'],
  [SERIAL_NUMBER, 'SERIALNUMBER'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.17', 'POSTALCODE'],
  [DOMAIN_COMPONENT, 'DC'],
])

/** The order in which Go writes a subject, the last one first; several values of a type make one part. */
const WRITING_ORDER = ['2.5.4.6', '2.5.4.10', '2.5.4.11', '2.5.4.7', '2.5.4.8', '2.5.4.9', '2.5.4.17'].concat(
  COMMON_NAME,
  SERIAL_NUMBER,
)

/** The names of a certificate (DER), in the order in which they are looked for. None if it cannot be read exactly. */
export function peerNames(der: Buffer): readonly PeerName[] {
  const parts = readCertificate(der)
  return parts === undefined ? [] : namesOf(parts)
}

function namesOf({ subject, emails, dnsNames, uris }: CertificateParts): PeerName[] {
  const names: PeerName[] = [...emails, ...dnsNames, ...uris].map((text) => ({ kind: 'text', text }))
  const parsed = subjectName(subject)
  if (parsed !== undefined) names.push({ kind: 'subject', subject: parsed })
  const text = subjectText(subject)
  if (text !== undefined) {
    const domains = subject.flat().filter(({ oid }) => oid === DOMAIN_COMPONENT)
    if (domains.length > 0) {
      names.push({ kind: 'text', text: [text, ...domains.map(({ value }) => `DC=${value}`)].join(',') })
    }
    names.push({ kind: 'text', text })
  }
  return names
}

/** The subject of a certificate (DER) as Go writes it; empty if there is none, or it cannot be read exactly. */
export function subjectOfCertificate(der: Buffer): string {
  const parts = readCertificate(der)
  return (parts && subjectText(parts.subject)) ?? ''
}

/** Hexadecimal SHA-256 of a certificate's public key info, as `pinned_certs` lists them; undefined if unreadable. */
export function publicKeyPin(der: Buffer): string | undefined {
  const parts = readCertificate(der)
  return parts && createHash('sha256').update(parts.publicKeyInfo).digest('hex')
}

// ── The users ───────────────────────────────────────────────────────────────────────────────────────────────

/** The user names of a server, to be found by certificate. */
export class PeerDirectory {
  private readonly users: ReadonlySet<string>
  private readonly inOrder: ReadonlyMap<string, readonly string[]>
  private readonly anyOrder: ReadonlyMap<string, readonly string[]>

  constructor(users: Iterable<string>) {
    this.users = new Set(users)
    const named = [...this.users].flatMap((user) => {
      const name = parseDistinguishedName(user)
      return name === undefined ? [] : [{ user, name }]
    })
    this.inOrder = group(named.map(({ user, name }) => [name.inOrder, user]))
    this.anyOrder = group(named.map(({ user, name }) => [name.anyOrder, user]))
  }

  /**
   * The user that a certificate names, among those that may use this kind of connection. Undefined: none, or it is
   * ambiguous.
   */
  find(names: readonly PeerName[], mayConnect: (user: string) => boolean = () => true): string | undefined {
    for (const name of names) {
      if (name.kind === 'text') {
        if (this.users.has(name.text) && mayConnect(name.text)) return name.text
        continue
      }
      const meant =
        this.allowed(this.inOrder.get(name.subject.inOrder), mayConnect) ??
        this.allowed(this.anyOrder.get(name.subject.anyOrder), mayConnect)
      if (meant !== undefined) return meant.length === 1 ? meant[0] : undefined
    }
    return undefined
  }

  private allowed(users: readonly string[] = [], mayConnect: (user: string) => boolean): string[] | undefined {
    const allowed = users.filter(mayConnect)
    return allowed.length > 0 ? allowed : undefined
  }
}

function group(pairs: readonly (readonly [string, string])[]): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const [key, value] of pairs) groups.set(key, [...(groups.get(key) ?? []), value])
  return groups
}

// ── Distinguished names ─────────────────────────────────────────────────────────────────────────────────────

type Pair = readonly [type: string, value: string]

/** Keys of parts, the most specific first. Order within a part and letter case of types mean nothing. */
function nameOf(parts: readonly (readonly Pair[])[]): DistinguishedName {
  const keys = parts.map((pairs) => JSON.stringify(pairs.map(([type, value]) => [type.toUpperCase(), value]).sort()))
  return { inOrder: keys.join('\n'), anyOrder: keys.toSorted().join('\n') }
}

/** A subject as a distinguished name; undefined if it is empty or has an attribute of a type that has no short name. */
function subjectName(subject: Subject): DistinguishedName | undefined {
  const parts: Pair[][] = []
  for (const attributes of subject.toReversed()) {
    const part: Pair[] = []
    for (const { oid, value } of attributes) {
      const type = TYPES.get(oid)
      if (type === undefined) return undefined
      part.push([type, value])
    }
    if (part.length > 0) parts.push(part)
  }
  return parts.length === 0 ? undefined : nameOf(parts)
}

/**
 * A subject as Go writes it: types that it does not know are left out, the others are in a fixed order. Undefined if
 * the subject names two people: Go would write the last.
 */
function subjectText(subject: Subject): string | undefined {
  const attributes = subject.flat()
  const parts: string[] = []
  for (const oid of WRITING_ORDER) {
    const values = attributes.filter((attribute) => attribute.oid === oid)
    if (values.length > 1 && (oid === COMMON_NAME || oid === SERIAL_NUMBER)) return undefined
    if (values.length > 0) parts.unshift(values.map(written).join('+'))
  }
  return parts.length === 0 ? undefined : parts.join(',')
}

function written({ oid, value }: Attribute): string {
  const escaped = value.replace(/[,+"\\<>;]|^[ #]| $/g, (char) => `\\${char}`)
  return `${TYPES.get(oid)}=${escaped}`
}

/** Reads a distinguished name as RFC 4514 writes it, such as `CN=alice,OU=Ops+O=Acme`. Undefined: it is none. */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  const parts: Pair[][] = [[]]
  let rest = text
  for (;;) {
    const match = ATTRIBUTE.exec(rest)
    if (match === null) return undefined
    const [whole, type, written, separator] = match
    const value = withoutEscapes(written)
    if (value === undefined) return undefined
    parts[parts.length - 1].push([type, value])
    if (separator === '') return nameOf(parts)
    if (separator === ',') parts.push([])
    rest = rest.slice(whole.length)
  }
}

/** Blanks around a type or a value mean nothing, except an escaped one. A value that begins with # is not supported. */
const ATTRIBUTE = /^ *([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*) *= *(?!#)((?:[^\\,+]|\\.)*?) *(,|\+|$)/s
const SPECIAL = new Set(Buffer.from(' "#+,;<=>\\'))
const BACKSLASH = 0x5c
const HEX = /^[0-9A-Fa-f]{2}$/

/** A value without its escapes: `\,` is a comma, `\C3\A9` two bytes of UTF-8. Undefined: not well formed. */
function withoutEscapes(written: string): string | undefined {
  const from = Buffer.from(written)
  const bytes: number[] = []
  for (let at = 0; at < from.length; at++) {
    if (from[at] !== BACKSLASH) {
      bytes.push(from[at])
      continue
    }
    at++
    if (SPECIAL.has(from[at])) {
      bytes.push(from[at])
      continue
    }
    const digits = from.toString('latin1', at, at + 2)
    if (!HEX.test(digits)) return undefined
    bytes.push(Number.parseInt(digits, 16))
    at++
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes))
  } catch {
    return undefined
  }
}
