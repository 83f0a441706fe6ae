// Users that the configuration names: by nkey, by certificate, by name and password, by one token or user for all
// clients, and the user of clients without credentials (docs/reference/authentication.md, "Users").

import type { ConnectionType } from '../options/shapes.ts'
import { GLOBAL_ACCOUNT } from '../options/shapes.ts'
import { AuthFaults, type Identity, identity, type Refusal, refuse, type Way } from './identity.ts'
import { decodeSignature, isSignedBy } from './nkey.ts'
import { comparePassword, type PasswordVerifier } from './password.ts'
import { type AuthRequest, andThen, type Soon, shownUser } from './request.ts'
import { type AuthSettings, IMPLICIT_USER, type KnownUser, type SimpleCredentials } from './settings.ts'

/** The credentials that hold for a way to be connected. */
export function simpleFor(settings: AuthSettings, connectionType: ConnectionType): SimpleCredentials {
  return connectionType === 'WEBSOCKET' && settings.websocket !== undefined ? settings.websocket : settings.simple
}

export function mapsCertificates(settings: AuthSettings, connectionType: ConnectionType): boolean {
  if (connectionType === 'WEBSOCKET') return settings.tlsMap.websocket
  if (connectionType === 'HTTP') return settings.tlsMap.http
  if (connectionType === 'LEAFNODE' || connectionType === 'LEAFNODE_WS') return settings.tlsMap.leaf
  return (connectionType === 'STANDARD' || connectionType === 'IN_PROCESS') && settings.tlsMap.standard
}

/**
 * Whether a user may come this way (docs/reference/reliability.md, "One way to an identity": this is asked of each
 * user, however chosen).
 */
export function mayConnectBy(user: KnownUser, connectionType: ConnectionType): boolean {
  const { connectionTypes } = user
  return connectionTypes === undefined || connectionTypes.length === 0 || connectionTypes.includes(connectionType)
}

/**
 * The identity of a connection by configuration. The order is nats-server's: a client that sends an nkey, where there
 * are any, is that nkey or refused; where certificates are mapped they decide alone; then a name; then the single
 * credentials.
 */
export function authenticateConfigured(
  settings: AuthSettings,
  request: AuthRequest,
  isProxied: boolean,
  passwords: PasswordVerifier,
): Soon<Identity | Refusal> {
  const { connectionType, credentials } = request
  const simple = simpleFor(settings, connectionType)
  const saysNothing = credentials.user === '' && credentials.password === '' && credentials.token === ''

  if (settings.nkeys.size > 0) {
    const nkey = credentials.nkey || (saysNothing && settings.nkeys.has(simple.noAuthUser) ? simple.noAuthUser : '')
    if (nkey !== '') return authenticateNkey(settings, request, nkey, simple.noAuthUser, isProxied)
  }
  if (settings.users.size > 0) {
    if (mapsCertificates(settings, connectionType)) {
      const user = userOfCertificate(settings.users, request)
      if (user === undefined) return refuse('no user for the certificate')
      return authenticateUser(user, 'certificate', credentials.password, request, isProxied, passwords)
    }
    const silent = saysNothing ? settings.users.get(simple.noAuthUser) : undefined
    if (silent !== undefined) return admit(silent, 'noAuthUser', request, isProxied)
    if (credentials.user !== '') {
      const user = settings.users.get(credentials.user)
      if (user === undefined) return refuse('unknown user')
      if (user.password === '' && user.username !== simple.noAuthUser && canMap(settings, user)) {
        return refuse('the user may log in by certificate only')
      }
      return authenticateUser(user, 'password', credentials.password, request, isProxied, passwords)
    }
  }
  return authenticateSimple(settings, simple, request, isProxied, passwords)
}

function authenticateNkey(
  settings: AuthSettings,
  request: AuthRequest,
  nkey: string,
  noAuthUser: string,
  isProxied: boolean,
): Identity | Refusal {
  const user = settings.nkeys.get(nkey)
  if (user === undefined) return refuse('unknown nkey')
  if (nkey === noAuthUser) return admit(user, 'noAuthUser', request, isProxied)
  const refusal = whyNotSigned(request, nkey)
  return refusal ?? admit(user, 'nkey', request, isProxied)
}

/** The refusal of a client that did not sign the nonce with the key, or undefined if it did. */
export function whyNotSigned(request: AuthRequest, publicKey: string): Refusal | undefined {
  const { credentials, nonce } = request
  if (credentials.signature === '') return refuse('signature missing')
  const signature = decodeSignature(credentials.signature)
  if (signature === undefined) return refuse('malformed signature')
  if (nonce === '') return refuse('no nonce to sign')
  return isSignedBy(publicKey, Buffer.from(nonce), signature) ? undefined : refuse('signature does not match')
}

function authenticateUser(
  user: KnownUser,
  way: Way,
  password: string,
  request: AuthRequest,
  isProxied: boolean,
  passwords: PasswordVerifier,
): Soon<Identity | Refusal> {
  // The cheap checks first: no hash is computed for a user that could not log in anyway.
  const admitted = admit(user, way, request, isProxied)
  if ('fault' in admitted) return admitted
  return andThen(comparePassword(user.password, password, passwords, request), (verdict) => {
    if (verdict === 'match') return admitted
    const refusal = refuse(`password: ${verdict}`)
    return way === 'certificate' ? { ...refusal, certified: admitted.user } : refusal
  })
}

function authenticateSimple(
  settings: AuthSettings,
  simple: SimpleCredentials,
  request: AuthRequest,
  isProxied: boolean,
  passwords: PasswordVerifier,
): Soon<Identity | Refusal> {
  const { credentials } = request
  if (settings.proxyRequired && !isProxied) return refuse('proxy required', AuthFaults.proxyRequired)
  const compare = (configured: string, given: string, way: Way): Soon<Identity | Refusal> =>
    andThen(comparePassword(configured, given, passwords, request), (verdict) =>
      verdict === 'match' ? identity(way, shownUser(credentials), GLOBAL_ACCOUNT) : refuse(`${way}: ${verdict}`),
    )
  if (simple.token !== '') return compare(simple.token, credentials.token, 'token')
  if (simple.username === '') return refuse('no credentials')
  if (simple.username !== credentials.user) return refuse('unknown user')
  return compare(simple.password, credentials.password, 'password')
}

/** The identity of an authenticated user, if the user may use this kind of connection and path. */
function admit(user: KnownUser, way: Way, request: AuthRequest, isProxied: boolean): Identity | Refusal {
  if (!mayConnectBy(user, request.connectionType)) return refuse('connection type not allowed')
  if (user.proxyRequired && !isProxied) return refuse('proxy required', AuthFaults.proxyRequired)
  const name = user.nkey || (user.username === IMPLICIT_USER ? '' : user.username)
  return identity(way, name, user.account, {
    permissions: user.permissions,
    connectionTypes: user.connectionTypes ?? [],
    ...(user.slowConsumer !== undefined && { slowConsumer: user.slowConsumer }),
  })
}

// ── Certificates ────────────────────────────────────────────────────────────────────────────────────────────

/** The user of the connection's certificate, among those that may use this kind of connection. */
function userOfCertificate(users: ReadonlyMap<string, KnownUser>, request: AuthRequest): KnownUser | undefined {
  const name = request.certificate?.findUser((candidate) => {
    const user = users.get(candidate)
    return user !== undefined && mayConnectBy(user, request.connectionType)
  })
  return name === undefined ? undefined : users.get(name)
}

/** Whether some listener maps certificates to the user, so that an empty password is no password. */
function canMap(settings: AuthSettings, user: KnownUser): boolean {
  const { standard, websocket, http } = settings.tlsMap
  return (
    (standard && mayConnectBy(user, 'STANDARD')) ||
    (websocket && mayConnectBy(user, 'WEBSOCKET')) ||
    (http && mayConnectBy(user, 'HTTP'))
  )
}
