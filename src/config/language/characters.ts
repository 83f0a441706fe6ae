// The special characters of a configuration file, and what ends a value.

import { END } from './scanner.ts'

export function char(text: string): number {
  return text.charCodeAt(0)
}

export const LINE_FEED = char('\n')
export const CARRIAGE_RETURN = char('\r')
export const SINGLE_QUOTE = char("'")
export const DOUBLE_QUOTE = char('"')
export const COMMA = char(',')
export const SEMICOLON = char(';')
export const COLON = char(':')
export const DOT = char('.')
export const MINUS = char('-')
export const MAP_END = char('}')
export const ARRAY_END = char(']')

/** Space within a line. */
export function isBlank(rune: number): boolean {
  return rune === 0x20 || rune === 0x09
}

export function isLineBreak(rune: number): boolean {
  return rune === LINE_FEED || rune === CARRIAGE_RETURN
}

export function endsNumber(rune: number): boolean {
  return isLineBreak(rune) || rune === END || rune === MAP_END || rune === SEMICOLON || rune === COMMA || isBlank(rune)
}

/** What ends a text without quotes. */
export function endsText(rune: number): boolean {
  return endsNumber(rune) || rune === ARRAY_END
}

/** A character as complaints show it. */
export function shown(rune: number): string {
  return rune === LINE_FEED ? '\\n' : String.fromCodePoint(rune)
}
