// A short soak; soak.ts is the long one.

import { expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { chooseSeed, Random } from '../support/random.ts'
import type { Kind } from './cluster.ts'
import { soak } from './soaking.ts'

const MIXES: readonly (readonly Kind[])[] = missing('natsServer', 'a soak of mixed clusters')
  ? [[1, 2, 1]]
  : [
      ['nats', 2, 1],
      [2, 'nats', 'nats'],
    ]

test.each(MIXES)('a cluster of %s, %s and %s loses and doubles nothing between disturbances', async (...kinds) => {
  const outcome = await soak(kinds, new Random(chooseSeed('test/cluster/soak.test.ts')), { rounds: 4, messages: 300 })
  expect(outcome).toMatchObject({ rounds: 4, published: 1200, disturbances: 3 })
})
