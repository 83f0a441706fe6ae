// What createServer() is given is refused where it says something that nobody knows: a typo must not open the server.

import { describe, expect, test } from 'vitest'
import { blockReader } from '../../src/config/file.ts'
import { nearest } from '../../src/config/nearest.ts'
import { normaliseOptions, OptionError } from '../../src/config/normalise.ts'
import { createServer, type EmbeddedOptions } from '../../src/index.ts'
import type { ServerOptions } from '../../src/options/options.ts'
import { ownServer } from '../support/harness.ts'

const readBlocks = blockReader(() => {
  throw new Error('open nowhere: no such file or directory')
})
const read = (options: unknown) => normaliseOptions(options as ServerOptions, readBlocks)

const ACCOUNT_KEY = 'ACSU3Q6LTLBVLGAQUONAGXJHVNWGSKKAUA7IY5TB4Z7PLEKSR5O6JTGR'

/** Blocks with something at every depth; all of it is good. */
const GOOD = {
  authorization: {
    timeout: 1000,
    users: [{ user: 'a', password: 'b', permissions: { publish: { allow: ['x'], deny: 'y' }, allowResponses: {} } }],
    defaultPermissions: { subscribe: ['z'] },
    authCallout: { issuer: ACCOUNT_KEY, authUsers: ['a'] },
  },
  accounts: {
    A: {
      users: [{ user: 'c', password: 'd', connectionTypes: ['STANDARD'] }],
      exports: [
        { service: 's', latency: { sampling: 50, subject: 'l' } },
        { stream: 't', accounts: ['B'] },
      ],
      mappings: { m: [{ destination: 'n', weight: 50 }] },
      limits: { maxConnections: 1 },
      msgTrace: { dest: 'trace', sampling: 5 },
    },
    B: { imports: [{ stream: { account: 'A', subject: 't' }, prefix: 'p' }] },
  },
  mappings: { o: 'p' },
  websocket: {
    port: -1,
    noTls: true,
    authorization: { timeout: 1000 },
    headers: { 'X-A': 'b' },
  },
  resolver: { type: 'memory' },
  proxies: { trusted: [] },
}

/** Maps whose keys are names that the user chooses. */
const FREE = /^(?:accounts|mappings|accounts\.A\.mappings|websocket\.headers)$/

type Visit = (path: string, parent: Record<string, unknown>, key: string) => void

/** Visits each member of a tree, at every depth. */
function walk(node: Record<string, unknown>, visit: Visit, path = ''): void {
  for (const [key, value] of Object.entries(node)) {
    const here = path === '' ? key : `${path}.${key}`
    visit(here, node, key)
    if (typeof value === 'object' && value !== null) walk(value as Record<string, unknown>, visit, here)
  }
}

function paths(): string[] {
  const all: string[] = []
  walk(GOOD, (path) => all.push(path))
  return all
}

/** The good tree, changed at one place. */
function changed(at: string, change: (parent: Record<string, unknown>, key: string) => void): unknown {
  const tree = structuredClone(GOOD)
  const found: (() => void)[] = []
  walk(tree, (path, parent, key) => {
    if (path === at) found.push(() => change(parent, key))
  })
  expect(found).toHaveLength(1)
  found[0]()
  return tree
}

test('the tree that the tests begin with is good', () => {
  expect(() => read(GOOD)).not.toThrow()
})

describe('at every depth', () => {
  const maps = paths().filter((path) => {
    let isMap = false
    changed(path, (parent, key) => {
      isMap = typeof parent[key] === 'object' && !Array.isArray(parent[key])
    })
    return isMap && !FREE.test(path)
  })

  test.each(maps)('an unknown member of %s is refused by its name', (path) => {
    const tree = changed(path, (parent, key) => {
      Object.assign(parent[key] as object, { nonsense: 1 })
    })
    expect(() => read(tree)).toThrow(OptionError)
    expect(() => read(tree)).toThrow('"nonsense"')
  })

  test.each(paths())('%s is not taken undefined, null, as a function, as a Map, or without a number', (path) => {
    for (const value of [undefined, null, () => 1, new Map(), new Date(0), Symbol('x'), Number.NaN, 1n]) {
      const tree = changed(path, (parent, key) => {
        parent[key] = value
      })
      expect(() => read(tree), String(value)).toThrow(OptionError)
    }
  })
})

test.each<[unknown, string]>([
  [{ authorisation: { user: 'a' } }, 'unknown option "authorisation"; did you mean "authorization"?'],
  [{ prot: 4222 }, 'unknown option "prot"; did you mean "port"?'],
  [{ max_payload: 1 }, 'unknown option "max_payload"; did you mean "maxPayload"?'],
  [{ http_port: 8222 }, 'unknown option "http_port"; did you mean "monitorPort"?'],
  [{ defaultJsDomain: {} }, 'defaultJsDomain is not supported yet'],
  [{ profPort: 1 }, 'profPort is not supported yet'],
  [{ toString: 1 }, 'unknown option "toString"'],
  [{ __proto__: { port: 1 } }, 'options must be a plain object, not an object of a class'],
  [{ ['__proto__']: { port: 1 } }, 'unknown option "__proto__"; did you mean "port"?'],
  ['x', 'options must be a plain object, not x'],
  [null, 'options must be a plain object, not null'],
  [[], 'options must be a plain object, not an array'],
  [{ authorization: { usres: [] } }, 'authorization.usres: unknown field "usres"; did you mean "users"?'],
  [{ tls: { cert_file: 'x' } }, 'tls.cert_file: unknown field "cert_file"; did you mean "certFile"?'],
  [{ websocket: { notls: true } }, 'websocket.notls: unknown field "notls"; did you mean "noTls"?'],
  [{ accounts: 5 }, 'accounts: expected accounts to be a map or an array, got int64'],
  [{ accounts: { A: { exports: [{}] } } }, 'accounts.A.exports[0]: expected an export to have a stream or a service'],
  [{ trustedKeys: ['x'] }, 'trustedKeys[0]: trust key "x" required to be a valid public operator nkey'],
  [{ serverTags: Array(2) }, 'serverTags must be an array of strings'],
  [{ authorization: undefined }, 'authorization must not be undefined: leave it out, or give it a value'],
  [{ authorization: { user: 'a', password: undefined } }, 'authorization.password must be plain data, not undefined'],
  [{ noAuthUser: undefined }, 'noAuthUser must not be undefined: leave it out, or give it a value'],
  [{ monitorPassword: undefined }, 'monitorPassword must not be undefined: leave it out, or give it a value'],
  [
    { authorization: { user: 'a', password: 'b' }, accounts: { A: { users: [{ user: 'c', password: 'd' }] } } },
    'authorization: Can not have a single user/pass and a users array',
  ],
  [
    { accounts: { A: { users: [{ user: 'c', password: 'd' }] } }, authorization: { users: [{ user: 'c' }] } },
    'authorization: Duplicate user "c" detected',
  ],
])('%j is refused: %s', (options, text) => {
  expect(() => read(options)).toThrow(new OptionError(text))
})

test('an option that guards nothing may be undefined: it is left out', () => {
  expect(read({ monitorPort: undefined, name: undefined }).monitorPort).toBeUndefined()
})

test.each<[unknown, string]>([
  [{ authorisation: {} }, 'unknown option "authorisation"'],
  ['x', 'must be a plain object'],
  [{ authenticate: true }, 'authenticate must be a function, not true'],
  [{ authenticate: undefined }, 'authenticate must '],
  [{ authorization: undefined }, 'authorization must not be undefined'],
])('createServer() and reload() refuse %j', async (options, text) => {
  expect(() => createServer(options as EmbeddedOptions)).toThrow(text)
  const server = await ownServer({ workers: 0, name: 'before' })
  await expect(server.reload(options as EmbeddedOptions)).rejects.toThrow(text)
})

test('the nearest name is found, and none where nothing is near', () => {
  const known = ['users', 'cert_file', 'authorization', 'port']
  expect(
    ['uesrs', 'certFile', 'CERT-FILE', 'authorisation', 'Port', 'prt'].map((name) => nearest(name, known)),
  ).toEqual(['users', 'cert_file', 'cert_file', 'authorization', 'port', 'port'])
  expect(['', 'x', 'qqqqq', 'u'.repeat(1_000_000)].map((name) => nearest(name, known))).toEqual(
    Array(4).fill(undefined),
  )
})
