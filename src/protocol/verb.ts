// Verbs, in any letter case.

/** How many bytes of `verb` are in bytes[at, end), where it may be cut; -1 if something else is. */
export function matchVerb(verb: string, bytes: Buffer, at: number, end: number): number {
  const length = Math.min(verb.length, end - at)
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i]
    const upper = byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte
    if (upper !== verb.charCodeAt(i)) return -1
  }
  return length
}
