// The JetStream API beside nats-server: each conversation is held with both, and what they answer is equal, member by
// member and in the same order.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, peers } from '../support/peers.ts'
import { type ServerProgram, startNatsServer, startServer } from '../support/server.ts'
import { converse } from './conversation.ts'
import { conversationsIn } from './conversations.ts'

describe.skipIf(missing('natsServer', 'the JetStream API beside nats-server')).each([0, 2])(
  'with %i workers, the JetStream API answers as nats-server does',
  (workers) => {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-streams-'))
    let nats: ServerProgram | undefined
    let heddle: Awaited<ReturnType<typeof startServer>> | undefined
    beforeAll(async () => {
      nats = await startNatsServer(peers.natsServer ?? '', ['-js', '-sd', join(folder, 'nats-server')])
      heddle = await startServer({ workers, jetstream: { storeDir: join(folder, 'heddle') } })
    })
    afterAll(async () => {
      await Promise.all([nats?.stop(), heddle?.close()])
      rmSync(folder, { recursive: true })
    })

    describe.each(['memory', 'file'] as const)('about %s streams', (storage) => {
      test.for(conversationsIn(storage))('%s', async ([, steps]) => {
        const [theirs, ours] = [await converse(nats?.port ?? 0, steps), await converse(heddle?.port ?? 0, steps)]
        for (const [i, step] of steps.entries()) {
          const [said, expected] = [ours, theirs].map((heard) => JSON.stringify(heard[i], undefined, 1))
          expect(said, JSON.stringify(step)).toBe(expected)
        }
      })
    })
  },
)
