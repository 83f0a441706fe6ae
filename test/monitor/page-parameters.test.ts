// Every parameter of every page, beside the real nats-server: the same clients come to both, and both are asked with
// values that are right, empty, wrong, repeated and out of range. Rows are compared by the clients' names.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../src/base/json.ts'
import { configuredServers, HEDDLES, startConfiguredFor } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { ask, askJson } from './http.ts'

const CONFIG = `
  listen: "127.0.0.1:-1"
  http: "127.0.0.1:-1"
  accounts {
    A { users: [{ user: a, password: a }, { user: b, password: b }] }
    B { users: [{ user: c, password: c }] }
  }
`

/** Who comes, in this order: name, user, password, subscriptions. The last ones leave, or are turned away. */
const STAY = [
  ['one', 'a', 'a', 'SUB foo 1\r\nSUB bar.* 2\r\n'],
  ['two', 'b', 'b', 'SUB foo.> 1\r\n'],
  ['three', 'b', 'b', 'SUB q workers 1\r\nUNSUB 1 5\r\n'],
  ['four', 'c', 'c', 'SUB foo 1\r\n'],
] as const
const LEAVE = [['five', 'b', 'b', 'SUB foo 9\r\n']] as const
const TURNED_AWAY = [
  { name: 'six', user: 'b', pass: 'wrong' },
  { name: 'seven', user: 'nobody' },
  { name: 'eight', auth_token: 'nope' },
  { name: 'nine', nkey: 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4', sig: 'aGVsbG8' },
  { name: 'ten' },
] as const

interface Row {
  readonly [member: string]: Json
}

interface Page {
  readonly connections?: readonly Row[] | null
  readonly [member: string]: Json
}

/** A server with its clients. */
interface Side {
  readonly program: ServerProgram
  readonly monitorPort: number
  /** Numbers of the connections, by name. */
  readonly ids: ReadonlyMap<string, number>
}

async function populate(program: ServerProgram, stayed: RawClient[]): Promise<Side> {
  const [, port] = await program.until(/Starting http monitor on 127\.0\.0\.1:(\d+)/)
  const monitorPort = Number(port)
  for (const [name, user, pass, subscriptions] of [...STAY, ...LEAVE]) {
    const client = await RawClient.open(program.port, { name, user, pass })
    client.send(subscriptions)
    await client.sync()
    if (LEAVE.some(([leaver]) => leaver === name)) await client.close()
    else stayed.push(client)
  }
  for (const [at, members] of TURNED_AWAY.entries()) {
    const client = await RawClient.connect(program.port)
    await client.readInfo()
    client.send(`CONNECT ${JSON.stringify({ verbose: false, ...members })}\r\n`)
    await client.readToClose()
    await client.close()
    await until('its end on the page', async () => {
      return (await askJson<Page>(monitorPort, '/connz?state=closed'))['total'] === LEAVE.length + at + 1
    })
  }
  const { connections } = await askJson<Page>(monitorPort, '/connz?state=any')
  const ids = new Map((connections ?? []).map((row) => [String(row['name']), Number(row['cid'])]))
  return { program, monitorPort, ids }
}

/** What is compared of a row. */
const SHOWN = [
  'name',
  'authorized_user',
  'account',
  'reason',
  'subscriptions',
  'subscriptions_list',
  'name_tag',
] as const

function shownOf(row: Row): Json {
  return SHOWN.map((member) => {
    const value = row[member]
    return Array.isArray(value) ? value.toSorted() : value
  })
}

/** An answer without what may differ: times, identities, numbers of connections. `{name}` in a path is a number. */
async function answerOf({ monitorPort, ids }: Side, path: string): Promise<Json> {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => String(ids.get(name)))
  const { status, headers, body } = await ask(monitorPort, filled)
  const type = String(headers['content-type'])
  if (status !== 200 || filled.startsWith('/stacksz')) return [status, type, status === 200 ? '' : body]
  const { server_id, server_name, now, connections, ...rest } = JSON.parse(body) as Page
  if (path.startsWith('/subsz')) {
    const list = (rest['subscriptions_list'] ?? []) as readonly Row[]
    // nats-server lists its own subscriptions as well: where these may be among them, only the clients' are compared.
    const isOfClients = path.includes('test=foo')
    const subjects = list.map((row) => `${row['account']} ${row['subject']}`).filter((text) => /^[AB] [^$]/.test(text))
    const shown = !isOfClients ? subjects.toSorted() : path.includes('limit=') ? list.length : subjects.toSorted()
    const { offset, limit, total } = rest
    return path.includes('limit=') && !isOfClients
      ? [status, type, offset, limit]
      : [status, type, offset, limit, isOfClients ? total : '', shown]
  }
  if (/^\/(varz|accountz|accstatz|ipqueuesz)/.test(path)) return [status, type]
  const rows = connections?.map(shownOf)
  // Where they are equal in what they are sorted by, or a millisecond apart, the order says nothing.
  if (/sort=(subs|uptime|last|idle|stop)/.test(path)) rows?.sort((a, b) => (String(a) < String(b) ? -1 : 1))
  return [status, type, server_id === '', { ...rest }, connections === null ? null : rows]
}

const CONNZ = [
  '',
  ...['one', 'five', 'six'].flatMap((name) => [
    `cid={${name}}`,
    `cid={${name}}&state=closed`,
    `cid={${name}}&state=any&auth=1`,
    `cid={${name}}&state=any&user=b`,
    `cid={${name}}&state=any&acc=A`,
    `cid={${name}}&state=any&acc=B`,
    `cid={${name}}&state=any&offset=1&limit=9`,
    `cid={${name}}&state=any&mqtt_client=x`,
  ]),
  ...['cid=99999', 'cid=99999&state=closed', 'cid=99999&state=any', 'cid={one}&acc=nope', 'cid={one}&sort=xx'],
  ...['open', 'closed', 'any', 'all', 'CLOSED', '1', 'x'].map((state) => `state=${state}&auth=1`),
  ...['open', 'closed', 'any'].flatMap((state) => [
    `state=${state}&user=b&auth=1`,
    `state=${state}&user=b&limit=1`,
    `state=${state}&user=b&offset=1`,
    `state=${state}&user=nobody&auth=1`,
    `state=${state}&acc=A&auth=1`,
    `state=${state}&acc=A&limit=1&offset=1`,
    `state=${state}&acc=B&user=b`,
    `state=${state}&acc=$G&auth=1`,
    `state=${state}&acc=nope`,
    `state=${state}&mqtt_client=x`,
    `state=${state}&limit=2&offset=1`,
    `state=${state}&offset=99`,
    `state=${state}&subs=1`,
    ...['cid', 'start', 'subs', 'uptime', 'last', 'idle', 'stop', 'reason', 'CID', 'xx', '%00'].map(
      (sort) => `state=${state}&sort=${sort}`,
    ),
  ]),
  ...['user=[REDACTED]&state=closed', 'user=%5BREDACTED%5D&state=closed&auth=1', 'acc=A&acc=B', 'user=b&user=c'],
]
const SUBSZ = ['', '&limit=1', '&offset=1', '&acc=A', '&acc=B', '&acc=nope', '&acc=A&limit=1', '&offset=99'].map(
  (more) => `subs=1&test=foo${more}`,
)

/** Parameters by page and kind. */
const BOOLEANS: Readonly<Record<string, readonly string[]>> = {
  connz: ['auth', 'subs'],
  subsz: ['subs'],
  routez: ['subs'],
  gatewayz: ['subs', 'accs'],
  leafz: ['subs'],
  accstatz: ['unused'],
  ipqueuesz: ['all'],
  healthz: ['js-enabled', 'js-enabled-only', 'js-server-only', 'js-meta-only', 'details'],
  jsz: ['accounts', 'streams', 'consumers', 'direct-consumers', 'config', 'leader-only', 'raft', 'stream-leader-only'],
}
const INTEGERS: Readonly<Record<string, readonly string[]>> = {
  connz: ['offset', 'limit', 'cid'],
  subsz: ['offset', 'limit'],
  jsz: ['offset', 'limit'],
}
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  subsz: ['test', 'acc'],
  accountz: ['acc'],
  gatewayz: ['gw_name', 'acc_name'],
  leafz: ['acc'],
  healthz: ['account', 'stream', 'consumer'],
  jsz: ['acc'],
  varz: ['x'],
  stacksz: ['x'],
  ipqueuesz: ['queues'],
}
const BOOLEAN_VALUES = ['1', 't', 'TRUE', 'True', 'tRUE', '0', 'F', 'false', '', 'x', 'yes', '2', '-1', '%31', '%20']
const INTEGER_VALUES = ['0', '1', '-1', '-0', '', 'x', '1.5', '%2B1', '+1', '1e3', '0x1', '9007199254740991']
const TOO_LARGE = ['9223372036854775808', '99999999999999999999', '-9223372036854775809', '1_0']
const TEXT_VALUES = ['', 'A', 'nope', 'foo', 'a.*', '.', '%3Cb%3E', '%C3%A9', '%FF', '%zz']

function* paths(): Generator<string> {
  for (const query of CONNZ) yield `/connz?${query}`
  for (const query of SUBSZ) yield `/subsz?${query}`
  for (const [of, values] of [
    [BOOLEANS, BOOLEAN_VALUES],
    [INTEGERS, [...INTEGER_VALUES, ...TOO_LARGE]],
    [TEXTS, TEXT_VALUES],
  ] as const) {
    for (const [page, names] of Object.entries(of)) {
      for (const name of names) {
        const good = page === 'subsz' && name !== 'subs' && name !== 'test' ? 'subs=1&test=foo&' : ''
        for (const value of values) yield `/${page}?${good}${name}=${value}`
        yield `/${page}?${good}${name}`
        for (const [first, second] of ['1x', 'x1', 'xy']) yield `/${page}?${good}${name}=${first}&${name}=${second}`
        yield `/${page}?${good}${name}=&${name}=1`
      }
    }
  }
}

describe.skipIf(missing('natsServer', 'parameters of pages beside nats-server'))('a page', () => {
  const stayed: RawClient[] = []
  let ours: Side
  let theirs: Side
  beforeAll(async () => {
    const [heddle, natsServer] = [HEDDLES[1], configuredServers('parameters of pages').at(-1) ?? HEDDLES[0]]
    ours = await populate(await startConfiguredFor(heddle, CONFIG), stayed)
    theirs = await populate(await startConfiguredFor(natsServer, CONFIG), stayed)
  })
  afterAll(async () => {
    await Promise.all(stayed.map((client) => client.close()))
    await Promise.all([ours?.program.stop(), theirs?.program.stop()])
  })

  it('takes its parameters as nats-server does', async () => {
    const differences: Json[] = []
    for (const path of paths()) {
      if (/cid=\+?1(&|$)/.test(path)) continue // whose number that is differs
      const [our, their] = await Promise.all([answerOf(ours, path), answerOf(theirs, path)])
      if (JSON.stringify(our) !== JSON.stringify(their)) differences.push({ path, our, their })
    }
    expect(differences).toEqual([])
  }, 60_000)
})
