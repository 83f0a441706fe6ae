// Mirrors and sources beside nats-server: each talk is held with both, and what they say is equal, word for word.

import { describe, test } from 'vitest'
import { missing } from '../../support/peers.ts'
import { holdWithBoth, useBoth } from '../beside.ts'
import { SOURCE_TALKS } from './source-talks.ts'

describe.skipIf(missing('natsServer', 'mirrors and sources beside nats-server')).each([0, 2])(
  'with %i workers, mirrors and sources do as those of nats-server do',
  (workers) => {
    const ports = useBoth(workers)

    test.for(Object.entries(SOURCE_TALKS))('%s', { timeout: 60_000 }, async ([, hold]) => {
      await holdWithBoth(ports(), hold)
    })
  },
)
