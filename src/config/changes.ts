// What a reload changes (reference 5): either every change can be applied to a running server, or the whole reload is
// refused, in the words of nats-server, which names its own fields.

import { durationText } from '../base/duration.ts'
import type { OptionName, Options } from '../options/options.ts'
import { SETTINGS, settingOf } from './table/table.ts'

export interface Change {
  readonly option: OptionName
  /** What nats-server calls it. */
  readonly field: string
  readonly old: Options[OptionName]
  readonly new: Options[OptionName]
}

export interface Difference {
  /** Options that differ; empty with a refusal. */
  readonly changes: readonly Change[]
  /** Why the reload is refused as a whole; undefined if it is not. */
  readonly refusal: string | undefined
}

/** The order in which nats-server looks at what cannot be changed: the first that differs is named. */
const FIELD_ORDER: readonly OptionName[] = [
  'name',
  'host',
  'port',
  'disableSublistCache',
  'noHeaderSupport',
  'maxSubscriptions',
  'maxSubscriptionTokens',
  'noAuthUser',
  'systemAccount',
  'noSystemAccount',
  'proxyProtocol',
  'monitorHost',
  'monitorPort',
  'monitorBasePath',
  'httpsPort',
  'maxPending',
  'websocket',
  'profPort',
  'logSizeLimit',
  'logMaxNum',
  'allowNonTls',
  'writeTimeout',
  'maxClosedClients',
  'lameDuckDuration',
  'lameDuckGracePeriod',
  'trustedKeys',
  'operators',
]

/** Compares the options in force with new ones. */
export function diffOptions(old: Options, next: Options): Difference {
  const changes: Change[] = []
  for (const { option, field } of SETTINGS) {
    if (option === undefined || isSame(old, next, option)) continue
    changes.push({ option, field, old: old[option], new: next[option] })
  }
  const refused = changes
    .filter((change) => !isReloadable(change, next))
    .sort((a, b) => orderOf(a.option) - orderOf(b.option))
  if (refused.length === 0) return { changes, refusal: undefined }
  return { changes: [], refusal: refusalOf(refused[0], old, next) }
}

function orderOf(option: OptionName): number {
  const order = FIELD_ORDER.indexOf(option)
  return order === -1 ? FIELD_ORDER.length : order
}

function isSame(old: Options, next: Options, option: OptionName): boolean {
  // A port that may be any keeps being the one that was found.
  if (option === 'port' && next.port === -1) return true
  return JSON.stringify(old[option]) === JSON.stringify(next[option])
}

function isReloadable({ option, old, new: next }: Change, options: Options): boolean {
  if (option === 'noAuthUser') return next === '' && !hasUser(options, String(old))
  if (option === 'websocket') return sameButTls(old as Options['websocket'], next as Options['websocket'])
  return settingOf(option).reload
}

function hasUser({ authorization, accounts }: Options, name: string): boolean {
  const users = [...(authorization?.users ?? []), ...accounts.flatMap((account) => account.users)]
  return users.some(({ username }) => username === name)
}

function sameButTls(old: Options['websocket'], next: Options['websocket']): boolean {
  const plain = (options: Options['websocket']) => JSON.stringify(options && { ...options, tls: undefined })
  return plain(old) === plain(next)
}

function refusalOf({ option, field }: Change, old: Options, next: Options): string {
  return `config reload not supported for ${field}: old=${shown(option, old)}, new=${shown(option, next)}`
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
