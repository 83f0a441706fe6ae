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

export interface Pattern {
  readonly bytes: Buffer
  readonly isLiteral: boolean
  readonly tokens: readonly Token[]
}

export class SubjectFilter {
  /** It matches every subject. */
  readonly isAll: boolean
  /** What it is made of: one of them has to match. None: all subjects match. */
  readonly patterns: readonly Pattern[]
  private verdicts: Uint32Array | undefined
  /** The table, and its generation, that the verdicts are about. */
  private table: SubjectTable | undefined
  private generation = 0

  /** `filters`: byte strings. None: all subjects. */
  constructor(filters: readonly string[] = []) {
    this.isAll = filters.length === 0 || filters.includes('>')
    this.patterns = filters.map(compile)
  }

  /** The subject, if it is the only one that can match. */
  get literal(): Buffer | undefined {
    return this.isAll || this.patterns.length > 1 || !this.patterns[0].isLiteral ? undefined : this.patterns[0].bytes
  }

  /** All subjects that can match, if they are known by name. */
  get literals(): readonly Buffer[] | undefined {
    return this.isAll || this.patterns.some(({ isLiteral }) => !isLiteral)
      ? undefined
      : this.patterns.map(({ bytes }) => bytes)
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

function compile(filter: string): Pattern {
  const texts = filter.split('.')
  const tokens = texts.map((text, i): Token => {
    const kind = text === '*' ? 'any' : text === '>' && i === texts.length - 1 ? 'rest' : 'literal'
    return { kind, bytes: Buffer.from(text, 'latin1'), dotted: Buffer.from(`${text}.`, 'latin1') }
  })
  const isLiteral = tokens.every(({ kind }) => kind === 'literal')
  return { bytes: Buffer.from(filter, 'latin1'), isLiteral, tokens }
}

/** Whether a pattern matches the subject in bytes [start, end). */
export function matchesPattern(
  { tokens, isLiteral, bytes: literal }: Pattern,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (isLiteral) return end - start === literal.length && isAt(literal, bytes, start)
  let at = start
  for (const { kind, bytes: token } of tokens) {
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
