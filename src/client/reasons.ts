// Why something failed, as one of the classes in errors.ts. An error of the server (`-ERR`) becomes the class that says
// what a program can do about it.

import {
  AuthorizationError,
  PermissionViolationError,
  ProtocolError,
  UserAuthenticationExpiredError,
} from './errors.ts'

/** What stands between the first two quotation marks from `from` on. */
function quoted(text: string, from: number): string | undefined {
  const start = text.indexOf('"', from)
  const end = start < 0 ? -1 : text.indexOf('"', start + 1)
  return end < 0 ? undefined : text.slice(start + 1, end)
}

const PERMISSIONS = 'permissions violation for '

function permissionViolation(text: string): PermissionViolationError | undefined {
  const lower = text.toLowerCase()
  if (!lower.startsWith(PERMISSIONS)) return undefined
  const subject = quoted(text, 0)
  if (subject === undefined) return undefined
  const operation = lower.startsWith('publish', PERMISSIONS.length) ? 'publish' : 'subscription'
  const using = lower.indexOf('using queue')
  return new PermissionViolationError(text, operation, subject, using < 0 ? undefined : quoted(text, using))
}

const AUTHORIZATION = ['authorization violation', 'authentication timeout', 'account authentication expired']

/** The error that a text behind `-ERR` stands for. */
export function serverError(text: string): Error {
  const violation = permissionViolation(text)
  if (violation !== undefined) return violation
  const lower = text.toLowerCase()
  if (lower.includes('user authentication expired')) return new UserAuthenticationExpiredError(text)
  if (AUTHORIZATION.some((one) => lower.includes(one))) return new AuthorizationError(text)
  return new ProtocolError(text)
}

/** Whether the server refused the user, rather than a single operation. */
export function isAuthenticationError(error: unknown): boolean {
  return error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError
}

/** Anything that was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
