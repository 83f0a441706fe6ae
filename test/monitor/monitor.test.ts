// The HTTP server itself, over a server that is none: what peers may do to it, and what it does when a page fails.

import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ANSWERS_UNTAKEN_MAX } from '../../src/base/constants.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import type { Monitored } from '../../src/monitor/monitored.ts'
import { PageSources } from '../../src/monitor/sources/page-sources.ts'
import type { Query } from '../../src/reports/query.ts'
import type { Report } from '../../src/reports/rows.ts'
import { identity } from '../support/identity.ts'
import { until } from '../support/until.ts'
import { ask, askJson, talk } from './http.ts'
import { connectionRow, shardState, totalsReport } from './rows.ts'

type Asking = (query: Query) => Promise<Report[]>

interface Running {
  readonly monitor: Monitor
  readonly port: number
  readonly errors: string[]
  readonly warnings: string[]
}

const quiet: Asking = () => Promise.resolve([totalsReport({})])

/** `silent`: the shards that do not answer. */
async function start(
  query: Asking = quiet,
  members: Partial<Monitored> = {},
  silent: readonly number[] = [],
): Promise<Running> {
  const errors: string[] = []
  const warnings: string[] = []
  const server: Monitored = {
    options: normaliseOptions({ host: '127.0.0.1', workers: 2, maxClosedClients: 2 }),
    identity: identity({ serverId: 'NID', serverName: '<name>' }),
    startedAt: Date.now(),
    configLoadedAt: Date.now(),
    leafCount: 0,
    routeCounts: { routes: 0, remotes: 0 },
    totalConnections: 0,
    restarts: 0,
    serving: true,
    streams: undefined,
    shardStates: [shardState(0)],
    certificates: {},
    ocspCounts: undefined,
    log: {
      warn: (text) => warnings.push(text),
      error: (text) => errors.push(text),
      bug: (error) => errors.push(String(error)),
      complaint: (text) => errors.push(text) > 0,
      complaintsCounted: () => undefined,
    },
    ask: async (question) => {
      const reports = await (question.kind === 'batch' ? answerBatch(question.queries, query) : query(question))
      return { reports, silent }
    },
  }
  // Members may be getters, and stay so.
  const monitored = Object.defineProperties(server, Object.getOwnPropertyDescriptors(members))
  const monitor = new Monitor(monitored, new PageSources(monitored))
  await monitor.listen('127.0.0.1', -1)
  onTestFinished(() => monitor.close())
  return { monitor, port: monitor.port, errors, warnings }
}

/** Each question by itself, and then what each shard says to all of them. */
async function answerBatch(queries: readonly Query[], query: Asking): Promise<Report[][]> {
  const answers = await Promise.all(queries.map(query))
  return answers[0].map((_, shard) => answers.map((reports) => reports[shard]))
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const lastGet = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`

describe('methods', () => {
  it.each(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])(
    '%s is answered as nats-server does',
    async (method) => {
      const { port } = await start()
      const { status, body } = await ask(port, '/healthz', method)
      expect([status, body]).toEqual([200, '{"status":"ok"}'])
    },
  )

  it('HEAD has the length but not the body', async () => {
    const { port } = await start()
    const { status, headers, body } = await ask(port, '/healthz', 'HEAD')
    expect([status, headers['content-length'], body]).toEqual([200, '15', ''])
  })

  it('a body is not looked at', async () => {
    const { port } = await start()
    expect((await ask(port, '/healthz', 'POST', 'x'.repeat(100_000))).status).toBe(200)
  })
})

describe('paths', () => {
  it.each([
    '/nope',
    '/varz/',
    '/VARZ',
    '/favicon.ico',
    '/%',
    '/%zz',
    '/dashboard/',

    '/toString',
  ])('%s is not found', async (path) => {
    const { port } = await start()
    const { status, headers, body } = await ask(port, path)
    expect([status, body]).toEqual([404, '404 page not found\n'])
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  it('finds an escaped path and a whole address', async () => {
    const { port } = await start()
    expect((await ask(port, '/%68ealthz')).status).toBe(200)
    expect((await ask(port, 'http://elsewhere/healthz')).status).toBe(200)
  })

  it('does not count what is not found', async () => {
    const { port } = await start()
    await ask(port, '/nope')
    const varz = await askJson<{ http_req_stats: Record<string, number> }>(port, '/varz')
    expect(varz.http_req_stats).toEqual({ '/varz': 1 })
  })
})

describe('what a peer may not do', () => {
  it('send a URL of any length', async () => {
    const { port } = await start()
    expect(await talk(port, get(`/varz?x=${'y'.repeat(20_000)}`))).toMatch(/^HTTP\/1\.1 431 /)
    expect((await ask(port, '/healthz')).status).toBe(200)
  })

  it('send headers of any length', async () => {
    const { port } = await start()
    expect(await talk(port, `GET /varz HTTP/1.1\r\nHost: x\r\nA: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    )
  })

  it('send what is not HTTP', async () => {
    const { port } = await start()
    expect(await talk(port, 'CONNECT {"verbose":false}\r\nPING\r\n')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await talk(port, '\0\0\0\0\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('take more than about five seconds for its headers', async () => {
    const { port } = await start()
    const beganMs = performance.now()
    expect(await talk(port, 'GET /varz HTTP/1.1\r\nHost:')).toMatch(/^HTTP\/1\.1 408 /)
    const tookMs = performance.now() - beganMs
    expect(tookMs).toBeGreaterThan(4_900)
    expect(tookMs).toBeLessThan(12_000)
  })

  it('say nothing at all for longer', async () => {
    const { port } = await start()
    const beganMs = performance.now()
    await talk(port, '')
    expect(performance.now() - beganMs).toBeLessThan(12_000)
  })

  it('send requests without end and take no answers', async () => {
    const { port } = await start(() => new Promise(() => undefined))
    expect(await talk(port, get('/varz').repeat(1_000))).toBe('')
    expect((await ask(port, '/healthz')).status).toBe(200)
  })
})

describe('what is not for us', () => {
  it('a tunnel is not opened', async () => {
    const { port } = await start()
    expect(await talk(port, 'CONNECT example.com:80 HTTP/1.1\r\nHost: x\r\n\r\n')).not.toMatch(/ 200 /)
    expect((await ask(port, '/healthz')).status).toBe(200)
  })

  it('an upgrade is not made, the page is shown', async () => {
    const { port } = await start()
    const upgrade = 'Connection: close, Upgrade\r\nUpgrade: websocket'
    expect(await talk(port, `GET /healthz HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('requests on one connection', () => {
  it('are answered in order, each once', async () => {
    const { port } = await start()
    const text = await talk(port, get('/healthz') + get('/nope') + lastGet('/connz?sort=zz'))
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 400'])
  })

  it('are looked at only when the answer before is out', async () => {
    const answers: ((reports: Report[]) => void)[] = []
    let looks = 0
    const { port } = await start(() => new Promise((resolve) => answers.push(resolve)), {
      get serving() {
        looks++
        return true
      },
    })
    const text = talk(port, get('/varz') + lastGet('/healthz'))
    await until('the question', () => answers.length === 1)
    await ask(port, '/healthz')
    expect(looks).toBe(1) // that was the other connection
    answers[0]([totalsReport({})])
    expect((await text).match(/HTTP\/1\.1 200/g)).toHaveLength(2)
    expect(looks).toBe(2)
  })
})

describe('answers that are not taken', () => {
  it('are bounded together: a peer that does not read is cut when another answer finds no room', async () => {
    // Most of the bound each, and far more than sockets hold.
    const name = 'x'.repeat(40 * 1024 * 1024)
    const rows = [connectionRow({ id: 1, name })]
    const { port } = await start(() => Promise.resolve([{ shard: 0, total: 1, matched: 1, keys: [1, 1], rows }]))
    const idle = connect({ host: '127.0.0.1', port })
    onTestFinished(() => {
      idle.destroy()
    })
    idle.write(get('/connz'))
    const { length } = await until(
      'the beginning of the first answer',
      () => (idle.read() as Buffer | null) ?? undefined,
    )
    let taken = length
    expect((await ask(port, '/connz')).body.length).toBeGreaterThan(ANSWERS_UNTAKEN_MAX / 2)
    idle.on('error', () => undefined)
    idle.on('data', (part: Buffer) => {
      taken += part.length
    })
    await until('the end of the first', () => idle.closed || taken > name.length)
    expect(taken).toBeLessThan(name.length)
    expect((await ask(port, '/healthz')).status).toBe(200)
  })
})

describe('when something goes wrong', () => {
  it('a page that throws is a 500, and the next request is served', async () => {
    let broken = true
    const { port, errors } = await start(() => (broken ? Promise.reject(new Error('lost')) : quiet({ kind: 'totals' })))
    const { status, body } = await ask(port, '/varz')
    expect([status, body]).toEqual([500, '500 internal server error\n'])
    expect(errors.join()).toContain('lost')
    broken = false
    expect((await ask(port, '/varz')).status).toBe(200)
  })

  it('a shard that reports nonsense is a 500', async () => {
    const rows = [connectionRow({ id: 1, startedAt: Number.NaN })]
    const { port } = await start(() => Promise.resolve([{ shard: 0, total: 1, matched: 1, keys: [1, 1], rows }]))
    expect((await ask(port, '/connz')).status).toBe(500)
    expect((await ask(port, '/healthz')).status).toBe(200)
  })

  it('a peer that leaves while its answer is made disturbs nobody', async () => {
    const answers: ((reports: Report[]) => void)[] = []
    const { port, errors } = await start(() => new Promise((resolve) => answers.push(resolve)))
    const socket: Socket = connect({ host: '127.0.0.1', port })
    socket.write(get('/varz').repeat(3))
    await until('the question', () => answers.length === 1)
    socket.resetAndDestroy()
    const other = ask(port, '/varz')
    answers[0]([totalsReport({})])
    await until('the other question', () => answers.length === 2)
    answers[1]([totalsReport({})])
    expect((await other).status).toBe(200)
    expect(errors).toEqual([])
  })

  it('health is told while shards do not answer', async () => {
    const { port } = await start(() => new Promise(() => undefined))
    expect((await ask(port, '/healthz')).body).toBe('{"status":"ok"}')
  })

  it('health is bad while no client is let in', async () => {
    const { port } = await start(quiet, { serving: false })
    const error = 'failed to be ready for connections after 1ms: server'
    const { status, body } = await ask(port, '/healthz')
    expect([status, JSON.parse(body)]).toEqual([500, { status: 'error', error }])
    const detailed = await ask(port, '/healthz?details=1')
    expect(JSON.parse(detailed.body)).toEqual({ status: 'error', errors: [{ type: 'CONNECTION', error }] })
  })

  it('close cuts off answers on their way', async () => {
    const { monitor, port } = await start(() => new Promise(() => undefined))
    const text = talk(port, get('/varz'))
    const kept = talk(port, get('/healthz'))
    await until('a question', async () => (await ask(port, '/healthz')).status === 200)
    await monitor.close()
    expect(await text).toBe('')
    await kept
  })

  it('a port that is taken is named', async () => {
    const { port } = await start()
    const nothing = { options: normaliseOptions({}), log: { bug: () => undefined } } as unknown as Monitored
    const other = new Monitor(nothing, new PageSources(nothing))
    await expect(other.listen('127.0.0.1', port)).rejects.toThrow(/^can't listen to the monitor port: .*EADDRINUSE/)
    await other.close()
  })
})

describe('closed connections', () => {
  const closed = [5, 6, 7, 8].map((id) => connectionRow({ id, closedAt: id * 1000, reason: 'Client Closed' }))
  const query: Asking = (question) => {
    switch (question.kind) {
      case 'closings':
        return Promise.resolve([
          [5000, 7000],
          [6000, 8000],
        ])
      case 'findConnections': {
        const shown = closed.filter(({ closedAt }) => closedAt > question.filter.closedAfter)
        const open = question.filter.state === 'all' ? 3 : 0
        const keys = shown.flatMap(({ id }) => [id, id])
        return Promise.resolve([{ shard: 0, total: shown.length + open, matched: shown.length, keys, rows: shown }])
      }
      case 'connections':
        return Promise.resolve([closed.filter(({ id }) => question.ids?.includes(id) ?? question.id === id)])
      default:
        return quiet(question)
    }
  }
  interface Connz {
    readonly total: number
    readonly connections: { readonly cid: number }[]
  }

  it('are bounded for the whole server: the latest are shown', async () => {
    const { port } = await start(query)
    const connz = await askJson<Connz>(port, '/connz?state=closed')
    expect([connz.total, connz.connections.map(({ cid }) => cid)]).toEqual([2, [7, 8]])
  })

  it('are not shown by number either', async () => {
    const { port } = await start(query)
    expect(await askJson<Connz>(port, '/connz?state=any&cid=8')).toMatchObject({ total: 1, connections: [{ cid: 8 }] })
    expect(await askJson<Connz>(port, '/connz?state=any&cid=5')).toMatchObject({ total: 0, connections: [] })
  })
})

describe('a shard that does not answer', () => {
  it.each(['/connz', '/connz?subs=detail', '/connz?cid=1', '/connz?state=closed', '/subsz?subs=1'])(
    'makes %s a 503 that names it',
    async (path) => {
      const { port, warnings } = await start(() => Promise.resolve([]), {}, [1])
      const { status, headers, body } = await ask(port, path)
      const reason = 'no answer from shard 1: the page would not be complete'
      expect([status, body]).toEqual([503, `503 service unavailable: ${reason}\n`])
      expect(headers['retry-after']).toBe('1')
      expect(warnings).toEqual(['Monitoring pages are incomplete or refused: no answer from shard 1'])
    },
  )

  it.each(['/slowz', '/accstatz', '/accountz', '/subsz'])('is named on %s', async (path) => {
    const { port } = await start(() => Promise.resolve([]), {}, [1])
    expect(await askJson<object>(port, path)).toMatchObject({ missing_shards: [1] })
  })

  it('is named on /varz', async () => {
    const { port } = await start(() => Promise.resolve([]), {}, [1])
    expect(await askJson<object>(port, '/varz')).toMatchObject({ heddle: { missing_shards: [1] } })
  })
})

describe('three hundred pages at once', () => {
  const none = { shard: 0, total: 0, matched: 0, keys: [], rows: [] }

  /** The server's shards find nothing, and not before all requests have come. */
  async function askAll(paths: readonly string[]): Promise<{ finds: number; most: number; statuses: Set<number> }> {
    let [underway, most, finds] = [0, 0, 0]
    const { promise: allHaveCome, resolve: open } = Promise.withResolvers<void>()
    const { port } = await start(async (question) => {
      if (question.kind !== 'findConnections') return quiet(question)
      finds++
      most = Math.max(most, ++underway)
      await allHaveCome
      underway--
      return [none]
    })
    const answers = Promise.all(paths.map((path) => ask(port, path)))
    await until('all requests to come', async () => {
      const { http_req_stats: requests } = await askJson<{ http_req_stats: Record<string, number> }>(port, '/varz')
      return requests['/connz'] === paths.length
    })
    open()
    return { statuses: new Set((await answers).map(({ status }) => status)), finds, most }
  }

  it('that are equal cost as little as three', async () => {
    const { statuses, finds } = await askAll(Array(300).fill('/connz?subs=detail'))
    expect([statuses, finds]).toEqual([new Set([200]), 3])
  })

  it('that are not equal are made two at a time', async () => {
    const { statuses, finds, most } = await askAll(Array.from({ length: 300 }, (_, i) => `/connz?offset=${i}`))
    expect([statuses, finds, most]).toEqual([new Set([200]), 300, 2])
  })
})
