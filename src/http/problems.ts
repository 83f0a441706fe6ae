// Refusals of requests: a status, a code for programs and a text for people, which go out as JSON.

import { AuthorizationError, PermissionViolationError } from '../client/errors.ts'
import { isAuthenticationError } from '../client/reasons.ts'

export interface Problem {
  readonly status: number
  readonly code: string
  readonly text: string
  /** Headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>
}

const problem = (status: number, code: string, text: string, headers?: Problem['headers']): Problem =>
  Object.freeze({ status, code, text, ...(headers === undefined ? {} : { headers }) })

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="heddle", charset="UTF-8"' }

export const Problems = {
  badRequest: (text: string) => problem(400, 'bad_request', text),
  unauthorized: (text: string) => problem(401, 'unauthorized', text, CHALLENGE),
  permission: (text: string) => problem(403, 'permission_violation', text),
  origin: problem(403, 'origin_not_allowed', 'the origin of the page is not among allowed_origins'),
  notFound: problem(404, 'not_found', 'there are /v1/subjects/SUBJECT and /v1/requests/SUBJECT'),
  method: (allowed: string) =>
    problem(405, 'method_not_allowed', `the methods here are ${allowed}`, { Allow: allowed }),
  notAcceptable: problem(406, 'not_acceptable', 'messages come as text/event-stream: say so in Accept'),
  late: problem(408, 'timeout', 'the body did not come in time'),
  payload: (max: number) => problem(413, 'payload_too_large', `headers and body may have ${max} bytes`),
  internal: problem(500, 'internal', 'a bug; the log of the server says more'),
  noResponders: (subject: string) => problem(503, 'no_responders', `nobody is subscribed to ${subject}`),
  unavailable: (text: string) => problem(503, 'unavailable', text),
  timeout: (ms: number) => problem(504, 'timeout', `no answer came in ${ms} ms`),
} as const

export function isProblem(answer: object): answer is Problem {
  return 'status' in answer && 'code' in answer && 'text' in answer
}

/** What a `-ERR` of the server, or the end of the client, is to the request that met it. */
export function problemOf(error: Error): Problem {
  if (error instanceof PermissionViolationError) return Problems.permission(error.message)
  if (error instanceof AuthorizationError || isAuthenticationError(error)) return Problems.unauthorized(error.message)
  if (/^maximum control line/i.test(error.message)) return Problems.badRequest('the subject is too long')
  return Problems.unavailable(error.message)
}
