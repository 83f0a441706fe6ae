// Account tokens: the limits, exports and imports of an account, signed by the operator (docs/reference/accounts.md,
// "Accounts"). This file reads them, account-check.ts checks their consistency.

import { NO_LIMIT } from '../../accounts/limits.ts'
import { Members } from './members.ts'
import { type Rights, readPermissions, readRights, type TokenPermissions } from './rights.ts'
import { type Claims, decodeToken, type Invalid, invalid, isInvalid } from './token.ts'

export type ShareKind = 'stream' | 'service'

/** By public key, or `*` for all: tokens issued until then, in seconds, are revoked. */
export type Revocations = ReadonlyMap<string, number>

export interface AccountExport {
  /** Empty: neither of the two. */
  readonly kind: ShareKind | ''
  readonly subject: string
  /** Importers need an activation token. */
  readonly tokenRequired: boolean
  readonly revocations: Revocations
  /** `Singleton`, `Stream`, `Chunked` or empty. */
  readonly responseType: string
  /** Nanoseconds. */
  readonly responseThreshold: number
  /** Percent, 0: as headers ask. */
  readonly latency: { readonly sampling: number; readonly results: string } | undefined
  readonly accountTokenPosition: number
  readonly allowTrace: boolean
  readonly info: Info
}

export interface AccountImport {
  readonly kind: ShareKind | ''
  readonly subject: string
  readonly account: string
  /** Activation token. */
  readonly token: string
  /** The old and the new way to name it differently here; one of them is empty. */
  readonly to: string
  readonly localSubject: string
  readonly share: boolean
  readonly allowTrace: boolean
}

export interface Destination {
  readonly subject: string
  /** Percent; 0 means 100. */
  readonly weight: number
  readonly cluster: string
}

/** -1: no limit, except for JetStream, where 0 means that it is off. */
export interface TokenLimits {
  readonly subscriptions: number
  readonly data: number
  readonly payload: number
  readonly imports: number
  readonly exports: number
  readonly wildcardExports: boolean
  readonly disallowBearer: boolean
  readonly connections: number
  readonly leafnodes: number
  readonly jetstream: JetStreamLimits
  readonly tiers: ReadonlyMap<string, JetStreamLimits>
}

export interface JetStreamLimits {
  readonly memory: number
  readonly disk: number
  readonly streams: number
  readonly consumers: number
  readonly maxAckPending: number
  readonly memoryMaxStreamBytes: number
  readonly diskMaxStreamBytes: number
  readonly maxBytesRequired: boolean
}

export interface Info {
  readonly description: string
  readonly url: string
}

/** The callout service of the account (callout.ts); no users: there is none. */
export interface ExternalAuthorization {
  readonly authUsers: readonly string[]
  /** Accounts that it may put users into; `*`: any. */
  readonly allowedAccounts: readonly string[]
  readonly xkey: string
}

export interface Account {
  readonly jwt: string
  readonly claims: Claims
  readonly limits: TokenLimits
  readonly exports: readonly AccountExport[]
  readonly imports: readonly AccountImport[]
  /** Beside its own. Those with a scope give their users exactly its rights. */
  readonly signingKeys: ReadonlyMap<string, Rights | undefined>
  readonly revocations: Revocations
  readonly defaultPermissions: TokenPermissions
  readonly mappings: ReadonlyMap<string, readonly Destination[]>
  readonly authorization: ExternalAuthorization
  /** Percent; 0 means 100. */
  readonly trace: { readonly destination: string; readonly sampling: number } | undefined
  /** `system`, `owner` or empty. */
  readonly clusterTraffic: string
  readonly info: Info
}

/** An account that the operator vouches for (account-book.ts). */
export interface VerifiedAccount extends Account {
  /** Keys that sign users and activations for it; those with a scope give their users exactly its rights. */
  readonly signers: ReadonlyMap<string, Rights | undefined>
}

/** Reads an account's token. Its signature is checked, but not whose it is. */
export function decodeAccount(jwt: string): Account | Invalid {
  const token = decodeToken(jwt, 'account')
  if (isInvalid(token)) return token
  const { claims, body, problems } = token
  const authorization = body.object('authorization')
  const trace = body.object('trace')
  const account: Account = {
    jwt,
    claims,
    limits: readLimits(body.object('limits')),
    exports: body.objects('exports').map(readExport),
    imports: body.objects('imports').map(readImport),
    signingKeys: readSigningKeys(body, problems),
    revocations: readRevocations(body),
    defaultPermissions: readPermissions(body.object('default_permissions')),
    mappings: body.table('mappings', readDestinations),
    authorization: {
      authUsers: authorization.texts('auth_users') ?? [],
      allowedAccounts: authorization.texts('allowed_accounts') ?? [],
      xkey: authorization.text('xkey'),
    },
    trace: body.has('trace') ? { destination: trace.text('dest'), sampling: trace.integer('sampling') } : undefined,
    clusterTraffic: body.text('cluster_traffic'),
    info: readInfo(body),
  }
  return problems.length > 0 ? invalid(problems[0]) : account
}

function readLimits(limits: Members): TokenLimits {
  const tiers = limits.table('tiered_limits', (holder, name) => readJetStream(holder.object(name)))
  return {
    subscriptions: limits.integer('subs'),
    data: limits.integer('data'),
    payload: limits.integer('payload'),
    imports: limits.integer('imports'),
    exports: limits.integer('exports'),
    wildcardExports: limits.flag('wildcards'),
    disallowBearer: limits.flag('disallow_bearer'),
    connections: limits.integer('conn'),
    leafnodes: limits.integer('leaf'),
    // Tiers take the place of what is said for all.
    jetstream: readJetStream(tiers.size > 0 ? new Members(undefined, '', []) : limits),
    tiers,
  }
}

function readJetStream(limits: Members): JetStreamLimits {
  return {
    memory: limits.integer('mem_storage'),
    disk: limits.integer('disk_storage'),
    streams: limits.integer('streams'),
    consumers: limits.integer('consumer'),
    maxAckPending: limits.integer('max_ack_pending'),
    memoryMaxStreamBytes: limits.integer('mem_max_stream_bytes'),
    diskMaxStreamBytes: limits.integer('disk_max_stream_bytes'),
    maxBytesRequired: limits.flag('max_bytes_required'),
  }
}

function readKind(members: Members, name = 'type'): ShareKind | '' {
  const kind = members.text(name)
  if (kind !== '' && kind !== 'stream' && kind !== 'service') members.complain(name, 'stream or service')
  return kind as ShareKind | ''
}

function readExport(members: Members): AccountExport {
  const latency = members.object('service_latency')
  return {
    kind: readKind(members),
    subject: members.text('subject'),
    tokenRequired: members.flag('token_req'),
    revocations: readRevocations(members),
    responseType: members.text('response_type'),
    responseThreshold: members.integer('response_threshold'),
    latency: members.has('service_latency')
      ? { sampling: readSampling(latency), results: latency.text('results') }
      : undefined,
    accountTokenPosition: members.count('account_token_position'),
    allowTrace: members.flag('allow_trace'),
    info: readInfo(members),
  }
}

/** A number, or the word `headers`. */
function readSampling(latency: Members): number {
  const value = latency.value('sampling')
  return typeof value === 'string' && value.toLowerCase() === 'headers' ? 0 : latency.integer('sampling')
}

function readImport(members: Members): AccountImport {
  return {
    kind: readKind(members),
    subject: members.text('subject'),
    account: members.text('account'),
    token: members.text('token'),
    to: members.text('to'),
    localSubject: members.text('local_subject'),
    share: members.flag('share'),
    allowTrace: members.flag('allow_trace'),
  }
}

/** A list of keys, and of scopes that name theirs. */
function readSigningKeys(body: Members, problems: string[]): ReadonlyMap<string, Rights | undefined> {
  const keys = new Map<string, Rights | undefined>()
  for (const item of body.list('signing_keys') ?? []) {
    if (typeof item === 'string') {
      keys.set(item, undefined)
      continue
    }
    const scope = new Members(item, 'signing_keys', problems)
    if (scope.text('kind') !== 'user_scope') problems.push('unknown scope of a signing key')
    keys.set(scope.text('key'), readRights(scope.object('template'), NO_LIMIT))
  }
  return keys
}

function readRevocations(members: Members): Revocations {
  return members.table('revocations', (holder, name) => holder.integer(name))
}

function readDestinations(holder: Members, name: string): readonly Destination[] {
  return holder.objects(name).map((members) => ({
    subject: members.text('subject'),
    weight: members.count('weight', 255),
    cluster: members.text('cluster'),
  }))
}

function readInfo(members: Members): Info {
  return { description: members.text('description'), url: members.text('info_url') }
}
