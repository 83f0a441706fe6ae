// How single values are written (docs/reference/configuration-files.md, "Values"): texts in quotes, without, and in
// brackets; numbers, sizes, dates and addresses. The lexer calls these when it has seen how a value begins; each
// returns one token.

import { beginsSuffix, continuesSuffix } from '../blocks/sizes.ts'
import {
  COLON,
  char,
  DOT,
  DOUBLE_QUOTE,
  endsNumber,
  endsText,
  isLineBreak,
  LINE_FEED,
  MINUS,
  SINGLE_QUOTE,
  shown,
} from './characters.ts'
import { isDigit, textOf } from './runes.ts'
import { END, Scanner, type Token } from './scanner.ts'

const BACKSLASH = char('\\')
const BLOCK_END = char(')')
const BOOLEANS = new Set(['true', 'false', 'on', 'off', 'yes', 'no'])
const ESCAPES = new Map([
  [char('t'), '\t'],
  [char('n'), '\n'],
  [char('r'), '\r'],
  [DOUBLE_QUOTE, '"'],
  [BACKSLASH, '\\'],
])
const HEX_ENDED = "Expected two hexadecimal digits after '\\x', but hit end of line"

export class Literals extends Scanner {
  /** The file ends within quotes: an empty text there passes for the end of the file. */
  protected ended(): Token {
    return this.at > this.start ? this.error('Unexpected EOF.') : this.token('end')
  }

  /** Passes over the quote or bracket behind an item. */
  protected closed(token: Token): Token {
    this.take()
    this.drop()
    return token
  }

  /** Text up to a quote, taken raw; undefined if the file ends first. */
  protected quoted(quote: number, kind: 'string' | 'include'): Token | undefined {
    for (;;) {
      const rune = this.take()
      if (rune === END) return undefined
      if (rune !== quote) continue
      this.back()
      return this.closed(this.token(kind))
    }
  }

  protected doubleQuoted(): Token {
    for (;;) {
      const rune = this.take()
      if (rune === END) return this.ended()
      if (rune === BACKSLASH) {
        const refusal = this.escape()
        if (refusal !== undefined) return refusal
      } else if (rune === DOUBLE_QUOTE) {
        this.back()
        return this.closed(this.token('string'))
      }
    }
  }

  /** Text without quotes, up to what ends it; it may turn out to be a boolean or a variable. */
  protected bare(): Token {
    let escaped = false
    for (;;) {
      const rune = this.take()
      if (rune === BACKSLASH) {
        escaped = true
        const refusal = this.escape()
        if (refusal !== undefined) return refusal
        continue
      }
      const quote = rune === SINGLE_QUOTE
      if (!quote && !endsText(rune)) continue
      this.back()
      const token = quote || escaped ? this.token('string') : this.word()
      return quote ? this.closed(token) : token
    }
  }

  private word(): Token {
    const text = this.bytes.slice(this.start, this.at)
    if (BOOLEANS.has(text.toLowerCase())) return this.token('boolean')
    if (this.bytes[this.start] !== '$') return this.token('string')
    this.start++
    return this.token('variable')
  }

  /** Behind a backslash. */
  private escape(): Token | undefined {
    this.before += this.bytes.slice(this.start, this.at - 1)
    const rune = this.take()
    let text = ESCAPES.get(rune)
    if (rune === char('x')) {
      if (isLineBreak(this.take()) || isLineBreak(this.take())) return this.error(HEX_ENDED)
      const digits = this.bytes.slice(this.at - 2, this.at)
      if (!/^[0-9a-fA-F]{2}$/.test(digits)) {
        return this.error(`Expected two hexadecimal digits after '\\x', but got '${textOf(digits)}'`)
      }
      text = String.fromCharCode(Number.parseInt(digits, 16))
    }
    if (text === undefined) {
      const allowed = String.raw`Only the following escape characters are allowed: \xXX, \t, \n, \r, \", \\.`
      return this.error(`Invalid escape character '${shown(rune)}'. ${allowed}`)
    }
    this.before += text
    this.start = this.at
    return undefined
  }

  /** Text in brackets, the closing one alone at the beginning of a line. */
  protected blockString(): Token {
    for (;;) {
      const rune = this.take()
      if (rune === END) return this.error('Unexpected EOF processing block.')
      if (rune !== BLOCK_END || this.bytes.charCodeAt(this.at - 2) !== LINE_FEED) continue
      const atEnd = this.atEnd
      const next = this.peek()
      if (next !== LINE_FEED && next !== END) continue
      if (!atEnd) this.at--
      return this.closed(this.token('string'))
    }
  }

  // ── Numbers ───────────────────────────────────────────────────────────────────────────────────────────────

  /** What begins with a digit: an integer, with a size's suffix perhaps, a float, a date, an address, or any text. */
  protected number(): Token {
    for (;;) {
      const rune = this.take()
      if (rune === MINUS) {
        if (this.at - this.start !== 5) return this.error('All ISO8601 dates must be in full Zulu form.')
        return this.date()
      }
      if (isDigit(rune)) continue
      if (rune === DOT) return this.float()
      if (beginsSuffix(rune)) return this.suffix()
      if (!endsNumber(rune)) return this.bare()
      this.back()
      return this.token('integer')
    }
  }

  protected negative(): Token {
    let rune = this.take()
    if (rune === DOT) return this.error("Floats must start with a digit, not '.'.")
    if (!isDigit(rune)) return this.error(`Expected a digit but got '${shown(rune)}'.`)
    while (isDigit(rune)) rune = this.take()
    if (rune === DOT) return this.float()
    if (beginsSuffix(rune)) return this.suffix()
    this.back()
    return this.token('integer')
  }

  private suffix(): Token {
    let rune = this.take()
    while (continuesSuffix(rune)) rune = this.take()
    this.back()
    return endsNumber(rune) ? this.token('integer') : this.bare()
  }

  /** Behind the point; a second point makes an address of it. */
  private float(): Token {
    let rune = this.take()
    if (!isDigit(rune)) {
      return this.error(`Floats must have a digit after the '.', but got '${shown(rune)}' instead.`)
    }
    while (isDigit(rune)) rune = this.take()
    if (rune !== DOT) {
      this.back()
      return this.token('float')
    }
    while (isDigit(rune) || rune === DOT || rune === COLON || rune === MINUS) rune = this.take()
    this.back()
    return this.token('string')
  }

  private date(): Token {
    for (const wanted of '00-00T00:00:00Z') {
      const rune = this.take()
      if (wanted === '0' ? isDigit(rune) : rune === char(wanted)) continue
      const missing = wanted === '0' ? 'digit' : `'${wanted}'`
      return this.error(`Expected ${missing} in ISO8601 datetime, but found '${shown(rune)}' instead.`)
    }
    return this.token('datetime')
  }
}
