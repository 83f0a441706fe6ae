// What vitest files share: a server for each describe, clients that live as long as their test.

import { afterAll, beforeAll, onTestFinished } from 'vitest'
import type { HeddleServer, ServerOptions } from '../../src/index.ts'
import type { Primary } from '../../src/primary/primary.ts'
import { type ConnectMembers, RawClient, type RawClientOptions } from './raw-client.ts'
import { startPrimary, startServer } from './server.ts'

/** Numbers of worker threads that features are tested with; 0 = all on the calling thread. */
export const WORKERS = [0, 1, 2, 4] as const

/** A server for all tests of the describe that calls this. */
export function useServer(options: ServerOptions): { readonly port: number; readonly server: HeddleServer } {
  let server: HeddleServer | undefined
  beforeAll(async () => {
    server = await startServer(options)
  })
  afterAll(() => server?.close())
  const running = (): HeddleServer => {
    if (server === undefined) throw new Error('the server is not running yet')
    return server
  }
  return {
    get port() {
      return running().port
    },
    get server() {
      return running()
    },
  }
}

/** A server for the test that calls this. */
export async function ownServer(options: ServerOptions): Promise<HeddleServer> {
  const server = await startServer(options)
  onTestFinished(() => server.close())
  return server
}

/** The same, with its insides at hand. */
export async function ownPrimary(options: ServerOptions, entry?: URL): Promise<Primary> {
  const primary = await startPrimary(options, entry)
  onTestFinished(() => primary.close())
  return primary
}

/** A connection that has sent and read nothing yet, for the test that calls this. */
export async function dial(port: number, options?: RawClientOptions): Promise<RawClient> {
  const client = await RawClient.connect(port, options)
  onTestFinished(() => client.close())
  return client
}

/** A connection that has introduced itself, for the test that calls this. */
export async function open(port: number, members?: ConnectMembers, options?: RawClientOptions): Promise<RawClient> {
  const client = await RawClient.open(port, members, options)
  onTestFinished(() => client.close())
  return client
}

/**
 * `count` connections, of which number i is on shard i mod workers. The server hands them out in turn and numbers
 * them in the same order, so that the client id tells the shard; connections that others opened meanwhile are
 * made up for.
 */
export async function openInTurn(
  port: number,
  workers: number,
  count: number,
  members?: ConnectMembers,
): Promise<RawClient[]> {
  const shards = Math.max(1, workers)
  const clients: RawClient[] = []
  while (clients.length < count) {
    const client = await open(port, members)
    const shard = ((client.info?.client_id ?? 0) - 1) % shards
    if (shard === clients.length % shards) clients.push(client)
    else await client.close()
  }
  return clients
}

let fences = 0

/** Nothing of what `publisher` has published so far is on its way to `subscriber` any more, and nothing came. */
export async function expectNothingMore(subscriber: RawClient, publisher: RawClient): Promise<void> {
  const subject = `fence.${++fences}`
  subscriber.send(`SUB ${subject} ${subject}\r\nPING\r\n`)
  await subscriber.expect('PONG\r\n')
  publisher.send(`PUB ${subject} 0\r\n\r\n`)
  await subscriber.expect(`MSG ${subject} ${subject} 0\r\n\r\n`)
  subscriber.send(`UNSUB ${subject}\r\nPING\r\n`)
  await subscriber.expect('PONG\r\n')
}

/** A connection that has said this in its CONNECT; `answer` is what it gets for a PING behind that. */
export async function say(port: number, members: ConnectMembers, answer = 'PONG\r\n'): Promise<RawClient> {
  const client = await dial(port)
  await client.readInfo()
  client.send(`CONNECT ${JSON.stringify({ verbose: false, pedantic: false, ...members })}\r\nPING\r\n`)
  await client.expect(answer)
  return client
}
