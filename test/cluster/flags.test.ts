// Three servers on one machine, by flags alone: they find each other, and a client that loses its server goes on.

import { connect } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Party } from './parties.ts'
import { heddle, type Kind, NATS_SERVER } from './servers.ts'

/** A server with these flags; its port for clients is known from its log, and the one for routes too. */
async function launch(kind: Kind, name: string, seedPort?: number): Promise<{ server: ServerProgram; port: number }> {
  const routes = seedPort === undefined ? [] : ['--routes', `nats://127.0.0.1:${seedPort}`]
  const cluster = ['--cluster_name', 'test', '--cluster', 'nats://127.0.0.1:-1', ...routes]
  const server = await kind.start(['--server_name', name, '-a', '127.0.0.1', '-p', '-1', ...cluster])
  onTestFinished(async () => void (await server.stop('SIGKILL')))
  const [, port] = await server.until(/Listening for route connections on \S*:(\d+)/)
  return { server, port: Number(port) }
}

const MIXES: readonly (readonly Kind[])[] = [
  [heddle(1), heddle(2), heddle(1)],
  [heddle(2), NATS_SERVER, heddle(1)],
  [NATS_SERVER, heddle(1), NATS_SERVER],
]
const mixes = MIXES.filter((kinds) => !kinds.includes(NATS_SERVER) || !missing('natsServer', 'clusters by flags'))

describe.each(mixes.map((kinds) => ({ kinds, names: kinds.map(({ name }) => name).join(' | ') })))(
  '$names',
  ({ kinds }) => {
    test('are one cluster, and a client that loses its server goes on at another', async () => {
      const seed = await launch(kinds[0], 'a')
      const [second, third] = [await launch(kinds[1], 'b', seed.port), await launch(kinds[2], 'c', seed.port)]
      const nc = await connect({ servers: `127.0.0.1:${second.server.port}`, reconnectTimeWait: 50 })
      onTestFinished(() => nc.close())
      const got: string[] = []
      nc.subscribe('m', { callback: (_, message) => void got.push(message.string()) })
      await nc.flush()
      const parties = [await Party.at(seed.server), await Party.at(third.server)]
      const hear = async (what: string): Promise<void> => {
        for (const [i, party] of parties.entries()) {
          await until(`${what} from ${i}`, () => {
            party.publish('m', `${what} ${i}`)
            return got.includes(`${what} ${i}`)
          })
        }
      }
      await hear('before')
      await second.server.stop('SIGKILL')
      await hear('after')
      const others = [seed, third].map(({ server }) => `127.0.0.1:${server.port}`)
      expect(others).toContain(nc.getServer())
    })
  },
)
