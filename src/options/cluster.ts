// `cluster { … }`: this server as a member of a cluster (docs/reference/configuration-blocks.md, "Features to come").

import type { Permissions, TlsOptions } from './shapes.ts'

/** Modes of compression between servers, as the protocol names them. */
export const COMPRESSION_MODES = ['off', 'accept', 's2_auto', 's2_fast', 's2_better', 's2_best'] as const
export type CompressionMode = (typeof COMPRESSION_MODES)[number]

/** Compression between servers. */
export interface CompressionOptions {
  readonly mode: CompressionMode
  /** Of s2_auto: round-trip times in milliseconds, from each of which on it takes the next mode. */
  readonly thresholds: readonly number[]
}

/** Times are milliseconds; empty: not given. */
export interface ClusterOptions {
  /** Empty: one is made up, and given up for that of another server. */
  readonly name: string
  readonly host: string
  /** -1: any. */
  readonly port: number
  /** URLs of other servers. */
  readonly routes: readonly string[]
  /** Demanded of other servers, and said to those that are heard of from others; undefined: nothing is demanded. */
  readonly credentials: { readonly username: string; readonly password: string } | undefined
  /** How long CONNECT may take. */
  readonly authTimeout: number
  readonly permissions: Permissions | undefined
  readonly tls: TlsOptions | undefined
  /** `host:port`, announced to other servers. */
  readonly advertise: string
  readonly noAdvertise: boolean
  readonly connectRetries: number
  readonly connectBackoff: boolean
  /** Connections to each other server; 0: one as of old, without those of single accounts. */
  readonly poolSize: number
  /** Accounts with connections of their own, besides the system account. */
  readonly accounts: readonly string[]
  readonly compression: CompressionOptions
  readonly pingInterval: number
  readonly pingMax: number
}
