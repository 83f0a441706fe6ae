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
