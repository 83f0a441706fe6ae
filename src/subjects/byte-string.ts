// Texts of the wire: what comes from a peer is kept as a byte string, one character a byte, until people are to read
// it.

/** A text as the byte string that stands in subjects. */
export function byteString(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** A byte string's text. */
export function properText(byteString: string): string {
  return Buffer.from(byteString, 'latin1').toString('utf8')
}
