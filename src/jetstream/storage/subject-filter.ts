// Filters over the subjects of a store: one, several, or none for all subjects. A filter is compiled once and asked
// about numbered subjects of a table, so that a scan over messages compares each subject once, not once a message.

import { mix } from '../../memory/block.ts'
import type { SubjectTable } from './subject-table.ts'

const DOT = 0x2e

/** What was found out about subjects lately, by number: at its place, (number + 1) * 2, and 1 more if it matches. */
const VERDICTS = 1024

/** A part between two dots. */
interface Token {
  readonly kind: 'literal' | 'any' | 'rest'
  readonly bytes: Buffer
  /** With the dot behind it, where it is not the last. */
  readonly dotted: Buffer
}

export class Pattern {
  readonly bytes: Buffer
  readonly isLiteral: boolean
  private parts: readonly Token[] | undefined

  /** `filter`: a byte string. */
  constructor(filter: string) {
    this.bytes = Buffer.from(filter, 'latin1')
    const isPlain = !filter.includes('*') && !filter.includes('>')
    this.isLiteral = isPlain || this.tokens.every(({ kind }) => kind === 'literal')
  }

  /** Of a name they are needed where other patterns stand beside it. */
  get tokens(): readonly Token[] {
    this.parts ??= tokensOf(this.bytes.toString('latin1'))
    return this.parts
  }
}

export class SubjectFilter {
  /** It matches every subject. */
  readonly isAll: boolean
  /** What it is made of: one of them has to match. None: all subjects match. */
  readonly patterns: readonly Pattern[]
  /** All subjects that can match, if they are known by name. */
  readonly literals: readonly Buffer[] | undefined
  private verdicts: Uint32Array | undefined
  /** The table, and its generation, that the verdicts are about. */
  private table: SubjectTable | undefined
  private generation = 0

  /** `filters`: byte strings. None: all subjects. */
  constructor(filters: readonly string[] = []) {
    this.isAll = filters.length === 0 || filters.includes('>')
    this.patterns = filters.map((filter) => new Pattern(filter))
    const areNamed = !this.isAll && this.patterns.every(({ isLiteral }) => isLiteral)
    this.literals = areNamed ? this.patterns.map(({ bytes }) => bytes) : undefined
  }

  /** Whether it matches the subject in bytes [start, end). */
  matches(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    if (this.isAll) return true
    for (const pattern of this.patterns) if (matchesPattern(pattern, bytes, start, end)) return true
    return false
  }

  /** Whether it matches a subject of a table. */
  accepts(table: SubjectTable, id: number): boolean {
    if (this.isAll) return true
    let { verdicts } = this
    if (verdicts === undefined || this.table !== table || this.generation !== table.generation) {
      verdicts = this.verdicts = new Uint32Array(VERDICTS)
      this.table = table
      this.generation = table.generation
    }
    const place = mix(id) & (VERDICTS - 1)
    const known = verdicts[place]
    if (known >>> 1 === id + 1) return (known & 1) === 1
    const verdict = this.matches(table.arena, table.startOf(id), table.endOf(id))
    verdicts[place] = (id + 1) * 2 + (verdict ? 1 : 0)
    return verdict
  }
}

/** The filter of all subjects. */
export const ALL = new SubjectFilter()

function tokensOf(filter: string): Token[] {
  const texts = filter.split('.')
  return texts.map((text, i) => {
    const kind = text === '*' ? 'any' : text === '>' && i === texts.length - 1 ? 'rest' : 'literal'
    return { kind, bytes: Buffer.from(text, 'latin1'), dotted: Buffer.from(`${text}.`, 'latin1') }
  })
}

/** Whether a pattern matches the subject in bytes [start, end). */
export function matchesPattern(pattern: Pattern, bytes: Uint8Array, start: number, end: number): boolean {
  if (pattern.isLiteral) return end - start === pattern.bytes.length && isAt(pattern.bytes, bytes, start)
  let at = start
  for (const { kind, bytes: token } of pattern.tokens) {
    if (at > end) return false
    if (kind === 'rest') return at < end
    if (kind === 'any') {
      while (at < end && bytes[at] !== DOT) at++
    } else {
      if (at + token.length > end || !isAt(token, bytes, at)) return false
      at += token.length
    }
    if (at < end && bytes[at] !== DOT) return false
    at++
  }
  return at === end + 1
}

function isAt(token: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < token.length; i++) if (bytes[at + i] !== token[i]) return false
  return true
}
