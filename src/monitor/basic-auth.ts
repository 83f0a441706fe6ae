// A user and a password for all pages (HTTP Basic), if they are set. Compared in constant time: both sides are hashed
// with a key of their own first, so that the time depends neither on their content nor on their length.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { textAnswer } from './answer.ts'

export const UNAUTHORIZED = textAnswer('401 unauthorized\n', 401, {
  'Content-Type': 'text/plain; charset=utf-8',
  'WWW-Authenticate': 'Basic realm="Heddle monitoring", charset="UTF-8"',
})

export class BasicAuth {
  private readonly key = randomBytes(32)
  private readonly expected: Buffer | undefined

  /** Two empty texts: no password is required. */
  constructor(user: string, password: string) {
    this.expected = user === '' && password === '' ? undefined : this.digest(`${user}:${password}`)
  }

  /** Whether a request with this Authorization header may see the pages. */
  allows(authorization: string): boolean {
    if (this.expected === undefined) return true
    const credentials = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization.trim())?.[1] ?? ''
    return timingSafeEqual(this.digest(Buffer.from(credentials, 'base64').toString('utf8')), this.expected)
  }

  private digest(text: string): Buffer {
    return createHmac('sha256', this.key).update(text).digest()
  }
}
