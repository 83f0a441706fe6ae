// Our own pages of a whole server: metrics, who is slow, the subject tree; and the password for all of them.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HeddleServer } from '../../src/index.ts'
import { type Company, type Connz, gather, type Subsz, untilClosedIsKnown, type Varz } from '../monitor/company.ts'
import { ask, askJson, askWith } from '../monitor/http.ts'
import { type ParsedFamily, parseMetrics } from '../monitor/open-metrics-parser.ts'
import { dial, open, openInTurn, ownServer } from '../support/harness.ts'
import { ROOT, startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

/** Names under which a family is asked for, also if it has no samples at present. */
function samplesOf({ name, kind }: ParsedFamily): string[] {
  if (kind === 'counter') return [`${name}_total`]
  return kind === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
}

const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0'

describe.each([0, 2])('with %i workers', (workers) => {
  let server: HeddleServer
  let port = 0
  let company: Company

  beforeAll(async () => {
    server = await startServer({ monitorPort: -1, workers })
    port = server.monitorPort ?? 0
    company = await gather(server.port)
    await untilClosedIsKnown(port)
  })
  afterAll(async () => {
    await company.leave()
    await server.close()
  })

  describe('/metrics', () => {
    it('is OpenMetrics for those who ask for it', async () => {
      const { headers, body } = await askWith(port, '/metrics', { Accept: OPEN_METRICS })
      expect(headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
      const families = parseMetrics(body, true)
      const total = (name: string): number =>
        (families.get(name)?.samples ?? []).reduce((sum, { value }) => sum + value, 0)
      expect(total('heddle_received_messages')).toBe(1)
      expect(total('heddle_sent_messages')).toBe(2)
      expect(total('heddle_sent_bytes')).toBe(6)
      expect(total('heddle_connections')).toBe(2)
      expect(total('heddle_subscriptions')).toBe(3)
      expect(total('heddle_account_received_messages')).toBe(1)
      expect(total('heddle_connection_sent_messages')).toBe(2)
      expect(total('heddle_connections_accepted')).toBe(3)
      const threads = families
        .get('heddle_event_loop_utilization_ratio')
        ?.samples.map(({ labels }) => labels.get('thread'))
      expect(threads).toEqual(['primary', 'shard 0', 'shard 1'].slice(0, 1 + Math.max(1, workers)))
      expect(families.get('heddle_ring_sent_bytes')?.samples).toHaveLength(workers === 2 ? 2 : 0)
      expect(families.get('heddle_message_latency_seconds')?.kind).toBe('histogram')
      for (const { name, help } of families.values()) expect([name, help]).not.toEqual([name, ''])
    })

    it('has every metric that the Grafana dashboard shows', async () => {
      const { body } = await askWith(port, '/metrics', { Accept: OPEN_METRICS })
      const known = new Set([...parseMetrics(body, true).values()].flatMap(samplesOf))
      const dashboard = readFileSync(join(ROOT, 'docs', 'grafana-dashboard.json'), 'utf8')
      const used = new Set(dashboard.match(/\b(?:heddle|process)_[a-z0-9_]+/g))
      expect(used.size).toBeGreaterThan(20)
      expect([...used].filter((name) => !known.has(name))).toEqual([])
    })

    it('is the older format for everybody else', async () => {
      const { headers, body } = await ask(port, '/metrics')
      expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
      expect(parseMetrics(body, false).get('heddle_received_messages_total')?.kind).toBe('counter')
    })

    it('shows as many connections as are asked for, and refuses what is no number', async () => {
      const shown = async (query: string): Promise<number | undefined> => {
        const { body } = await ask(port, `/metrics?${query}`)
        return parseMetrics(body, false).get('heddle_connection_pending_bytes')?.samples.length
      }
      expect([await shown(''), await shown('connections=1'), await shown('connections=0')]).toEqual([2, 1, 0])
      expect([await shown('connections=-5'), await shown('connections=9223372036854775807')]).toEqual([0, 2])
      expect((await ask(port, '/metrics?connections=x')).status).toBe(400)
    })

    it('takes any name that a client gives itself', async () => {
      const name = 'a"b\\c\nd{}=,\u2028</script>é'
      await open(server.port, { name })
      const { body } = await askWith(port, '/metrics', { Accept: OPEN_METRICS })
      const samples = parseMetrics(body, true).get('heddle_connection_pending_bytes')?.samples ?? []
      expect(samples.map(({ labels }) => labels.get('name'))).toContain(name)
    })
  })

  describe('/connz', () => {
    it('finds what is searched for, in names, numbers and addresses', async () => {
      const names = async (query: string): Promise<unknown> =>
        (await askJson<Connz>(port, `/connz?${query}`)).connections?.map(({ name }) => name)
      expect(await names('search=ALPH')).toEqual(['alpha'])
      expect(await names('search=gone&state=all')).toEqual(['gone'])
      expect(await names(`search=:${company.beta.socket.localPort}`)).toEqual(['beta'])
      const answer = await askJson<Connz & { readonly matched: number }>(port, '/connz?search=raw&limit=1')
      expect([answer.matched, answer.total >= 2, answer.connections?.length]).toEqual([2, true, 1])
    })

    it('finds those who have subscriptions that a filter has something in common with', async () => {
      const names = async (filter: string): Promise<unknown> =>
        (await askJson<Connz>(port, `/connz?filter_subject=${filter}`)).connections?.map(({ name }) => name)
      expect(await names('foo.x')).toEqual(['alpha', 'beta'])
      expect(await names('foo.*.y')).toEqual(['beta'])
      expect(await names('nobody')).toEqual([])
    })
  })

  describe('/subjectz', () => {
    interface Subjects {
      readonly total: number
      readonly branches: readonly Record<string, unknown>[]
    }
    const branches = async (query: string): Promise<unknown[]> =>
      (await askJson<Subjects>(port, `/subjectz?${query}`)).branches.map((branch) => Object.values(branch))

    it('goes down the tree a level at a time', async () => {
      expect(await branches('')).toEqual([['$G', 0, 3, 0, true]])
      expect(await branches('acc=$G')).toEqual([
        ['foo', 0, 2, 0, true],
        ['bar', 1, 1, 1, false],
      ])
      expect(await branches('acc=$G&prefix=foo')).toEqual([
        ['*', 1, 1, 0, false],
        ['>', 1, 1, 0, false],
      ])
      expect(await branches('acc=$G&prefix=foo.bar')).toEqual([])
      expect(await branches('acc=nobody')).toEqual([])
    })

    it('makes pages', async () => {
      expect(await askJson<Subjects>(port, '/subjectz?acc=$G&limit=1&offset=1')).toMatchObject({ total: 2, limit: 1 })
      expect(await branches('acc=$G&limit=1&offset=1')).toEqual([['bar', 1, 1, 1, false]])
      expect(await branches('acc=$G&limit=9223372036854775807&offset=9223372036854775807')).toEqual([])
      expect((await ask(port, '/subjectz?prefix=foo')).status).toBe(400)
    })

    it('leads to those who listen', async () => {
      const { total, subscriptions_list: list } = await askJson<Subsz>(port, '/subsz?subs=1&acc=$G&filter=foo.*')
      expect([total, list?.map(({ cid }) => cid)]).toEqual([1, [company.alpha.info?.client_id]])
    })
  })
})

describe('/subsz over shards', () => {
  it('makes the same pages as one list would', async () => {
    const server = await ownServer({ workers: 3, monitorPort: -1 })
    const clients = await openInTurn(server.port, 3, 9)
    for (const [i, client] of clients.entries()) {
      client.send(Array.from({ length: i }, (_, n) => `SUB s.${i}.${n} ${n + 1}\r\n`).join(''))
      await client.sync()
    }
    const port = server.monitorPort ?? 0
    const page = async (offset: number, limit: number): Promise<string[]> => {
      const answer = await askJson<Subsz>(port, `/subsz?subs=1&offset=${offset}&limit=${limit}`)
      expect(answer.total).toBe(36)
      return (answer.subscriptions_list ?? []).map(({ subject }) => subject)
    }
    const all = await page(0, 100)
    expect(all).toEqual(clients.flatMap((_, i) => Array.from({ length: i }, (_, n) => `s.${i}.${n}`)))
    for (const [offset, limit] of [
      [0, 1],
      [5, 7],
      [14, 1],
      [15, 2],
      [30, 100],
      [35, 1],
      [36, 5],
    ]) {
      expect(await page(offset, limit), `${offset} ${limit}`).toEqual(all.slice(offset, offset + limit))
    }
  })
})

describe('/slowz', () => {
  interface Slowz {
    readonly slow_consumers: number
    readonly behind: readonly Record<string, unknown>[]
    readonly closed: readonly Record<string, unknown>[]
  }

  it('tells who falls behind, by which subjects, and who was closed for it', async () => {
    // It is to be cut for what waits, and not for the time that it takes on a busy machine.
    const bounds = { maxPending: 4_000_000, maxPayload: 1_000_000, writeDeadline: 60_000 }
    const server = await ownServer({ workers: 2, monitorPort: -1, ...bounds })
    const port = server.monitorPort ?? 0
    const slow = await open(server.port, { name: 'sleepy' })
    slow.send('SUB idle.* 1\r\nSUB big.> 2\r\n')
    await slow.sync()
    slow.socket.pause()
    const publisher = await dial(server.port)
    await publisher.readInfo()
    publisher.send('CONNECT {"verbose":false}\r\n')
    const payload = 'x'.repeat(100_000)
    const slowz = (): Promise<Slowz> => askJson<Slowz>(port, '/slowz')
    // No more than that: it has to be seen before it is cut.
    await until('bytes to wait', async () => {
      publisher.send(`PUB big.one ${payload.length}\r\n${payload}\r\n`.repeat(5))
      await publisher.sync()
      const { connections } = await askJson<{ readonly connections: readonly { pending_bytes: number }[] }>(
        port,
        '/connz',
      )
      return connections.some(({ pending_bytes: bytes }) => bytes > 1_000_000)
    })
    const behind = await until('somebody to be behind', async () => {
      const { behind: list } = await slowz()
      return list.length > 0 && Number(list[0]['pending_bytes']) > 0 && list[0]
    })
    expect(behind).toMatchObject({ name: 'sleepy', account: '$G', subscriptions: 2, max_pending: 4_000_000 })
    expect(behind['pending_last_minute']).not.toEqual([])
    const { body } = await ask(port, '/metrics')
    const pending = parseMetrics(body, false).get('heddle_connection_pending_bytes')?.samples ?? []
    expect(pending.some(({ value, labels }) => value > 0 && labels.get('name') === 'sleepy')).toBe(true)

    const closed = await until('it to be closed', async () => {
      publisher.send(`PUB big.one ${payload.length}\r\n${payload}\r\n`.repeat(20))
      const answer = await slowz()
      return answer.closed.length > 0 && answer
    })
    expect(closed).toMatchObject({ slow_consumers: 1, behind: [] })
    expect(closed.closed[0]).toMatchObject({ name: 'sleepy', reason: expect.stringMatching(/^Slow Consumer/) })
    expect(closed.closed[0]['top_subjects']).toMatchObject([{ subject: 'big.>' }])
    const { events } = await askJson<{ readonly events: readonly Record<string, unknown>[] }>(port, '/dashboard.json')
    expect(events[0]).toMatchObject({ kind: 'slow', name: 'sleepy' })
  })
})

describe('a password for the pages', () => {
  const PAGES = ['/', '/varz', '/healthz', '/metrics', '/dashboard.json', '/dashboard/app.js', '/nope']
  const header = (text: string): Record<string, string> => ({
    Authorization: `Basic ${Buffer.from(text).toString('base64')}`,
  })

  it('is asked for on every one of them, and only there', async () => {
    const server = await ownServer({ workers: 0, monitorPort: -1, monitorUser: 'ops', monitorPassword: 's3cret' })
    const port = server.monitorPort ?? 0
    for (const page of PAGES) {
      const refused = await ask(port, page)
      expect([page, refused.status]).toEqual([page, 401])
      expect(refused.headers['www-authenticate']).toMatch(/^Basic realm=/)
      expect((await askWith(port, page, header('ops:wrong'))).status).toBe(401)
      expect((await askWith(port, page, header('ops:s3cret'))).status).toBe(page === '/nope' ? 404 : 200)
    }
    await (await open(server.port)).sync()
    const varz = await askWith(port, '/varz', header('ops:s3cret'))
    expect(varz.body).not.toContain('s3cret')
    expect((JSON.parse(varz.body) as Varz)['connections']).toBe(1)
  })

  it('is another one after a reload', async () => {
    const options = { workers: 0, monitorPort: -1, monitorUser: 'ops', monitorPassword: 'old' }
    const server = await ownServer(options)
    const port = server.monitorPort ?? 0
    const statusWith = async (text: string): Promise<number> => (await askWith(port, '/varz', header(text))).status
    const next = { host: '127.0.0.1', port: -1, ...options }
    await server.reload({ ...next, monitorPassword: 'new' })
    expect([await statusWith('ops:old'), await statusWith('ops:new')]).toEqual([401, 200])
    await server.reload({ ...next, monitorUser: '', monitorPassword: '' })
    expect((await ask(port, '/varz')).status).toBe(200)
  })
})
