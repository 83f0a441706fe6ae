// Names by chance, as clients of NATS make them.

import type { Random } from '../../test/support/random.ts'

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const INBOX_LENGTH = 22

export const name = (random: Random, length: number): string =>
  Array.from({ length }, () => DIGITS[random.below(DIGITS.length)]).join('')

/** Behind it and a dot come the tokens of replies. */
export const inbox = (random: Random): string => `_INBOX.${name(random, INBOX_LENGTH)}`
