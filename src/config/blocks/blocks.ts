// Readers of the top-level keys that hold more than one value. A key is found by the option that it sets or, if it sets
// none, by its name.

import type { OptionName, Options } from '../../options/options.ts'
import type { AuthorizationOptions, TlsOptions } from '../../options/shapes.ts'
import { type ConfigEntry, originOf, typeName } from '../language/tree.ts'
import type { Checked, LaterBlocks, Layer } from '../layer.ts'
import { quoteText } from '../problems.ts'
import { settingOfKey } from '../table/table.ts'
import { type AccountDraft, readAccounts, readMappings } from './accounts.ts'
import { readAuthorization } from './authorization.ts'
import { CLUSTER, GATEWAY } from './cluster-keys.ts'
import { readHttpGateway } from './http-gateway.ts'
import {
  readOperators,
  readPreload,
  readProxies,
  readResolver,
  readTrustedKeys,
  resolverOfOperators,
} from './identity.ts'
import { readJetStream } from './jetstream-keys.ts'
import { listens } from './later-checks.ts'
import { LEAFNODES } from './leafnode-keys.ts'
import { MQTT } from './mqtt-keys.ts'
import { readOcsp, readOcspCache } from './ocsp.ts'
import { type Complaint, complain, type Reading, type Schema, type Take } from './schema.ts'
import { readTls } from './tls.ts'
import { anyText, block, got, listenOf, membersOf, ofType, only, recordOf, textsOf } from './values.ts'
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
type BlockRow = readonly [name: string, read: BlockReading]

/** A key whose value becomes an option. */
function option<K extends OptionName>(name: K, take: Take<Options[K]>): BlockRow {
  return [name, (entry, { layer }, reading, key) => layer.set(name, take(entry, reading, key), originOf(entry))]
}

type Later = Exclude<keyof LaterBlocks, 'domains'>

/**
 * A block that is only checked so far; `wrong` is said of what is none. It asks for a feature only if `isOn`:
 * nats-server does nothing about others either.
 */
function later(
  name: Later,
  schema: Schema<Checked>,
  wrong: Complaint,
  isOn: (block: Checked) => boolean = listens,
): BlockRow {
  const take = block<Checked>(schema, () => ({}), wrong)
  return [
    name,
    (entry, top, reading, key) => {
      const checked = take(entry, reading, key) ?? {}
      top.layer.later[name] = checked
      if (isOn(checked)) asksFor(entry, top, name)
    },
  ]
}

type Port = 'port' | 'monitorPort' | 'httpsPort'

/** A key that says host and port. */
function listening(name: string, host: 'host' | 'monitorHost', port: Port): BlockRow {
  return [
    name,
    (entry, { layer }, reading) => {
      const listen = listenOf(entry, reading)
      if (listen === undefined) return
      layer.set(host, listen.host === '' ? undefined : listen.host, originOf(entry))
      layer.set(port, listen.port === 0 ? undefined : listen.port, originOf(entry))
    },
  ]
}

const readCluster = block<Checked>(CLUSTER, () => ({}), got('Expected map to define cluster'))
const readLeafnodes = block<Checked>(LEAFNODES, () => ({}), got('Expected map to define a leafnode'))
const readDomains = membersOf(anyText, ofType('error default_js_domain config: unsupported type'))

const readFeatures = membersOf(
  only('boolean', (value, name) => {
    return `error parsing feature flag ${quoteText(name)}: expected bool, got ${typeName(value)}`
  }),
  ofType('error parsing feature flags: unsupported type'),
)

export const BLOCKS: ReadonlyMap<string, BlockReading> = new Map<string, BlockReading>([
  listening('listen', 'host', 'port'),
  listening('http', 'monitorHost', 'monitorPort'),
  listening('https', 'monitorHost', 'httpsPort'),
  option('serverTags', readTags),
  option('serverMetadata', recordOf(anyText, ofType('error parsing metadata: unsupported type'))),
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
  option('mappings', readMappings),
  option('tls', readClientTls),
  option('ocsp', readOcsp),
  option('ocspCache', readOcspCache),
  [
    'operators',
    (entry, { layer }, reading) => {
      const operators = readOperators(entry, reading)
      layer.set('operators', operators, originOf(entry))
      const resolver = resolverOfOperators(operators)
      if (resolver !== undefined && !layer.origins.has('resolver')) layer.set('resolver', resolver, originOf(entry))
    },
  ],
  option('resolver', readResolver),
  option('resolverTls', readClientTls),
  option('resolverPreload', readPreload),
  option('resolverPinnedAccounts', textsOf('resolver_pinned_accounts')),
  option('trustedKeys', readTrustedKeys),
  option('proxies', readProxies),
  option('websocket', readWebSocket),
  option('httpGateway', readHttpGateway),
  [
    'jetstream',
    (entry, top, reading) => {
      const block = readJetStream(entry, reading)
      const storeDir = block['storeDir'] as ConfigEntry | undefined
      if (storeDir !== undefined) setStoreDir(storeDir, top, reading)
      top.layer.later.jetstream = block
      top.layer.origins.set('jetstream', originOf(entry))
    },
  ],
  [
    'storeDir',
    (entry, top, reading) => {
      const storeDir = reading.problems.string(entry)
      if (storeDir === undefined) return
      setStoreDir(entry, top, reading)
      top.layer.set('storeDir', storeDir, originOf(entry))
    },
  ],
  [
    'default_js_domain',
    (entry, top, reading, name) => {
      top.layer.later.domains = readDomains(entry, reading, name) ?? new Map()
      asksFor(entry, top, 'default_js_domain')
    },
  ],
  [
    'feature_flags',
    (entry, top, reading, name) => {
      readFeatures(entry, reading, name)
      asksFor(entry, top, 'feature_flags')
    },
  ],
  [
    'cluster',
    (entry, top, reading, name) => {
      top.layer.later.cluster = readCluster(entry, reading, name) ?? {}
      top.layer.origins.set('cluster', originOf(entry))
    },
  ],
  later(
    'gateway',
    GATEWAY,
    got('Expected gateway to be a map'),
    (gateway) => listens(gateway) || hasMember(gateway, 'name'),
  ),
  [
    'leafnodes',
    (entry, top, reading, name) => {
      top.layer.later.leaf = readLeafnodes(entry, reading, name) ?? {}
      top.layer.origins.set('leafnodes', originOf(entry))
    },
  ],
  later('mqtt', MQTT, got('Expected mqtt to be a map')),
])

/** Notes that the feature of a key is asked for. */
function asksFor(entry: ConfigEntry, { layer }: Top, key: string): void {
  const feature = settingOfKey(key)?.feature
  if (feature !== undefined) layer.asksFor(feature, originOf(entry))
}

/** Whether a block says something of a text or a list. */
function hasMember(block: Checked, member: string): boolean {
  return ((block[member] ?? '') as { readonly length: number }).length > 0
}

function readClientTls(entry: ConfigEntry, reading: Reading): TlsOptions | undefined {
  return readTls(entry, 'clients', reading)
}

/** Tags are compared in lower case, and one is there once. */
function readTags(entry: ConfigEntry, reading: Reading): string[] | undefined {
  const { value } = entry
  if (typeof value !== 'string' && !Array.isArray(value)) {
    return complain(entry, ofType('error parsing tags: unsupported type'), reading)
  }
  const texts = Array.isArray(value) ? value.map((item) => item.value) : [value]
  if (texts.some((text) => typeof text !== 'string')) {
    return complain(entry, 'error parsing tags: unsupported type *conf.token where string is expected', reading)
  }
  const tags = texts.map((text) => String(text).trim().toLowerCase()).filter((tag) => tag !== '')
  return [...new Set(tags)]
}

function setStoreDir(entry: ConfigEntry, top: Top, { problems }: Reading): void {
  if (top.storeDir !== undefined) problems.error(entry, "Duplicate 'store_dir' configuration")
  top.storeDir = entry
}
