// /accountz and /accstatz: accounts, what is configured of one, and what its clients have done (reference 11.3). There
// is no system account among them, and no import from it, until there is one.

import { type AccountSettings, GLOBAL_ACCOUNT } from '../accounts/account.ts'
import type { ExportOptions, ImportOptions, MappingDestination } from '../config/shapes.ts'
import type { Options } from '../options.ts'
import { type Answer, type Json, jsonAnswer, refusal, unlessEmpty } from './answer.ts'
import { goTime } from './go-format.ts'
import { countRequest, nowMs, type PageContext } from './page.ts'
import type { Parameters } from './parameters.ts'
import type { AccountTotals } from './server-accounts.ts'
import { sublistStats } from './sublist-stats.ts'

export async function accountz(parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/accountz')
  const { server } = context
  const accounts = await context.accounts.read()
  const top = { server_id: server.identity.serverId, now: goTime(nowMs()) }
  const name = parameters.text('acc')
  if (name === '') return jsonAnswer({ ...top, accounts: [...accounts.keys()] })
  const totals = accounts.get(name)
  if (totals === undefined) return refusal(`Account ${parameters.bytes('acc')} does not exist`)
  return jsonAnswer({ ...top, account_detail: describe(totals, settingsOf(server.options, name), server.startedAt) })
}

type Settings = Pick<AccountSettings, 'mappings' | 'exports' | 'imports'>

/** What the configuration says of an account; of those that come from tokens only the shards know. */
function settingsOf({ accounts, mappings }: Options, name: string): Settings {
  const settings = accounts.find((account) => account.name === name) ?? { mappings: [], exports: [], imports: [] }
  return name === GLOBAL_ACCOUNT && mappings.length > 0 ? { ...settings, mappings } : settings
}

function describe(totals: AccountTotals, settings: Settings, updatedAt: number): Json {
  const mappings = settings.mappings.map(
    ({ source, destinations }) => [source, describeDestinations(destinations)] as const,
  )
  return {
    account_name: totals.name,
    update_time: goTime(updatedAt),
    expired: false,
    complete: true,
    jetstream_enabled: false,
    leafnode_connections: 0,
    client_connections: totals.connections,
    subscriptions: totals.subscriptions,
    mappings: mappings.length === 0 ? undefined : Object.fromEntries(mappings),
    exports: unlessNone(settings.exports.map(describeExport)),
    imports: unlessNone(settings.imports.map(describeImport)),
    name_tag: totals.name,
    sublist_stats: sublistStats([totals]),
  }
}

/** Weights are added up as they go, those of each cluster by themselves. */
function describeDestinations(destinations: readonly MappingDestination[]): Json {
  const weights = new Map<string, number>()
  return destinations.map(({ subject, weight: own, cluster }) => {
    const weight = (weights.get(cluster) ?? 0) + own
    weights.set(cluster, weight)
    return { subject, weight, cluster: unlessEmpty(cluster) }
  })
}

const RESPONSE_TYPES = { singleton: 'Singleton', stream: 'Streamed', chunked: 'Chunked' } as const

function describeExport({ kind, subject, response, latency, accounts }: ExportOptions): Json {
  return {
    subject,
    type: kind,
    response_type: kind === 'service' ? RESPONSE_TYPES[response] : undefined,
    service_latency: latency === undefined ? undefined : { sampling: latency.sampling, results: latency.subject },
    approved_accounts: unlessNone(accounts ?? []),
  }
}

function describeImport({ kind, subject, account, to, prefix, share }: ImportOptions): Json {
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
  }
}

function unlessNone(list: readonly Json[]): readonly Json[] | undefined {
  return list.length === 0 ? undefined : list
}

export async function accstatz(parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/accstatz')
  const unused = parameters.boolean('unused')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  const accounts = [...(await context.accounts.read()).values()]
  return jsonAnswer({
    server_id: context.server.identity.serverId,
    now: goTime(nowMs()),
    account_statz: accounts.filter(({ connections }) => unused || connections > 0).map(describeTraffic),
  })
}

function describeTraffic(account: AccountTotals): Json {
  return {
    acc: account.name,
    name: account.name,
    conns: account.connections,
    leafnodes: 0,
    total_conns: account.connections,
    num_subscriptions: account.subscriptions,
    sent: traffic(account.outMessages, account.outBytes),
    received: traffic(account.inMessages, account.inBytes),
    slow_consumers: account.slowConsumers,
  }
}

/** All of it, and the parts that came or went over links to other servers: none. */
function traffic(msgs: number, bytes: number): Json {
  const none = { msgs: 0, bytes: 0 }
  return { msgs, bytes, gateways: none, routes: none, leafs: none }
}
