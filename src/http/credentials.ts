// The Authorization header as credentials of CONNECT. An nkey cannot come by HTTP: nothing answers a nonce.

import type { Auth } from '../client/authenticator.ts'
import { type Problem, Problems } from './problems.ts'

/**
 * `undefined` is no header: no credentials. A bearer token is a token, or in operator mode the JWT of a user that is a
 * bearer itself.
 */
export function readCredentials(header: string | undefined, isOperatorMode: boolean): { auth: Auth } | Problem {
  if (header === undefined) return { auth: undefined }
  const blank = header.indexOf(' ')
  const scheme = header.slice(0, Math.max(0, blank)).toLowerCase()
  const value = header.slice(blank + 1).trim()
  if (scheme === 'bearer') return { auth: isOperatorMode ? { jwt: value } : { auth_token: value } }
  if (scheme !== 'basic') return Problems.unauthorized('use Basic or Bearer authentication')
  const text = Buffer.from(value, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon < 0) return Problems.unauthorized('Basic credentials must be the base64 of user:password')
  return { auth: { user: text.slice(0, colon), pass: text.slice(colon + 1) } }
}
