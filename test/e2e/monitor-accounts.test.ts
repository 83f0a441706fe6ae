// What the pages tell of users and accounts from a configuration file, beside nats-server.

import { describe, expect, test } from 'vitest'
import { askJson } from '../monitor/http.ts'
import { configuredServers, login, startConfigured } from '../support/configured-servers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'

const CONFIG = `
http: "127.0.0.1:-1"
accounts {
  A {
    users: [ { user: a, password: secret } ]
    exports: [
      { stream: "s.>" }
      { service: "q.*", response: stream, accounts: [B] }
      { service: "lat", latency: { sampling: 10, subject: "l.x" } }
    ]
    mappings: {
      "m.*": [
        { destination: "n.$1", weight: 30% }
        { destination: "o.$1", weight: 20% }
        { destination: "c.$1", weight: 40%, cluster: east }
      ]
      "z": "y"
      "lossy": [ { destination: "lossy", weight: 50% } ]
      "only": [ { destination: "x", weight: 10%, cluster: east } ]
    }
  }
  B {
    users: [ { user: b, password: secret } ]
    imports: [
      { service: { account: A, subject: "q.*" }, to: "r.*", share: true }
      { service: { account: A, subject: "lat" } }
      { stream: { account: A, subject: "s.>" }, prefix: "p" }
      { stream: { account: A, subject: "s.a" }, to: "k" }
    ]
  }
}`

type Row = Readonly<Record<string, unknown>>

interface Connz {
  readonly total: number
  readonly connections: readonly Row[] | null
}

async function monitorPortOf(program: ServerProgram): Promise<number> {
  const [, port] = await program.until(/Starting http monitor on \S*:(\d+)/)
  return Number(port)
}

/** What is configured, without what nats-server adds for its system account; its own order is any. */
async function detailOf(port: number, account: string): Promise<Row> {
  const { account_detail } = await askJson<{ readonly account_detail: Row }>(port, `/accountz?acc=${account}`)
  const { mappings, exports, imports } = account_detail
  const sorted = (list: unknown): Row[] =>
    ((list ?? []) as readonly Row[])
      .filter((item) => item['account'] !== '$SYS')
      .sort((a, b) => String(a['subject']).localeCompare(String(b['subject'])))
  return { mappings, exports: sorted(exports), imports: sorted(imports) }
}

describe.each(configuredServers('users and accounts on the pages'))('$name', (server) => {
  test('names the users of connections, open and closed, and finds connections by them', async () => {
    const program = await startConfigured(server, CONFIG)
    const port = await monitorPortOf(program)
    await login(program, { user: 'a', pass: 'secret' })
    const b = await login(program, { user: 'b', pass: 'secret' })
    const open = await askJson<Connz>(port, '/connz?auth=1&user=a')
    expect(open.connections).toMatchObject([{ authorized_user: 'a', account: 'A', name_tag: 'A' }])
    expect((await askJson<Connz>(port, '/connz?user=a')).connections?.[0]).not.toHaveProperty('authorized_user')
    expect((await askJson<Connz>(port, '/connz?auth=1&user=c')).connections).toEqual([])
    expect((await askJson<Connz>(port, '/connz?auth=1&acc=B')).connections).toMatchObject([{ authorized_user: 'b' }])
    await b.close()
    const closed = await until('the closed connection', async () => {
      const { connections } = await askJson<Connz>(port, '/connz?state=closed&auth=1&user=b')
      return connections !== null && connections.length > 0 && connections
    })
    expect(closed).toMatchObject([{ authorized_user: 'b', account: 'B', name_tag: 'B' }])
  })

  test('tells mappings, exports and imports of an account', async () => {
    const program = await startConfigured(server, CONFIG)
    const port = await monitorPortOf(program)
    expect(await detailOf(port, 'A')).toEqual({
      mappings: {
        'm.*': [
          { subject: 'o.$1', weight: 20 },
          { subject: 'n.$1', weight: 50 },
          { subject: 'm.$1', weight: 100 },
          { subject: 'c.$1', weight: 40, cluster: 'east' },
          { subject: 'm.$1', weight: 100, cluster: 'east' },
        ],
        z: [{ subject: 'y', weight: 100 }],
        lossy: [{ subject: 'lossy', weight: 50 }],
        only: [
          { subject: 'only', weight: 100 },
          { subject: 'x', weight: 10, cluster: 'east' },
          { subject: 'only', weight: 100, cluster: 'east' },
        ],
      },
      exports: [
        {
          subject: 'lat',
          type: 'service',
          response_type: 'Singleton',
          service_latency: { sampling: 10, results: 'l.x' },
        },
        { subject: 'q.*', type: 'service', response_type: 'Streamed', approved_accounts: ['B'] },
        { subject: 's.>', type: 'stream' },
      ],
      imports: [],
    })
    const plain = { account: 'A', invalid: false, share: false, tracking: false }
    expect(await detailOf(port, 'B')).toEqual({
      mappings: undefined,
      exports: [],
      imports: [
        {
          ...plain,
          subject: 'lat',
          to: 'lat',
          local_subject: 'lat',
          type: 'service',
          latency: { sampling: 10, results: 'l.x' },
        },
        { ...plain, subject: 'q.*', to: 'r.*', local_subject: 'r.*', type: 'service', share: true },
        { ...plain, subject: 's.>', local_subject: 'p.s.>', type: 'stream' },
        { ...plain, subject: 's.a', local_subject: 'k', type: 'stream' },
      ],
    })
  })
})
