// The pages beside those of the real nats-server: the same members, types and order, and refusals in the same words.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HeddleServer } from '../../src/index.ts'
import { type Json, shapeOf } from '../support/json-shape.ts'
import { missing, peers } from '../support/peers.ts'
import { type ServerProgram, startNatsServer, startServer } from '../support/server.ts'
import { type Company, gather, untilClosedIsKnown } from './company.ts'
import { ask, askJson } from './http.ts'

/** What only one of two servers has, by place. */
interface Differences {
  readonly onlyTheirs: readonly RegExp[]
  readonly onlyOurs: readonly RegExp[]
}

const ALIKE: Differences = { onlyTheirs: [], onlyOurs: [] }

const COMPARED: readonly (readonly [path: string, Differences])[] = [
  [
    '/varz',
    {
      onlyTheirs: [/^\.feature_flags/], // switches of JetStream, which we have not
      onlyOurs: [/^\.heddle/],
    },
  ],
  ['/connz', ALIKE],
  ['/connz?subs=1', ALIKE],
  ['/connz?subs=detail', ALIKE],
  ['/connz?auth=1', ALIKE],
  ['/connz?state=closed', ALIKE],
  ['/connz?acc=other', ALIKE],
  ['/subsz', ALIKE],
  ['/subsz?subs=1', ALIKE],
  ['/connz?sort=bytes_to&limit=1&offset=1', ALIKE],
  ['/connz?acc=$G&auth=1', ALIKE],
  ['/connz?state=all&subs=detail&auth=1', ALIKE],
  ['/subsz?acc=$G', ALIKE],
  ['/accountz', ALIKE],
  ['/accountz?acc=$G', ALIKE],
  ['/accstatz', ALIKE],
  ['/accstatz?unused=1', ALIKE],
  ['/routez', ALIKE],
  ['/routez?subs=detail', ALIKE],
  ['/gatewayz', ALIKE],
  ['/gatewayz?accs=1', ALIKE],
  ['/leafz', ALIKE],
  ['/jsz', ALIKE],
  ['/jsz?accounts=1&streams=1&consumers=1&config=1&raft=1', ALIKE],
  ['/ipqueuesz', ALIKE],
  ['/healthz', ALIKE],
  ['/healthz?details=1', ALIKE],
]

const agreed = (list: readonly RegExp[], place: string): boolean => list.some((expression) => expression.test(place))

describe.skipIf(missing('natsServer', 'the comparison of monitoring pages with nats-server'))('nats-server', () => {
  let ours: HeddleServer
  let theirs: ServerProgram
  let theirPort = 0
  const companies: Company[] = []

  beforeAll(async () => {
    ours = await startServer({ monitorPort: -1, workers: 2 })
    theirs = await startNatsServer(peers.natsServer ?? '', ['-m', '-1'])
    theirPort = Number((await theirs.until(/Starting http monitor on \S*:(\d+)/))[1])
    for (const [port, monitorPort] of [
      [ours.port, ours.monitorPort ?? 0],
      [theirs.port, theirPort],
    ]) {
      companies.push(await gather(port))
      await untilClosedIsKnown(monitorPort)
      await ask(monitorPort, '/varz') // so that http_req_stats holds the same pages
    }
  })
  afterAll(async () => {
    await Promise.all(companies.map((company) => company.leave()))
    await theirs?.stop()
    await ours?.close()
  })

  const both = async (path: string): Promise<[Json, Json]> =>
    Promise.all([askJson<Json>(ours.monitorPort ?? 0, path), askJson<Json>(theirPort, path)])

  it.each(COMPARED)('has the same members and types on %s', async (path, { onlyTheirs, onlyOurs }) => {
    const [our, their] = (await both(path)).map((page) =>
      [...shapeOf(page)].filter((place) => !/^\.http_req_stats\./.test(place)),
    )
    expect(our.filter((place) => !agreed(onlyOurs, place)).toSorted()).toEqual(
      their.filter((place) => !agreed(onlyTheirs, place)).toSorted(),
    )
  })

  it.each(COMPARED)('has them in the same order on %s', async (path, { onlyTheirs, onlyOurs }) => {
    const [our, their] = await both(path)
    const order = (page: Json, left: readonly RegExp[]): string[] =>
      Object.keys(page as object).filter((name) => !agreed(left, `.${name}`))
    expect(order(our, onlyOurs)).toEqual(order(their, onlyTheirs))
    if (!path.startsWith('/connz')) return
    const first = (page: Json): string[] =>
      Object.keys((page as { connections: object[] | null }).connections?.[0] ?? {})
    expect(first(our)).toEqual(first(their))
  })

  it.each([
    '/connz?limit=99999999999999999999zz',
    '/connz?limit=-9223372036854775809',
    '/connz?offset=%2B',
    '/connz?offset=1_000',
    '/connz?limit=0x10',
    '/connz?cid=%2B1',
    '/connz?cid=18446744073709551616',
    '/connz?subs=a%22b%0a%c3%a9',
    '/connz?subs=%zz&limit=x',
    '/connz?limit=5;offset=2&cid=x',
    '/connz?state=%3Cb%3E',
    '/connz?sort=Cid',
    '/connz?subs=2&limit=zz&state=zz',
    '/subsz?test=.',
    '/subsz?test=a.%3E',
    '/subsz?test=a%20b.*',
    '/healthz?js-enabled=x',
    '/healthz?stream=x&details=1',
    '/healthz?consumer=x&account=y',
    '/routez?subs=zz',
    '/gatewayz?subs=zz&accs=x',
    '/gatewayz?accs=zz',
    '/leafz?subs=detail',
    '/accountz?acc=%3Cno%C3%A9%3E',
    '/accstatz?unused=zz',
    '/jsz?raft=zz&limit=zz',
    '/jsz?stream-leader-only=zz',
    '/ipqueuesz?all=zz',
    '/raftz',
    '/nope',
  ])('refuses %s in the same words', async (path) => {
    const [our, their] = await Promise.all([ask(ours.monitorPort ?? 0, path), ask(theirPort, path)])
    expect([our.status, our.body]).toEqual([their.status, their.body])
    expect(our.headers['content-type']).toBe(their.headers['content-type'])
  })
})
