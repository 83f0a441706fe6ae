// The JetStream API beside nats-server: each conversation is held with both, and what they answer is equal, member by
// member and in the same order.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, peers } from '../support/peers.ts'
import { type ServerProgram, startNatsServer, startServer } from '../support/server.ts'
import { converse } from './conversation.ts'
import { CONVERSATIONS } from './conversations.ts'

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

    test.for(Object.entries(CONVERSATIONS))('%s', async ([, steps]) => {
      const [theirs, ours] = [await converse(nats?.port ?? 0, steps), await converse(heddle?.port ?? 0, steps)]
      for (const [i, step] of steps.entries()) {
        expect(JSON.stringify(ours[i], undefined, 1), JSON.stringify(step)).toBe(
          JSON.stringify(theirs[i], undefined, 1),
        )
      }
    })
  },
)
