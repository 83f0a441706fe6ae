// What the pages hold, as far as the tests look at it, and the same company of clients for every server.

import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { askJson } from './http.ts'

export interface Varz {
  readonly [member: string]: unknown
  readonly http_req_stats: Record<string, number>
  readonly heddle: { readonly version: string; readonly restarts: number; readonly shards: Record<string, number>[] }
}

export interface Connection {
  readonly [member: string]: unknown
  readonly cid: number
  readonly name?: string
  readonly reason?: string
}

export interface Connz {
  readonly server_id: string
  readonly num_connections: number
  readonly total: number
  readonly offset: number
  readonly limit: number
  readonly connections: Connection[] | null
}

export interface Subscription {
  readonly subject: string
  readonly sid: string
  readonly cid: number
}

export interface Subsz {
  readonly [member: string]: unknown
  readonly total: number
  readonly subscriptions_list?: Subscription[]
}

/** RFC 3339 in UTC, nanoseconds at most. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/

/** A client as a library introduces it, with subscriptions, who has had the PONG to all that. */
async function introduce(port: number, name: string, subscriptions: string): Promise<RawClient> {
  const client = await RawClient.connect(port)
  await client.readInfo()
  const connect = { verbose: false, pedantic: false, name, lang: 'raw', version: '1.2.3' }
  client.send(`CONNECT ${JSON.stringify(connect)}\r\n${subscriptions}PING\r\n`)
  await client.expect('PONG\r\n')
  return client
}

export interface Company {
  readonly alpha: RawClient
  readonly beta: RawClient
  leave(): Promise<void>
}

/** The same three clients for every server: two that stay, the second of which published, and one that has gone. */
export async function gather(port: number): Promise<Company> {
  const alpha = await introduce(port, 'alpha', 'SUB foo.* 1\r\nSUB bar workers 2\r\nUNSUB 2 5\r\n')
  const beta = await introduce(port, 'beta', 'SUB foo.> 7\r\n')
  beta.send('PUB foo.x 3\r\nabc\r\nPING\r\n')
  await beta.expect('MSG foo.x 7 3\r\nabc\r\nPONG\r\n')
  await alpha.expect('MSG foo.x 1 3\r\nabc\r\n')
  const gone = await introduce(port, 'gone', 'SUB gone 1\r\n')
  await gone.close()
  return { alpha, beta, leave: async () => void (await Promise.all([alpha.close(), beta.close()])) }
}

/** The one that has gone is on the pages. */
export const untilClosedIsKnown = (monitorPort: number): Promise<unknown> =>
  until('the closed connection on /connz', async () => {
    return (await askJson<Connz>(monitorPort, '/connz?state=closed')).total === 1
  })
