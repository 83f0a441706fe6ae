// Searches for a word in many short texts. It runs for every message with headers, so it allocates nothing and reads
// few bytes: it skips the length of the word at bytes that are not part of it (Horspool).

export class Needle {
  private readonly word: Uint8Array
  private readonly ignoresCase: boolean
  /** Its last byte, in either case. */
  private readonly last: number
  private readonly lastUpper: number
  /** By byte: how far the search may go on where the window ends with it. */
  private readonly skip = new Uint8Array(256)

  /** `word` is ASCII, at most 255 bytes; in lower case where case does not matter. */
  constructor(word: string, ignoresCase: boolean) {
    this.word = new Uint8Array(Buffer.from(word, 'latin1'))
    this.ignoresCase = ignoresCase
    this.last = word.charCodeAt(word.length - 1)
    this.lastUpper = ignoresCase ? word.toUpperCase().charCodeAt(word.length - 1) : this.last
    this.skip.fill(word.length)
    for (let i = 0; i < word.length - 1; i++) {
      this.skip[word.charCodeAt(i)] = word.length - 1 - i
      if (ignoresCase) this.skip[word.toUpperCase().charCodeAt(i)] = word.length - 1 - i
    }
  }

  /** Whether any of `count` texts has the word in it: each of `length` bytes, the first at `start`, `stride` apart. */
  isInAny(bytes: Uint8Array, start: number, length: number, stride: number, count: number): boolean {
    const { skip, last, lastUpper } = this
    const toLast = this.word.length - 1
    for (let i = 0; i < count; i++, start += stride) {
      const end = start + length
      for (let at = start + toLast; at < end; at += skip[bytes[at]]) {
        const byte = bytes[at]
        if ((byte === last || byte === lastUpper) && this.endsAt(bytes, at)) return true
      }
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
