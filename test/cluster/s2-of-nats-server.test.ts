// The streams that two real nats-servers write to each other on a leaf link, in every mode of compression.

import { describe, expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { open } from '../support/harness.ts'
import { missing } from '../support/peers.ts'
import { until } from '../support/until.ts'
import { Line } from './line.ts'
import { membersOf, operationsOf, plainText } from './recording.ts'
import { leafPortOf, NATS_SERVER, start } from './servers.ts'

const MODES = ['s2_fast', 's2_better', 's2_best', 's2_auto'] as const

describe.skipIf(missing('natsServer', 'S2 streams of nats-server'))('nats-server', () => {
  test.each(MODES)('%s is read byte for byte', async (mode) => {
    const folder = scratchDirectory()
    const hub = await start(NATS_SERVER, folder, 'hub', 'leafnodes { listen: "127.0.0.1:-1", compression: s2_fast }')
    const line = await Line.to(await leafPortOf(hub))
    const remote = `{ url: "nats://127.0.0.1:${line.port}", compression: ${mode} }`
    const leaf = await start(NATS_SERVER, folder, 'leaf', `leafnodes { remotes: [ ${remote} ] }`)
    const subscriber = await open(hub.port)
    subscriber.send('SUB orders.> 1\r\nPING\r\n')
    await subscriber.expect('PONG\r\n')
    const publisher = await open(leaf.port)
    const said = (): ReturnType<typeof operationsOf> =>
      operationsOf(plainText(line.passages.flatMap(({ out: bytes }) => bytes)))
    // The line saw the hub's LS+ before the leaf did: what the leaf knows is seen by what it sends.
    await until('the leaf to know what the hub wants', () => {
      publisher.send('PUB orders.first 0\r\n\r\n')
      return line.passages.length > 0 && said().some(({ verb }) => verb === 'LMSG')
    })
    const bodies = Array.from({ length: 300 }, (_, i) =>
      JSON.stringify({ order: i, of: `customer ${i % 7}` }).repeat(1 + (i % 20)),
    )
    bodies.push('abcdefg hijk'.repeat(10_000))
    for (const body of bodies) publisher.send(`PUB orders.${body.length % 9} ${body.length}\r\n${body}\r\n`)
    const messages = await until('all messages', () => {
      const found = said().filter(({ verb, payload }) => verb === 'LMSG' && payload !== '')
      return found.length >= bodies.length ? found : undefined
    })
    expect(messages.map(({ payload }) => payload)).toEqual(bodies)
    // With s2_auto it depends on how long the way is.
    const [{ compress_mode: chosen }] = membersOf(said(), 'CONNECT')
    expect(mode === 's2_auto' ? mode : chosen).toBe(mode)
  })
})
