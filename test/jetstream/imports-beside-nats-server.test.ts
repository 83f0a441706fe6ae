// Streams of another account, by imports, beside nats-server: what is asked for comes back, under the reply subject that
// clients read, and is acknowledged where that is imported too.

import type { Msg } from '@nats-io/nats-core'
import { describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { withBoth } from './beside.ts'
import { StreamClient } from './client.ts'

const CONFIG = `jetstream: enabled
accounts {
  A {
    jetstream: enabled
    users [{ user: a, password: a }]
    exports [{ service: "$JS.API.>", response: stream }, { service: "$JS.ACK.>" }, { stream: "to.>" }]
  }
  B {
    users [{ user: b, password: b }]
    imports [
      { service { account: A, subject: "$JS.API.>" }, to: "of.A.>" }
      { service { account: A, subject: "$JS.ACK.>" } }
      { stream { account: A, subject: "to.>" } }
    ]
  }
  C {
    users [{ user: c, password: c }]
    imports [{ service { account: A, subject: "$JS.API.>" } }]
  }
}
`

const shown = ({ headers, reply, subject }: Msg): unknown => {
  return [subject, reply?.replace(/\.\d{19}\./, '.time.'), headers?.code]
}

/** What an account hears that asks for messages, and what becomes of its acknowledgement. */
async function talk(port: number): Promise<unknown[]> {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((user) => StreamClient.open(port, { user, pass: user })))
  await a.create('S')
  for (let i = 1; i <= 3; i++) await a.put('S.x', String(i))
  const heard: unknown[] = []
  for (const [client, prefix, name] of [
    [b, 'of.A', 'B'],
    [c, '$JS.API', 'C'],
  ] as const) {
    await a.ask(`CONSUMER.CREATE.S.${name}`, { stream_name: 'S', config: { name, ack_policy: 'explicit' } })
    const { next } = await client.listen('inbox')
    const ask = (body: object): void => {
      client.connection.publish(`${prefix}.CONSUMER.MSG.NEXT.S.${name}`, JSON.stringify(body), { reply: 'inbox' })
    }
    ask({ batch: 1 })
    const message = await next()
    heard.push(shown(message), message.string())
    const answer = client.connection.request(message.reply ?? '', '', { timeout: 1000 })
    heard.push(
      await answer.then(
        ({ data }) => data.length,
        (error: Error) => error.name,
      ),
    )
    ask({ batch: 5, no_wait: true })
    heard.push(shown(await next()), shown(await next()), shown(await next()))
    heard.push((await a.ask(`CONSUMER.INFO.S.${name}`))['num_ack_pending'])
  }
  await a.ask('CONSUMER.CREATE.S.P', {
    stream_name: 'S',
    config: { name: 'P', deliver_subject: 'to.you', ack_policy: 'explicit' },
  })
  const { next } = await b.listen('to.you')
  const pushed = await next()
  heard.push(shown(pushed))
  heard.push((await b.connection.request(pushed.reply ?? '', '')).data.length)
  return heard
}

describe.skipIf(missing('natsServer', 'imports of streams beside nats-server'))('streams by imports', () => {
  test.each([0, 2])('with %i workers, are as those of nats-server', async (workers) => {
    const [theirs, ours] = await withBoth(CONFIG, workers, talk)
    expect(ours).toEqual(theirs)
  })
})
