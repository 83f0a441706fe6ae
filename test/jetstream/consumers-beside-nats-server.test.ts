// Consumers beside nats-server: each talk is held with both, and what they say is equal, word for word.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, peers } from '../support/peers.ts'
import { type ServerProgram, startNatsServer, startServer } from '../support/server.ts'
import { CONSUMER_TALKS } from './consumer-talks.ts'
import { Talk } from './talk.ts'

describe.skipIf(missing('natsServer', 'consumers beside nats-server')).each([0, 2])(
  'with %i workers, consumers do as those of nats-server do',
  (workers) => {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-consumers-'))
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

    test.for(Object.entries(CONSUMER_TALKS))('%s', async ([, hold]) => {
      const [theirs, ours] = await Promise.all([nats?.port ?? 0, heddle?.port ?? 0].map((port) => recordOf(port, hold)))
      for (const [i, heard] of theirs.entries()) {
        expect(JSON.stringify(ours[i], undefined, 1)).toBe(JSON.stringify(heard, undefined, 1))
      }
      expect(ours).toHaveLength(theirs.length)
    })
  },
)

/** Holds a talk with a server; an error is part of the record. */
async function recordOf(port: number, hold: (talk: Talk) => Promise<void>): Promise<readonly unknown[]> {
  const talk = await Talk.begin(port)
  await hold(talk).catch((error: unknown) => talk.record.push(String(error)))
  await talk.connection.request('$JS.API.STREAM.DELETE.S')
  await talk.end()
  return talk.record
}
