// DER, the encoding of certificates and OCSP: a tag, a length, the content. Every length is checked; any deviation
// throws Unreadable, which each reading file catches.

export const BOOLEAN = 0x01
export const INTEGER = 0x02
export const BIT_STRING = 0x03
export const OCTET_STRING = 0x04
export const NULL = 0x05
export const OBJECT_IDENTIFIER = 0x06
export const ENUMERATED = 0x0a
export const GENERALIZED_TIME = 0x18
export const SEQUENCE = 0x30
export const SET = 0x31

export class Unreadable extends Error {}

/** Reads DER values one after the other. */
export class Reader {
  private readonly bytes: Buffer
  private at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length
  }

  /** The tag of the next value. */
  get tag(): number {
    if (this.atEnd) throw new Unreadable()
    return this.bytes[this.at]
  }

  /** The content of the next value, which must have this tag. */
  take(tag: number): Buffer {
    if (this.tag !== tag) throw new Unreadable()
    const start = this.header()
    return this.bytes.subarray(start, this.at)
  }

  /** The next value with its tag and length. */
  takeWhole(tag: number): Buffer {
    const start = this.at
    this.take(tag)
    return this.bytes.subarray(start, this.at)
  }

  skip(): void {
    this.header()
  }

  end(): void {
    if (!this.atEnd) throw new Unreadable()
  }

  /** The contents of all that is left, each of which must have this tag. */
  *all(tag: number): Generator<Buffer> {
    while (!this.atEnd) yield this.take(tag)
  }

  /** Moves behind the next value; returns where its content starts. */
  private header(): number {
    const { bytes } = this
    const from = this.at
    let start = from + 2
    let length = bytes[from + 1]
    if (length === undefined || (bytes[from] & 0x1f) === 0x1f) throw new Unreadable()
    if (length & 0x80) {
      const size = length & 0x7f
      start += size
      if (size === 0 || size > 4 || start > bytes.length) throw new Unreadable()
      length = bytes.readUIntBE(from + 2, size)
    }
    if (start + length > bytes.length) throw new Unreadable()
    this.at = start + length
    return start
  }
}

/** Dotted numbers. */
export function readOid(bytes: Buffer): string {
  const arcs: number[] = []
  let arc = 0
  for (const [i, byte] of bytes.entries()) {
    arc = arc * 128 + (byte & 0x7f)
    if (!Number.isSafeInteger(arc)) throw new Unreadable()
    if (byte & 0x80) {
      if (i === bytes.length - 1) throw new Unreadable()
      continue
    }
    arcs.push(arc)
    arc = 0
  }
  if (arcs.length === 0) throw new Unreadable()
  const [first, ...rest] = arcs
  const root = Math.min(2, Math.floor(first / 40))
  return [root, first - root * 40, ...rest].join('.')
}

/** A value of these contents, one after the other. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  const digits = length.toString(16)
  const size = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | size.length]), size, content])
}
