// Reply subjects that nobody else has: a prefix and 22 random characters.

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const LENGTH = 22
/** Bytes from here on would make some characters more likely. */
const FAIR = 256 - (256 % DIGITS.length)

/** 22 characters of 0-9, A-Z, a-z: 131 random bits. */
export function uniqueName(): string {
  let text = ''
  while (text.length < LENGTH) {
    for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH))) {
      if (byte < FAIR && text.length < LENGTH) text += DIGITS[byte % DIGITS.length]
    }
  }
  return text
}

/** A subject for replies. `prefix` must be a subject; default `_INBOX`. */
export function createInbox(prefix = '_INBOX'): string {
  return `${prefix}.${uniqueName()}`
}
