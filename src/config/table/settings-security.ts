// Settings of authentication and permissions, and of features to come.

import { area, block, boolean, file, key, list, text } from './settings.ts'

export const SECURITY_SETTINGS = area('Security', [
  block('authorization', undefined, 'Users who may log in; flags --user, --pass, --auth', { secret: true }),
  block('accounts', [], 'Accounts: a list of names, or a block for each', { secret: true }),
  block('mappings', [], 'Subject mappings of the account $G', { aliases: ['maps'] }),
  text('noAuthUser', '', 'User of clients without credentials'),
  text('systemAccount', '', 'The system account', { aliases: ['system'], defaultText: '$SYS' }),
  boolean('noSystemAccount', false, 'Disable the system account', { aliases: ['no_system', 'no_sys_acc'] }),
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
  block('resolverTls', undefined, 'TLS for connections to a URL resolver'),
  block('resolverPreload', {}, 'Account JWTs by account key'),
  list('resolverPinnedAccounts', [], 'The only accounts that may be resolved'),
  list('trustedKeys', [], 'Public keys of trusted operators', { aliases: ['trusted'] }),
  text('defaultSentinel', '', 'Bearer JWT of clients without credentials, in operator mode', { secret: true }),
  boolean('proxyProtocol', false, 'Accept the PROXY protocol header, version 1 or 2, from clients'),
  block('proxies', [], 'Public keys of trusted proxies'),
  block('websocket', undefined, 'Listener for WebSocket clients', { aliases: ['ws'], secret: true }),
  block('httpGateway', undefined, 'Listener for HTTP: publish, request, event streams. Only in Heddle'),
])

/** Keys and flags of features that may not be there yet (unsupported.ts). */
export const FEATURE_SETTINGS = area('Features', [
  block('jetstream', undefined, 'JetStream: a boolean, enabled, disabled, or a block', {
    keys: ['jetstream'],
    secret: true,
    flags: ['js', 'jetstream'],
  }),
  file('storeDir', '', 'Directory of the streams', {
    keys: ['store_dir', 'storedir'],
    flags: ['sd', 'store_dir'],
    argument: '<dir>',
    defaultText: 'in the system temporary directory',
  }),
  key('default_js_domain', 'block', 'JetStream domain of each account', { feature: 'domains of leaf nodes' }),
  key('feature_flags', 'block', 'Feature flags by name', { feature: 'feature_flags' }),
  block('cluster', undefined, 'Membership in a cluster of servers', { secret: true }),
  key('gateway', 'block', 'Gateways to other clusters', { feature: 'gateways' }),
  block('leafnodes', undefined, 'Leaf nodes, and servers of which this one is a leaf node', {
    secret: true,
    keys: ['leaf', 'leafnodes'],
  }),
  key('mqtt', 'block', 'Listener for MQTT clients', { feature: 'MQTT' }),
  key([], 'text', 'Route URLs, separated by commas', { flags: ['routes'], argument: '<urls>' }),
  key([], 'text', 'URL on which to listen for routes', {
    flags: ['cluster', 'cluster_listen'],
    argument: '<url>',
  }),
  key([], 'text', 'Name of the cluster', { flags: ['cluster_name'], argument: '<name>' }),
  key([], 'text', 'Address announced to other servers', {
    flags: ['cluster_advertise'],
    argument: '<host:port>',
  }),
  key([], 'boolean', 'Do not announce other servers to clients', { flags: ['no_advertise'] }),
  key([], 'integer', 'Connection attempts for implicit routes', {
    flags: ['connect_retries'],
    argument: '<n>',
  }),
])
