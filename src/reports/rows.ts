// The answers of a shard, as plain data: sums of the shard, and a row per item that a page lists. Texts are proper
// strings, times milliseconds since 1970.

import type { Json } from '../base/json.ts'
import type { ClientType } from '../connection/facts.ts'
import type { LeafRow } from '../leaf/contract.ts'
import type { RouteRow } from '../routes/contract.ts'
import type { Measurable } from './connection-order.ts'
import type { Incident } from './incidents.ts'
import type { LatencyReport } from './latency.ts'
import type { LoadReport } from './load-meter.ts'
import type { SlowRow } from './slow-watch.ts'

/** What a shard counts of itself, and of each of its accounts. */
interface Sums {
  /** Which shard speaks: the answers of dead ones are missing. */
  shard: number
  /** When its thread began. */
  bornAt: number
  connections: number
  subscriptions: number
  inMessages: number
  inBytes: number
  outMessages: number
  outBytes: number
  slowConsumers: number
  /** Of outMessages, those that were dropped because their receivers were slow. */
  droppedMessages: number
  plansCached: number
  /** Receivers of the cached plans: of the one with most, and of all. */
  fanoutMax: number
  fanoutSum: number
  planHits: number
  planMisses: number
  inserts: number
  removes: number
}

/** Of a shard. Traffic and troubles are those since the server started, whichever threads were in this place. */
export interface TotalsReport extends Sums {
  /** Closed connections that are remembered. */
  closedConnections: number
  staleConnections: number
  stalls: number
  /** Bytes that wait for all connections together, as of the latest sweep. */
  pendingBytes: number
  interestBytes: number
}

/** A shard's part of an account. Traffic is that of clients, also disconnected ones; that of links is apart. */
export interface AccountReport extends Sums {
  name: string
  /** Links to leaf nodes and hubs. */
  leafnodes: number
  leafInMessages: number
  leafInBytes: number
  leafOutMessages: number
  leafOutBytes: number
  /** Its display name; its name where it has no other. */
  tag: string
}

/** A ring to another shard. */
export interface RingReport {
  to: number
  sizeBytes: number
  /** In the ring, not dealt with by the other shard yet. */
  usedBytes: number
  /** Frames for which it had no room. */
  waitingBytes: number
  /** Since the ring was made. */
  sentBytes: number
  sentMessages: number
}

export interface ThreadReport {
  shard: number
  load: LoadReport | undefined
  latency: LatencyReport
  rings: RingReport[]
}

export interface SubscriptionRow {
  account: string
  accountTag: string
  subject: string
  queue: string
  sid: string
  delivered: number
  max: number
  connection: number
}

export interface ConnectionRow extends Measurable {
  /** How it came. */
  type: ClientType
  ip: string
  port: number
  droppedMessages: number
  stalls: number
  name: string
  lang: string
  version: string
  account: string
  accountTag: string
  /** Its user, as pages may show it. */
  authorizedUser: string
  tls: TlsRow | undefined
  /** Where they are asked for. */
  credentials: CredentialsRow | undefined
  subscriptions: SubscriptionRow[]
}

/** A stream, as answers of the JetStream API show it. */
export interface StreamRow {
  readonly name: string
  readonly info: { readonly [member: string]: Json }
  /** Its consumers, sorted by name; none if they were not asked for. */
  readonly consumers: readonly Json[]
}

/** What a shard answers, by the kind of question. */
export interface Reports {
  streams: StreamRow[]
  totals: TotalsReport
  accounts: AccountReport[]
  accountToken: string
  load: ThreadReport
  slow: SlowRow[]
  incidents: Incident[]
  closings: number[]
  findConnections: FoundConnections
  connections: ConnectionRow[]
  kick: boolean
  advanceClock: true
  setDiskFaults: true
  lameDuckOne: 'told' | 'deaf' | 'unknown'
  countSubscriptions: number[]
  subscriptions: SubscriptionRow[]
  routes: RouteRow[]
  leafs: LeafRow[]
}

export type Report = Reports[keyof Reports] | Report[]

/** The first connections in an order, as far as this shard has them. */
export interface FoundConnections {
  shard: number
  /** Connections that pass all filters but `search`. */
  total: number
  /** Those that pass that as well. */
  matched: number
  /** Sort key and number in turn, smallest first. */
  keys: number[]
  /** What they are, in no order; none unless asked for. */
  rows: ConnectionRow[]
}

export interface TlsRow {
  readonly version: string
  readonly cipher: string
  /** TLS came before INFO. */
  readonly first: boolean
}

/** One certificate of a peer: its subject as Go writes it, and hexadecimal SHA-256. */
export interface CertificateRow {
  readonly subject: string
  readonly publicKeyHash: string
  readonly hash: string
}

export interface CredentialsRow {
  readonly jwt: string
  readonly issuer: string
  readonly tags: readonly string[]
  readonly certificates: readonly CertificateRow[]
  /** Key of the trusted proxy that it came by. */
  readonly proxyKey: string
}
