// Counts in shared memory, at the places where a word goes round.

import { describe, expect, test } from 'vitest'
import { Gauges } from '../../src/reports/gauges.ts'
import { open, ownPrimary } from '../support/harness.ts'
import { until } from '../support/until.ts'

const EDGES = [0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 3 * 2 ** 32 - 1]

describe.each(EDGES)('after %d closed connections', (closed) => {
  test('the open ones are right, before and after the next are closed', () => {
    const gauges = gaugesAfter(new Gauges(2), 1, closed)
    for (let more = 0; more < 5; more++) {
      expect(gauges.openConnections(1, closed + 5)).toBe(5 - more)
      gauges.connectionClosed(1)
    }
    expect(gauges.openConnections(1, closed + 5)).toBe(0)
    expect(gauges.openConnections(0, 3)).toBe(3)
  })

  test('the server lets in as many as it may', async () => {
    const primary = await ownPrimary({ workers: 1, maxConnections: 2 })
    const { shards } = primary as unknown as Insides
    gaugesAfter(shards.gauges, 0, closed)
    shards.slots[0].handed = closed
    const { port } = primary
    for (let round = 0; round < 3; round++) {
      const clients = [await open(port), await open(port)]
      expect(primary.openConnections).toBe(2)
      await expect(open(port)).rejects.toThrow('maximum connections exceeded')
      for (const client of clients) await client.close()
      await until('the closings to be counted', () => primary.openConnections === 0)
    }
  })
})

interface Insides {
  readonly shards: { readonly gauges: Gauges; readonly slots: { handed: number }[] }
}

/** As if so many connections of a shard had been closed. */
function gaugesAfter(gauges: Gauges, shard: number, closed: number): Gauges {
  const { words } = gauges as unknown as { words: Int32Array }
  words[(words.length / 2) * shard] = closed
  return gauges
}

test('a heartbeat is seen when its word goes round', () => {
  const gauges = new Gauges(1)
  for (const edge of EDGES) {
    const { words } = gauges as unknown as { words: Int32Array }
    words[1] = edge
    const before = gauges.heartbeat(0)
    gauges.beat(0)
    expect(gauges.heartbeat(0)).not.toBe(before)
  }
})
