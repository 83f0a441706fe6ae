// From flags and a file to options, as the command does it.

import { describe, expect, test } from 'vitest'
import { explain } from '../../src/config/explain.ts'
import { parseFlags, type RunCommand } from '../../src/config/flags.ts'
import { type Loaded, load } from '../../src/config/load.ts'
import { settingOfKey } from '../../src/config/table/table.ts'
import type { OptionName } from '../../src/options/options.ts'
import { reloadOver } from './support.ts'

const surroundings = (text: string) => ({
  readFile: (path: string): string => {
    if (path !== 'x.conf') throw new Error(`open ${path}: no such file or directory`)
    return Buffer.from(text).toString('latin1')
  },
  environment: () => undefined,
})

function command(...flags: string[]): RunCommand {
  return parseFlags(flags) as RunCommand
}

/** Options of a file with flags over it. */
async function loaded(text: string, ...flags: string[]): Promise<Loaded> {
  const result = await load(command('-c', 'x.conf', ...flags), surroundings(text))
  if ('refused' in result) expect.fail(result.refused)
  return result
}

async function refused(text: string, ...flags: string[]): Promise<string> {
  const result = await load(command('-c', 'x.conf', ...flags), surroundings(text))
  return 'refused' in result ? result.refused : 'taken'
}

test('without a file there are flags and defaults', async () => {
  const result = (await load(command('-p', '4333', '-D'), surroundings(''))) as Loaded
  expect(result.options).toMatchObject({ port: 4333, debug: true, log: 'stderr', configFile: '', configDigest: '' })
  expect(result.notices).toEqual([])
})

test('every setting of the core is taken from the file', async () => {
  const { options } = await loaded(`
    listen: "127.0.0.1:4333"; server_name: loom; workers: 3; client_advertise: "a:1"
    pid_file: /tmp/p; ports_file_dir: /tmp; lame_duck_duration: "40s"; lame_duck_grace_period: "4s"
    no_header_support: true; no_fast_producer_stall: true; server_tags: [ "A b", a, A ]; server_metadata { k: v }
    max_connections: 5; max_control_line: 1kb; max_payload: 1k; max_pending: 1mb; max_subs: 7; max_sub_tokens: 9
    ping_interval: "1m30s"; ping_max: 4; write_deadline: "1500ms"; max_closed_clients: 8
    debug: true; trace_headers: true; max_traced_msg_len: 11; logfile: /tmp/l; logfile_size_limit: 1mb
    logfile_max_num: 2; logtime: false; logtime_utc: true; log_format: json; syslog: true; remote_syslog: "udp://x:1"
    http: "localhost:8222"
  `)
  expect(options).toMatchObject({
    host: '127.0.0.1',
    port: 4333,
    name: 'loom',
    workers: 3,
    clientAdvertise: 'a:1',
    pidFile: '/tmp/p',
    portsFileDir: '/tmp',
    lameDuckDuration: 40_000,
    lameDuckGracePeriod: 4_000,
    noHeaderSupport: true,
    noFastProducerStall: true,
    serverTags: ['a b', 'a'],
    serverMetadata: { k: 'v' },
    maxConnections: 5,
    maxControlLine: 1024,
    maxPayload: 1000,
    maxPending: 1024 * 1024,
    maxSubscriptions: 7,
    maxSubscriptionTokens: 9,
    pingInterval: 90_000,
    pingMax: 4,
    writeDeadline: 1500,
    maxClosedClients: 8,
    debug: true,
    trace: true,
    traceHeaders: true,
    maxTracedMessageLength: 11,
    logFile: '/tmp/l',
    logSizeLimit: 1024 * 1024,
    logMaxNum: 2,
    logTime: false,
    logTimeUtc: true,
    logFormat: 'json',
    syslog: true,
    remoteSyslog: 'udp://x:1',
    monitorHost: 'localhost',
    monitorPort: 8222,
    configFile: 'x.conf',
    configDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
  })
})

test('in the file, 0 means the default, but for connections, where it keeps everybody out', async () => {
  const zeros = [
    'port',
    'max_payload',
    'max_pending',
    'max_control_line',
    'ping_max',
    'max_closed_clients',
    'http_port',
  ]
  const { options, origins } = await loaded(`${zeros.map((key) => `${key}: 0\n`).join('')}ping_interval: "0s"`)
  expect(options).toMatchObject({ port: 4222, maxPayload: 1024 * 1024, pingInterval: 120_000, monitorPort: undefined })
  expect(origins.get('port')).toBe('default')
  expect((await loaded('max_conn: 0')).options.maxConnections).toBe(0)
  expect((await loaded('max_conn: -1')).options.maxConnections).toBe(0)
  expect((await loaded('max_subs: -1')).options.maxSubscriptions).toBe(0)
})

test('flags beat the file, and each value knows where it comes from', async () => {
  const { options, origins } = await loaded('port: 1\n\ndebug: true\nserver_name: a\n', '-p', '4333', '-D=false')
  expect(options).toMatchObject({ port: 4333, debug: false, name: 'a' })
  const origin = (...names: OptionName[]) => names.map((name) => origins.get(name))
  expect(origin('port', 'debug', 'name', 'trace')).toEqual(['flag -p', 'flag -D', 'x.conf:4', 'default'])
})

test('times that no timer can run are as good as never', async () => {
  expect((await loaded('ping_interval: "10000h"')).options.pingInterval).toBe(2 ** 31 - 1)
  expect((await loaded('ping_interval: "1us"')).options.pingInterval).toBe(1)
})

test('a file with warnings alone starts, and they are told', async () => {
  const { options, warnings } = await loaded('ping_interval: 5\n')
  expect(options.pingInterval).toBe(5000)
  expect(warnings).toBe(
    'x.conf:1:0: invalid use of field "ping_interval": ping_interval should be converted to a duration\n',
  )
  expect((await loaded('')).warnings).toBe('x.conf: config has no values or is empty\n')
})

describe('refused at the start', () => {
  test.each([
    ['max_payload: 2kb\nmax_pending: 1kb', 'max_payload (2048) cannot be higher than max_pending (1024)'],
    [
      'lame_duck_duration: "30s"\nlame_duck_grace_period: "30s"',
      'lame duck grace period (30s) should be strictly lower than lame duck duration (30s)',
    ],
    ['http_port: 1\nhttps_port: 2', "Can't start monitoring: can't specify both HTTP (1) and HTTPs (2) ports"],
    ['https_port: 2', "Can't start monitoring: TLS cert and key required for HTTPS"],
    ['system_account: NOPE', 'error resolving system account: account missing'],
    ['no_system_account: true\nsystem_account: "$SYS"', 'error resolving system account: account missing'],
    ['no_auth_user: a', 'no_auth_user: "a" present, but users/nkeys are not defined'],
    [
      'no_auth_user: a\nauthorization { users = [ {user: b} ] }',
      'no_auth_user: "a" not present as user or nkey in authorization block or account configuration',
    ],
    ['websocket { port: 8080 }', 'websocket requires TLS configuration'],
    [
      'websocket { port: 8080, no_tls: true, allowed_origins: "ftp://x" }',
      'unable to parse allowed origin "ftp://x": allowed origins must be absolute URLs with http or https scheme',
    ],
    [
      'websocket { port: 8080, no_tls: true, headers { Upgrade: x } }',
      'websocket: invalid header "Upgrade" not allowed',
    ],
    [
      'websocket { port: 8080, no_tls: true, jwt_cookie: j }',
      'trusted operators or trusted keys configuration is required for JWT authentication via cookie "j"',
    ],
    ['default_sentinel: x', 'default sentinel requires operators and accounts'],
    ['accounts { A: {}, "Ł": {} }', 'account "Ł" cannot be told from account "A": rename one of them'],
    ['accounts { "ĤSYS": {} }', 'account "ĤSYS" cannot be told from account "$SYS": rename one of them'],
    ['accounts { "AĊroutes": {} }', 'account "AĊroutes" cannot have such a name: rename it'],
    ['port: 70000', 'x.conf:1: port must be a whole number from -1 to 65535, not 70000'],
    ['\nmax_control_line: 5', 'x.conf:2: max_control_line must be a whole number from 64 to 16777216, not 5'],
  ])('%s', async (text, reason) => {
    expect(await refused(text)).toBe(reason)
  })

  test('accounts may have names in any script that can be told from each other', async () => {
    const { options } = await loaded('accounts { A: {}, "Ł1": {}, "好": {}, "Ü": {} }')
    expect(options.accounts.map(({ name }) => name)).toEqual(['A', 'Ł1', '好', 'Ü'])
  })

  test('a flag out of bounds is named as the flag', async () => {
    expect(await refused('debug: true', '--workers', '65')).toBe(
      'flag -workers: workers must be a whole number from 0 to 64, not 65',
    )
  })

  test('routes without a cluster', async () => {
    const reason = 'solicited routes require cluster capabilities, e.g. --cluster'
    expect(await refused('debug: true', '--routes', 'nats://a:1')).toBe(reason)
    expect(await refused('cluster { port: 1 }', '--routes', 'nats://a:1', '--ignore-unsupported')).toBe('taken')
  })

  test('TLS flags without what they need', async () => {
    expect(await refused('', '--tls')).toBe('TLS Server certificate must be present and valid')
    expect(await refused('', '--tlsverify', '--tlscert', 'c')).toBe('TLS Server private key must be present and valid')
    expect(await refused('', '--tls', '--tlscert', 'c.pem', '--tlskey', 'k.pem')).toBe(
      'error parsing X509 certificate/key pair: open c.pem: no such file or directory',
    )
  })
})

describe('features that Heddle lacks', () => {
  test.each([['gateway { name: A, port: 1 }', 'gateways']])(
    '%s is refused, unless that is ignored: then it is one warning',
    async (text, feature) => {
      expect(await refused(text)).toBe(
        `not supported yet: ${feature} (x.conf:1); with --ignore-unsupported the server starts without them`,
      )
      const { notices } = await loaded(text, '--ignore-unsupported')
      expect(notices).toEqual([`${feature} (x.conf:1): not supported yet, ignored`])
    },
  )

  const remote = (more: string): string => `leafnodes { remotes: [ { url: "nats://a.example", ${more} } ] }`

  test.each([
    [remote('proxy { url: "https://p.example:80" }'), 'https proxies to leafnodes remotes'],
    [remote('deny_exports: ["a.{{account-hash()}}"]'), 'placeholders in denied subjects of leafnodes remotes'],
    [
      'leafnodes { port: 7422, authorization { user: a, password: b, proxy_required: true } }',
      'proxy_required of leafnodes',
    ],
  ])('%s is refused: another server would be had', async (text, feature) => {
    expect(await refused(text)).toBe(
      `not supported yet: ${feature} (leafnodes); with --ignore-unsupported the server starts without them`,
    )
  })

  test.each([
    [remote('jetstream_cluster_migrate: true'), 'jetstream_cluster_migrate of leafnodes remotes (leafnodes)'],
    ['leafnodes { port: 7422, write_deadline: "1s" }', 'write deadlines of links between servers (leafnodes)'],
    ['cluster { name: c, port: 6222, write_timeout: close }', 'write deadlines of links between servers (cluster)'],
  ])('%s: its key has no effect, and one warning says so', async (text, what) => {
    expect((await loaded(text)).notices).toContain(`${what}: not supported yet, ignored`)
  })

  test('all are named', async () => {
    expect(
      await refused('jetstream: enabled\ngateway { port: 6222, name: c }\nmqtt { port: 1883 }\nserver_name: s'),
    ).toBe(
      'not supported yet: gateways (x.conf:2), MQTT (x.conf:3); with --ignore-unsupported the server starts without them',
    )
  })

  test.each([
    ['feature_flags { a: true }', 'feature_flags'],
    ['prof_port: 1', 'profiling pages'],
    ['default_js_domain { "$G": hub }', 'domains of leaf nodes'],
    ['connect_error_reports: 2', 'settings of clusters'],
  ])('%s is one warning: it changes little', async (text, feature) => {
    expect((await loaded(text)).notices).toEqual([`${feature} (x.conf:1): not supported yet, ignored`])
  })

  test.each([
    ['jetstream: enabled'],
    ['jetstream: disabled'],
    ['jetstream: false'],
    ['write_timeout: close'],
    ['write_timeout: retry'],
    ['http_base_path: "/x"'],
    ['proxy_protocol: false'],
    ['accounts { }'],
    ['connect_error_reports: 3600'],
    ['cluster { name: c }'],
    ['gateway { }'],
    ['leafnodes { }'],
    ['mqtt { }'],
    ['store_dir: /tmp'],
  ])('%s asks for nothing', async (text) => {
    expect((await loaded(text)).notices).toEqual([])
  })

  test('a feature that is asked for twice is one warning', async () => {
    expect(
      (await loaded('gateway { name: A, port: 1 }\ngateway { name: A, port: 2 }', '--ignore-unsupported')).notices,
    ).toHaveLength(1)
  })

  test('--tls=false takes away the TLS of the file', async () => {
    expect((await loaded('tls { }', '--tls=false')).options.tls).toBeUndefined()
  })

  test('a large payload is warned of', async () => {
    expect((await loaded('max_payload: 9mb')).notices).toEqual([
      'Maximum payloads over 8.00 MB are generally discouraged and could lead to poor performance',
    ])
  })
})

describe('--explain-config', () => {
  test('tells what was set, as the file has it, and where it comes from; --all tells the defaults too', async () => {
    const result = await loaded('max_payload: 2mb\nping_interval: "90s"\nserver_tags: [ a, b ]\n', '-p', '4333')
    const lines = (all: boolean): string[] =>
      explain(result, all)
        .split('\n')
        .map((line) => line.replace(/ {2,}/g, ' '))
    const [head, ...rest] = lines(false)
    expect(head).toMatch(/^# x\.conf \(sha256:/)
    const set = [
      'port 4333 flag -p',
      'server_tags [a, b] x.conf:3',
      'max_payload 2MB x.conf:1',
      'ping_interval 1m30s x.conf:2',
    ]
    expect(rest).toEqual([
      ...set,
      expect.stringMatching(/^# [0-9]+ more settings have their default values; --all prints them$/),
      '',
    ])
    const all = lines(true)
    expect(all.slice(1, set.length + 2)).toEqual([...set, '# defaults'])
    expect(all).toContain('server_name (the server id) default')
    expect(all).toContain('max_interest_bytes 1GB default')
  })

  test('names are those of the file', async () => {
    const names = explain(await loaded(''), true)
      .split('\n')
      .map((line) => line.split(' ')[0])
    for (const name of names) expect(name).toMatch(/^(?:#|[a-z_]*)$/)
    for (const name of names.filter((each) => /[a-z]/.test(each))) expect(settingOfKey(name), name).toBeDefined()
  })

  test('a block is a tree with the line of each value, and without its secrets', async () => {
    const text = explain(
      await loaded(`authorization {
        timeout: 2
        users: [
          { user: alice, password: hunter2, permissions: {
            publish: [ "a.>",
              b ]
          } }
        ]
      }
      accounts { A { jetstream: false, users: [ { user: bob, pass: hunter2 } ] } }
      resolver: MEMORY`),
      false,
    )
    expect(text.split('\n').slice(1, -2)).toEqual([
      'authorization                x.conf:1',
      '  timeout          2         x.conf:2',
      '  users                      x.conf:3',
      '    -',
      '      user         alice     x.conf:4',
      '      password     (hidden)  x.conf:4',
      '      permissions            x.conf:4',
      '        publish              x.conf:5',
      '          -        a.>       x.conf:5',
      '          -        b         x.conf:6',
      'accounts                     x.conf:10',
      '  A                          x.conf:10',
      '    jetstream      false     x.conf:10',
      '    users                    x.conf:10',
      '      -',
      '        user       bob       x.conf:10',
      '        pass       (hidden)  x.conf:10',
      'resolver           MEMORY    x.conf:11',
    ])
  })
})

test('no secret is told, neither by --explain-config nor by a complaint', async () => {
  const secret = 'hunter2hunter2'
  const told = [
    explain(
      await loaded(`
        accounts { "$SYS" { users = [ {user: a, pass: ${secret}} ] } }
        remote_syslog: "tcp://a:${secret}@b:1"
      `),
      true,
    ),
    explain(await loaded(`websocket { port: 1, no_tls: true, authorization { user: a, pass: ${secret} } }`), true),
    explain(await loaded(`http_port: 1, monitor_user: a, monitor_password: ${secret}`), true),
    explain(await loaded('', '--auth', secret), true),
    await refused(`authorization { user: a, pass: ${secret}, token: ${secret} }`),
    await refused(`authorization { users: [ ${secret}, ${secret} ] }`),
    await refused(`authorization { users: [ {user: a, pass: ${secret}}, {user: a, pass: ${secret}} ] }`),
    await refused(`cluster { routes: [ "nats://a:${secret}@b:x", b ] }`),
    await refused(`leafnodes { remotes: [ {url: "nats://a:1", nkey: ${secret} } ] }`),
    await refused(`leafnodes { remotes: [ {url: "nats://a:${secret}@b"}, {url: "nats://a:${secret}@b"} ] }`),
  ]
  for (const text of told) {
    expect(text).not.toBe('taken')
    expect(text).not.toContain(secret)
  }
})

describe('a reload', () => {
  const again = async (before: string, after: string, ...flags: string[]) => {
    const { options } = await loaded(before, ...flags)
    return reloadOver(options, command('-c', 'x.conf', ...flags), surroundings(after))
  }

  test('lists what changes', async () => {
    expect(await again('debug: true\nport: 1\n', 'port: 1\nmax_payload: 5')).toMatchObject({
      options: { debug: false, maxPayload: 5 },
      changes: ['maxPayload', 'debug'],
    })
  })

  test('keeps the flags of the start', async () => {
    expect(await again('debug: false', 'debug: false\ntrace: true', '-D')).toMatchObject({
      options: { debug: true, trace: true },
      changes: ['trace'],
    })
  })

  test('of the same file changes nothing', async () => {
    expect(await again('port: -1', 'port: -1 # as before')).toMatchObject({ changes: [] })
  })

  test('is refused as a whole for one thing that cannot change', async () => {
    expect(await again('max_pending: 64mb', 'max_pending: 32mb\ndebug: true')).toEqual({
      refused: 'config reload not supported for MaxPending: old=67108864, new=33554432',
    })
  })

  test('of a broken file is refused with what is wrong', async () => {
    expect(await again('port: 1', 'port: "x"')).toEqual({
      refused: 'x.conf:1:0: interface conversion: interface {} is string, not int64\n',
    })
    expect(await again('port: 1', 'port: {')).toMatchObject({ refused: expect.stringContaining('Parse error') })
  })
})
