// Reloads of hubs and leaf nodes: remotes that come and go, users that are taken away.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { heddle, leafPortOf, start } from './servers.ts'

/** Puts another configuration into the file of a server and has it read. Resolves with what the log says of it. */
async function reload(server: ServerProgram, folder: string, name: string, config: string): Promise<string> {
  const from = server.stderr.length
  writeFileSync(join(folder, `${name}.conf`), `server_name: ${name}\n${config}\n`)
  server.child.kill('SIGHUP')
  return until('the outcome of a reload', () => {
    const said = server.stderr.slice(from)
    return /Reloaded server configuration|Failed to reload/.test(said) && said
  })
}

test('a remote that is removed is left, one that is added is joined', async () => {
  const folder = scratchDirectory()
  const hub = await start(heddle(1), folder, 'HUB', 'leafnodes { listen: "127.0.0.1:-1" }')
  const other = await start(heddle(2), folder, 'OTHER', 'leafnodes { listen: "127.0.0.1:-1" }')
  const remote = async (to: ServerProgram): Promise<string> =>
    `leafnodes { remotes: [ { url: "nats://127.0.0.1:${await leafPortOf(to)}" } ] }`
  const leaf = await start(heddle(2), folder, 'LEAF', await remote(hub))
  const [atHub, atOther, atLeaf] = [await Party.at(hub), await Party.at(other), await Party.at(leaf)]
  await untilLinked(atHub, atLeaf)
  expect(await reload(leaf, folder, 'LEAF', await remote(other))).toContain('Reloaded server configuration')
  await untilLinked(atOther, atLeaf)
  await atLeaf.subscribe('x')
  await untilLinked(atOther, atLeaf)
  atHub.publish('x', 'from a hub that was left')
  await atHub.flush()
  atOther.publish('x', 'from the hub')
  await settled(atOther, atLeaf)
  expect(atLeaf.on('x')).toEqual(['from the hub'])
  const refused = await reload(leaf, folder, 'LEAF', `${await remote(other)}\nleafnodes { reconnect: 3s }`)
  expect(refused).toContain('config reload not supported for LeafNode')
})

test('a leaf node whose user is taken away is closed, the others stay', async () => {
  const folder = scratchDirectory()
  const users = (...names: string[]): string =>
    `leafnodes { listen: "127.0.0.1:-1" }\nauthorization { users: [ ${names.map((name) => `{user: ${name}, password: ${name}}`).join(', ')} ] }`
  const hub = await start(heddle(2), folder, 'HUB', users('a', 'b'))
  const port = await leafPortOf(hub)
  const leafs = await Promise.all(
    ['a', 'b'].map((user) =>
      start(
        heddle(1),
        folder,
        `LEAF-${user}`,
        `leafnodes { remotes: [ { url: "nats://${user}:${user}@127.0.0.1:${port}" } ] }`,
      ),
    ),
  )
  const atHub = await Party.at(hub, { user: 'b', pass: 'b' })
  const [ofA, ofB] = [await Party.at(leafs[0]), await Party.at(leafs[1])]
  await untilLinked(atHub, ofA)
  await untilLinked(atHub, ofB)
  const from = leafs[0].stderr.length
  await reload(hub, folder, 'HUB', users('b'))
  await until('the leaf node to be refused', () => leafs[0].stderr.slice(from).includes('Authorization Violation'))
  await untilLinked(atHub, ofB)
})

test.each([0, 2])('other imports and mappings are told to leaf nodes that are there (%s workers)', async (workers) => {
  const folder = scratchDirectory()
  const hubWith = (more: string): string => `leafnodes { listen: "127.0.0.1:-1" }
    accounts {
      A { users: [ {user: a, password: a} ], ${more} }
      B { users: [ {user: b, password: b} ], exports: [ {service: "there"} ] }
    }`
  const hub = await start(heddle(workers), folder, 'HUB', hubWith(''))
  const url = `nats://a:a@127.0.0.1:${await leafPortOf(hub)}`
  const leaf = await start(heddle(2), folder, 'LEAF', `leafnodes { remotes: [ { url: "${url}" } ] }`)
  const [a, b] = [await Party.at(hub, { user: 'a', pass: 'a' }), await Party.at(hub, { user: 'b', pass: 'b' })]
  const atLeaf = await Party.at(leaf)
  await a.subscribe('out')
  await b.subscribe('there')
  await untilLinked(a, atLeaf)
  await untilLinked(atLeaf, a)
  const imports = 'imports: [ {service: {account: B, subject: "there"}, to: "here"} ]'
  const said = await reload(hub, folder, 'HUB', hubWith(`mappings { in: out }, ${imports}`))
  expect(said).toContain('Reloaded server configuration')
  await until('messages by the new ways', () => {
    for (const subject of ['in', 'here']) atLeaf.publish(subject)
    return a.count('out') > 0 && b.count('there') > 0
  })
  await reload(hub, folder, 'HUB', hubWith(''))
  const tap = await Party.at(leaf, { no_responders: true })
  await tap.subscribe('answers')
  await until('the end of the way', () => {
    tap.publish('here', '', 'answers')
    return tap.heard.some(({ header }) => header.toString().startsWith('NATS/1.0 503'))
  })
})
