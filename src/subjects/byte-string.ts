// Texts of the wire format: input of a peer is kept as a byte string, one character per byte, until it is displayed.

/** A text as a byte string for subjects. */
export function byteString(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** A byte string's text. */
export function properText(byteString: string): string {
  return Buffer.from(byteString, 'latin1').toString('utf8')
}
