// Consumers beside nats-server: each talk is held with both, and what they say is equal, word for word.

import { describe, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { holdWithBoth, useBoth } from './beside.ts'
import { CONSUMER_TALKS } from './consumer-talks.ts'

describe.skipIf(missing('natsServer', 'consumers beside nats-server')).each([0, 2])(
  'with %i workers, consumers do as those of nats-server do',
  (workers) => {
    const ports = useBoth(workers)

    test.for(Object.entries(CONSUMER_TALKS))('%s', async ([, hold]) => {
      await holdWithBoth(ports(), hold)
    })
  },
)
