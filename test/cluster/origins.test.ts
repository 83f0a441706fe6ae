// What passes several links: a leaf node at one server of a cluster and clients at another, and imports between accounts
// of two servers.

import { describe, expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import { until } from '../support/until.ts'
import { Line } from './line.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { operationsOf, plainText } from './recording.ts'
import { heddle, type Kind, leafPortOf, NATS_SERVER, start } from './servers.ts'

const PAIRS: readonly (readonly [Kind, Kind])[] = [
  [heddle(1), heddle(2)],
  [heddle(2), NATS_SERVER],
  [NATS_SERVER, heddle(2)],
]
const pairs = PAIRS.filter((kinds) => !kinds.includes(NATS_SERVER) || !missing('natsServer', 'links in a row'))

const ACCOUNTS = `accounts {
  A {
    users: [ { user: a, password: x } ]
    exports: [ { stream: "out.>" }, { service: "ask" } ]
  }
  B {
    users: [ { user: b, password: x } ]
    imports: [
      { stream: { account: A, subject: "out.>" }, prefix: "from" }
      { service: { account: A, subject: "ask" }, to: "ask.a" }
    ]
  }
}`
const A = { user: 'a', pass: 'x' }
const B = { user: 'b', pass: 'x' }

describe.each(pairs.map(([first, second]) => ({ first, second, name: `${first.name} — ${second.name}` })))(
  '$name',
  (kinds) => {
    /** Two servers, the second of which dials the first one through a line. */
    async function pair(accounts: string, leafnodes = '') {
      const folder = scratchDirectory()
      const config = (routes: string, more: string): string =>
        `listen: "127.0.0.1:-1"
         ${accounts}
         cluster { name: C, listen: "127.0.0.1:-1", no_advertise: true, compression: off, routes: [ ${routes} ] }
         ${more}`
      const first = await start(kinds.first, folder, 'first', config('', leafnodes))
      const [, port] = await first.until(/Listening for route connections on \S*:(\d+)/)
      const line = await Line.to(Number(port))
      const second = await start(kinds.second, folder, 'second', config(`"nats://127.0.0.1:${line.port}"`, ''))
      return { folder, first, second, line }
    }

    test.each(['', 'cluster { name: LEAFS, listen: "127.0.0.1:-1" }'])(
      'a leaf node of one server and a client at the other hear each other, with %j there',
      async (cluster) => {
        const { folder, first, second, line } = await pair('', 'leafnodes { listen: "127.0.0.1:-1" }')
        const url = `nats://127.0.0.1:${await leafPortOf(first)}`
        const remotes = `listen: "127.0.0.1:-1", leafnodes { remotes: [ { url: "${url}" } ] }`
        const leaf = await start(NATS_SERVER, folder, 'leaf', `${remotes}\n${cluster}`)
        const [at, far] = [await Party.at(leaf), await Party.at(second)]
        await untilLinked(far, at)
        await untilLinked(at, far)
        for (const party of [at, far]) {
          await party.subscribe('plain')
          await party.subscribe('group', 'g')
        }
        await settled(at, far)
        await settled(far, at)
        at.publish('plain', 'up')
        far.publish('plain', 'down')
        await settled(at, far)
        await settled(far, at)
        for (const party of [at, far]) expect(party.on('plain').sort()).toEqual(['down', 'up'])
        for (let i = 0; i < 30; i++) for (const party of [at, far]) party.publish('group', `${i}`)
        await until('one member for each', () => at.count('group') + far.count('group') >= 60)
        await settled(at, far)
        await settled(far, at)
        expect(at.count('group') + far.count('group')).toBe(60)
        const said = operationsOf(plainText(line.passages.flatMap(({ in: bytes }) => bytes)))
        const up = said.find(({ payload }) => payload === 'up')
        // A leaf node without a cluster has its own name as that of one.
        const origin = cluster === '' ? 'leaf' : 'LEAFS'
        expect(up).toMatchObject({ verb: 'LMSG', text: `${origin} $G plain 0 2` })
        expect(said.some(({ verb, text }) => verb === 'LS+' && text === `${origin} $G plain`)).toBe(true)
      },
    )

    test('streams and services of another account are imported from the other server', async () => {
      const { first, second } = await pair(ACCOUNTS)
      for (const [there, here] of [
        [first, second],
        [second, first],
      ]) {
        const [owner, importer] = [await Party.at(there, A), await Party.at(here, B)]
        await importer.subscribe('from.out.*')
        await owner.subscribe('ask')
        await importer.subscribe('inbox')
        await until('a message of a stream', () => {
          owner.publish('out.1', 'news')
          return importer.count('from.out.1') > 0
        })
        await until('a request', () => {
          importer.publish('ask.a', 'question', 'inbox')
          return owner.count('ask') > 0
        })
        const reply = owner.heard.find(({ subject }) => subject === 'ask')?.reply ?? ''
        owner.publish(reply, 'answer')
        await until('the answer', () => importer.on('inbox').includes('answer'))
        for (const party of [owner, importer]) await party.client.close()
      }
    })
  },
)
