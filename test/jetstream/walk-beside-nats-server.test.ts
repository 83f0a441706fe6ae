// Streams and consumers beside nats-server, by random steps; walk-fuzz.ts walks further.

import { describe, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { useBoth } from './beside.ts'
import { Walk } from './walk.ts'

describe.skipIf(missing('natsServer', 'walks beside nats-server')).each([0, 2])('with %i workers', (workers) => {
  const ports = useBoth(workers)

  test('whatever is done with a stream and its consumers, both say the same', async () => {
    const seeds = new Random(chooseSeed('walk'))
    for (let i = 0; i < 4; i++) {
      const walk = await Walk.begin(new Random(seeds.below(2 ** 31)), ports())
      await walk.play(60)
      await walk.end()
    }
  }, 120_000)
})
