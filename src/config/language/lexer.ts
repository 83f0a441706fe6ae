// Bytes of a configuration file in, tokens out (docs/reference/configuration-files.md, "Entries"). The lexer knows
// which brackets are open, because the grammar depends on it; it knows nothing of the meaning of keys. Its memory is
// bounded by its input, and nesting is bounded, so that no file can exhaust the server.
//
// Three states alternate, each with one group of methods below: the key, its value, and the separator behind it.
//
//     file / block:   KEY separator VALUE after  KEY separator VALUE after …
//     map:            { KEY separator VALUE after … }
//     array:          [ VALUE after VALUE after … ]
//
// The errors are those of nats-server, word for word, including its oddities: `[1,2]` is no array of numbers (a number
// ends at a blank, not at a bracket), and a block string that ends the file keeps its bracket.

import {
  ARRAY_END,
  CARRIAGE_RETURN,
  COLON,
  COMMA,
  char,
  DOT,
  DOUBLE_QUOTE,
  isBlank,
  isLineBreak,
  LINE_FEED,
  MAP_END,
  MINUS,
  SEMICOLON,
  SINGLE_QUOTE,
  shown,
} from './characters.ts'
import { Literals } from './literals.ts'
import { isDigit, isSpace } from './runes.ts'
import { END, type Token } from './scanner.ts'

/** What is open: the file itself, braces around (nearly) the whole file, a map, an array. */
type Context = 'file' | 'block' | 'map' | 'array'
/** What is looked for next. `blockEnd`: after braces within braces around the file. */
type Mode = 'key' | 'separator' | 'value' | 'after' | 'blockEnd'

/** Brackets that may be open at once. Real files have a dozen; each open one costs memory here and in the parser. */
export const NESTING_MAX = 1000

/** The expected token behind a value. */
const WANTED: Readonly<Record<Context, string>> = {
  file: 'a top-level value to end with a new line, comment or EOF',
  block: 'a block-level value to end with a new line, comment or EOF',
  map: 'a map value terminator "," or a map terminator "}"',
  array: 'an array value terminator "," or an array terminator "]"',
}

const HASH = char('#')
const SLASH = char('/')
const MAP_START = char('{')
const ARRAY_START = char('[')
const BLOCK_START = char('(')
const BACKSLASH = char('\\')

export class Lexer extends Literals {
  private readonly contexts: Context[] = ['file']
  private mode: Mode = 'key'

  next(): Token {
    for (;;) {
      const token = this.step()
      if (token !== undefined) return token
    }
  }

  private step(): Token | undefined {
    switch (this.mode) {
      case 'key':
        return this.context === 'map' ? this.mapKey() : this.fileKey()
      case 'separator':
        return this.separator()
      case 'value':
        if (this.context === 'array') return this.arrayValue()
        return this.context === 'map' ? this.mapValue() : this.value()
      case 'after':
        return this.afterValue()
      case 'blockEnd':
        return this.afterBlock()
    }
  }

  private get context(): Context {
    return this.contexts[this.contexts.length - 1]
  }

  // ── Tokens ────────────────────────────────────────────────────────────────────────────────────────────────

  /** A key, behind which its separator is looked for. */
  private keyToken(): Token {
    this.mode = 'separator'
    return this.token('key')
  }

  private open(kind: 'arrayStart' | 'mapStart'): Token {
    this.drop()
    const refusal = this.push(kind === 'arrayStart' ? 'array' : 'map')
    if (refusal !== undefined) return refusal
    this.mode = kind === 'arrayStart' ? 'value' : 'key'
    return this.token(kind)
  }

  private push(context: Context): Token | undefined {
    if (this.contexts.length > NESTING_MAX) return this.error(`More than ${NESTING_MAX} brackets are open.`)
    this.contexts.push(context)
    return undefined
  }

  private close(kind: 'arrayEnd' | 'mapEnd'): Token {
    this.contexts.pop()
    this.drop()
    this.mode = 'after'
    return this.token(kind)
  }

  // ── Keys ──────────────────────────────────────────────────────────────────────────────────────────────────

  private fileKey(): Token | undefined {
    const rune = this.peek()
    if (isSpace(rune) || rune === HASH) return this.skip(rune)
    if (this.commentAt(this.at)) return this.comment()
    if (rune === END || rune === SLASH) return this.atEnd ? this.token('end') : this.error('Unexpected EOF.')
    if (rune === MAP_START) {
      this.take()
      this.drop()
      return this.push('block')
    }
    if (rune === MAP_END && this.context === 'block') {
      this.take()
      return this.closeBlock()
    }
    if (isKeySeparator(rune)) return this.error(`Unexpected key separator '${shown(rune)}'`)
    return this.key(rune)
  }

  private mapKey(): Token | undefined {
    const rune = this.peek()
    if (isKeySeparator(rune)) return this.error(`Unexpected key separator '${shown(rune)}'.`)
    if (rune === ARRAY_END) return this.error(`Unexpected array end ']' processing map.`)
    if (isSpace(rune) || rune === HASH) return this.skip(rune)
    if (rune === MAP_END) {
      this.take()
      return this.close('mapEnd')
    }
    if (rune === SLASH) {
      if (this.commentAt(this.at)) return this.comment()
      this.take()
      return this.key(END) // a lone slash is passed over, whatever follows begins the key
    }
    if (rune === END) return this.error('Unexpected EOF processing map.')
    return this.key(rune)
  }

  private key(first: number): Token | undefined {
    if (first === SINGLE_QUOTE || first === DOUBLE_QUOTE) return this.quotedKey(first)
    const inMap = this.context === 'map'
    this.drop()
    this.take()
    for (;;) {
      const rune = this.peek()
      if (isSpace(rune)) {
        if (this.bytes.slice(this.start, this.at).toLowerCase() !== 'include') return this.keyToken()
        this.drop()
        return this.include()
      }
      if (rune === END && inMap) return this.error('Unexpected EOF processing map key.')
      if (rune === END || isKeySeparator(rune)) return this.keyToken()
      this.take()
    }
  }

  private quotedKey(quote: number): Token | undefined {
    this.take()
    this.drop()
    for (let rune = this.peek(); rune !== quote; rune = this.peek()) {
      if (rune === END) return this.keyEnded(quote)
      this.take()
    }
    return this.closed(this.keyToken())
  }

  private keyEnded(quote: number): Token {
    if (this.context !== 'map') return this.ended()
    return this.error(`Unexpected EOF processing ${quote === SINGLE_QUOTE ? '' : 'double '}quoted map key.`)
  }

  /** Between a key and its value: `=`, `:`, or nothing but space. */
  private separator(): Token | undefined {
    const rune = this.take()
    if (isSpace(rune)) {
      this.drop()
      return undefined
    }
    if (rune === END && this.context !== 'map') return this.token('end')
    this.mode = 'value'
    if (isKeySeparator(rune)) this.drop()
    else this.back()
    return undefined
  }

  private include(): Token {
    this.mode = 'after'
    let rune = this.takeBehindBlanks()
    if (rune === SINGLE_QUOTE || rune === DOUBLE_QUOTE) {
      this.drop()
      const ended = rune === SINGLE_QUOTE ? 'quoted' : 'double quoted'
      return this.quoted(rune, 'include') ?? this.error(`Unexpected EOF in ${ended} include`)
    }
    const wrong = wrongInclude(rune)
    if (wrong !== undefined) return this.error(`Expected include value but found ${wrong}`)
    this.back()
    for (;;) {
      rune = this.take()
      const quote = rune === SINGLE_QUOTE
      if (!quote && !isLineBreak(rune) && rune !== END && rune !== SEMICOLON && rune !== MAP_END && !isBlank(rune))
        continue
      this.back()
      const token = this.token('include')
      return quote ? this.closed(token) : token
    }
  }

  // ── Values ────────────────────────────────────────────────────────────────────────────────────────────────

  private value(): Token {
    this.mode = 'after'
    const rune = this.takeBehindBlanks()
    switch (rune) {
      case ARRAY_START:
        return this.open('arrayStart')
      case MAP_START:
        return this.open('mapStart')
      case SINGLE_QUOTE:
        this.drop()
        return this.quoted(SINGLE_QUOTE, 'string') ?? this.ended()
      case DOUBLE_QUOTE:
        this.drop()
        return this.doubleQuoted()
      case BLOCK_START:
        this.drop()
        return this.blockString()
      case MINUS:
        return this.negative()
      case DOT:
        return this.error('Floats must start with a digit')
      case LINE_FEED:
      case CARRIAGE_RETURN:
        return this.error('Expected value but found new line')
    }
    if (isDigit(rune)) return this.number()
    this.back()
    return this.bare()
  }

  private mapValue(): Token | undefined {
    const rune = this.peek()
    if (isSpace(rune)) return this.skip(rune)
    if (rune === COMMA) {
      this.take()
      return this.error('Unexpected map value terminator ",".')
    }
    if (rune === MAP_END) {
      this.take()
      return this.close('mapEnd')
    }
    return this.value()
  }

  private arrayValue(): Token | undefined {
    const rune = this.peek()
    if (isSpace(rune) || rune === HASH) return this.skip(rune)
    if (this.commentAt(this.at)) return this.comment()
    if (rune === SLASH || rune === COMMA) {
      this.take()
      return this.error("Unexpected array value terminator ','.")
    }
    if (rune === ARRAY_END) {
      this.take()
      return this.close('arrayEnd')
    }
    return this.value()
  }

  // ── Behind a value ────────────────────────────────────────────────────────────────────────────────────────

  private afterValue(): Token | undefined {
    const { context } = this
    const rune = this.take()
    if (rune === HASH) return this.comment(context === 'file' ? 'key' : 'after')
    const slash = rune === SLASH
    if (this.commentAt(this.at - 1)) return this.comment(context === 'file' ? 'key' : 'after')
    if (isBlank(rune) || (slash && (context === 'file' || context === 'block'))) return undefined
    if (rune === COMMA || isLineBreak(rune) || slash || (rune === SEMICOLON && context !== 'array')) {
      return this.wantNext(context === 'array' ? 'value' : 'key')
    }
    if (context === 'file' && (rune === MAP_END || rune === END)) return this.wantNext('key')
    if (context === 'block' && rune === MAP_END) return this.closeBlock()
    if (context === 'map' && rune === MAP_END) return this.close('mapEnd')
    if (context === 'array' && rune === ARRAY_END) return this.close('arrayEnd')
    return this.error(`Expected ${WANTED[context]}, but got '${shown(rune)}' instead.`)
  }

  private wantNext(mode: 'key' | 'value'): undefined {
    this.drop()
    this.mode = mode
  }

  /** Braces around the file, or around such braces, close. */
  private closeBlock(): undefined {
    this.contexts.pop()
    this.drop()
    this.mode = this.context === 'block' ? 'blockEnd' : 'key'
  }

  private afterBlock(): Token | undefined {
    const rune = this.take()
    if (rune === HASH) return this.comment('key')
    if (this.commentAt(this.at - 1)) return this.comment('key')
    if (rune === SLASH || isBlank(rune) || isLineBreak(rune)) return undefined
    if (rune === SEMICOLON || rune === COMMA) return this.wantNext('key')
    if (rune === MAP_END) return this.closeBlock()
    return this.error(`Expected a block-level to end with a '}', but got '${shown(rune)}' instead.`)
  }

  private takeBehindBlanks(): number {
    let rune = this.take()
    while (isBlank(rune)) {
      this.drop()
      rune = this.take()
    }
    return rune
  }

  // ── Space and comments ────────────────────────────────────────────────────────────────────────────────────

  /** Passes over a space, or over a comment that begins with #. */
  private skip(rune: number): undefined {
    if (rune === HASH) return this.comment()
    this.take()
    this.drop()
  }

  private commentAt(at: number): boolean {
    return this.bytes.startsWith('//', at)
  }

  /** Passes over a comment, up to the end of its line. */
  private comment(mode: Mode = this.mode): undefined {
    for (let rune = this.peek(); rune !== END && !isLineBreak(rune); rune = this.peek()) this.take()
    this.drop()
    this.mode = mode
  }
}

function isKeySeparator(rune: number): boolean {
  return rune === char('=') || rune === COLON
}

function wrongInclude(rune: number): string | undefined {
  if (rune === ARRAY_START) return 'start of an array'
  if (rune === MAP_START) return 'start of a map'
  if (rune === BLOCK_START) return 'start of a block'
  if (isDigit(rune) || rune === MINUS) return 'start of a number'
  if (rune === BACKSLASH) return 'escape sequence'
  return isLineBreak(rune) ? 'new line' : undefined
}
