// What the authenticator is told of a login.

import type { AuthRequest, Credentials } from '../auth/request.ts'
import type { ConnectionType } from '../options/shapes.ts'
import type { ClientFacts, ClientType } from './facts.ts'
import type { LoginOwner } from './owner.ts'

/** The connection, as it may be known before it is let in. */
type Applicant = Pick<ClientFacts, 'id' | 'ip' | 'options' | 'tls' | 'clientType' | 'webSocket'>

/** Whose login it is. */
interface Asking {
  readonly nonce: string
  /** Aborts when the connection is gone. */
  whenGone(): AbortSignal
}

/** A class, as V8 puts the accessors of a literal into the old generation, each time, and keeps what they know. */
export class LoginRequest implements AuthRequest {
  readonly credentials: Credentials
  readonly client: AuthRequest['client']
  readonly nonce: string
  readonly ip: string
  readonly connectionId: number
  readonly connectionType: ConnectionType
  readonly certificate: AuthRequest['certificate']
  readonly tls: AuthRequest['tls']
  readonly nowMs: number
  readonly proof: string | undefined
  private readonly login: Asking

  constructor(
    shard: Pick<LoginOwner, 'clock' | 'tls'>,
    client: Applicant,
    login: Asking,
    credentials: Credentials,
    proof?: string,
  ) {
    const { name, lang, version, protocol } = client.options
    this.credentials = withCookies(credentials, client)
    this.client = { name, lang, version, protocol }
    this.nonce = login.nonce
    this.ip = client.ip
    this.connectionId = client.id
    this.connectionType = connectionTypeOf(client)
    this.certificate = shard.tls.certificateOf(client.tls)
    this.tls = shard.tls.detailsOf(client.tls)
    this.nowMs = shard.clock.dateMs
    this.proof = proof
    this.login = login
  }

  get gone(): AbortSignal {
    return this.login.whenGone()
  }
}

const CONNECTION_TYPES: Readonly<Record<ClientType, ConnectionType>> = {
  nats: 'STANDARD',
  websocket: 'WEBSOCKET',
  http: 'HTTP',
}

export function connectionTypeOf({ clientType }: Pick<Applicant, 'clientType'>): ConnectionType {
  return CONNECTION_TYPES[clientType]
}

/** What CONNECT does not say, a cookie of the handshake may. */
function withCookies(credentials: Credentials, { webSocket }: Pick<Applicant, 'webSocket'>): Credentials {
  if (webSocket === undefined) return credentials
  const { jwt, user, pass, token } = webSocket.cookies
  return {
    ...credentials,
    jwt: credentials.jwt || jwt,
    user: credentials.user || user,
    password: credentials.password || pass,
    token: credentials.token || token,
  }
}
