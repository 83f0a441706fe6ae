// Mirrors and sources beside nats-server: each talk is held with both, and what they say is equal, word for word.

import { describe, expect, test } from 'vitest'
import { missing } from '../../support/peers.ts'
import { useBoth } from '../beside.ts'
import { Talk } from '../talk.ts'
import { SOURCE_TALKS } from './source-talks.ts'

describe.skipIf(missing('natsServer', 'mirrors and sources beside nats-server')).each([0, 2])(
  'with %i workers, mirrors and sources do as those of nats-server do',
  (workers) => {
    const ports = useBoth(workers)

    test.for(Object.entries(SOURCE_TALKS))('%s', { timeout: 60_000 }, async ([, hold]) => {
      const [theirs, ours] = await Promise.all(ports().map((port) => recordOf(port, hold)))
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
