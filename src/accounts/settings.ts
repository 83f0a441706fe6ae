// What the configuration, or an account JWT, says of an account. Plain data: it goes to every shard.

export interface AccountSettings {
  readonly name: string
  readonly mappings: readonly MappingSettings[]
  readonly exports: readonly ExportSettings[]
  readonly imports: readonly ImportSettings[]
  readonly limits: AccountLimits
}

/** -1: no limit. */
export interface AccountLimits {
  readonly connections: number
  readonly subscriptions: number
  /** Bytes. */
  readonly payload: number
}

export const NO_LIMITS: AccountLimits = Object.freeze({ connections: -1, subscriptions: -1, payload: -1 })

/** A subject of this account's clients, and what it becomes. Weights are percents; what is left is not mapped. */
export interface MappingSettings {
  readonly subject: string
  readonly destinations: readonly { readonly subject: string; readonly weight: number }[]
}

export type ResponseType = 'single' | 'stream' | 'chunked'

export interface ExportSettings {
  readonly kind: 'stream' | 'service'
  readonly subject: string
  /** Accounts that may import it; undefined: all may. */
  readonly accounts: readonly string[] | undefined
  /** Position, from 1, of the `*` that must be the importer's name; 0: none. */
  readonly accountTokenPosition: number
  /** For services: how many answers there are, and how long one may take. */
  readonly response: ResponseType
  readonly thresholdMs: number
  readonly latency: LatencySettings | undefined
}

export interface LatencySettings {
  /** Where measurements are published, in the exporting account. */
  readonly subject: string
  /** Percent of the requests that are measured; 0: those whose headers ask for it. */
  readonly sampling: number
}

export interface ImportSettings {
  readonly kind: 'stream' | 'service'
  /** The exporting account, and the subject there. */
  readonly account: string
  readonly subject: string
  /** The subject here, in terms of the other's wildcards ($1 …); empty: the same. */
  readonly to: string
  /** For services: the exporter is told who asks. */
  readonly share: boolean
}

/** Settings of an account that nothing is said of but its name. */
export function plainAccount(name: string): AccountSettings {
  return { name, mappings: [], exports: [], imports: [], limits: NO_LIMITS }
}
