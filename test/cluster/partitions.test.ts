// Lines between two servers that become bad: cut, held, or slow and in pieces. When a line is back, all is as before
// within two seconds.

import { describe, expect, onTestFinished, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import { until } from '../support/until.ts'
import { Line } from './line.ts'
import { Party } from './parties.ts'
import { heddle, type Kind, NATS_SERVER, start } from './servers.ts'

const HEALED_MS = 2000

const PAIRS: readonly (readonly [Kind, Kind])[] = [
  [heddle(1), heddle(2)],
  [heddle(2), NATS_SERVER],
  [NATS_SERVER, heddle(1)],
]
const pairs = PAIRS.filter((kinds) => !kinds.includes(NATS_SERVER) || !missing('natsServer', 'partitions'))

describe.each(pairs.map(([acceptor, dialler]) => ({ acceptor, dialler, name: `${dialler.name} → ${acceptor.name}` })))(
  '$name',
  ({ acceptor, dialler }) => {
    /** Two servers whose only connections go through a line, with a client at each that hears the other one. */
    async function joined(more = 'pool_size: 3') {
      const folder = scratchDirectory()
      const config = (routes: string): string =>
        `listen: "127.0.0.1:-1"
         cluster { name: C, listen: "127.0.0.1:-1", no_advertise: true, routes: [ ${routes} ], ${more} }`
      const first = await start(acceptor, folder, 'first', config(''))
      const [, port] = await first.until(/Listening for route connections on \S*:(\d+)/)
      const line = await Line.to(Number(port))
      const second = await start(dialler, folder, 'second', config(`"nats://127.0.0.1:${line.port}"`))
      const parties = [await Party.at(first), await Party.at(second)] as const
      onTestFinished(() => Promise.all(parties.map(({ client }) => client.close())).then(() => undefined))
      await parties[0].subscribe('to.0')
      await parties[1].subscribe('to.1')
      await heal(parties, 'begin')
      return { line, parties }
    }

    /** Milliseconds until each hears the other one. */
    async function heal(parties: readonly [Party, Party], text: string): Promise<number> {
      const startMs = performance.now()
      for (const [from, to] of [
        [0, 1],
        [1, 0],
      ]) {
        await until(`${text} from ${from}`, () => {
          parties[from].publish(`to.${to}`, text)
          return parties[to].on(`to.${to}`).includes(text)
        })
      }
      return performance.now() - startMs
    }

    test('is one cluster again when its line is whole again', async () => {
      const { line, parties } = await joined()
      for (const round of [1, 2]) {
        line.cut()
        await until('the end of all connections', () => line.open.length === 0)
        line.mend()
        expect(await heal(parties, `cut ${round}`)).toBeLessThan(HEALED_MS)
      }
    })

    test('loses nothing that was held on its way', async () => {
      const { line, parties } = await joined()
      line.hold()
      for (let i = 0; i < 1000; i++) {
        for (const [from, to] of [
          [0, 1],
          [1, 0],
        ]) {
          parties[from].publish(`to.${to}`, `held ${i}`)
        }
      }
      for (const party of parties) await party.flush()
      line.release()
      expect(await heal(parties, 'released')).toBeLessThan(HEALED_MS)
      for (const [i, party] of parties.entries()) {
        const held = party.on(`to.${i}`).filter((text) => text.startsWith('held'))
        expect(held).toEqual(Array.from({ length: 1000 }, (_, n) => `held ${n}`))
      }
    })

    test('finds a line that is held for too long, and is one cluster again when it is not', async () => {
      const { line, parties } = await joined('ping_interval: "200ms", ping_max: 1')
      line.hold()
      const before = line.passages.length
      // The servers give their connections up, and the one that dials makes new ones, which are held too.
      await until('another connection', () => line.passages.length > before)
      line.release()
      expect(await heal(parties, 'released')).toBeLessThan(HEALED_MS)
    })

    test.each(['off', 's2_fast'])('reads pieces of a few bytes, with compression %s', async (mode) => {
      const { line, parties } = await joined(`compression: ${mode}`)
      line.sliceBytes = 3
      for (let i = 0; i < 200; i++) parties[0].publish('to.1', `sliced ${i}`, 'reply', 'NATS/1.0\r\na: b\r\n\r\n')
      await until('all messages', () => parties[1].on('to.1').some((text) => text.endsWith('sliced 199')))
      const sliced = parties[1].on('to.1').filter((text) => text.includes('sliced'))
      expect(sliced).toHaveLength(200)
      expect(await heal(parties, 'sliced')).toBeLessThan(HEALED_MS)
    })
  },
)
