// A place in a configuration file that moves forward a character at a time and knows its line and column. The lexer
// is built on it.
//
// Columns are counted as nats-server counts them, because scripts and editors read them: from the line feed before
// the line, in bytes, backwards from the end of an item by the item's length.

import { runeValue, runeWidth, textOf } from './runes.ts'

export type TokenKind =
  | 'key'
  | 'string'
  | 'boolean'
  | 'integer'
  | 'float'
  | 'datetime'
  | 'variable'
  | 'include'
  | 'arrayStart'
  | 'arrayEnd'
  | 'mapStart'
  | 'mapEnd'
  | 'end'
  | 'error'

export interface Token {
  readonly kind: TokenKind
  /** Text of the item; for an error, what is wrong. */
  readonly text: string
  readonly line: number
  /** Where it began; 0 for an error that is reported by its line alone. */
  readonly column: number
}

/** What reading gives at the end. A zero byte in the file reads the same. */
export const END = 0

export class Scanner {
  /** The file's bytes, one char each. */
  protected readonly bytes: string
  /** The next byte to be read. */
  protected at = 0
  /** First byte of the item that is being read. */
  protected start = 0
  protected line = 1
  /** Bytes of the latest character, for stepping back over it once. */
  private width = 0
  /** The latest line feed that was seen, even if it was stepped back over. */
  private lineStart = 0
  /** The same, when the item began. */
  private itemLineStart = 0
  /** What an item already has from before its latest escape. */
  protected before = ''

  constructor(bytes: string) {
    this.bytes = bytes
  }

  /** Reads a character. */
  protected take(): number {
    if (this.at >= this.bytes.length) {
      this.width = 0
      return END
    }
    const first = this.bytes.charCodeAt(this.at)
    if (first < 0x80) {
      if (first === 0x0a) {
        this.line++
        this.lineStart = this.at
      }
      this.width = 1
      this.at++
      return first
    }
    this.width = runeWidth(this.bytes, this.at)
    const rune = runeValue(this.bytes, this.at, this.width)
    this.at += this.width
    return rune
  }

  /** Steps back over the character read last. */
  protected back(): void {
    this.at -= this.width
    if (this.at < this.bytes.length && this.bytes.charCodeAt(this.at) === 0x0a) this.line--
  }

  protected peek(): number {
    const rune = this.take()
    this.back()
    return rune
  }

  /** What was read so far belongs to no item. */
  protected drop(): void {
    this.start = this.at
    this.itemLineStart = this.lineStart
  }

  protected get atEnd(): boolean {
    return this.at >= this.bytes.length
  }

  /** Ends the item here. */
  protected token(kind: TokenKind): Token {
    const text = this.before + this.bytes.slice(this.start, this.at)
    const column = this.at - this.itemLineStart - text.length
    this.before = ''
    this.drop()
    return { kind, text: textOf(text), line: this.line, column }
  }

  protected error(text: string): Token {
    return { kind: 'error', text, line: this.line, column: 0 }
  }
}
