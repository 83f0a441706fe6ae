// Streams of a hub in a domain of its own, used by clients of its leaf node.

import { describe, expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import { until } from '../support/until.ts'
import { Party, untilLinked } from './parties.ts'
import { heddle, type Kind, leafPortOf, NATS_SERVER, start } from './servers.ts'

const PAIRS: readonly (readonly [hub: Kind, leaf: Kind])[] = [
  [heddle(2), heddle(2)],
  ...(missing('natsServer', 'streams of nats-server over leaf nodes')
    ? []
    : ([
        [NATS_SERVER, heddle(2)],
        [heddle(2), NATS_SERVER],
      ] as const)),
]

/** Asks, and resolves with the answer. */
async function request(party: Party, subject: string, payload: string): Promise<Record<string, unknown>> {
  const reply = `inbox.${Math.random().toString(36).slice(2)}`
  await party.subscribe(reply)
  party.publish(subject, payload, reply)
  await until(`the answer to ${subject}`, () => party.count(reply) > 0)
  return JSON.parse(party.on(reply)[0])
}

describe.each(PAIRS.map((kinds) => [kinds[0].name, kinds[1].name, kinds] as const))(
  'hub %s, leaf %s',
  (_h, _l, kinds) => {
    test('a stream of the hub is made, filled and read through its domain', async () => {
      const folder = scratchDirectory()
      const jetstream = `jetstream { store_dir: "${folder}/js", domain: hub }`
      const hub = await start(kinds[0], folder, 'HUB', `leafnodes { listen: "127.0.0.1:-1" }\n${jetstream}`)
      const remotes = `remotes: [ { url: "nats://127.0.0.1:${await leafPortOf(hub)}" } ]`
      const leaf = await start(kinds[1], folder, 'LEAF', `leafnodes { ${remotes} }`)
      const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
      await untilLinked(atHub, atLeaf)
      await untilLinked(atLeaf, atHub)
      const created = await request(atLeaf, '$JS.hub.API.STREAM.CREATE.S', '{"name":"S","subjects":["s.>"]}')
      expect(created).toMatchObject({ config: { name: 'S' } })
      expect(await request(atLeaf, 's.a', 'one')).toMatchObject({ stream: 'S', seq: 1, domain: 'hub' })
      const consumer = '{"stream_name":"S","config":{"durable_name":"D","ack_policy":"explicit"}}'
      await request(atLeaf, '$JS.hub.API.CONSUMER.DURABLE.CREATE.S.D', consumer)
      await atLeaf.subscribe('pulled')
      atLeaf.publish('$JS.hub.API.CONSUMER.MSG.NEXT.S.D', '1', 'pulled')
      const message = await until('the message', () => atLeaf.heard.find(({ payload }) => payload.toString() === 'one'))
      expect(message.subject).toBe('s.a')
      expect(message.reply).toMatch(/^\$JS\.ACK\./)
      atLeaf.publish(message.reply, '+ACK')
      await until('the acknowledgement to count', async () => {
        const info = await request(atHub, '$JS.API.CONSUMER.INFO.S.D', '')
        return info['num_ack_pending'] === 0
      })
    })
  },
)
