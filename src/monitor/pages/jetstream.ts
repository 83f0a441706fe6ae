// What several pages say of streams: the configuration, what is used, the limits (docs/reference/monitoring.md, "Pages
// of other features").

import { isOperatorMode } from '../../auth/setup.ts'
import { API_LEVEL } from '../../base/constants.ts'
import { nanoseconds } from '../../base/go-format.ts'
import { type Json, unlessEmpty } from '../../base/json.ts'
import type { Options } from '../../options/options.ts'
import type { JetStreamOptions } from '../../options/shapes.ts'
import type { Monitored, StreamTotals } from '../monitored.ts'

type Members = { readonly [member: string]: Json }

export function streamConfig(jetstream: JetStreamOptions): Members {
  const { syncInterval } = jetstream
  return {
    max_memory: jetstream.maxMemory,
    max_storage: jetstream.maxFile,
    store_dir: jetstream.storeDir,
    sync_interval: syncInterval === undefined || syncInterval === 0 ? undefined : nanoseconds(syncInterval),
    sync_always: syncInterval === undefined || syncInterval === 0 || undefined,
    domain: unlessEmpty(jetstream.domain),
    unique_tag: unlessEmpty(jetstream.uniqueTag),
    strict: jetstream.strict || undefined,
  }
}

export function streamStats(server: Monitored): Members {
  const totals = server.streams?.totals() ?? NOTHING
  return {
    memory: totals.memory,
    storage: totals.file,
    reserved_memory: totals.reservedMemory,
    reserved_storage: totals.reservedFile,
    accounts: accountsWithStreams(server.options),
    ha_assets: 0,
    api: { level: API_LEVEL, total: totals.requests, errors: totals.errors },
  }
}

export function streamLimits({ limits }: JetStreamOptions): Members | undefined {
  const members = {
    max_ack_pending: unlessEmpty(limits.maxAckPending),
    max_ha_assets: unlessEmpty(limits.maxHaAssets),
    max_request_batch: unlessEmpty(limits.maxRequestBatch),
    duplicate_window: unlessEmpty(limits.duplicateWindow),
  }
  return Object.values(members).some((value) => value !== undefined) ? members : undefined
}

/** The member `jetstream` of several pages and events. */
export function streamMembers(server: Monitored): Members {
  const { jetstream } = server.options
  if (jetstream === undefined) return {}
  return { config: streamConfig(jetstream), stats: streamStats(server), limits: streamLimits(jetstream) }
}

/** Whether an account may have streams; of those by token, all that say so. */
export function hasStreams(options: Options, name: string): boolean {
  if (options.jetstream === undefined || isOperatorMode(options)) return false
  if (options.accounts.length === 0) return name === '$G'
  return options.accounts.some((account) => account.name === name && account.jetstream !== undefined)
}

function accountsWithStreams(options: Options): number {
  if (options.jetstream === undefined) return 0
  return options.accounts.length === 0 ? 1 : options.accounts.filter(({ jetstream }) => jetstream !== undefined).length
}

export const NOTHING: StreamTotals = {
  memory: 0,
  file: 0,
  reservedMemory: 0,
  reservedFile: 0,
  streams: 0,
  consumers: 0,
  messages: 0,
  requests: 0,
  errors: 0,
}
