// /accountz and /accstatz: accounts, what is configured of one, and what its connections have done
// (docs/reference/monitoring.md, "accountz and accstatz").

import type { AccountSettings } from '../../accounts/accounts.ts'
import { termsOf } from '../../accounts/imports.ts'
import { isOperatorMode } from '../../auth/setup.ts'
import { systemAccountOf } from '../../auth/system-account.ts'
import { nowMs } from '../../base/clock.ts'
import { goTime } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { unlessEmpty, unlessNone } from '../../base/json.ts'
import type { Options } from '../../options/options.ts'
import type { ExportOptions, ImportOptions, MappingOptions } from '../../options/shapes.ts'
import { GLOBAL_ACCOUNT } from '../../options/shapes.ts'
import { identityDestination } from '../../subjects/transform.ts'
import { IMPLICIT_IMPORTS } from '../../system/services.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import { countRequest, missingShards, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'
import { type AccountTotals, isInUse } from '../sources/server-accounts.ts'
import { sum } from '../sources/server-totals.ts'
import { hasStreams } from './jetstream.ts'
import { sublistStats } from './sublist-stats.ts'
import { type TokenAccount, tokenAccount } from './token-account.ts'

const PERCENT = 100

export async function accountz(parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/accountz')
  const { server } = context
  const accounts = await context.accounts.read()
  const top = { server_id: server.identity.serverId, now: goTime(nowMs()) }
  const name = parameters.text('acc')
  const system_account = systemAccountOf(server.options)
  if (name === '')
    return jsonAnswer({ ...top, system_account, accounts: [...accounts.keys()], ...missingShards(context) })
  const totals = accounts.get(name)
  if (totals === undefined) return refusal(`Account ${parameters.bytes('acc')} does not exist`)
  const token = isOperatorMode(server.options) ? await tokenOf(name, context) : undefined
  const account_detail = describe(totals, server.options, server.startedAt, token)
  return jsonAnswer({ ...top, system_account, account_detail, ...missingShards(context) })
}

/** From a shard that goes by it. */
async function tokenOf(account: string, { reports }: PageContext): Promise<TokenAccount | undefined> {
  const tokens = await reports.askAll({ kind: 'accountToken', account })
  const jwt = tokens.find((one) => one !== '')
  return jwt === undefined ? undefined : tokenAccount(jwt)
}

type Settings = Pick<AccountSettings, 'mappings' | 'exports' | 'imports'>

/** What the configuration says of an account. */
function settingsOf({ accounts, mappings }: Options, name: string): Settings {
  const settings = accounts.find((account) => account.name === name) ?? { mappings: [], exports: [], imports: [] }
  return name === GLOBAL_ACCOUNT && mappings.length > 0 ? { ...settings, mappings } : settings
}

function describe(totals: AccountTotals, options: Options, updatedAt: number, token: TokenAccount | undefined): Json {
  const settings = token?.settings ?? settingsOf(options, totals.name)
  const mappings = settings.mappings.map((mapping) => [mapping.source, describeDestinations(mapping)] as const)
  const exports = ofKinds(settings.exports, 'service', 'stream').map(describeExport)
  const imports = ofKinds(settings.imports, 'stream', 'service').map((item) => {
    const terms = termsOf(settingsOf(options, item.account), item, totals.name)
    return describeImport(item, terms?.latency)
  })
  return {
    account_name: totals.name,
    update_time: goTime(updatedAt),
    is_system: totals.name === systemAccountOf(options) || undefined,
    expired: token?.isExpired ?? false,
    complete: true,
    jetstream_enabled: hasStreams(options, totals.name),
    leafnode_connections: totals.leafnodes,
    client_connections: totals.connections,
    subscriptions: totals.subscriptions,
    mappings: mappings.length === 0 ? undefined : Object.fromEntries(mappings),
    exports: unlessNone(exports),
    imports: unlessNone([
      ...imports,
      ...systemImports(totals.name, systemAccountOf(options), hasStreams(options, totals.name)),
    ]),
    name_tag: totals.tag,
    ...token?.members,
    sublist_stats: sublistStats([totals]),
  }
}

type Kind = ExportOptions['kind']

function ofKinds<Item extends { readonly kind: Kind }>(items: readonly Item[], ...kinds: readonly Kind[]): Item[] {
  return kinds.flatMap((kind) => items.filter((item) => item.kind === kind))
}

/**
 * In nats-server's order: those of every cluster first, then those of each one, the lightest first. Weights are added
 * up as they go; what is left stays as it is, unless the subject itself is among the destinations.
 */
function describeDestinations({ source, destinations }: MappingOptions): Json {
  const named = destinations.some(({ subject }) => subject === source)
  const clusters = new Set(['', ...destinations.map(({ cluster }) => cluster)])
  return [...clusters].flatMap((cluster) => {
    const own = destinations.filter((one) => one.cluster === cluster)
    const left = PERCENT - sum(own, 'weight')
    if (left > 0 && !named) own.push({ subject: identityDestination(source), weight: left, cluster })
    let upTo = 0
    return own
      .sort((one, other) => one.weight - other.weight)
      .map(({ subject, weight }) => {
        upTo += weight
        return { subject, weight: upTo, cluster: unlessEmpty(cluster) }
      })
  })
}

const RESPONSE_TYPES = { singleton: 'Singleton', stream: 'Streamed', chunked: 'Chunked' } as const

function describeExport({ kind, subject, response, latency, accounts }: ExportOptions): Json {
  return {
    subject,
    type: kind,
    response_type: kind === 'service' ? RESPONSE_TYPES[response] : undefined,
    service_latency: describeLatency(latency),
    approved_accounts: unlessNone(accounts ?? []),
  }
}

function describeLatency(latency: ExportOptions['latency']): Json | undefined {
  return latency === undefined ? undefined : { sampling: latency.sampling, results: latency.subject }
}

const STREAMS_API = '$JS.API.>'

/** What every account may ask the system account. */
function systemImports(importer: string, account: string | undefined, withStreams: boolean): Json[] {
  if (account === undefined || account === importer) return []
  const implicit = IMPLICIT_IMPORTS.map(({ subject, target, share }) => ({
    subject: target(importer),
    to: subject,
    share,
  }))
  const api = { subject: STREAMS_API, to: STREAMS_API, share: true }
  return [...implicit, ...(withStreams ? [api] : [])].map((item) => {
    return describeImport({ ...item, kind: 'service', account, prefix: '', allowTrace: false }, undefined)
  })
}

/** `latency`: what the exporter measures of it. */
function describeImport(
  { kind, subject, account, to, prefix, share }: ImportOptions,
  latency: ExportOptions['latency'],
): Json {
  const local = to !== '' ? to : prefix !== '' ? `${prefix}.${subject}` : subject
  return {
    subject,
    account,
    to: kind === 'service' ? local : undefined,
    local_subject: local,
    type: kind,
    invalid: false,
    share,
    tracking: false,
    latency: describeLatency(latency),
  }
}

export async function accstatz(parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/accstatz')
  const unused = parameters.boolean('unused')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  return jsonAnswer(await accountStats(context, (account) => unused || isInUse(account)))
}

/** The traffic of the requested accounts. */
export async function accountStats(context: PageContext, isWanted: (account: AccountTotals) => boolean) {
  const accounts = [...(await context.accounts.read()).values()]
  return {
    server_id: context.server.identity.serverId,
    now: goTime(nowMs()),
    account_statz: accounts.filter(isWanted).map(describeTraffic),
    ...missingShards(context),
  }
}

export function describeTraffic(account: AccountTotals): Record<string, Json> {
  return {
    acc: account.name,
    name: account.tag,
    conns: account.connections,
    leafnodes: account.leafnodes,
    total_conns: account.connections + account.leafnodes,
    num_subscriptions: account.subscriptions,
    sent: traffic(
      { msgs: account.outMessages, bytes: account.outBytes },
      { msgs: account.leafOutMessages, bytes: account.leafOutBytes },
    ),
    received: traffic(
      { msgs: account.inMessages, bytes: account.inBytes },
      { msgs: account.leafInMessages, bytes: account.leafInBytes },
    ),
    slow_consumers: account.slowConsumers,
  }
}

interface Messages {
  readonly msgs: number
  readonly bytes: number
}

/** All of it, and the parts that came or went over links to other servers. What routes carry is not counted. */
function traffic(clients: Messages, leafs: Messages): Json {
  const none = { msgs: 0, bytes: 0 }
  const [msgs, bytes] = [clients.msgs + leafs.msgs, clients.bytes + leafs.bytes]
  return { msgs, bytes, gateways: none, routes: none, leafs: { msgs: leafs.msgs, bytes: leafs.bytes } }
}
