// The monitoring pages of a whole server, as tools see them (docs/reference/monitoring.md).

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { HEDDLE_VERSION, NATS_VERSION } from '../../src/base/constants.ts'
import type { HeddleServer } from '../../src/index.ts'
import {
  type Company,
  type Connz,
  gather,
  type Subsz,
  TIME,
  untilClosedIsKnown,
  type Varz,
} from '../monitor/company.ts'
import { ask, askJson } from '../monitor/http.ts'
import { Program, ROOT, startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

const AGE = /^(\d+y)?(\d+d)?(\d+h)?(\d+m)?\d+s$/
const GO_DURATION = /^(\d+h)?(\d+m)?\d+(\.\d+)?(ns|µs|ms|s)$/

describe.each([0, 2])('with %i workers', (workers) => {
  let server: HeddleServer
  let monitorPort = 0
  let company: Company

  beforeAll(async () => {
    server = await startServer({ monitorPort: -1, workers })
    monitorPort = server.monitorPort ?? 0
    company = await gather(server.port)
    await untilClosedIsKnown(monitorPort)
  })
  afterAll(async () => {
    await company.leave()
    await server.close()
  })

  const connz = (query = ''): Promise<Connz> => askJson<Connz>(monitorPort, `/connz?${query}`)
  const subsz = (query = ''): Promise<Subsz> => askJson<Subsz>(monitorPort, `/subsz?${query}`)
  const names = ({ connections }: Connz): (string | undefined)[] => (connections ?? []).map(({ name }) => name)

  describe('/varz', () => {
    it('adds up what the shards count', async () => {
      const varz = await askJson<Varz>(monitorPort, '/varz')
      expect(varz).toMatchObject({
        server_id: server.id,
        server_name: server.id,
        version: NATS_VERSION,
        port: server.port,
        http_port: monitorPort,
        max_payload: 1_048_576,
        ping_interval: 120_000_000_000,
        write_deadline: 10_000_000_000,
        gomaxprocs: Math.max(1, workers),
        connections: 2,
        total_connections: 3,
        subscriptions: 3,
        in_msgs: 1,
        in_bytes: 3,
        out_msgs: 2,
        out_bytes: 6,
        in_client_msgs: 1,
        out_client_bytes: 6,
        slow_consumers: 0,
        slow_consumer_stats: { clients: 0, routes: 0, gateways: 0, leafs: 0 },
        config_digest: '',
      })
      expect(varz['go']).toBe(`node ${process.version}`)
      expect(varz['mem']).toBeGreaterThan(1_000_000)
      for (const time of ['start', 'now', 'config_load_time']) expect(varz[time]).toMatch(TIME)
      expect(varz['uptime']).toMatch(AGE)
    })

    it('ends with what only we have', async () => {
      const varz = await askJson<Varz>(monitorPort, '/varz')
      expect(Object.keys(varz).at(-1)).toBe('heddle')
      const { version, restarts, shards } = varz.heddle
      expect([version, restarts]).toEqual([HEDDLE_VERSION, 0])
      expect(shards.map(({ index }) => index)).toEqual(workers === 0 ? [0] : [0, 1])
      const sum = (member: string): number => shards.reduce((total, shard) => total + shard[member], 0)
      expect(['connections', 'subscriptions', 'in_msgs', 'out_msgs'].map(sum)).toEqual([2, 3, 1, 2])
      expect(sum('interest_bytes')).toBeGreaterThan(0)
    })

    it('counts requests by page, wrong ones as nats-server does', async () => {
      const stats = async (): Promise<Record<string, number>> =>
        (await askJson<Varz>(monitorPort, '/varz')).http_req_stats
      const before = await stats()
      await ask(monitorPort, '/')
      await ask(monitorPort, '/subscriptionsz')
      await ask(monitorPort, '/subsz?subs=zz')
      await ask(monitorPort, '/connz?subs=zz')
      await ask(monitorPort, '/connz?sort=zz')
      await ask(monitorPort, '/nope')
      const after = await stats()
      const grown = Object.fromEntries(Object.entries(after).map(([path, n]) => [path, n - (before[path] ?? 0)]))
      expect(grown).toMatchObject({ '/': 1, '/subsz': 2, '/connz': 1, '/varz': 1 })
      expect(Object.keys(after)).toEqual(Object.keys(after).toSorted())
    })

    it('says how busy the process is', async () => {
      await until('a second in which it asked itself this', async () => {
        return Number((await askJson<Varz>(monitorPort, '/varz'))['cpu']) > 0
      })
    })
  })

  describe('/connz', () => {
    it('lists the open connections by cid', async () => {
      const answer = await connz()
      expect(answer).toMatchObject({ server_id: server.id, num_connections: 2, total: 2, offset: 0, limit: 1024 })
      expect(names(answer)).toEqual(['alpha', 'beta'])
    })

    it('describes a connection', async () => {
      const [alpha] = (await connz()).connections ?? []
      expect(alpha).toMatchObject({
        cid: company.alpha.info?.client_id,
        kind: 'Client',
        type: 'nats',
        ip: '127.0.0.1',
        port: company.alpha.socket.localPort,
        pending_bytes: 0,
        in_msgs: 0,
        out_msgs: 1,
        in_bytes: 0,
        out_bytes: 3,
        subscriptions: 2,
        name: 'alpha',
        lang: 'raw',
        version: '1.2.3',
      })
      for (const time of ['start', 'last_activity']) expect(alpha[time]).toMatch(TIME)
      for (const age of ['uptime', 'idle']) expect(alpha[age]).toMatch(AGE)
      expect(alpha['rtt']).toMatch(GO_DURATION)
      for (const absent of ['stop', 'reason', 'stalls', 'subscriptions_list', 'subscriptions_list_detail', 'account']) {
        expect(alpha).not.toHaveProperty(absent)
      }
    })

    it.each(['1', 'true', 'T'])('lists subjects with subs=%s', async (subs) => {
      const [alpha, beta] = (await connz(`subs=${subs}`)).connections ?? []
      expect([alpha['subscriptions_list'], beta['subscriptions_list']]).toEqual([['foo.*', 'bar'], ['foo.>']])
      expect(alpha).not.toHaveProperty('subscriptions_list_detail')
    })

    it.each(['detail', 'DETAIL'])('describes subscriptions with subs=%s', async (subs) => {
      const [{ cid, ...alpha }] = (await connz(`subs=${subs}`)).connections ?? []
      expect(alpha['subscriptions_list_detail']).toEqual([
        { subject: 'foo.*', sid: '1', msgs: 1, cid },
        { subject: 'bar', qgroup: 'workers', sid: '2', msgs: 0, max: 5, cid },
      ])
      expect(alpha).not.toHaveProperty('subscriptions_list')
    })

    it('has the closed ones, with when and why', async () => {
      const answer = await connz('state=closed')
      expect(answer).toMatchObject({ num_connections: 1, total: 1 })
      const [gone] = answer.connections ?? []
      expect(gone).toMatchObject({ name: 'gone', reason: 'Client Closed' })
      expect(gone['stop']).toMatch(TIME)
      expect(Object.keys(gone).slice(5, 11)).toEqual(['start', 'last_activity', 'stop', 'reason', 'rtt', 'uptime'])
    })

    it.each(['any', 'all', 'ALL'])('has open and closed ones with state=%s', async (state) => {
      expect(names(await connz(`state=${state}`))).toEqual(['alpha', 'beta', 'gone'])
    })

    it('sorts before it makes pages, over all shards', async () => {
      expect(names(await connz('sort=msgs_from'))).toEqual(['beta', 'alpha'])
      expect(names(await connz('sort=subs'))).toEqual(['alpha', 'beta'])
      expect(names(await connz('sort=uptime'))).toEqual(['beta', 'alpha'])
      expect(names(await connz('sort=msgs_from&limit=1'))).toEqual(['beta'])
      expect(names(await connz('sort=msgs_from&limit=1&offset=1'))).toEqual(['alpha'])
      expect(names(await connz('sort=reason&state=closed'))).toEqual(['gone'])
    })

    it('makes pages, and shows what was asked for', async () => {
      expect(await connz('limit=1')).toMatchObject({ num_connections: 1, total: 2, offset: 0, limit: 1 })
      expect(await connz('offset=1')).toMatchObject({ num_connections: 1, total: 2, offset: 1, limit: 1024 })
      expect(await connz('offset=2')).toMatchObject({ num_connections: 0, total: 2, offset: 2, connections: [] })
    })

    it.each(['limit=-5&offset=-3', 'limit=0', 'limit=-9223372036854775808&offset=-9223372036854775808'])(
      'takes %s as if it were not there',
      async (query) => expect(await connz(query)).toMatchObject({ num_connections: 2, offset: 0, limit: 1024 }),
    )

    it('takes the largest numbers there are', async () => {
      const max = '9223372036854775807'
      expect(names(await connz(`limit=${max}`))).toEqual(['alpha', 'beta'])
      expect(names(await connz(`offset=${max}&limit=${max}`))).toEqual([])
      expect(names(await connz('cid=18446744073709551615'))).toEqual([])
    })

    it('finds one connection, and counts it', async () => {
      const cid = company.beta.info?.client_id
      const found = await connz(`cid=${cid}&subs=1`)
      expect(found).toMatchObject({ num_connections: 1, total: 1, limit: 1 })
      expect(names(found)).toEqual(['beta'])
      expect(await connz(`cid=${cid}&state=any`)).toMatchObject({ num_connections: 1, total: 1 })
      expect(await connz(`cid=${cid}&state=closed`)).toMatchObject({ num_connections: 0, total: 0, connections: [] })
      expect(await connz('cid=999')).toMatchObject({ num_connections: 0, total: 0, connections: [] })
      expect(await connz('cid=0')).toMatchObject({ num_connections: 2, limit: 1024 })
    })

    it('filters by the one account, by users and by MQTT clients that nobody is', async () => {
      expect(names(await connz('acc=$G'))).toEqual(['alpha', 'beta'])
      expect(await connz('acc=other')).toMatchObject({ server_id: '', total: 0, connections: null })
      expect(await connz('user=joe')).toMatchObject({ num_connections: 0, total: 0, connections: [] })
      expect(await connz('mqtt_client=x')).toMatchObject({ num_connections: 0, total: 0, connections: [] })
    })

    it('tolerates auth', async () => {
      const [alpha] = (await connz('auth=1')).connections ?? []
      expect(alpha['name_tag']).toBe('$G')
    })
  })

  describe.each(['/subsz', '/subscriptionsz'])('%s', (path) => {
    it('sums the subscription lists', async () => {
      const answer = await askJson<Subsz>(monitorPort, path)
      expect(answer).toMatchObject({ server_id: server.id, num_subscriptions: 3, num_inserts: 4, num_removes: 1 })
      expect(answer).toMatchObject({ total: 0, offset: 0, limit: 1024 })
      expect(answer).not.toHaveProperty('subscriptions_list')
    })

    it('lists the subscriptions of all shards', async () => {
      const { total, subscriptions_list: list } = await askJson<Subsz>(monitorPort, `${path}?subs=1`)
      const account = { account: '$G', account_tag: '$G' }
      const [alpha, beta] = [company.alpha.info?.client_id, company.beta.info?.client_id]
      expect(total).toBe(3)
      expect(list).toEqual([
        { ...account, subject: 'foo.*', sid: '1', msgs: 1, cid: alpha },
        { ...account, subject: 'bar', qgroup: 'workers', sid: '2', msgs: 0, max: 5, cid: alpha },
        { ...account, subject: 'foo.>', sid: '7', msgs: 1, cid: beta },
      ])
    })
  })

  describe('/subsz', () => {
    const subjects = ({ subscriptions_list: list }: Subsz): string[] => (list ?? []).map(({ subject }) => subject)

    it('tests which subscriptions a subject would reach', async () => {
      expect(subjects(await subsz('subs=1&test=foo.x'))).toEqual(['foo.*', 'foo.>'])
      expect(subjects(await subsz('subs=1&test=foo.x.y'))).toEqual(['foo.>'])
      expect(await subsz('subs=1&test=nobody')).toMatchObject({ total: 0 })
    })

    it('makes pages', async () => {
      expect(subjects(await subsz('subs=1&limit=1'))).toEqual(['foo.*'])
      expect(subjects(await subsz('subs=1&limit=1&offset=1'))).toEqual(['bar'])
      expect(await subsz('subs=1&limit=1&offset=1')).toMatchObject({ total: 3, offset: 1, limit: 1 })
      expect(await subsz('subs=1&offset=9')).toMatchObject({ total: 3, offset: 9 })
    })

    it('filters by account', async () => {
      expect(await subsz('subs=1&acc=$G')).toMatchObject({ num_subscriptions: 3, total: 3 })
      expect(await subsz('subs=1&acc=other')).toMatchObject({ num_subscriptions: 0, total: 0 })
    })
  })

  describe('/healthz', () => {
    it('is one line', async () => {
      const { status, body, headers } = await ask(monitorPort, '/healthz?js-enabled-only=1&details=true')
      expect([status, body]).toEqual([200, '{"status":"ok"}'])
      expect(headers['content-type']).toBe('application/json')
    })

    it.each([
      ['stream=x', '"account" must not be empty when checking stream health'],
      ['consumer=x', '"stream" must not be empty when checking consumer health'],
    ])('refuses %s', async (query, error) => {
      const { status, body } = await ask(monitorPort, `/healthz?${query}`)
      expect([status, JSON.parse(body)]).toEqual([400, { status: 'error', error }])
      const detailed = await ask(monitorPort, `/healthz?${query}&details=1`)
      expect(JSON.parse(detailed.body)).toEqual({ status: 'error', errors: [{ type: 'BAD_REQUEST', error }] })
    })
  })

  describe('every page', () => {
    it.each(['/varz', '/connz', '/subsz'])('%s is JSON, indented by two, for any origin', async (path) => {
      const { status, headers, body } = await ask(monitorPort, path)
      expect(status).toBe(200)
      expect(headers['content-type']).toBe('application/json')
      expect(headers['access-control-allow-origin']).toBe('*')
      expect(body).toBe(JSON.stringify(JSON.parse(body), undefined, 2))
    })

    it('the root links to pages that there are, and loads nothing from elsewhere', async () => {
      const { status, headers, body } = await ask(monitorPort, '/')
      expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/)
      expect(body).not.toMatch(/https?:\/\/|<script>|style="| on[a-z]+="/)
      const links = [...body.matchAll(/(?:href|src)="\.([^"]+)"/g)].map(([, path]) => path)
      expect(links).toEqual(expect.arrayContaining(['/varz', '/jsz', '/connz', '/accountz', '/subsz', '/healthz']))
      for (const path of links) expect([path, (await ask(monitorPort, path)).status]).toEqual([path, 200])
    })
  })

  const natsTop = join(ROOT, '.peers', 'bin', 'nats-top')
  const hasNatsTop = existsSync(natsTop)
  if (!hasNatsTop)
    process.stderr.write(`skipped: nats-top, because there is no ${natsTop} (npm run peers installs it)\n`)
  it.skipIf(!hasNatsTop)('nats-top shows the connections', async () => {
    const program = new Program(natsTop, ['-s', '127.0.0.1', '-m', String(monitorPort), '-o', '-'])
    onTestFinished(async () => void (await program.stop('SIGKILL')))
    await program.until(new RegExp(`NATS server version ${NATS_VERSION} `))
    await program.until(/Connections Polled: 2/)
    await program.until(/alpha/)
  })
})

it('there are no pages unless asked for', async () => {
  const server = await startServer({ workers: 0 })
  onTestFinished(() => server.close())
  expect(server.monitorPort).toBeUndefined()
})

it('a monitoring port that is taken keeps the server from starting', async () => {
  const first = await startServer({ workers: 0, monitorPort: -1 })
  onTestFinished(() => first.close())
  await expect(startServer({ workers: 0, monitorPort: first.monitorPort ?? 0 })).rejects.toThrow(
    /^can't listen to the monitor port: .*EADDRINUSE/,
  )
})

it('the pages are gone when the server is', async () => {
  const server = await startServer({ workers: 0, monitorPort: -1 })
  const port = server.monitorPort ?? 0
  await ask(port, '/healthz')
  await server.close()
  await expect(ask(port, '/healthz')).rejects.toThrow(/ECONNREFUSED/)
})
