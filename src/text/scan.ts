// Scans text of strangers in single passes: the time of each function depends on the length of the text alone. Regular
// expressions differ: `[ \t]+$` searches for the end again from each blank.
//
// Text is a byte string, one char per byte, unless stated otherwise; a char beyond is in no set.

/** A set of bytes. */
export class Characters {
  private readonly members = new Uint8Array(256)

  /** Members one by one, and as ranges, each by its first and its last: `'az'`. */
  constructor(single: string, ...ranges: readonly string[]) {
    for (const char of single) this.members[char.charCodeAt(0)] = 1
    for (const range of ranges) this.members.fill(1, range.charCodeAt(0), range.charCodeAt(1) + 1)
  }

  has(code: number): boolean {
    return this.members[code] === 1
  }

  /** The end of the members in text[start, end). */
  endOf(text: string, start: number, end: number = text.length): number {
    let at = start
    while (at < end && this.members[text.charCodeAt(at)] === 1) at++
    return at
  }

  /** The offset of the first member, from `start` on; the end of text if there is none. */
  firstIn(text: string, start: number): number {
    let at = start
    while (at < text.length && this.members[text.charCodeAt(at)] !== 1) at++
    return at
  }

  /** The parts of text between members, without empty ones. */
  split(text: string): string[] {
    const parts: string[] = []
    for (let at = 0; at < text.length; ) {
      const end = this.firstIn(text, at)
      if (end > at) parts.push(text.slice(at, end))
      at = end + 1
    }
    return parts
  }

  /** Whether text has nothing else in it. */
  isAll(text: string): boolean {
    return this.endOf(text, 0) === text.length
  }
}

export const DIGITS = new Characters('', '09')
export const LETTERS = new Characters('', 'az', 'AZ')
export const HEX_DIGITS = new Characters('', '09', 'af', 'AF')
/** RFC 9110: what names of methods, headers and cookies are made of. */
export const TOKEN = new Characters("!#$%&'*+-.^_`|~", '09', 'az', 'AZ')
/** No blanks, no controls. */
export const VISIBLE = new Characters('', '!~', '\x80\xff')

const SPACE = 0x20
const TAB = 0x09

/** text[start, end) without the spaces and tabs around it. Of any text. */
export function trimBlanks(text: string, start = 0, end: number = text.length): string {
  let from = start
  let to = end
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}
