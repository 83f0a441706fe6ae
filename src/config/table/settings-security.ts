// Settings of authentication and permissions, and of features to come.

import { area, block, boolean, key, list, text } from './settings.ts'

export const SECURITY_SETTINGS = area('Security', [
  block('authorization', undefined, 'Which users may log in; flags --user, --pass, --auth', { secret: true }),
  block('accounts', [], 'Accounts: a list of names, or a block for each', { secret: true }),
  block('mappings', [], 'Subjects turned into others, in the account $G', { aliases: ['maps'] }),
  text('noAuthUser', '', 'User of clients without credentials'),
  text('systemAccount', '', 'Account of the system events', { aliases: ['system'], defaultText: '$SYS' }),
  boolean('noSystemAccount', false, 'There is no system account', { aliases: ['no_system', 'no_sys_acc'] }),
  block('tls', undefined, 'TLS on the client port; flags --tls, --tlscert, …'),
  boolean('allowNonTls', false, 'Clients may connect without TLS as well'),
  block('ocsp', undefined, "OCSP staples for the server's certificate: a boolean, or a block"),
  block('ocspCache', undefined, 'Cache of OCSP answers: a boolean, or a block'),
  list('operators', [], 'Operator JWTs, inline or as files', {
    keys: ['operator', 'operators', 'root', 'roots', 'root_operator', 'root_operators'],
  }),
  block('resolver', undefined, 'Where account JWTs come from: MEMORY, URL(<url>), or a block', {
    aliases: ['account_resolver', 'accounts_resolver'],
  }),
  block('resolverTls', undefined, 'TLS towards a resolver with a URL'),
  block('resolverPreload', {}, 'Account JWTs by account key'),
  list('resolverPinnedAccounts', [], 'Accounts that may be resolved'),
  list('trustedKeys', [], 'Public keys of trusted operators', { aliases: ['trusted'] }),
  text('defaultSentinel', '', 'Bearer JWT of clients without credentials, in operator mode', { secret: true }),
  boolean('proxyProtocol', false, 'Client connections may begin with the header of the PROXY protocol, version 1 or 2'),
  block('proxies', [], 'Keys of trusted proxies'),
  block('websocket', undefined, 'Listener for WebSocket clients', { aliases: ['ws'], secret: true }),
])

/** Keys and flags of what is not there yet: checked, announced by one warning, and dropped. */
export const LATER_SETTINGS = area('Later', [
  key('jetstream', 'block', 'Streams: a boolean, enabled, disabled, or a block', {
    missing: 'JetStream',
    flags: ['js', 'jetstream'],
  }),
  key(['store_dir', 'storedir'], 'file', 'Folder of the streams', {
    missing: 'JetStream',
    flags: ['sd', 'store_dir'],
    argument: '<dir>',
  }),
  key('default_js_domain', 'block', 'JetStream domain of each account', { missing: 'JetStream' }),
  key('feature_flags', 'block', 'Features switched on or off by name', { missing: 'feature_flags' }),
  key('cluster', 'block', 'Servers that share all messages', { missing: 'clusters' }),
  key('gateway', 'block', 'Clusters that share messages on demand', { missing: 'gateways' }),
  key(['leaf', 'leafnodes'], 'block', 'Servers that join one account of another', { missing: 'leaf nodes' }),
  key('mqtt', 'block', 'Listener for MQTT clients', { missing: 'MQTT' }),
  key([], 'text', 'URLs of routes, parted by commas', { missing: 'clusters', flags: ['routes'], argument: '<urls>' }),
  key([], 'text', 'URL on which to listen for routes', {
    missing: 'clusters',
    flags: ['cluster', 'cluster_listen'],
    argument: '<url>',
  }),
  key([], 'text', 'Name of the cluster', { missing: 'clusters', flags: ['cluster_name'], argument: '<name>' }),
  key([], 'text', 'Address told to other servers', {
    missing: 'clusters',
    flags: ['cluster_advertise'],
    argument: '<host:port>',
  }),
  key([], 'boolean', 'Do not tell clients of other servers', { missing: 'clusters', flags: ['no_advertise'] }),
  key([], 'integer', 'Tries for routes that others told of', {
    missing: 'clusters',
    flags: ['connect_retries'],
    argument: '<n>',
  }),
])
