// The blocks of who may enter, as options: plain, frozen, complete.

import { describe, expect, test } from 'vitest'
import { blockReader, readConfigFile } from '../../src/config/file.ts'
import { normalise, normaliseEmbedded } from '../../src/config/normalise.ts'
import type { Options, ServerOptions } from '../../src/options/options.ts'
import { UNLIMITED_STREAMS } from '../../src/options/shapes.ts'

const USER = 'UC6NLCN7AS34YOJVCYD4PJ3QB7QGLYG5B5IMBT25VW5K4TNUJODM7BOX'

/** What a file says, whether or not a server would start with it. */
function read(text: string): Partial<Options> {
  const surroundings = { readFile: () => text, environment: () => undefined }
  const { layer, problems } = readConfigFile('x.conf', surroundings)
  expect(problems.text).toBe('')
  return layer.values
}

const PLAIN_USER = {
  username: '',
  password: '',
  nkey: '',
  permissions: undefined,
  connectionTypes: undefined,
  proxyRequired: false,
}

test('users, with the default permissions in those without their own', () => {
  const { authorization } = read(`
    authorization {
      timeout: 1.5
      default_permissions { publish: "a.>", subscribe { deny: [ b, "c q" ] } }
      users = [
        {user: a, pass: b}
        {nkey: ${USER}, connection_types: [ websocket ], permissions { allow_responses: { max: 5, expires: "1m" } } }
      ]
    }`)
  const byDefault = {
    publish: { allow: ['a.>'], deny: undefined },
    subscribe: { allow: undefined, deny: ['b', 'c q'] },
    responses: undefined,
  }
  expect(authorization).toEqual({
    username: '',
    password: '',
    token: '',
    timeout: 1500,
    hasUsers: true,
    defaultPermissions: byDefault,
    callout: undefined,
    proxyRequired: false,
    users: [
      { ...PLAIN_USER, username: 'a', password: 'b', permissions: byDefault },
      {
        ...PLAIN_USER,
        nkey: USER,
        connectionTypes: ['WEBSOCKET'],
        permissions: {
          publish: { allow: [], deny: undefined },
          subscribe: undefined,
          responses: { maxMessages: 5, expires: 60_000 },
        },
      },
    ],
  })
})

test.each([
  [
    'allow_responses: true',
    { publish: { allow: [], deny: undefined }, responses: { maxMessages: 1, expires: 120_000 } },
  ],
  ['allow_responses: false', { publish: undefined, responses: undefined }],
  ['allow_responses: true, publish: x', { publish: { allow: ['x'], deny: undefined } }],
  ['publish: x, allow_responses: true', { publish: { allow: ['x'], deny: undefined } }],
  ['allow_responses: { max: -1, ttl: "-1s" }', { responses: { maxMessages: -1, expires: -1000 } }],
  ['allow_responses: { max: 0, ttl: "0s" }', { responses: { maxMessages: 1, expires: 120_000 } }],
  ['publish: { }', { publish: undefined }],
  ['publish: []', { publish: { allow: [], deny: undefined } }],
])('permissions { %s }', (text, permissions) => {
  const { authorization } = read(`authorization { users = [ {user: a, permissions { ${text} } } ] }`)
  expect(authorization?.users[0].permissions).toMatchObject(permissions)
})

test('accounts', () => {
  const { accounts } = read(
    `
    accounts {
      A {
        users = [ {user: a} ]
        exports = [ {service: "q.*", threshold: "3s", latency { subject: l, sampling: headers } } ]
        mappings = { "a.*": "b.$1", c: [ {dest: d, weight: "30%"}, {dest: e, weight: 20, cluster: x} ] }
        limits { max_conn: 5 }
        msg_trace { dest: t, sampling: 10 }
        jetstream: enabled
      }
      B { imports = [ {service: {account: A, subject: "q.*"}, to: "r.*"} ] }
    }`,
  )
  expect(accounts).toEqual([
    {
      name: 'A',
      nkey: '',
      users: [{ ...PLAIN_USER, username: 'a' }],
      defaultPermissions: undefined,
      exports: [
        {
          kind: 'service',
          subject: 'q.*',
          accounts: undefined,
          accountTokenPosition: 0,
          response: 'singleton',
          threshold: 3000,
          latency: { subject: 'l', sampling: 0 },
          allowTrace: false,
        },
      ],
      imports: [],
      mappings: [
        { source: 'a.*', destinations: [{ subject: 'b.$1', weight: 100, cluster: '' }] },
        {
          source: 'c',
          destinations: [
            { subject: 'd', weight: 30, cluster: '' },
            { subject: 'e', weight: 20, cluster: 'x' },
          ],
        },
      ],
      limits: { maxConnections: 5, maxSubscriptions: -1, maxPayload: -1, maxLeafnodes: -1 },
      jetstream: UNLIMITED_STREAMS,
      trace: { destination: 't', sampling: 10 },
    },
    expect.objectContaining({
      name: 'B',
      imports: [
        {
          kind: 'service',
          account: 'A',
          subject: 'q.*',
          to: 'r.*',
          prefix: '',
          share: false,
          allowTrace: false,
        },
      ],
    }),
  ])
})

test('TLS and WebSocket', () => {
  const { tls, websocket, allowNonTls } = read(`
    allow_non_tls: true
    tls { verify_and_map: true, min_version: "1.3", timeout: "3s", first: auto, pinned_certs: [ "${'AB'.repeat(32)}" ] }
    websocket { listen: "[::1]:8080", tls { handshake_first: "200ms" }, origins: "http://a", headers { X-A: b } }
  `)
  expect(allowNonTls).toBe(true)
  expect(tls).toMatchObject({
    certificates: [],
    verify: true,
    verifyAndMap: true,
    minVersion: '1.3',
    timeout: 3000,
    handshakeFirst: true,
    handshakeFirstFallback: 50,
    pinnedCerts: ['ab'.repeat(32)],
  })
  expect(websocket).toMatchObject({
    host: '::1',
    port: 8080,
    tls: { handshakeFirst: true, handshakeFirstFallback: 200 },
    allowedOrigins: ['http://a'],
    headers: { 'X-A': 'b' },
  })
})

describe('createServer() takes the same blocks as plain data', () => {
  const readBlocks = blockReader(() => {
    throw new Error('open nowhere: no such file or directory')
  })
  const embedded = (options: ServerOptions) => normaliseEmbedded(options, readBlocks)

  test('WebSocket and accounts are taken over', () => {
    const { options, notices } = embedded({
      websocket: { port: 8080, noTls: true },
      accounts: { $SYS: { users: [{ user: 'a', password: 'b' }] } },
    })
    expect(options.websocket).toMatchObject({ port: 8080, noTls: true })
    expect(options.accounts[0].users[0].username).toBe('a')
    expect(notices).toEqual([])
  })

  test.each<[unknown, string]>([
    [{ authorization: { users: 5 } }, 'authorization.users: Expected users field to be an array, got 5'],
    [{ authorization: { nonsense: 5 } }, 'authorization.nonsense: unknown field "nonsense"'],
    [{ accounts: { A: { users: [{ password: 'x' }] } } }, 'accounts.A.users[0].password: User entry requires a user'],
    [{ tls: { certFile: 'c', keyFile: 'k' } }, 'tls: error parsing X509 certificate/key pair: open nowhere'],
  ])('%j is refused', (options, text) => {
    expect(() => embedded(options as ServerOptions)).toThrow(text)
  })

  test('data that goes round in circles is refused', () => {
    const round: Record<string, unknown> = {}
    round['users'] = [round]
    expect(() => embedded({ authorization: round } as ServerOptions)).toThrow('is nested too deep')
  })
})

test('all of it is frozen and can go to another thread', () => {
  const surroundings = {
    readFile: () => 'accounts { A { exports = [ {stream: a} ] } }\nwebsocket { port: 1, no_tls: true }',
    environment: () => undefined,
  }
  const result = normalise([readConfigFile('x.conf', surroundings).layer])
  if (typeof result === 'string') expect.fail(result)
  const { options } = result
  expect(structuredClone(options)).toEqual(options)
  expect(Object.isFrozen(options.accounts[0].exports[0]) && Object.isFrozen(options.websocket)).toBe(true)
})
