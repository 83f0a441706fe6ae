// Who is the hub of a link, and what leaf nodes are told of each other.

import { describe, expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { heddle, type Kind, leafPortOf, NATS_SERVER, start } from './servers.ts'

const HUB = 'leafnodes { listen: "127.0.0.1:-1" }'
const PAIRS: readonly (readonly [accepts: Kind, dials: Kind])[] = [
  [heddle(2), heddle(2)],
  ...(missing('natsServer', 'roles of leaf nodes beside nats-server')
    ? []
    : ([
        [NATS_SERVER, heddle(2)],
        [heddle(2), NATS_SERVER],
      ] as const)),
]

describe.each(PAIRS.map((kinds) => [kinds[0].name, kinds[1].name, kinds] as const))(
  '%s accepts, %s dials',
  (_a, _d, kinds) => {
    test('a remote with `hub` makes the side that dials the hub', async () => {
      const folder = scratchDirectory()
      const below = await start(kinds[0], folder, 'BELOW', HUB)
      const above = await start(
        kinds[1],
        folder,
        'ABOVE',
        `leafnodes { remotes: [ { url: "nats://127.0.0.1:${await leafPortOf(below)}", hub: true } ] }`,
      )
      const [atBelow, atAbove] = [await Party.at(below), await Party.at(above)]
      await atBelow.subscribe('x')
      await atAbove.subscribe('y', 'q')
      await untilLinked(atBelow, atAbove)
      await untilLinked(atAbove, atBelow)
      atAbove.publish('x', 'down')
      atBelow.publish('y', 'up')
      await settled(atAbove, atBelow)
      await settled(atBelow, atAbove)
      expect(atBelow.on('x')).toEqual(['down'])
      expect(atAbove.on('y')).toEqual(['up'])
    })

    test('leaf nodes of one hub hear each other, unless they are isolated', async () => {
      for (const isolate of [false, true]) {
        const folder = scratchDirectory()
        const hub = await start(kinds[0], folder, 'HUB', `leafnodes { listen: "127.0.0.1:-1", isolate: ${isolate} }`)
        const remote = `leafnodes { remotes: [ { url: "nats://127.0.0.1:${await leafPortOf(hub)}" } ] }`
        const [one, two] = [await start(kinds[1], folder, 'ONE', remote), await start(kinds[1], folder, 'TWO', remote)]
        const [atHub, atOne, atTwo] = [await Party.at(hub), await Party.at(one), await Party.at(two)]
        await atTwo.subscribe('x')
        await untilLinked(atHub, atTwo)
        await untilLinked(atOne, atHub)
        if (!isolate) await untilLinked(atOne, atTwo)
        atOne.publish('x', 'sideways')
        await settled(atOne, atHub)
        await settled(atHub, atTwo)
        expect(atTwo.on('x')).toEqual(isolate ? [] : ['sideways'])
      }
    })
  },
)
