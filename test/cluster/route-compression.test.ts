// Routes in every mode of compression: a Heddle between nats-servers of each mode, which dials them or is dialled.

import { describe, expect, test } from 'vitest'
import { ask } from '../monitor/http.ts'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { heddle, type Kind, NATS_SERVER, start } from './servers.ts'

const MODES = ['off', 'accept', 's2_auto', 's2_fast', 's2_best'] as const
type Mode = (typeof MODES)[number]

/** What a server writes, with its own mode and that of the other one; of s2_auto it depends on how long the way is. */
function levelOf(own: Mode, theirs: Mode): RegExp {
  if (own === 'off' || theirs === 'off' || (own === 'accept' && theirs === 'accept')) return /^off$/
  if (own !== 'accept') return own === 's2_auto' ? /^s2_/ : new RegExp(`^${own}$`)
  // One that accepts takes what the other one names, which may have measured the way before it says so.
  return theirs === 's2_auto' ? /^s2_/ : new RegExp(`^${theirs}$`)
}

interface Member {
  readonly mode: Mode
  readonly program: ServerProgram
  readonly monitorPort: number
  readonly clusterPort: number
}

async function member(kind: Kind, folder: string, name: string, mode: Mode, routes: readonly number[]) {
  const urls = routes.map((port) => `"nats://127.0.0.1:${port}"`).join(', ')
  const program = await start(
    kind,
    folder,
    name,
    `listen: "127.0.0.1:-1", http: "127.0.0.1:-1"
     cluster { name: C, listen: "127.0.0.1:-1", compression: ${mode}, routes: [ ${urls} ] }`,
  )
  const monitorPort = Number((await program.until(/Starting http monitor on \S*:(\d+)/))[1])
  const clusterPort = Number((await program.until(/Listening for route connections on \S*:(\d+)/))[1])
  return { mode, program, monitorPort, clusterPort } satisfies Member
}

/** What pages of a server say of how it writes to another one. */
async function levels({ monitorPort }: Member, remote: string): Promise<string[]> {
  const { routes } = JSON.parse((await ask(monitorPort, '/routez')).body) as {
    routes: { remote_name: string; compression: string }[]
  }
  return routes.filter((route) => route.remote_name === remote).map(({ compression }) => compression)
}

const ROUTES_OF_A_PAIR = 4
const BODY = 'abcdefg hijk'.repeat(10_000)

const here = missing('natsServer', 'compression of routes')
describe.skipIf(here).each(MODES)('a Heddle with %s', (mode) => {
  test.each([
    ['dials', 1],
    ['is dialled by', 2],
  ])('%s servers of every mode, with %d shards', async (verb, shards) => {
    const folder = scratchDirectory()
    const dials = verb === 'dials'
    const others: Member[] = []
    if (dials) for (const each of MODES) others.push(await member(NATS_SERVER, folder, `with-${each}`, each, []))
    const ports = others.map(({ clusterPort }) => clusterPort)
    const ours = await member(heddle(shards), folder, 'ours', mode, ports)
    if (!dials) {
      for (const each of MODES) others.push(await member(NATS_SERVER, folder, `with-${each}`, each, [ours.clusterPort]))
    }
    const party = await Party.at(ours.program)
    for (const other of others) {
      await until('all routes', async () => (await levels(ours, `with-${other.mode}`)).length === ROUTES_OF_A_PAIR)
      for (const level of await levels(ours, `with-${other.mode}`)) expect(level).toMatch(levelOf(mode, other.mode))
      for (const level of await levels(other, 'ours')) expect(level).toMatch(levelOf(other.mode, mode))
      const there = await Party.at(other.program)
      await untilLinked(there, party)
      await untilLinked(party, there)
      await there.subscribe(`at.${other.mode}`)
      await party.subscribe(`from.${other.mode}`)
      await settled(party, there)
      await settled(there, party)
      for (const body of ['', 'x', BODY, 'last']) {
        party.publish(`at.${other.mode}`, body)
        there.publish(`from.${other.mode}`, body)
      }
      await until('all messages', () => there.on(`at.${other.mode}`).includes('last'))
      await until('all messages', () => party.on(`from.${other.mode}`).includes('last'))
      for (const heard of [there.on(`at.${other.mode}`), party.on(`from.${other.mode}`)]) {
        expect(heard).toEqual(['', 'x', BODY, 'last'])
      }
    }
  })
})

test('two Heddles compress where one of them wants it', async () => {
  const folder = scratchDirectory()
  const first = await member(heddle(1), folder, 'first', 'accept', [])
  const second = await member(heddle(2), folder, 'second', 's2_fast', [first.clusterPort])
  await until('all routes', async () => (await levels(first, 'second')).length === ROUTES_OF_A_PAIR)
  expect(new Set([...(await levels(first, 'second')), ...(await levels(second, 'first'))])).toEqual(
    new Set(['s2_fast']),
  )
  const [here, there] = [await Party.at(first.program), await Party.at(second.program)]
  await there.subscribe('a')
  await untilLinked(here, there)
  here.publish('a', BODY)
  await until('a message', () => there.count('a') > 0)
  expect(there.on('a')).toEqual([BODY])
})
