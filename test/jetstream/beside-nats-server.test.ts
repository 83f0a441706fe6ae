// The JetStream API beside nats-server: each conversation is held with both, and what they answer is equal, member by
// member and in the same order.

import { describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { useBoth } from './beside.ts'
import { converse } from './conversation.ts'
import { conversationsIn } from './conversations.ts'

describe.skipIf(missing('natsServer', 'the JetStream API beside nats-server')).each([0, 2])(
  'with %i workers, the JetStream API answers as nats-server does',
  (workers) => {
    const ports = useBoth(workers)

    describe.each(['memory', 'file'] as const)('about %s streams', (storage) => {
      test.for(conversationsIn(storage))('%s', async ([, steps]) => {
        const [theirs, ours] = await Promise.all(ports().map((port) => converse(port, steps)))
        for (const [i, step] of steps.entries()) {
          const [said, expected] = [ours, theirs].map((heard) => JSON.stringify(heard[i], undefined, 1))
          expect(said, JSON.stringify(step)).toBe(expected)
        }
      })
    })
  },
)
