// The keys of the top level that are more than one value: what reads each. A key is found by the option it sets, or,
// where it sets none, by its name.

import type { AuthorizationOptions } from '../../options/shapes.ts'
import { type ConfigEntry, originOf, typeName } from '../language/tree.ts'
import type { Layer } from '../layer.ts'
import { quoteText } from '../problems.ts'
import { settingOfKey } from '../table/table.ts'
import { type AccountDraft, readAccounts, readMappings } from './accounts.ts'
import { readAuthorization } from './authorization.ts'
import { CLUSTER, checkBlock, GATEWAY } from './cluster-keys.ts'
import {
  readOperators,
  readPinnedAccounts,
  readPreload,
  readProxies,
  readResolver,
  readTrustedKeys,
  resolverOfOperators,
} from './identity.ts'
import { readJetStream } from './jetstream-keys.ts'
import { LEAFNODES } from './leafnode-keys.ts'
import { MQTT } from './mqtt-keys.ts'
import { readOcsp, readOcspCache } from './ocsp.ts'
import { listenOf, type Reading } from './schema.ts'
import { readTls } from './tls.ts'
import { readWebSocket } from './websocket.ts'

/** What is being read: the layer, and what is checked when all is known. */
export interface Top {
  readonly layer: Layer
  authorization?: { readonly options: AuthorizationOptions; readonly entry: ConfigEntry }
  accounts: AccountDraft[]
  accountsEntry?: ConfigEntry
  /** Names the folder of the streams; it may be named in one place only. */
  storeDir?: ConfigEntry
}

type BlockReading = (entry: ConfigEntry, top: Top, reading: Reading, name: string) => void

export const BLOCKS: ReadonlyMap<string, BlockReading> = new Map<string, BlockReading>([
  ['listen', (entry, { layer }, reading) => readListen(entry, layer, 'host', 'port', reading)],
  ['http', (entry, { layer }, reading) => readListen(entry, layer, 'monitorHost', 'monitorPort', reading)],
  ['https', (entry, { layer }, reading) => readListen(entry, layer, 'monitorHost', 'httpsPort', reading)],
  ['serverTags', readTags],
  ['serverMetadata', readMetadata],
  [
    'authorization',
    (entry, top, reading) => {
      const options = readAuthorization(entry, reading)
      if (options === undefined) return
      top.authorization = { options, entry }
      top.layer.set('authorization', options, originOf(entry))
    },
  ],
  [
    'accounts',
    (entry, top, reading) => {
      top.accounts = readAccounts(entry, reading)
      top.accountsEntry = entry
      const accounts = top.accounts.map(({ usersEntry: _, ...account }) => account)
      top.layer.set('accounts', accounts, originOf(entry))
    },
  ],
  ['mappings', (entry, { layer }, reading) => layer.set('mappings', readMappings(entry, reading), originOf(entry))],
  ['tls', (entry, { layer }, reading) => layer.set('tls', readTls(entry, 'clients', reading), originOf(entry))],
  ['ocsp', (entry, { layer }, reading) => layer.set('ocsp', readOcsp(entry, reading), originOf(entry))],
  ['ocspCache', (entry, { layer }, reading) => layer.set('ocspCache', readOcspCache(entry, reading), originOf(entry))],
  [
    'operators',
    (entry, { layer }, reading) => {
      const operators = readOperators(entry, reading)
      layer.set('operators', operators, originOf(entry))
      const resolver = resolverOfOperators(operators)
      if (resolver !== undefined && !layer.origins.has('resolver')) layer.set('resolver', resolver, originOf(entry))
    },
  ],
  ['resolver', (entry, { layer }, reading) => layer.set('resolver', readResolver(entry, reading), originOf(entry))],
  [
    'resolverTls',
    (entry, { layer }, reading) => layer.set('resolverTls', readTls(entry, 'clients', reading), originOf(entry)),
  ],
  [
    'resolverPreload',
    (entry, { layer }, reading) => layer.set('resolverPreload', readPreload(entry, reading), originOf(entry)),
  ],
  [
    'resolverPinnedAccounts',
    (entry, { layer }, reading) =>
      layer.set('resolverPinnedAccounts', readPinnedAccounts(entry, reading), originOf(entry)),
  ],
  [
    'trustedKeys',
    (entry, { layer }, reading) => layer.set('trustedKeys', readTrustedKeys(entry, reading), originOf(entry)),
  ],
  ['proxies', (entry, { layer }, reading) => layer.set('proxies', readProxies(entry, reading), originOf(entry))],
  ['websocket', (entry, { layer }, reading) => layer.set('websocket', readWebSocket(entry, reading), originOf(entry))],
  [
    'jetstream',
    (entry, top, reading) => {
      const block = readJetStream(entry, reading)
      const storeDir = block['storeDir'] as ConfigEntry | undefined
      if (storeDir !== undefined) setStoreDir(storeDir, top, reading)
      top.layer.later.jetstream = block
      if (block['enabled'] === true) lacks(entry, top, 'jetstream')
    },
  ],
  [
    'store_dir',
    (entry, top, reading) => {
      if (reading.problems.string(entry) !== undefined) setStoreDir(entry, top, reading)
    },
  ],
  ['default_js_domain', readDomains],
  ['feature_flags', readFeatureFlags],
  [
    'cluster',
    (entry, top, reading) => {
      top.layer.later.cluster = checkBlock(entry, CLUSTER, 'Expected map to define cluster', reading)
      lacks(entry, top, 'cluster')
    },
  ],
  [
    'gateway',
    (entry, top, reading) => {
      top.layer.later.gateway = checkBlock(entry, GATEWAY, 'Expected gateway to be a map', reading)
      lacks(entry, top, 'gateway')
    },
  ],
  [
    'leaf',
    (entry, top, reading) => {
      top.layer.later.leaf = checkBlock(entry, LEAFNODES, 'Expected map to define a leafnode', reading)
      lacks(entry, top, 'leaf')
    },
  ],
  [
    'mqtt',
    (entry, top, reading) => {
      top.layer.later.mqtt = checkBlock(entry, MQTT, 'Expected mqtt to be a map', reading)
      lacks(entry, top, 'mqtt')
    },
  ],
])

/** Notes that something is asked for that is not there yet. */
function lacks(entry: ConfigEntry, { layer }: Top, key: string): void {
  const missing = settingOfKey(key)?.missing
  if (missing !== undefined) layer.lacks(missing, originOf(entry))
}

function readListen(
  entry: ConfigEntry,
  layer: Layer,
  host: 'host' | 'monitorHost',
  port: 'port' | 'monitorPort' | 'httpsPort',
  reading: Reading,
): void {
  const listen = listenOf(entry, reading)
  if (listen === undefined) return
  layer.set(host, listen.host === '' ? undefined : listen.host, originOf(entry))
  layer.set(port, listen.port === 0 ? undefined : listen.port, originOf(entry))
}

/** Tags are compared in lower case, and one is there once. */
function readTags(entry: ConfigEntry, { layer }: Top, { problems }: Reading): void {
  const { value } = entry
  if (typeof value !== 'string' && !Array.isArray(value)) {
    problems.error(entry, `error parsing tags: unsupported type ${typeName(value)}`)
    return
  }
  const texts = Array.isArray(value) ? value.map((item) => item.value) : [value]
  if (texts.some((text) => typeof text !== 'string')) {
    problems.error(entry, 'error parsing tags: unsupported type *conf.token where string is expected')
    return
  }
  const tags = texts.map((text) => String(text).trim().toLowerCase()).filter((tag) => tag !== '')
  layer.set('serverTags', [...new Set(tags)], originOf(entry))
}

function readMetadata(entry: ConfigEntry, { layer }: Top, { problems }: Reading): void {
  if (!(entry.value instanceof Map)) {
    problems.error(entry, `error parsing metadata: unsupported type ${typeName(entry.value)}`)
    return
  }
  const members = [...entry.value].map(([name, item]) => [name, problems.string(item) ?? ''])
  layer.set('serverMetadata', Object.fromEntries(members), originOf(entry))
}

function setStoreDir(entry: ConfigEntry, top: Top, { problems }: Reading): void {
  if (top.storeDir !== undefined) problems.error(entry, "Duplicate 'store_dir' configuration")
  top.storeDir = entry
}

function readDomains(entry: ConfigEntry, top: Top, { problems }: Reading): void {
  if (!(entry.value instanceof Map)) {
    problems.error(entry, `error default_js_domain config: unsupported type ${typeName(entry.value)}`)
    return
  }
  const domains = [...entry.value].map(([account, item]) => [account, problems.string(item) ?? ''] as const)
  top.layer.later.domains = new Map(domains)
  lacks(entry, top, 'default_js_domain')
}

function readFeatureFlags(entry: ConfigEntry, top: Top, { problems }: Reading): void {
  if (!(entry.value instanceof Map)) {
    problems.error(entry, `error parsing feature flags: unsupported type ${typeName(entry.value)}`)
    return
  }
  for (const [name, item] of entry.value) {
    if (typeof item.value === 'boolean') continue
    problems.error(item, `error parsing feature flag ${quoteText(name)}: expected bool, got ${typeName(item.value)}`)
  }
  lacks(entry, top, 'feature_flags')
}
