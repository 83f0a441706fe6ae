// Auth callout: a service of the operator authenticates connections (docs/reference/authentication.md, "Auth callout").
// The server sends it a signed request, encrypted if the service has a curve key, and gets a signed user token back.
//
// The request names a user key made for this one question, and only a token for that key is an answer to it.

import { createHash } from 'node:crypto'
import type { KeyPair } from '@nats-io/nkeys'
import { quote } from '../base/errors.ts'
import type { TurnQueue } from '../base/turn-queue.ts'
import type { AuthCalloutOptions, ConnectionType, Permissions } from '../options/shapes.ts'
import { AuthFaults, type Identity, identity, isRefusal, type Refusal, refuse } from './identity.ts'
import type { VerifiedAccount } from './jwt/account.ts'
import type { AccountBook } from './jwt/account-book.ts'
import { earliest, grantOf, isFrom, rightsOf } from './jwt/login.ts'
import { type Rights, toConnectionTypes, toPermissions } from './jwt/rights.ts'
import { timeLeft } from './jwt/times.ts'
import { decodeToken, isInvalid, whyNotNow } from './jwt/token.ts'
import { decodeUser, type User, whyNotUser } from './jwt/user.ts'
import { createUserKey, isPublicKey } from './nkey.ts'
import { type AuthRequest, andThen, isLeafnode, type Soon, shownUser } from './request.ts'

const AUDIENCE = 'nats-authorization-request'
const XKEY_HEADER = 'Nats-Server-Xkey'
/** Longest text of a service's that the log repeats. */
const SHOWN_TEXT_MAX = 256
/** What a token in the clear begins with. */
const TOKEN_START = 'eyJ'

/** The service to ask, and the keys whose answers count. */
export interface CalloutPlan extends AuthCalloutOptions {
  /** In operator mode: the account that asks for it. */
  readonly operatorAccount: VerifiedAccount | undefined
}

/** The server as it introduces itself to the service. */
export interface CalloutServer {
  readonly name: string
  readonly host: string
  readonly version: string
  readonly cluster: string
  readonly tags: readonly string[]
  /** The server's own key pair; its public key is the server's id. */
  readonly key: Pick<KeyPair, 'getPublicKey' | 'sign'>
  /** The server's curve key pair. */
  readonly xkey: Pick<KeyPair, 'getPublicKey' | 'seal' | 'open'>
}

export interface CalloutMessage {
  /** Publish it in this account, on CALLOUT_SUBJECT. */
  readonly account: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
  readonly timeoutMs: number
}

/** Publishes a request and answers the payload of the first reply; undefined: there was none in time. Never rejects. */
export type PublishCallout = (message: CalloutMessage, gone?: AbortSignal) => Promise<Uint8Array | undefined>

/** What is known of the accounts that an answer may name. */
export interface CalloutAccounts {
  /** In operator mode. */
  readonly book: AccountBook | undefined
  /** Otherwise: the accounts there are and their default permissions. */
  readonly configured: ReadonlyMap<string, Permissions | undefined>
}

export class Callout {
  private readonly server: CalloutServer
  private readonly accounts: CalloutAccounts
  private readonly publish: PublishCallout
  private readonly timeoutMs: number
  private readonly turns: Pick<TurnQueue, 'turn'>

  /** `timeoutMs`: the time that connections have for authentication; `turns`: when answers may be checked. */
  constructor(
    server: CalloutServer,
    accounts: CalloutAccounts,
    publish: PublishCallout,
    timeoutMs: number,
    turns: Pick<TurnQueue, 'turn'>,
  ) {
    this.turns = turns
    this.server = server
    this.accounts = accounts
    this.publish = publish
    this.timeoutMs = timeoutMs
  }

  /** The service's decision. `known`: the identity found so far; `isProxied`: by a trusted proxy. */
  async ask(
    plan: CalloutPlan,
    request: AuthRequest,
    known: Identity | Refusal,
    isProxied: boolean,
  ): Promise<Identity | Refusal> {
    const userKey = createUserKey()
    const message = buildCallout(this.server, plan, request, known, userKey, this.timeoutMs)
    const reply = await this.publish(message, request.gone)
    await this.turns.turn()
    if (reply === undefined) return refuseAnswer(`no answer to the auth callout on account ${quoted(plan.account)}`)
    return readCalloutReply(this.server, plan, this.accounts, { request, isProxied, userKey }, reply)
  }
}

// ── The request ─────────────────────────────────────────────────────────────────────────────────────────────

/** The request about a connection, signed by the server and encrypted if the service has a curve key. */
export function buildCallout(
  server: CalloutServer,
  plan: CalloutPlan,
  request: AuthRequest,
  known: Identity | Refusal,
  userKey: string,
  timeoutMs: number,
): CalloutMessage {
  const isEncrypted = plan.xkey !== ''
  const serverXkey = isEncrypted ? server.xkey.getPublicKey() : ''
  const now = Math.floor(request.nowMs / 1000)
  const claims = {
    aud: AUDIENCE,
    exp: Math.floor((request.nowMs + timeoutMs) / 1000),
    iat: now,
    iss: server.key.getPublicKey(),
    sub: plan.issuer,
    nats: {
      server_id: withoutEmpty({
        name: server.name,
        host: server.host,
        id: server.key.getPublicKey(),
        version: server.version,
        cluster: server.cluster,
        tags: server.tags,
        xkey: serverXkey,
      }),
      user_nkey: userKey,
      ...describe(plan, request, known),
      type: 'authorization_request',
      version: 2,
    },
  }
  const token = Buffer.from(sign(claims, server.key))
  return {
    account: plan.account,
    headers: isEncrypted ? { [XKEY_HEADER]: serverXkey } : {},
    payload: isEncrypted ? server.xkey.seal(token, plan.xkey) : token,
    timeoutMs,
  }
}

const CLIENT_TYPES: Partial<Record<ConnectionType, string>> = {
  WEBSOCKET: 'websocket',
  HTTP: 'http',
  MQTT: 'mqtt',
  MQTT_WS: 'mqtt',
}

/** The connection as the service sees it. Outside operator mode a client's token is no token and not passed on. */
function describe(plan: CalloutPlan, request: AuthRequest, known: Identity | Refusal): object {
  const { credentials, client, tls } = request
  const isKnown = !isRefusal(known)
  const isLeaf = isLeafnode(request)
  return {
    client_info: withoutEmpty({
      host: request.ip,
      id: request.connectionId,
      user: isKnown ? known.user : shownUser({ ...credentials, jwt: '' }),
      name: client.name,
      tags: isKnown ? known.tags : [],
      name_tag: isKnown ? known.nameTag : '',
      kind: isLeaf ? 'Leafnode' : 'Client',
      type: isLeaf ? '' : (CLIENT_TYPES[request.connectionType] ?? 'nats'),
      nonce: credentials.signature === '' ? '' : request.nonce,
    }),
    connect_opts: {
      ...withoutEmpty({
        jwt: plan.operatorAccount !== undefined && isKnown ? (known.token?.jwt ?? '') : '',
        nkey: credentials.nkey,
        sig: credentials.signature,
        auth_token: credentials.token,
        user: credentials.user,
        pass: credentials.password,
        name: client.name,
        lang: client.lang,
        version: client.version,
      }),
      protocol: client.protocol,
    },
    ...(tls === undefined
      ? {}
      : {
          client_tls: withoutEmpty({
            version: tls.version,
            cipher: tls.cipher,
            certs: tls.verifiedChains.length > 0 ? [] : tls.certificates,
            verified_chains: tls.verifiedChains,
          }),
        }),
  }
}

function withoutEmpty(members: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== '' && !(Array.isArray(value) && value.length === 0)),
  )
}

/** A token of these claims, which get an id made of all of them. */
function sign(claims: object, key: CalloutServer['key']): string {
  const id = createHash('sha512-256').update(JSON.stringify(claims)).digest('base64url')
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode({ ...claims, jti: id })}`
  return `${signed}.${Buffer.from(key.sign(Buffer.from(signed))).toString('base64url')}`
}

// ── The answer ──────────────────────────────────────────────────────────────────────────────────────────────

/** What was asked about. */
export interface Question {
  readonly request: AuthRequest
  /** A trusted proxy vouches for the connection. */
  readonly isProxied: boolean
  /** The key that was made for it. */
  readonly userKey: string
}

/** The identity by the service's reply to the question. Never throws. */
export function readCalloutReply(
  server: CalloutServer,
  plan: CalloutPlan,
  accounts: CalloutAccounts,
  question: Question,
  reply: Uint8Array,
): Soon<Identity | Refusal> {
  const { userKey } = question
  const { nowMs } = question.request
  const jwt = userTokenOf(server, plan, reply, userKey, nowMs)
  if (typeof jwt !== 'string') return jwt
  const user = decodeUser(jwt)
  if (isInvalid(user)) return refuseAnswer(user.invalid)
  const why = whyNotUser(user, nowMs)
  if (why !== undefined) return refuseAnswer(`error validating user JWT: ${why}`)
  if (user.claims.subject !== userKey) return refuseAnswer('auth callout response is not for expected user')
  if (plan.operatorAccount === undefined) return admitConfigured(user, plan, accounts, question)
  return admitByOperator(user, plan, plan.operatorAccount, accounts, question)
}

/** The user token in an answer that is for this request and this server. */
function userTokenOf(
  server: CalloutServer,
  plan: CalloutPlan,
  reply: Uint8Array,
  userKey: string,
  nowMs: number,
): string | Refusal {
  const where = `on account ${quoted(plan.account)}`
  if (reply.length === 0) return refuseAnswer(`auth callout violation: "no reason supplied" ${where}`)
  let text = Buffer.from(reply).toString('latin1')
  const isEncrypted = plan.xkey !== '' && !text.startsWith(TOKEN_START)
  if (isEncrypted) {
    const opened = open(server.xkey, reply, plan.xkey)
    if (opened === undefined) return refuseAnswer(`error decrypting auth callout response ${where}`)
    text = Buffer.from(opened).toString('latin1')
  }
  const answer = decodeToken(text, 'authorization_response')
  if (isInvalid(answer)) return refuseAnswer(answer.invalid)
  const { claims, body, issuerAccount, problems } = answer
  const jwt = body.text('jwt')
  const error = body.text('error')
  const isKey = issuerAccount === '' || isPublicKey(issuerAccount, 'account')
  const problem = problems[0] ?? whyNotNow(claims, nowMs) ?? (isKey ? undefined : 'issuer account is no key')
  if (problem !== undefined) return refuseInvalid(problem)
  if (claims.subject !== userKey) return refuseAnswer('auth callout response is not for expected user')
  if (claims.audience !== server.key.getPublicKey()) return refuseAnswer('auth callout response is not for server')
  if (jwt === '' && error === '') return refuseInvalid('Error or Jwt is required')
  if (jwt !== '' && error !== '') return refuseInvalid('Only Error or Jwt can be set')
  if (error !== '') return refuseAnswer(`auth callout service returned an error: ${quoted(error).slice(1, -1)}`)
  // An encrypted answer comes from the service, whichever key signed it.
  if (!isEncrypted && !isSignedForPlan(plan, claims.issuer, issuerAccount)) {
    return refuseAnswer('auth callout signing key is unknown')
  }
  return jwt
}

function isSignedForPlan({ operatorAccount, issuer }: CalloutPlan, signer: string, issuerAccount: string): boolean {
  if (operatorAccount === undefined) return signer === issuer && issuerAccount === ''
  const isOurs = issuerAccount === '' || issuerAccount === operatorAccount.claims.subject
  return isOurs && operatorAccount.signers.has(signer)
}

/** The refusal for an answer that will not do, with nats-server's text: the operator of the service has to know. */
function refuseAnswer(text: string): Refusal {
  return { ...refuse(text.charAt(0).toUpperCase() + text.slice(1)), warns: true }
}

const refuseInvalid = (problem: string): Refusal =>
  refuseAnswer(`authorization response had validation errors: ${problem}`)

/** What a service says, on one line and with an end. */
const quoted = (text: string): string => quote(Buffer.from(text.slice(0, SHOWN_TEXT_MAX)).toString('latin1'))

function open(key: CalloutServer['xkey'], sealed: Uint8Array, sender: string): Uint8Array | undefined {
  try {
    return key.open(sealed, sender) ?? undefined
  } catch {
    return undefined
  }
}

/** Outside operator mode the configured key signs, and the audience names the account. */
function admitConfigured(
  user: User,
  plan: CalloutPlan,
  accounts: CalloutAccounts,
  question: Question,
): Identity | Refusal {
  const { claims, issuerAccount, rights } = user
  const where = `for auth callout response on account ${quoted(plan.account)}`
  if (issuerAccount !== '' || claims.issuer !== plan.issuer) {
    const got = quoted(issuerAccount || claims.issuer)
    return refuseAnswer(`wrong issuer ${where}, expected ${quoted(plan.issuer)} got ${got}`)
  }
  const account = claims.audience
  if (!accounts.configured.has(account)) {
    return refuseAnswer(`no valid account ${quoted(account)} ${where}: account missing`)
  }
  const permissions = toPermissions(rights)
  return admit(user, rights, question, account, {
    permissions: permissions ?? accounts.configured.get(account),
    hasDefaultPermissions: permissions === undefined,
  })
}

/** In operator mode the account itself signs, or one that it allows; the user is then in that account. */
function admitByOperator(
  user: User,
  plan: CalloutPlan,
  asking: VerifiedAccount,
  accounts: CalloutAccounts,
  question: Question,
): Soon<Identity | Refusal> {
  const key = user.issuerAccount || user.claims.issuer
  const { allowedAccounts } = plan
  const isAny = allowedAccounts.length === 1 && allowedAccounts[0] === '*'
  if (key !== asking.claims.subject && !isAny && !allowedAccounts.includes(key)) {
    return refuseAnswer(`account ${quoted(key)} not permitted as valid account option for auth callout`)
  }
  const target = accounts.book?.lookup(key, question.request.nowMs)
  const missing = `no valid account ${quoted(key)} for auth callout response on account ${quoted(plan.account)}`
  if (target === undefined) return refuseAnswer(`${missing}: account missing`)
  return andThen(target, (account) => {
    if (isInvalid(account)) return refuseAnswer(`${missing}: ${account.invalid}`)
    const rights = rightsOf(user, account)
    if ('fault' in rights) return rights
    return admit(user, rights, question, account.claims.subject, grantOf(rights, account))
  })
}

/** The identity. nats-server ignores the networks and kinds of connection in an answer; Heddle enforces them. */
function admit(
  user: User,
  rights: Rights,
  { request, isProxied }: Question,
  account: string,
  grant: Pick<Identity, 'permissions' | 'hasDefaultPermissions'>,
): Identity | Refusal {
  const { claims } = user
  if (rights.proxyRequired && !isProxied) return refuse('callout: proxy required', AuthFaults.proxyRequired)
  const connectionTypes = toConnectionTypes(rights)
  if (connectionTypes !== undefined && !connectionTypes.includes(request.connectionType)) {
    return refuse('callout: connection type not allowed')
  }
  if (!isFrom(rights.sources ?? [], request.ip)) return refuse('callout: address not allowed')
  const leftMs = timeLeft(rights.windows ?? [], rights.zone, request.nowMs)
  if (leftMs === 0) return refuse('callout: time of day not allowed')
  return identity('callout', claims.name || shownUser({ ...request.credentials, jwt: '' }), account, {
    ...grant,
    limits: { subscriptions: rights.subscriptions, payload: rights.payload },
    connectionTypes: connectionTypes ?? [],
    expiresAtMs: earliest(claims.expires, leftMs, request.nowMs),
    nameTag: claims.name,
    tags: claims.tags,
    token: { jwt: '', subject: claims.subject, issuer: claims.issuer, issuedAt: claims.issuedAt, bearer: false },
  })
}
