// What is told of requests to the API, beside nats-server.

import { describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { useBoth } from './beside.ts'
import { masked } from './conversation.ts'
import { Talk } from './talk.ts'

type Event = Readonly<Record<string, unknown>>

const STREAM = { name: 'S', storage: 'memory', subjects: ['S.>'], allow_direct: true }
const REQUESTS: readonly [subject: string, body?: unknown][] = [
  ['INFO'],
  ['INFO', 'some text'],
  ['STREAM.CREATE.S', STREAM],
  ['STREAM.CREATE.S', '{'],
  ['STREAM.INFO.S'],
  ['STREAM.INFO.none'],
  ['STREAM.NAMES'],
  ['STREAM.LIST', {}],
  ['STREAM.MSG.GET.S', { seq: 9 }],
  ['CONSUMER.CREATE.S.C', { stream_name: 'S', config: { durable_name: 'C', name: 'C', ack_policy: 'explicit' } }],
  ['CONSUMER.INFO.S.C'],
  ['CONSUMER.NAMES.S'],
  ['CONSUMER.LIST.S'],
  ['CONSUMER.PAUSE.S.C'],
  ['CONSUMER.DELETE.S.C'],
  ['STREAM.LEADER.STEPDOWN.S'],
  ['STREAM.MSG.DELETE.S', { seq: 1 }],
  ['STREAM.UPDATE.S', STREAM],
  ['STREAM.DELETE.S'],
]

/** What differs by chance, or is not ours to know, is replaced. */
function shown(event: Event): unknown {
  const client = event['client'] as Event
  const own = { id: 0, timestamp: 'a time', server: event['server'] === client['server'] ? 'it' : 'another' }
  const known = { ...client, start: 'a time', id: 0, ver: '', rtt: 0, server: 'it' }
  return { ...event, ...own, client: known, response: masked(JSON.parse(String(event['response']))) }
}

async function audit(port: number): Promise<unknown[]> {
  const [talk, listener] = [await Talk.begin(port), await Talk.begin(port)]
  try {
    const inbox = await listener.listen('$JS.EVENT.ADVISORY.API')
    const heard: unknown[] = []
    for (const [subject, body] of REQUESTS) {
      await talk.api(subject, body)
      const [message] = await listener.next(inbox)
      heard.push([subject, message === undefined ? undefined : shown(message.json())])
    }
    return heard
  } finally {
    await Promise.all([talk.end(), listener.end()])
  }
}

describe.skipIf(missing('natsServer', 'the audit of requests beside nats-server')).each([0, 2])(
  'with %i workers',
  (workers) => {
    const ports = useBoth(workers)

    test('each request that is answered is told of, as nats-server tells it', async () => {
      const [theirs, ours] = await Promise.all(ports().map(audit))
      for (const [i, heard] of ours.entries()) {
        expect(JSON.stringify(heard, undefined, 1)).toBe(JSON.stringify(theirs[i], undefined, 1))
      }
    })

    test('a message that is read, and requests to consumers, are not', async () => {
      for (const port of ports()) {
        const [talk, listener] = [await Talk.begin(port), await Talk.begin(port)]
        await talk.stream('Q', { allow_direct: true })
        await talk.put('Q.a', 'x')
        await talk.consumer('Q', { name: 'C', durable_name: 'C', ack_policy: 'explicit' })
        const inbox = await listener.listen('$JS.EVENT.ADVISORY.API')
        await talk.api('STREAM.MSG.GET.Q', { seq: 1 })
        await talk.connection.request('$JS.API.DIRECT.GET.Q', '{"seq":1}', { timeout: 5000 })
        await talk.pull('Q', 'C', undefined)
        await talk.api('CONSUMER.RESET.Q.C')
        await talk.api('STREAM.DELETE.Q')
        const told: string[] = []
        while (told.at(-1) !== '$JS.API.STREAM.DELETE.Q') {
          const [message] = await listener.next(inbox)
          told.push(String(message?.json<Event>()['subject']))
        }
        // nats-server may tell late of what was asked before.
        expect(told.filter((subject) => /GET|RESET|NEXT/.test(subject))).toEqual([])
        await Promise.all([talk.end(), listener.end()])
      }
    })
  },
)
