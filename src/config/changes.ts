// What a reload changes (docs/reference/reload-and-signals.md, "Reload"): either every change can be applied to a
// running server, or the whole reload is refused, with nats-server's text, which names its own fields.

import { systemAccountOf } from '../auth/system-account.ts'
import { durationText } from '../base/duration.ts'
import type { OptionName, Options } from '../options/options.ts'
import { GLOBAL_ACCOUNT } from '../options/shapes.ts'
import { FIXED } from './table/fixed.ts'
import { SETTINGS, settingOf } from './table/table.ts'

export interface Difference {
  /** Options that differ; empty with a refusal. */
  readonly changes: readonly OptionName[]
  /** Why the reload is refused as a whole; undefined if it is not. */
  readonly refusal: string | undefined
}

/** Compares the options in force with new ones. */
export function diffOptions(old: Options, next: Options): Difference {
  const changes = SETTINGS.flatMap(({ option }) => (option === undefined || isSame(old, next, option) ? [] : [option]))
  const streams = whyNoStreams(old.jetstream, next.jetstream)
  if (streams !== undefined) return { changes: [], refusal: `config reload not supported for ${streams}` }
  for (const [option, field] of FIXED) {
    if (!changes.includes(option)) continue
    const refusal = option === 'cluster' ? whyNoCluster(old, next) : whyFixed(option, field, old, next)
    if (refusal !== undefined) return { changes: [], refusal }
  }
  return { changes, refusal: undefined }
}

function whyFixed(option: OptionName, field: string, old: Options, next: Options): string | undefined {
  if (canChange(option, old, next)) return undefined
  return `config reload not supported for ${field}: old=${shown(option, old)}, new=${shown(option, next)}`
}

/** All of a cluster can change but where the server listens, and that it is in one. */
function whyNoCluster(old: Options, next: Options): string | undefined {
  const [before, after] = [old.cluster, next.cluster]
  for (const [what, key, none] of [
    ['host', 'host', ''],
    ['port', 'port', 0],
  ] as const) {
    const [from, to] = [before?.[key] ?? none, after?.[key] ?? none]
    if (from !== to) return `config reload not supported for cluster ${what}: old=${from}, new=${to}`
  }
  if (next.operators.length > 0 || next.trustedKeys.length > 0) return undefined
  const known = [GLOBAL_ACCOUNT, systemAccountOf(next), ...next.accounts.map(({ name }) => name)]
  const added = after?.accounts.find((name) => before?.accounts.includes(name) === false && !known.includes(name))
  if (added === undefined) return undefined
  return `unable to add account ${JSON.stringify(added)} to the list of dedicated routes: account missing`
}

function isSame(old: Options, next: Options, option: OptionName): boolean {
  // A port that may be any keeps being the one that was found.
  if (option === 'port' && next.port === -1) return true
  return JSON.stringify(old[option]) === JSON.stringify(next[option])
}

/** What about streams cannot change while the server runs: all but larger bounds and other limits. */
function whyNoStreams(old: Options['jetstream'], next: Options['jetstream']): string | undefined {
  if (old === undefined || next === undefined) return old === next ? undefined : 'switching jetstream on or off'
  if (old.storeDir !== next.storeDir) return 'jetstream storage directory'
  if (next.maxMemory < old.maxMemory || next.maxFile < old.maxFile) return 'decreasing jetstream max memory and store'
  const rest = (options: object): string => JSON.stringify({ ...options, limits: 0, maxMemory: 0, maxFile: 0 })
  return rest(old) === rest(next) ? undefined : 'jetstream settings other than max memory, max store and limits'
}

/** What is fixed may change in these cases. */
function canChange(option: OptionName, old: Options, next: Options): boolean {
  if (option === 'leafnodes') return sameButRemotes(old.leafnodes, next.leafnodes)
  if (option === 'noAuthUser') return next.noAuthUser === '' && !hasUser(next, old.noAuthUser)
  return (option === 'websocket' || option === 'httpGateway') && sameButTls(old[option], next[option])
}

function hasUser({ authorization, accounts }: Options, name: string): boolean {
  const users = [...(authorization?.users ?? []), ...accounts.flatMap((account) => account.users)]
  return users.some(({ username }) => username === name)
}

function sameButTls(old: object | undefined, next: object | undefined): boolean {
  const plain = (block: object | undefined): string | undefined => JSON.stringify(block && { ...block, tls: undefined })
  return plain(old) === plain(next)
}

function sameButRemotes(old: Options['leafnodes'], next: Options['leafnodes']): boolean {
  const fixed = (block: Options['leafnodes']): string => JSON.stringify({ ...block, remotes: undefined })
  return old !== undefined && next !== undefined && fixed(old) === fixed(next)
}

/** A value as Go prints it; what may hold a secret is not shown. */
function shown(option: OptionName, options: Options): string {
  const { kind, secret } = settingOf(option)
  const value = options[option]
  if (secret === true) return '[REDACTED]'
  if (option === 'monitorPort' || option === 'httpsPort') return String(value ?? 0)
  if (option === 'writeTimeout' && value === settingOf(option).default) return ''
  if (kind === 'duration') return durationText(value as number)
  if (Array.isArray(value)) return `[${value.join(' ')}]`
  return typeof value === 'object' ? '[REDACTED]' : String(value)
}
