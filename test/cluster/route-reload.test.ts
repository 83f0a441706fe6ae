// What a reload changes of a cluster, and what it refuses, side by side with nats-server.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { askJson } from '../monitor/http.ts'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { freePort } from './cluster.ts'
import { Party, untilLinked } from './parties.ts'
import { CONNECT, RoutePeer } from './route-peer.ts'
import { heddle, type Kind, NATS_SERVER, start } from './servers.ts'

const kinds = [heddle(0), heddle(2), ...(missing('natsServer', 'reloads of clusters') ? [] : [NATS_SERVER])]
/** No block `cluster`. */
const NONE = ' '
/** A pool of three, and one of the system account. */
const ROUTES_OF_A_PAIR = 4

interface Member {
  readonly program: ServerProgram
  readonly clusterPort: number
  readonly monitorPort: number
  /** Reloads with another block `cluster`; resolves with what the log says of it. */
  reload(cluster: string): Promise<string>
}

async function member(kind: Kind, name: string, lines: string): Promise<Member> {
  const folder = scratchDirectory()
  const clusterPort = await freePort()
  const monitorPort = await freePort()
  const configOf = (cluster: string): string => `http: "127.0.0.1:${monitorPort}"
    accounts { X { users: [ {user: x, password: x} ] }, A { users: [ {user: a, password: a} ] } }
    no_auth_user: a
    ${cluster}`
  const usual = (more: string): string => `cluster { name: C, listen: "127.0.0.1:${clusterPort}"\n${more} }`
  const program = await start(kind, folder, name, configOf(usual(lines)))
  const reload = async (cluster: string): Promise<string> => {
    const from = program.stderr.length
    const text = cluster === NONE || cluster.startsWith('cluster') ? cluster : usual(cluster)
    writeFileSync(join(folder, `${name}.conf`), `server_name: ${name}\n${configOf(text)}\n`)
    program.child.kill('SIGHUP')
    return until('the end of a reload', () => {
      const said = program.stderr.slice(from)
      return /Reloaded server configuration|Failed to reload server configuration: .*\n/.test(said) ? said : undefined
    })
  }
  return { program, clusterPort, monitorPort, reload }
}

const routesTo = (...others: readonly Member[]): string =>
  `routes: [ ${others.map(({ clusterPort }) => `"nats://127.0.0.1:${clusterPort}"`).join(', ')} ]`

async function routes({ monitorPort }: Member): Promise<{ rid: number; remote_name: string; compression: string }[]> {
  return (await askJson<{ routes?: [] }>(monitorPort, '/routez')).routes ?? []
}

const untilRoutes = (one: Member, count: number): Promise<unknown> =>
  until(`${count} routes`, async () => (await routes(one)).length === count)

/** What the log says of a refusal. */
const refusalOf = (said: string): string => /Failed to reload server configuration: (.*)\n/.exec(said)?.[1] ?? ''

describe.each(kinds)('$name', (kind) => {
  test('refuses another address, another port, and a cluster that comes or goes', async () => {
    const one = await member(kind, 'ONE', '')
    const refused = async (cluster: string): Promise<string> => refusalOf(await one.reload(cluster))
    const fixed = 'config reload not supported for cluster'
    expect(await refused(`cluster { name: C, listen: "0.0.0.0:${one.clusterPort}" }`)).toBe(
      `${fixed} host: old=127.0.0.1, new=0.0.0.0`,
    )
    expect(await refused('cluster { name: C, listen: "127.0.0.1:1" }')).toBe(
      `${fixed} port: old=${one.clusterPort}, new=1`,
    )
    expect(await refused(NONE)).toBe(`${fixed} host: old=127.0.0.1, new=`)
    expect(await refused('accounts: [ Y ]')).toBe(
      'unable to add account "Y" to the list of dedicated routes: account missing',
    )
    expect(await one.reload('')).not.toContain('Reloaded: cluster')
  })

  test.each([
    ['no_advertise: true', 'Reloaded: cluster'],
    ['connect_retries: 3, connect_backoff: true', 'Reloaded: cluster'],
    ['ping_interval: "5s", ping_max: 3', 'Reloaded: cluster'],
    ['authorization { user: u, password: p, timeout: 5 }', 'Reloaded: cluster'],
    ['advertise: "127.0.0.1:999"', 'Reloaded: cluster'],
    ['compression: accept', ''],
  ])('takes %s, and keeps its routes', async (lines, said) => {
    const other = await member(heddle(1), 'OTHER', '')
    const one = await member(kind, 'ONE', routesTo(other))
    await untilRoutes(one, ROUTES_OF_A_PAIR)
    const before = (await routes(one)).map(({ rid }) => rid).sort()
    const log = await one.reload(`${routesTo(other)}\n${lines}`)
    expect(refusalOf(log)).toBe('')
    if (said === '') expect(log).not.toContain('Reloaded: cluster')
    else expect(log).toContain(said)
    expect((await routes(one)).map(({ rid }) => rid).sort()).toEqual(before)
  })

  test('closes routes that are gone, and makes new ones', async () => {
    const [left, kept, added] = [
      await member(heddle(1), 'LEFT', ''),
      await member(heddle(1), 'KEPT', ''),
      await member(heddle(1), 'ADDED', ''),
    ]
    // The others are not to hear of each other: then they would make routes of their own.
    const one = await member(kind, 'ONE', routesTo(left))
    await untilRoutes(one, ROUTES_OF_A_PAIR)
    const said = await one.reload(routesTo(kept))
    expect(said).toMatch(/Removed route \S*127\.0\.0\.1/)
    expect(said).toContain('Router connection closed: Route Removed')
    expect(said).toContain('Reloaded: cluster routes')
    await until('the new ones', async () => (await routes(one)).every(({ remote_name }) => remote_name === 'KEPT'))
    await untilRoutes(one, ROUTES_OF_A_PAIR)
    const before = (await routes(one)).map(({ rid }) => rid)
    await one.reload(routesTo(kept, added))
    await until('more routes', async () => (await routes(one)).some(({ remote_name }) => remote_name === 'ADDED'))
    const after = (await routes(one)).map(({ rid }) => rid)
    expect(before.every((rid) => after.includes(rid))).toBe(true)
    expect(await routes(left)).toEqual([])
  })

  test('demands other credentials of servers that are there already', async () => {
    const one = await member(kind, 'ONE', '')
    const peer = await RoutePeer.join(one.clusterPort)
    const right = CONNECT.replace('{', '{"user":"u","pass":"p",')
    const known = await RoutePeer.join(one.clusterPort, { server_id: 'NOTHER', server_name: 'OTHER' }, right)
    await until('two routes', async () => (await routes(one)).length === 2)
    const said = one.reload('authorization { user: u, password: p }')
    expect(await peer.refusal()).toBe('Authorization Violation')
    expect(await said).toContain('Reloaded: cluster')
    await one.program.until(/authentication error/)
    known.send('PING\r\n')
    await until('PONG', () => known.text.includes('PONG\r\n'))
    expect(known.closed).toBe(false)
  })

  test('takes other permissions: what may be told, and what is taken', async () => {
    const one = await member(kind, 'ONE', 'permissions { import: "a.>", export: "a.>" }')
    const party = await Party.at(one.program)
    for (const subject of ['a.1', 'b.1']) await party.subscribe(subject)
    const peer = await RoutePeer.join(one.clusterPort)
    const told = (): string[] =>
      [...peer.text.matchAll(/^RS([+-]) A (\S+)\r$/gm)].map(([, sign, subject]) => `${sign}${subject}`)
    await until('its interest', () => told().includes('+a.1'))
    peer.send('RS+ A a.peer\r\nRS+ A b.peer\r\nPING\r\n')
    await until('PONG', () => peer.text.includes('PONG\r\n'))
    const from = peer.text.length
    expect(await one.reload('permissions { import: "b.>", export: "b.>" }')).toContain('Reloaded: cluster')
    await until('the changes', () => told().includes('-a.1') && told().includes('+b.1'))
    const [, info] = /^INFO (.*)\r$/m.exec(peer.text.slice(from)) ?? []
    expect(JSON.parse(info ?? '{}')).toMatchObject({ import: { allow: ['b.>'] }, export: { allow: ['b.>'] } })
    // The other side tells what it may now.
    peer.send('RS+ A b.peer\r\n')
    await until('a message', () => {
      party.publish('a.peer', 'no')
      party.publish('b.peer', 'yes')
      return peer.text.includes('RMSG A b.peer 3\r\nyes')
    })
    expect(peer.text).not.toContain('RMSG A a.peer')
  })

  test.each([
    ['', 'compression: s2_fast', /^s2_fast$/, false],
    ['compression: s2_fast', 'compression: s2_best', /^s2_best$/, true],
    ['compression: s2_fast', 'compression: off', /^off$/, false],
  ])('compresses otherwise: %j, then %j', async (first, then, level, stays) => {
    const other = await member(heddle(1), 'OTHER', '')
    const one = await member(kind, 'ONE', `${routesTo(other)}\n${first}`)
    await untilRoutes(one, ROUTES_OF_A_PAIR)
    const before = (await routes(one)).map(({ rid }) => rid)
    await one.reload(`${routesTo(other)}\n${then}`)
    await until('routes with the new level', async () => {
      const now = await routes(one)
      return now.length === ROUTES_OF_A_PAIR && now.every(({ compression }) => level.test(compression))
    })
    const after = (await routes(one)).map(({ rid }) => rid)
    expect(before.some((rid) => after.includes(rid))).toBe(stays)
    const [here, there] = [await Party.at(one.program), await Party.at(other.program)]
    await untilLinked(here, there)
    await untilLinked(there, here)
  })

  test.each([
    ['', 'pool_size: 5', 6],
    ['pool_size: 5', 'pool_size: 1', 2],
    ['', 'pool_size: -1', 1],
    ['pool_size: -1', '', 4],
  ])('has another number of routes: %j, then %j', async (first, then, count) => {
    const size = /pool_size/.test(then) ? then : 'pool_size: 3'
    const other = await member(heddle(1), 'OTHER', then === 'pool_size: 5' ? '' : size)
    const one = await member(kind, 'ONE', `${routesTo(other)}\n${first}`)
    await until('routes', async () => (await routes(one)).length > 0)
    expect(await one.reload(`${routesTo(other)}\n${then}`)).toContain('Reloaded: cluster')
    await untilRoutes(one, count)
    const [here, there] = [await Party.at(one.program), await Party.at(other.program)]
    await untilLinked(here, there)
    await untilLinked(there, here)
  })

  test('gives an account routes of its own, and takes them away', async () => {
    const other = await member(heddle(2), 'OTHER', 'accounts: [ X ]')
    const one = await member(kind, 'ONE', routesTo(other))
    await untilRoutes(one, ROUTES_OF_A_PAIR)
    const as = { user: 'x', pass: 'x' }
    const [here, there] = [await Party.at(one.program, as), await Party.at(other.program, as)]
    await there.subscribe('x')
    expect(await one.reload(`${routesTo(other)}\naccounts: [ X ]`)).toContain('Reloaded: cluster')
    await untilRoutes(one, ROUTES_OF_A_PAIR + 1)
    await untilLinked(here, there)
    await untilLinked(there, here)
    await other.reload('')
    expect(await one.reload(routesTo(other))).toContain('Reloaded: cluster')
    await untilRoutes(one, ROUTES_OF_A_PAIR)
    await untilLinked(here, there)
    await untilLinked(there, here)
  })

  test('takes another name', async () => {
    const one = await member(kind, 'ONE', '')
    const said = await one.reload(`cluster { name: D, listen: "127.0.0.1:${one.clusterPort}" }`)
    expect(said).toContain('Cluster name updated to D')
    expect(said).toContain('Reloaded: cluster')
    const peer = new RoutePeer(one.clusterPort)
    expect(await peer.info()).toMatchObject({ cluster: 'D' })
    peer.socket.destroy()
  })
})
