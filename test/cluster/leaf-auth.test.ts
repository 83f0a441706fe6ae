// How leaf nodes log in, and what their users may do, with Heddle and nats-server at each end.

import { createUser } from '@nats-io/nkeys'
import { describe, expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { heddle, type Kind, leafPortOf, NATS_SERVER, start } from './servers.ts'

const PAIRS: readonly (readonly [hub: Kind, leaf: Kind])[] = [
  [heddle(2), heddle(2)],
  ...(missing('natsServer', 'logins of leaf nodes beside nats-server')
    ? []
    : ([
        [NATS_SERVER, heddle(2)],
        [heddle(2), NATS_SERVER],
      ] as const)),
]

async function link(
  kinds: readonly [Kind, Kind],
  hub: string,
  remote: string,
  user = '',
): Promise<readonly [ServerProgram, ServerProgram]> {
  const folder = scratchDirectory()
  const atHub = await start(kinds[0], folder, 'HUB', hub)
  const url = `nats://${user}127.0.0.1:${await leafPortOf(atHub)}`
  return [atHub, await start(kinds[1], folder, 'LEAF', `leafnodes { remotes: [ { url: "${url}"\n${remote} } ] }`)]
}

describe.each(PAIRS.map((kinds) => [kinds[0].name, kinds[1].name, kinds] as const))(
  'hub %s, leaf %s',
  (_h, _l, kinds) => {
    const key = createUser()
    const publicKey = key.getPublicKey()
    const seed = Buffer.from(key.getSeed()).toString()

    test('a key of leaf nodes alone, into the account that is named', async () => {
      const accounts = 'accounts { A { users: [ {user: a, password: a} ] } }'
      const authorization = `leafnodes { listen: "127.0.0.1:-1", authorization { nkey: ${publicKey}, account: A } }`
      const [hub, leaf] = await link(kinds, `${authorization}\n${accounts}`, `nkey: ${seed}`)
      const [atHub, atLeaf] = [await Party.at(hub, { user: 'a', pass: 'a' }), await Party.at(leaf)]
      await untilLinked(atHub, atLeaf)
      await untilLinked(atLeaf, atHub)
    })

    test('a user as clients have them, whose permissions hold for what passes', async () => {
      const rules = '{ publish: { allow: ["up.>", "probe.>"] }, subscribe: { deny: "secret.>" } }'
      const users = `{nkey: ${publicKey}, permissions: ${rules}}, {user: a, password: a}`
      const config = `leafnodes { listen: "127.0.0.1:-1" }\nauthorization { users: [ ${users} ] }`
      const [hub, leaf] = await link(kinds, config, `nkey: ${seed}`)
      const [atHub, atLeaf] = [await Party.at(hub, { user: 'a', pass: 'a' }), await Party.at(leaf)]
      for (const party of [atHub, atLeaf])
        for (const subject of ['up.x', 'other.x', '*.y']) await party.subscribe(subject)
      await untilLinked(atHub, atLeaf)
      await untilLinked(atLeaf, atHub)
      for (const subject of ['up.x', 'other.x', 'secret.y']) {
        atLeaf.publish(subject, 'from below')
        atHub.publish(subject, 'from above')
      }
      await settled(atLeaf, atHub)
      await settled(atHub, atLeaf)
      const heard = (party: Party, text: string): string[] =>
        party.heard.filter(({ payload }) => payload.toString() === text).map(({ subject }) => subject)
      expect(heard(atHub, 'from below')).toEqual(['up.x'])
      expect(heard(atLeaf, 'from above').sort()).toEqual(['other.x', 'up.x'])
    })

    test('a wrong password is refused again and again, and the hub goes on', async () => {
      const config = 'leafnodes { listen: "127.0.0.1:-1", authorization { user: u, password: p } }'
      const [hub, leaf] = await link(kinds, config, '', 'u:wrong@')
      await leaf.until(/Authorization Violation[\s\S]*Authorization Violation/)
      await Party.at(hub)
    })

    test('an account has no more leaf nodes than it may', async () => {
      const account = 'accounts { A { limits: { max_leafnodes: 1 }, users: [ {user: a, password: a} ] } }'
      const folder = scratchDirectory()
      const hub = await start(kinds[0], folder, 'HUB', `leafnodes { listen: "127.0.0.1:-1" }\n${account}`)
      const remote = `leafnodes { remotes: [ { url: "nats://a:a@127.0.0.1:${await leafPortOf(hub)}" } ] }`
      const first = await start(kinds[1], folder, 'FIRST', remote)
      const [atHub, atFirst] = [await Party.at(hub, { user: 'a', pass: 'a' }), await Party.at(first)]
      await untilLinked(atHub, atFirst)
      const second = await start(kinds[1], folder, 'SECOND', remote)
      await second.until(/maximum account active connections exceeded/)
      await untilLinked(atHub, atFirst)
    })

    test('an account wants no more of a leaf node than it may, and the link stays', async () => {
      const account = 'accounts { A { limits: { max_subs: 12 }, users: [ {user: a, password: a} ] } }'
      const [hub, leaf] = await link(kinds, `leafnodes { listen: "127.0.0.1:-1" }\n${account}`, '', 'a:a@')
      const [atHub, atLeaf] = [await Party.at(hub, { user: 'a', pass: 'a' }), await Party.at(leaf)]
      await atHub.subscribe('up')
      await untilLinked(atHub, atLeaf)
      await untilLinked(atLeaf, atHub)
      for (let i = 0; i < 20; i++) await atLeaf.subscribe(`s.${i}`)
      await leaf.until(/maximum subscriptions exceeded/)
      atLeaf.publish('up', 'still here')
      await settled(atLeaf, atHub)
      expect(atHub.on('up')).toEqual(['still here'])
      for (let i = 0; i < 20; i++) atHub.publish(`s.${i}`)
      await until('what there is room for', () => atLeaf.count('s.0') > 0)
      await atHub.flush()
      expect(atLeaf.count('s.19')).toBe(0)
    })
  },
)
