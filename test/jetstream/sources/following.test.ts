// A short run; `src/node.sh test/jetstream/sources/following.ts` is a longer one. following-run.ts says what is checked.

import { expect, test } from 'vitest'
import { chooseSeed, Random } from '../../support/random.ts'
import { FollowingRun } from './following-run.ts'

test.each([0, 2])(
  'with %i workers, nothing is lost, and nothing comes twice, over kills',
  { timeout: 180_000 },
  async (workers) => {
    const random = new Random(chooseSeed('following'))
    const wrong = await new FollowingRun(random, workers).run(4)
    expect({ seed: random.seed, wrong }).toEqual({ seed: random.seed, wrong: [] })
  },
)
