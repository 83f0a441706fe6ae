// Authentication by the embedding program (docs/reference/authentication.md, "Custom authentication"). Its function
// replaces all configured ways. It runs on the primary thread; shards call it through primary-rpc.ts. Its argument and
// its answer are plain data, and the answer is validated like any foreign input.

import type { ConnectionType, Permissions, SubjectRules } from '../options/shapes.ts'
import { GLOBAL_ACCOUNT } from '../options/shapes.ts'
import { type Identity, identity, type Refusal, refuse } from './identity.ts'
import type { AuthRequest, Credentials } from './request.ts'

/** The function's argument. A nonce was sent in INFO; `signature` is the client's signature of it. */
export interface AuthenticateRequest extends Credentials {
  readonly nonce: string
  /** What CONNECT says of the client's program. */
  readonly name: string
  readonly lang: string
  readonly version: string
  readonly ip: string
  readonly connectionId: number
  readonly connectionType: ConnectionType
  /** Names of the client's certificate. */
  readonly certificateNames: readonly string[]
}

/** A user that may log in. */
export interface AuthenticateAnswer {
  /** Name for monitoring and logs. */
  readonly user: string
  /** Default: the global account, `$G`. */
  readonly account?: string | undefined
  /** Default: everything is allowed. */
  readonly permissions?: Permissions | undefined
  /** When the connection is closed, in milliseconds of the wall clock. Default: never. */
  readonly expiresAtMs?: number | undefined
  /** Subscriptions, and bytes of one message. Default: as the account and the server have them. */
  readonly maxSubscriptions?: number | undefined
  readonly maxPayload?: number | undefined
}

/** Anything but an answer, as well as an exception, keeps the client out. */
export type Authenticate = (
  request: AuthenticateRequest,
) => AuthenticateAnswer | undefined | null | false | Promise<AuthenticateAnswer | undefined | null | false>

/** What crosses to the thread of the function. */
export function authenticateRequest(request: AuthRequest): AuthenticateRequest {
  const { credentials, client, certificate } = request
  const { user, password, token, jwt, nkey, signature, proxySignature } = credentials
  return {
    ...{ user, password, token, jwt, nkey, signature, proxySignature },
    nonce: request.nonce,
    name: client.name,
    lang: client.lang,
    version: client.version,
    ip: request.ip,
    connectionId: request.connectionId,
    connectionType: request.connectionType,
    certificateNames: certificate?.names ?? [],
  }
}

/** Asks the function. Never rejects; what it throws is the cause in our log. */
export async function askCustom(
  authenticate: Authenticate,
  request: AuthenticateRequest,
  hasAccount: (name: string) => boolean,
): Promise<Identity | Refusal> {
  try {
    return identityOf(await authenticate(request), hasAccount)
  } catch (error) {
    return refuse(`authenticate() failed: ${error instanceof Error ? error.message : 'it threw no Error'}`)
  }
}

function identityOf(answer: unknown, hasAccount: (name: string) => boolean): Identity | Refusal {
  if (answer === undefined || answer === null || answer === false) return refuse('authenticate() refused the client')
  if (typeof answer !== 'object') return refuse('authenticate() did not return a user')
  const { user, account, permissions, expiresAtMs, maxSubscriptions, maxPayload } = answer as Record<string, unknown>
  const name = account ?? GLOBAL_ACCOUNT
  if (typeof user !== 'string') return refuse('authenticate(): user is not a string')
  if (typeof name !== 'string' || !hasAccount(name)) return refuse('authenticate(): unknown account')
  if (!isPermissions(permissions)) return refuse('authenticate(): invalid permissions')
  const numbers = [expiresAtMs, maxSubscriptions, maxPayload]
  if (!numbers.every((value) => value === undefined || Number.isFinite(value))) {
    return refuse('authenticate(): a limit is not a number')
  }
  return identity('custom', user, name, {
    permissions,
    expiresAtMs: expiresAtMs as number | undefined,
    limits: {
      subscriptions: (maxSubscriptions as number | undefined) ?? -1,
      payload: (maxPayload as number | undefined) ?? -1,
    },
  })
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function isPermissions(value: unknown): value is Permissions | undefined {
  if (value === undefined) return true
  if (!isRecord(value)) return false
  const { publish, subscribe, responses } = value
  return [publish, subscribe].every(isRules) && (responses === undefined || isResponses(responses))
}

/** Whether a value of a program is rules for subjects, or none. */
export function isRules(value: unknown): value is SubjectRules | undefined {
  if (value === undefined) return true
  const isList = (list: unknown): boolean =>
    list === undefined || (Array.isArray(list) && list.every((entry) => typeof entry === 'string'))
  return isRecord(value) && !Array.isArray(value) && isList(value['allow']) && isList(value['deny'])
}

function isResponses(value: unknown): boolean {
  return isRecord(value) && Number.isFinite(value['maxMessages']) && Number.isFinite(value['expires'])
}
