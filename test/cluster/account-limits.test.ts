// The limit of connections of an account is that of the cluster: each server counts what the others tell.

import { describe, expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import { missing } from '../support/peers.ts'
import type { RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { heddle, type Kind, NATS_SERVER, start } from './servers.ts'

const PAIRS: readonly (readonly [Kind, Kind])[] = [
  [heddle(0), heddle(2)],
  [NATS_SERVER, heddle(2)],
  [heddle(1), NATS_SERVER],
  [NATS_SERVER, NATS_SERVER],
]
const pairs = PAIRS.filter((kinds) => !kinds.includes(NATS_SERVER) || !missing('natsServer', 'limits of a cluster'))

/** There is much to wait for, until each server has told the other. */
const MOST_MS = 90_000

const CONFIG = `listen: "127.0.0.1:-1"
  accounts { A { users: [ { user: a, password: x } ], limits { max_connections: 3 } } }`

/** A connection of the account A; undefined: it was refused. */
async function login(program: ServerProgram): Promise<RawClient | undefined> {
  const client = await dial(program.port)
  await client.readInfo()
  client.send('CONNECT {"verbose":false,"pedantic":false,"user":"a","pass":"x"}\r\nPING\r\n')
  const [, error] = await client.expectMatch(/^(?:PONG|-ERR '([^\r]*)')\r\n/)
  if (error === undefined) return client
  expect(error).toBe('maximum account active connections exceeded')
  return undefined
}

/** A server tells what has changed at once, and what it has told nobody every half minute. */
const TOLD_MS = 40_000

/** One more of the account is refused there, now or soon. */
async function refused(program: ServerProgram): Promise<void> {
  const isRefused = async (): Promise<boolean> => {
    const client = await login(program)
    await client?.leave()
    return client === undefined
  }
  await until('a refusal', isRefused, TOLD_MS)
}

/** One more of the account is let in there, now or soon. */
const admitted = (program: ServerProgram): Promise<RawClient> => until('a login', () => login(program), TOLD_MS)

describe.each(pairs.map(([first, second]) => ({ first, second, name: `${first.name} — ${second.name}` })))(
  '$name',
  (kinds) => {
    test('connections at both count together, those that end do not, nor those of a server that has ended', {
      timeout: MOST_MS,
    }, async () => {
      const folder = scratchDirectory()
      const cluster = (routes: string): string => `cluster { name: C, listen: "127.0.0.1:-1", routes: [ ${routes} ] }`
      const first = await start(kinds.first, folder, 'first', `${CONFIG}\n${cluster('')}`)
      const [, port] = await first.until(/Listening for route connections on \S*:(\d+)/)
      const second = await start(kinds.second, folder, 'second', `${CONFIG}\n${cluster(`"nats://127.0.0.1:${port}"`)}`)
      // nats-server closes connections that turn out to be too many: there are none before the servers are linked.
      for (const server of [first, second]) await server.until(/(?:Route connection created[\s\S]*){4}/)
      const [one] = [await admitted(first), await admitted(first)]
      await admitted(second)
      await refused(first)
      await refused(second)
      await one.leave()
      await admitted(second)
      await refused(first)
      await first.stop()
      await admitted(second)
      expect(await login(second)).toBe(undefined)
    })
  },
)
