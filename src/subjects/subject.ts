// Validity and matching of subjects (docs/reference/operations.md, "Subjects"). Subjects are byte strings inside the
// server: one char for each byte on the wire, so that any UTF-8, valid or not, passes through unchanged.

/** A filter for SUB: tokens are not empty, `>` is alone and last. `*` and `>` inside a token are literal. */
export function isValidFilter(subject: string): boolean {
  if (subject === '') return false
  const tokens = subject.split('.')
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] === '') return false
    if (tokens[i] === '>' && i < tokens.length - 1) return false
  }
  return true
}

const DOT = 0x2e
const STAR = 0x2a
const GREATER = 0x3e

/**
 * Whether bytes [start, end) are a subject to publish to, as pedantic mode has it: valid and without wildcards. On the
 * hot path of pedantic clients: no string is made.
 */
export function isLiteralIn(bytes: Uint8Array, start: number, end: number): boolean {
  let token = start
  for (let at = start; at <= end; at++) {
    if (at < end && bytes[at] !== DOT) continue
    if (at === token) return false
    if (at === token + 1 && (bytes[token] === STAR || bytes[token] === GREATER)) return false
    token = at + 1
  }
  return true
}

/** The same for a text. */
export function isValidLiteral(subject: string): boolean {
  const bytes = Buffer.from(subject)
  return isLiteralIn(bytes, 0, bytes.length)
}

export function countTokens(subject: string): number {
  return subject.split('.').length
}

/** Whether a filter matches a literal subject. For pages; the hot path matches in interest/reader.ts. */
export function matches(filter: string, subject: string): boolean {
  return matchesTokens(filter.split('.'), subject.split('.'))
}

/** The same for a filter and a subject that are in tokens already. */
export function matchesTokens(filter: readonly string[], tokens: readonly string[]): boolean {
  for (let i = 0; i < filter.length; i++) {
    if (filter[i] === '>') return tokens.length > i
    if (i >= tokens.length || (filter[i] !== '*' && filter[i] !== tokens[i])) return false
  }
  return filter.length === tokens.length
}

// ── Subjects that belong to the server ──────────────────────────────────────────────────────────────────────

/** What reserved names begin with; where `bare`, the beginning alone is reserved as well. As nats-server has them. */
interface Prefix {
  readonly text: string
  readonly bare: boolean
}
const RESERVED_SUBJECTS: readonly Prefix[] = [
  { text: '_GR_.', bare: false },
  { text: '$GR.', bare: false },
  { text: '$NRG.', bare: true },
]
const RESERVED_REPLIES: readonly Prefix[] = [
  { text: '_R_.', bare: true },
  { text: '$JS.', bare: false },
  { text: '_GR_.', bare: false },
  { text: '$GR.', bare: false },
]
/** The one queue name that is not for clients. */
export const RESERVED_QUEUE = '_sys_'

/** The first two bytes of names that are reserved, as one number. */
const beginnings = (prefixes: readonly Prefix[]): readonly number[] =>
  prefixes.map(({ text }) => pairOf(text.charCodeAt(0), text.charCodeAt(1)))
const SUBJECT_BEGINNINGS = beginnings(RESERVED_SUBJECTS)
const REPLY_BEGINNINGS = beginnings(RESERVED_REPLIES)

function pairOf(first: number, second: number): number {
  return (first << 8) | second
}

/** `_` or `$`: all reserved names begin with one of them, and few subjects do. */
function isMark(byte: number): boolean {
  return byte === 0x5f || byte === 0x24
}

/** Cheap test on two bytes of whether the subject that begins with them can be reserved at all. */
export function mayBeReservedSubject(first: number, second: number): boolean {
  return isMark(first) && SUBJECT_BEGINNINGS.includes(pairOf(first, second))
}

export function mayBeReservedReply(first: number, second: number): boolean {
  return isMark(first) && REPLY_BEGINNINGS.includes(pairOf(first, second))
}

export function isReservedSubject(subject: string): boolean {
  return RESERVED_SUBJECTS.some((prefix) => hasPrefix(subject, prefix))
}

export function isReservedReply(reply: string): boolean {
  return RESERVED_REPLIES.some((prefix) => hasPrefix(reply, prefix))
}

function hasPrefix(name: string, { text, bare }: Prefix): boolean {
  return name.startsWith(text) && (bare || name.length > text.length)
}
