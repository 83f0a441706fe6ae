// The eight characters that nats-server makes of a longer name, where two servers have to make the same.

import { hash } from 'node:crypto'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const LENGTH = 8

export function shortHash(text: string): string {
  const bytes = hash('sha256', text, 'buffer').subarray(0, LENGTH)
  return Array.from(bytes, (byte) => DIGITS[byte % DIGITS.length]).join('')
}
