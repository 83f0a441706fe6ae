// Consumers beside nats-server: each talk is held with both, and what they say is equal, word for word.

import { describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { useBoth } from './beside.ts'
import { CONSUMER_TALKS } from './consumer-talks.ts'
import { Talk } from './talk.ts'

describe.skipIf(missing('natsServer', 'consumers beside nats-server')).each([0, 2])(
  'with %i workers, consumers do as those of nats-server do',
  (workers) => {
    const ports = useBoth(workers)

    test.for(Object.entries(CONSUMER_TALKS))('%s', async ([, hold]) => {
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
