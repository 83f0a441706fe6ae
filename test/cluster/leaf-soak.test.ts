import { expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { soakLeafs } from './leaf-soaker.ts'
import { heddle, type Kind, NATS_SERVER } from './servers.ts'

const MIXES: readonly (readonly [hub: Kind, leaf: Kind, leaf: Kind])[] = [
  [heddle(2), heddle(2), heddle(1)],
  ...(missing('natsServer', 'leaf nodes beside nats-server')
    ? []
    : ([
        [NATS_SERVER, heddle(2), NATS_SERVER],
        [heddle(2), NATS_SERVER, heddle(1)],
      ] as const)),
]

test.each(MIXES.map((kinds) => [kinds.map(({ name }) => name).join(', '), kinds] as const))(
  'numbered messages through storms: %s',
  { timeout: 120_000 },
  async (_, kinds) => {
    const totals = await soakLeafs(kinds, new Random(chooseSeed('leaf soak')), 3)
    expect(totals.rounds).toBeGreaterThan(0)
    expect(totals.received).toBeGreaterThan(100)
  },
)
