// Converts an account's token to configuration options, so that the rest of the server knows one kind of account.

import {
  type AccountLimits,
  type ExportOptions,
  type ImportOptions,
  type JetStreamLimits,
  type MappingOptions,
  type Permissions,
  type StreamLimits,
  UNLIMITED_STREAMS,
} from '../../options/shapes.ts'
import type { Account, AccountExport, AccountImport, Revocations } from './account.ts'
import { toPermissions } from './rights.ts'

type Limits = Account['limits']['jetstream']

/** What only tokens say: importers show an activation token, which the exporter may revoke. */
export interface TokenExportOptions extends ExportOptions {
  readonly tokenRequired: boolean
  readonly revocations: Revocations
}

export interface TokenImportOptions extends ImportOptions {
  /** The import as the token has it, for activatedUntilMs(). */
  readonly source: AccountImport
}

export interface TokenAccountOptions {
  /** Public key. */
  readonly name: string
  /** Display name. */
  readonly nameTag: string
  readonly tags: readonly string[]
  readonly defaultPermissions: Permissions | undefined
  readonly exports: readonly TokenExportOptions[]
  readonly imports: readonly TokenImportOptions[]
  readonly mappings: readonly MappingOptions[]
  readonly limits: AccountLimits
  readonly jetstream: JetStreamLimits | undefined
  /** Destination of message traces, and how many percent are traced. */
  readonly trace: { readonly destination: string; readonly sampling: number } | undefined
}

export function accountOptions(account: Account): TokenAccountOptions {
  const { claims, limits, trace } = account
  return {
    name: claims.subject,
    nameTag: claims.name,
    tags: claims.tags,
    defaultPermissions: toPermissions(account.defaultPermissions),
    exports: account.exports.map(exportOptions),
    imports: account.imports.map(importOptions),
    mappings: [...account.mappings].map(([source, destinations]) => ({
      source,
      destinations: destinations.map((destination) => ({ ...destination, weight: destination.weight || 100 })),
    })),
    limits: {
      maxConnections: limits.connections,
      maxSubscriptions: limits.subscriptions,
      maxPayload: limits.payload,
      maxLeafnodes: limits.leafnodes,
    },
    jetstream: jetStreamLimits(limits),
    trace: trace && { destination: trace.destination, sampling: trace.sampling || 100 },
  }
}

/** Undefined: it has no streams. One server has streams of the tier `R1` alone. */
function jetStreamLimits({ jetstream, tiers }: Account['limits']): JetStreamLimits | undefined {
  if (tiers.size === 0) return hasRoom(jetstream) ? streamLimits(jetstream) : undefined
  if (![...tiers.values()].some(hasRoom)) return undefined
  const all = new Map([...tiers].map(([name, limits]) => [name, streamLimits(limits)]))
  return { ...(all.get('R1') ?? UNLIMITED_STREAMS), tiers: all }
}

function hasRoom({ memory, disk }: Limits): boolean {
  return memory !== 0 || disk !== 0
}

function streamLimits(limits: Limits): StreamLimits {
  return {
    maxMemory: limits.memory,
    maxFile: limits.disk,
    maxStreams: limits.streams,
    maxConsumers: limits.consumers,
    maxAckPending: limits.maxAckPending || -1,
    memoryMaxStreamBytes: limits.memoryMaxStreamBytes || -1,
    fileMaxStreamBytes: limits.diskMaxStreamBytes || -1,
    maxBytesRequired: limits.maxBytesRequired,
  }
}

const RESPONSES = { '': 'singleton', Singleton: 'singleton', Stream: 'stream', Chunked: 'chunked' } as const

function exportOptions(one: AccountExport): TokenExportOptions {
  return {
    kind: one.kind === 'service' ? 'service' : 'stream',
    subject: one.subject,
    accounts: undefined,
    accountTokenPosition: one.accountTokenPosition,
    response: RESPONSES[one.responseType as keyof typeof RESPONSES],
    threshold: one.responseThreshold / 1e6,
    latency: one.latency && { sampling: one.latency.sampling, subject: one.latency.results },
    allowTrace: one.allowTrace,
    tokenRequired: one.tokenRequired,
    revocations: one.revocations,
  }
}

/** The old way to rename a service, `to`, named the exporter's subject; of a stream it named a prefix. */
function importOptions(one: AccountImport): TokenImportOptions {
  const { kind, account, share, allowTrace } = one
  const common = { account, share, allowTrace, source: one }
  if (kind === 'stream') {
    return { ...common, kind, subject: one.subject, to: one.localSubject, prefix: one.to }
  }
  const isOld = one.to !== ''
  return {
    ...common,
    kind: 'service',
    subject: isOld ? one.to : one.subject,
    to: isOld ? one.subject : one.localSubject,
    prefix: '',
  }
}
