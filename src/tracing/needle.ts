// A word that is looked for in many short texts. It is asked about every message with headers, so it allocates nothing
// and looks at few bytes: of those that cannot be part of the word it skips the word's length (Horspool).

export class Needle {
  private readonly word: Uint8Array
  private readonly ignoresCase: boolean
  /** By byte: how far the search may go on where the window ends with it. */
  private readonly skip = new Uint8Array(256)

  /** `word` is ASCII, at most 255 bytes; in lower case where case does not matter. */
  constructor(word: string, ignoresCase: boolean) {
    this.word = new Uint8Array(Buffer.from(word, 'latin1'))
    this.ignoresCase = ignoresCase
    this.skip.fill(word.length)
    for (let i = 0; i < word.length - 1; i++) {
      this.skip[word.charCodeAt(i)] = word.length - 1 - i
      if (ignoresCase) this.skip[word.toUpperCase().charCodeAt(i)] = word.length - 1 - i
    }
  }

  /** Whether bytes[start, end) has the word in it. */
  isIn(bytes: Uint8Array, start: number, end: number): boolean {
    const { skip } = this
    const last = this.word.length - 1
    for (let at = start + last; at < end; at += skip[bytes[at]]) {
      if (this.endsAt(bytes, at)) return true
    }
    return false
  }

  private endsAt(bytes: Uint8Array, at: number): boolean {
    const { word, ignoresCase } = this
    const from = at - word.length + 1
    for (let i = word.length - 1; i >= 0; i--) {
      const byte = bytes[from + i]
      if (byte !== word[i] && !(ignoresCase && isUpper(byte) && (byte | 0x20) === word[i])) return false
    }
    return true
  }
}

function isUpper(byte: number): boolean {
  return byte >= 65 && byte <= 90
}
