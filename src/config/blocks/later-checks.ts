// Rules between the keys of clusters, gateways, leaf nodes, MQTT and JetStream. Some are only checked so far: what
// nats-server refuses is refused now, not when these features exist. Texts and order are nats-server's.

import { durationText } from '../../base/duration.ts'
import type { Options } from '../../options/options.ts'
import { GLOBAL_ACCOUNT } from '../../options/shapes.ts'
import { isValidSubject } from '../../subjects/filter.ts'
import type { Checked, LaterBlocks } from '../layer.ts'
import { quoteText } from '../problems.ts'
import { checkOwnCredentials } from './user-checks.ts'

const SYSTEM_ACCOUNT = '$SYS'
const ACCOUNT_KEY = /^A[A-Z2-7]{55}$/

const text = (block: Checked | undefined, key: string): string => String(block?.[key] ?? '')
const blocks = (block: Checked | undefined, key: string): readonly Checked[] => (block?.[key] ?? []) as Checked[]
/** Whether a block names a port. */
export const listens = (block: Checked | undefined): boolean => (block?.['port'] ?? 0) !== 0

// ── Leaf nodes ────────────────────────────────────────────────────────────────────────────────────────────────

/** What is wrong with leaf nodes; they come before users. */
export function checkLeafnodes(options: Options, { leaf, gateway }: LaterBlocks): string | undefined {
  if (leaf === undefined) return undefined
  const authorization = (leaf['authorization'] ?? {}) as Checked
  const remotes = blocks(leaf, 'remotes')
  const wrong =
    options.operators.length === 0
      ? checkLocalAccounts(options, authorization, remotes)
      : checkOperatorLeafs(leaf, authorization, remotes)
  if (wrong !== undefined) return wrong
  for (const each of [leaf, ...remotes]) {
    const urls = (each['urls'] ?? []) as readonly string[]
    const webSockets = urls.filter((url) => /^wss?:/i.test(url)).length
    if (webSockets > 0 && webSockets < urls.length) {
      const shown = urls.map(quoteText).join(' ')
      return `remote leaf node configuration cannot have a mix of websocket and non-websocket urls: [${shown}]`
    }
    const compression = checkCompression(each, 's2_auto')
    if (compression !== undefined) return compression
  }
  const hasGateway = gateway !== undefined && (text(gateway, 'name') !== '' || listens(gateway))
  if (!listens(leaf) || !hasGateway || options.systemAccount !== '') return undefined
  return 'leaf nodes and gateways (both being defined) require a system account to also be configured'
}

function checkLocalAccounts(options: Options, authorization: Checked, remotes: readonly Checked[]): string | undefined {
  const known = new Set(['', GLOBAL_ACCOUNT, ...options.accounts.map(({ name }) => name)])
  if (options.systemAccount === '' && !options.noSystemAccount) known.add(SYSTEM_ACCOUNT)
  const users = blocks(authorization, 'users').map((user) => text(user, 'account'))
  for (const [where, names] of [
    ['authorization', [text(authorization, 'account'), ...users]],
    ['remote', remotes.map((remote) => text(remote, 'account'))],
  ] as const) {
    const name = names.find((each) => !known.has(each))
    if (name !== undefined) return `cannot find local account ${quoteText(name)} specified in leafnode ${where}`
  }
  return undefined
}

function checkOperatorLeafs(leaf: Checked, authorization: Checked, remotes: readonly Checked[]): string | undefined {
  if (blocks(authorization, 'users').length > 0) {
    return 'operator mode does not allow specifying users in leafnode config'
  }
  if (remotes.some((remote) => !ACCOUNT_KEY.test(text(remote, 'account')))) {
    return [
      'operator mode requires account nkeys in remotes.',
      'Please add an `account` key to each remote in your `leafnodes` section, to assign it to an account.',
      "Each account value should be a 56 character public key, starting with the letter 'A'",
    ].join(' ')
  }
  const account = text(authorization, 'account')
  if (!listens(leaf) || account === '' || ACCOUNT_KEY.test(account)) return undefined
  return 'operator mode and non account nkeys are incompatible'
}

const MODES = new Set([
  ...['not supported', 'not_supported', 'disabled', 'off', 'false', 'accept', 'auto', 's2_auto'],
  ...['fast', 's2_fast', 'better', 's2_better', 'best', 's2_best'],
])
const THRESHOLDS_MAX = 4

/** What is wrong with a block's `compression`; `on` is the mode that it switches on. */
function checkCompression(block: Checked, on: string): string | undefined {
  const compression = block['compression'] as
    | { readonly mode: string; readonly thresholds: readonly number[] }
    | undefined
  if (compression === undefined || compression.mode === '') return undefined
  const { mode, thresholds } = compression
  const word = ['on', 'enabled', 'true'].includes(mode.toLowerCase()) ? on : mode.toLowerCase()
  if (!MODES.has(word)) return `unsupported compression mode ${quoteText(mode)}`
  if ((word !== 'auto' && word !== 's2_auto') || thresholds.length === 0) return undefined
  const shown = `[${thresholds.map(durationText).join(' ')}]`
  let highest = 0
  for (const threshold of thresholds) {
    if (threshold > 0 && threshold < highest) return `RTT threshold values ${shown} should be in ascending order`
    highest = Math.max(highest, threshold)
  }
  const used = thresholds.findLastIndex((threshold) => threshold > 0) + 1
  if (used > THRESHOLDS_MAX) {
    return `compression mode ${quoteText(mode)} should have no more than 4 RTT thresholds: ${shown}`
  }
  return used === 0 ? `compression mode ${quoteText(mode)} requires at least one RTT threshold` : undefined
}

// ── Gateways, clusters, MQTT, JetStream ───────────────────────────────────────────────────────────────────────

/** What is wrong with the rest; they come after users. */
export function checkServers(options: Options, later: LaterBlocks): string | undefined {
  return (
    checkGateway(later) ?? checkCluster(options, later) ?? checkMqtt(options, later) ?? checkJetStream(options, later)
  )
}

function checkGateway({ gateway }: LaterBlocks): string | undefined {
  const name = text(gateway, 'name')
  if (name === '' && !listens(gateway)) return undefined
  if (name === '') return 'gateway has no name'
  if (!listens(gateway)) return `gateway ${quoteText(name)} has no port specified (select -1 for random port)`
  for (const [i, remote] of blocks(gateway, 'gateways').entries()) {
    const remoteName = text(remote, 'name')
    if (remoteName === '') return `gateway in the list ${i} has no name`
    if (blocks(remote, 'urls').length === 0) return `gateway ${quoteText(remoteName)} has no URL`
  }
  return undefined
}

function checkCluster(options: Options, { cluster, gateway }: LaterBlocks): string | undefined {
  if (cluster === undefined) return undefined
  const wrong = checkCompression(cluster, 's2_fast')
  if (wrong !== undefined) return wrong
  const [name, gatewayName] = [text(cluster, 'name'), text(gateway, 'name')]
  if (name !== '' && gatewayName !== '' && name !== gatewayName) {
    return 'cluster name conflicts between cluster and gateway definitions'
  }
  const accounts = (cluster['accounts'] ?? []) as readonly string[]
  if (accounts.length === 0) return undefined
  if (Number(cluster['poolSize'] ?? 0) < 0) return 'pool_size cannot be negative if pinned accounts are specified'
  const double = accounts.find((account, i) => accounts.indexOf(account) !== i)
  if (double === undefined) return undefined
  // The system account has a connection of its own in any case.
  const own = options.noSystemAccount || !listens(cluster) ? [] : [options.systemAccount || SYSTEM_ACCOUNT]
  const list = `[${[...accounts, ...own].map(quoteText).join(' ')}]`
  return `found duplicate account name ${quoteText(double)} in pinned accounts list ${list}`
}

function checkMqtt(options: Options, { mqtt, cluster, gateway, leaf, jetstream }: LaterBlocks): string | undefined {
  if (!listens(mqtt)) return undefined
  if (options.name === '' && (listens(cluster) || listens(gateway))) {
    return 'mqtt requires server name to be explicitly set'
  }
  const [noAuthUser, username, token] = ['noAuthUser', 'username', 'token'].map((key) => text(mqtt, key))
  const wrong = checkOwnCredentials('mqtt', { noAuthUser, username, token }, options)
  if (wrong !== undefined) return wrong
  if (Number(mqtt?.['ackWait'] ?? 0) < 0) return 'ack wait must be a positive value'
  if (Number(mqtt?.['apiTimeout'] ?? 0) < 0) return 'JS API timeout must be a positive value'
  const isAlone = ![cluster, gateway, leaf].some(listens) && blocks(leaf, 'remotes').length === 0
  if (isAlone && jetstream?.['enabled'] !== true) {
    return 'mqtt requires JetStream to be enabled if running in standalone mode'
  }
  return undefined
}

function checkJetStream(options: Options, { jetstream, cluster, domains }: LaterBlocks): string | undefined {
  const wrong = checkDomains(options, domains ?? new Map())
  if (wrong !== undefined) return wrong
  const domain = text(jetstream, 'domain')
  if (domain !== '') {
    const subject = `$JS.${domain}.API.>`
    if (!isValidSubject(subject)) return `invalid domain name: derived ${quoteText(subject)} is not a valid subject`
    if (/[.*>]/.test(domain)) return 'invalid domain name: may not contain ., * or >'
  }
  if (jetstream?.['enabled'] !== true || !listens(cluster)) return undefined
  if (options.name === '') return 'jetstream cluster requires `server_name` to be set'
  if (text(cluster, 'name') === '') return 'jetstream cluster requires `cluster.name` to be set'
  const hint = text(jetstream, 'extensionHint').toLowerCase()
  if (hint === '' || hint === 'will_extend' || hint === 'no_extend') return undefined
  return `expected 'no_extend' for string value, got '${hint}'`
}

function checkDomains(options: Options, domains: ReadonlyMap<string, string>): string | undefined {
  for (const [name, domain] of domains) {
    if (options.operators.length > 0) {
      if (ACCOUNT_KEY.test(name)) continue
      return `default_js_domain contains account name ${quoteText(name)}, which is not a valid public account nkey`
    }
    if (name === GLOBAL_ACCOUNT) continue
    const account = options.accounts.find((each) => each.name === name)
    if (account === undefined) {
      return `in non operator mode, \`default_js_domain\` references non existing account ${quoteText(name)}`
    }
    if (account.jetstream && domain !== '') {
      return `default_js_domain contains account name ${quoteText(name)} with enabled JetStream`
    }
  }
  for (const [name, domain] of domains) {
    if (name === (options.systemAccount || SYSTEM_ACCOUNT)) {
      return `system account ${quoteText(name)} can not be in default_js_domain`
    }
    if (domain === '' || isValidSubject(`$JS.${domain}.API.>`)) continue
    return `default_js_domain contains account ${quoteText(name)} with invalid domain name ${quoteText(domain)}`
  }
  return undefined
}
