// Keys that the rules between settings relate: in each group every text of the first list is told with every one of
// the second. An empty text is the key left out.

const GROUPS: readonly (readonly (readonly string[])[])[] = [
  [
    ['', 'max_payload: 100MB', 'max_payload: 1KB', 'max_payload: 0'],
    ['', 'max_pending: 200MB', 'max_pending: 500', 'max_pending: 0', 'max_pending: 1024'],
  ],
  [
    ['', 'lame_duck_duration: 30s', 'lame_duck_duration: 5m'],
    [
      'lame_duck_grace_period: 30s',
      'lame_duck_grace_period: "4m"',
      'lame_duck_grace_period: 29s',
      'lame_duck_grace_period: "2m"',
      'lame_duck_grace_period: 0s',
    ],
  ],
  [
    [
      'no_auth_user: a',
      'no_auth_user: z',
      'websocket {port: 1, no_tls: true, no_auth_user: z}',
      'websocket {port: 1, no_tls: true, no_auth_user: a}',
      'jetstream: true\nmqtt {port: 1, no_auth_user: z}',
      'websocket {no_auth_user: z}',
    ],
    [
      '',
      'authorization {user: a, pass: b}',
      'authorization {token: a}',
      'authorization {users: [{user: a, password: b}]}',
      'authorization {users: []}',
      'accounts {A {users: [{user: a, password: b}]}}',
      'accounts {A {}}',
      'accounts {A {users: []}}',
    ],
  ],
  [
    [
      'default_js_domain {A: x}',
      'default_js_domain {B: ""}',
      'default_js_domain {A: "a b"}',
      'default_js_domain {"$G": x}',
      'default_js_domain {"$SYS": x}',
      'default_js_domain {A: ""}',
      'default_js_domain {}',
    ],
    [
      '',
      'accounts {A {}}',
      'accounts {A {jetstream: true}}',
      'accounts {A {jetstream: enabled}}',
      'accounts {A {jetstream: {max_mem: 1}}}',
      'system_account: A\naccounts {A {}}',
      'accounts {"$SYS" {users: [{user: a, password: b}]}}',
    ],
  ],
  [
    [
      'mqtt {port: 1}',
      'mqtt {port: 1, authorization {user: a, password: b}}',
      'mqtt {port: 1, authorization {token: a}}',
      'mqtt {port: 1, ack_wait: "-1s"}',
      'mqtt {port: 1, js_api_timeout: "-1s"}',
      'mqtt {}',
    ],
    [
      '',
      'jetstream: true',
      'jetstream: false',
      'jetstream {enabled: false}',
      'cluster {port: 1}',
      'cluster {port: 1}\nserver_name: a',
      'gateway {name: a, port: 1}',
      'leafnodes {port: 1}',
      'leafnodes {remotes: [{url: "nats://a:1"}]}',
      'leafnodes {}',
      'jetstream: true\nauthorization {users: [{user: a, password: b}]}',
    ],
  ],
  [
    ['cluster {name: x, port: 1}', 'cluster {port: 1}', 'cluster {name: x}', 'cluster {}'],
    [
      'jetstream: true',
      'jetstream: true\nserver_name: a',
      'jetstream {extension_hint: foo}\nserver_name: a',
      'gateway {name: x, port: 1}',
      'gateway {name: y, port: 1}',
      'gateway {port: 1}',
      'gateway {name: y}',
      'gateway {name: x, port: 1, gateways: [{name: z}]}',
      'gateway {name: x, port: 1, gateways: [{urls: ["nats://a:1"]}]}',
      'gateway {}',
    ],
  ],
  [
    [
      'cluster {port: 1, accounts: [A, A]}',
      'cluster {port: 1, accounts: [A], pool_size: -1}',
      'cluster {port: 1, accounts: [A]}',
      'cluster {port: 1, pool_size: -1}',
      'cluster {accounts: [A, A]}',
    ],
    [''],
  ],
  [
    [
      'cluster {port: 1, compression: foo}',
      'cluster {port: 1, compression: on}',
      'cluster {compression: S2_AUTO}',
      'cluster {compression {mode: s2_auto, rtt_thresholds: ["2s", "1s"]}}',
      'cluster {compression {mode: s2_auto, rtt_thresholds: ["0s"]}}',
      'cluster {compression {mode: s2_auto, rtt_thresholds: ["1ms","2ms","3ms","4ms","5ms"]}}',
      'cluster {compression {mode: s2_auto, rtt_thresholds: ["1ms","0s","3ms"]}}',
      'cluster {compression {mode: s2_fast, rtt_thresholds: ["2ms","1ms"]}}',
      'cluster {compression {}}',
      'cluster {compression: s2_uncompressed}',
      'leafnodes {compression: foo}',
      'leafnodes {remotes: [{url: "nats://a:1", compression: foo}]}',
      'leafnodes {remotes: [{url: "nats://a:1", compression: true}]}',
    ],
    [''],
  ],
  [
    [
      'leafnodes {authorization {user: a, password: b, account: A}}',
      'leafnodes {authorization {users: [{user: a, password: b, account: A}]}}',
      'leafnodes {remotes: [{url: "nats://a:1", account: A}]}',
      'leafnodes {remotes: [{url: "nats://a:1", account: "$SYS"}]}',
      'leafnodes {port: 1}',
      'leafnodes {remotes: [{urls: ["ws://a:1", "nats://b:1"]}]}',
      'leafnodes {port:1, min_version: "2.7.0"}',
    ],
    [
      '',
      'accounts {A {}}',
      'no_system_account: true',
      'system_account: A',
      'gateway {name: g, port: 1}',
      'gateway {name: g, port: 1}\nsystem_account: A',
      'gateway {name: g}',
      'accounts {A {}}\nsystem_account: A',
    ],
  ],
  [
    [
      'websocket {port: 1}',
      'websocket {port: 1, no_tls: true}',
      'websocket {port: 1, no_tls: true, authorization {user: a, password: b}}',
      'websocket {port: 1, no_tls: true, authorization {token: b}}',
      'websocket {port: 1, no_tls: true, jwt_cookie: x}',
      'websocket {port: 1, no_tls: true, headers {Host: x}}',
      'websocket {port: 1, no_tls: true, headers {Sec-WebSocket-X: x}}',
      'websocket {port: 1, no_tls: true, allowed_origins: ["foo"]}',
      'websocket {port: 1, no_tls: true, allowed_origins: ["ftp://x"]}',
      'websocket {port: 1, no_tls: true, allowed_origins: ["http://"]}',
      'websocket {port: 1, no_tls: true, allowed_origins: ["http://a:x"]}',
      'websocket {port: 1, no_tls: true, allowed_origins: ["http://[::1"]}',
      'websocket {port: 1, no_tls: true, allowed_origins: ["/foo"]}',
    ],
    [
      '',
      'authorization {users: [{user: a, password: b}]}',
      'trusted_keys: [OCYKSQ6SZVAOC7KLVJ3XPPBQDCIVGJMJ5FUJXFTOCAUKFT7PLZJ2NHXQ]',
    ],
  ],
  [
    [
      'jetstream {domain: "a.b"}',
      'jetstream {domain: "a b"}',
      'jetstream {domain: "a*"}',
      'jetstream {domain: "*"}',
      'jetstream {domain: ">"}',
      'jetstream {domain: x}',
      'jetstream {domain: "", enabled: false}',
      'jetstream {domain: "a.b", enabled: false}',
    ],
    [''],
  ],
  [
    [
      'default_sentinel: x',
      'resolver: MEMORY',
      'trusted_keys: []',
      'resolver_pinned_accounts: [x]',
      'no_system_account: true\nsystem_account: X',
      'system_account: NOPE',
      'http_port: 1\nhttps_port: 2',
      'https_port: 1',
    ],
    [''],
  ],
]

/** A configuration for each pair. */
export function relatedPairs(): string[] {
  const pairs = GROUPS.flatMap(([first, second = ['']]) =>
    first.flatMap((one) => second.map((other) => [one, other].filter((text) => text !== '').join('\n'))),
  )
  return pairs.filter((text) => text !== '').map((text) => `${text}\n`)
}
