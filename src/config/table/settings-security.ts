// Settings of who may enter and what they may do, and of what comes later.

import { area, block, boolean, key, list, text } from './settings.ts'

const OPERATOR_KEYS = ['operator', 'operators', 'root', 'roots', 'root_operator', 'root_operators']
const RESOLVER_KEYS = ['resolver', 'account_resolver', 'accounts_resolver']

export const SECURITY_SETTINGS = area('Security', [
  block('authorization', 'authorization', undefined, 'Who may enter; flags --user, --pass, --auth', { secret: true }),
  block('accounts', 'accounts', [], 'Accounts: a list of names, or a block for each', { secret: true }),
  block('mappings', ['mappings', 'maps'], [], 'Subjects turned into others, in the account $G'),
  text('noAuthUser', 'no_auth_user', '', 'User of clients without credentials'),
  text('systemAccount', ['system_account', 'system'], '', 'Account of the system events', { defaultText: '$SYS' }),
  boolean('noSystemAccount', ['no_system_account', 'no_system', 'no_sys_acc'], false, 'There is no system account'),
  block('tls', 'tls', undefined, 'TLS on the client port; flags --tls, --tlscert, …'),
  boolean('allowNonTls', 'allow_non_tls', false, 'Clients may connect without TLS as well'),
  block('ocsp', 'ocsp', undefined, "OCSP staples for the server's certificate: a boolean, or a block"),
  block('ocspCache', 'ocsp_cache', undefined, 'Cache of OCSP answers: a boolean, or a block'),
  list('operators', OPERATOR_KEYS, [], 'Operator JWTs, inline or as files'),
  block('resolver', RESOLVER_KEYS, undefined, 'Where account JWTs come from: MEMORY, URL(<url>), or a block'),
  block('resolverTls', 'resolver_tls', undefined, 'TLS towards a resolver with a URL'),
  block('resolverPreload', 'resolver_preload', {}, 'Account JWTs by account key'),
  list('resolverPinnedAccounts', 'resolver_pinned_accounts', [], 'Accounts that may be resolved'),
  list('trustedKeys', ['trusted_keys', 'trusted'], [], 'Public keys of trusted operators'),
  text('defaultSentinel', 'default_sentinel', '', 'Bearer JWT of clients without credentials, in operator mode', {
    secret: true,
  }),
  boolean(
    'proxyProtocol',
    'proxy_protocol',
    false,
    'Client connections may begin with the header of the PROXY protocol, version 1 or 2',
  ),
  block('proxies', 'proxies', [], 'Keys of trusted proxies'),
  block('websocket', ['websocket', 'ws'], undefined, 'Listener for WebSocket clients', { secret: true }),
])

const JETSTREAM = { missing: { feature: 'JetStream' } }
const CLUSTERS = { missing: { feature: 'clusters' } }

/** Keys and flags of what is not there yet: checked, announced by one warning, and dropped. */
export const LATER_SETTINGS = area('Later', [
  key('jetstream', 'block', 'Streams: a boolean, enabled, disabled, or a block', {
    ...JETSTREAM,
    flags: ['js', 'jetstream'],
  }),
  key(['store_dir', 'storedir'], 'file', 'Folder of the streams', {
    ...JETSTREAM,
    flags: ['sd', 'store_dir'],
    argument: '<dir>',
  }),
  key('default_js_domain', 'block', 'JetStream domain of each account', JETSTREAM),
  key('feature_flags', 'block', 'Features switched on or off by name', { missing: { feature: 'feature_flags' } }),
  key('cluster', 'block', 'Servers that share all messages', CLUSTERS),
  key('gateway', 'block', 'Clusters that share messages on demand', { missing: { feature: 'gateways' } }),
  key(['leaf', 'leafnodes'], 'block', 'Servers that join one account of another', {
    missing: { feature: 'leaf nodes' },
  }),
  key('mqtt', 'block', 'Listener for MQTT clients', { missing: { feature: 'MQTT' } }),
  key([], 'text', 'URLs of routes, parted by commas', { ...CLUSTERS, flags: ['routes'], argument: '<urls>' }),
  key([], 'text', 'URL on which to listen for routes', {
    ...CLUSTERS,
    flags: ['cluster', 'cluster_listen'],
    argument: '<url>',
  }),
  key([], 'text', 'Name of the cluster', { ...CLUSTERS, flags: ['cluster_name'], argument: '<name>' }),
  key([], 'text', 'Address told to other servers', {
    ...CLUSTERS,
    flags: ['cluster_advertise'],
    argument: '<host:port>',
  }),
  key([], 'boolean', 'Do not tell clients of other servers', { ...CLUSTERS, flags: ['no_advertise'] }),
  key([], 'integer', 'Tries for routes that others told of', {
    ...CLUSTERS,
    flags: ['connect_retries'],
    argument: '<n>',
  }),
])
