// Publishing and subscribing, on Heddle and on nats-server.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ClosedConnectionError,
  DrainingConnectionError,
  Empty,
  headers,
  InvalidArgumentError,
  InvalidOperationError,
  InvalidSubjectError,
  type Msg,
  TimeoutError,
} from '../../src/client/index.ts'
import { missing, peers } from '../support/peers.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { startNatsServer, startServer } from '../support/server.ts'
import { within } from '../support/until.ts'
import { client, collect, nextStatus, rejection } from './support.ts'

interface Running {
  readonly port: number
  stop(): Promise<unknown>
}

const SERVERS: readonly (readonly [name: string, start: () => Promise<Running>])[] = [
  [
    'Heddle',
    async () => {
      const server = await startServer({ workers: 2 })
      return { port: server.port, stop: () => server.close() }
    },
  ],
  ['nats-server', () => startNatsServer(peers.natsServer ?? '')],
]

for (const [name, start] of SERVERS) {
  describe.skipIf(name !== 'Heddle' && missing('natsServer', 'the client on nats-server'))(`on ${name}`, () => {
    let server: Running
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server.stop())
    const connect = () => client({ port: server.port })

    test('a message comes with its subject, payload, reply and headers', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('orders.*')
      const h = headers()
      h.set('Trace', 'one')
      h.append('Trace', 'two')
      nc.publish('orders.new', 'péyload', { reply: 'answers', headers: h })
      const [message] = await collect(subscription, 1)
      expect(message.subject).toBe('orders.new')
      expect(message.string()).toBe('péyload')
      expect(message.reply).toBe('answers')
      expect(message.sid).toBe(subscription.getID())
      expect(message.headers?.values('Trace')).toEqual(['one', 'two'])
      expect(message.headers?.get('trace')).toBe('')
    })

    test('a message without reply, headers and payload has none', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('bare')
      nc.publish('bare')
      const [message] = await collect(subscription, 1)
      expect(message.reply).toBe('')
      expect(message.headers).toBeUndefined()
      expect(message.data).toEqual(Empty)
      expect(message.respond('nobody')).toBe(false)
    })

    test('payloads of every size come back as they were', async () => {
      const random = new Random(chooseSeed('client payloads'))
      const nc = await connect()
      const subscription = nc.subscribe('sizes')
      const sizes = [0, 1, 47, 48, 49, 255, 256, 257, 65_000, 65_536, 65_537, 200_000, 1_048_576]
      const payloads = sizes.map((size) => Uint8Array.from({ length: size }, () => random.below(256)))
      for (const payload of payloads) nc.publish('sizes', payload)
      const messages = await within('all sizes', collect(subscription, payloads.length))
      for (const [i, payload] of payloads.entries()) expect(Buffer.compare(messages[i].data, payload)).toBe(0)
    })

    test('texts come back as they were, ASCII or not, short or long', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('texts')
      const texts = ['', 'a', 'é', 'aé', '😀', 'x'.repeat(256), `${'x'.repeat(255)}é`, 'ü'.repeat(5_000)]
      for (const one of texts) nc.publish('texts', one)
      expect((await collect(subscription, texts.length)).map((message) => message.string())).toEqual(texts)
    })

    test('a payload may be changed as soon as publish has returned', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('reused')
      const payload = new Uint8Array(4)
      for (let i = 0; i < 3; i++) nc.publish('reused', payload.fill(i))
      expect((await collect(subscription, 3)).map(({ data }) => [...data])).toEqual([0, 1, 2].map((i) => [i, i, i, i]))
    })

    test('messages keep what they say after later ones have been read', async () => {
      const nc = await connect()
      const kept: Msg[] = []
      nc.subscribe('kept.*', { callback: (_, message) => kept.push(message) })
      for (let i = 0; i < 5_000; i++) nc.publish(`kept.${i % 7}`, `payload ${i}`, { reply: `r.${i}` })
      await nc.flush()
      expect(kept.length).toBe(5_000)
      for (const [i, message] of kept.entries()) {
        expect(message.string()).toBe(`payload ${i}`)
        expect(message.subject).toBe(`kept.${i % 7}`)
        expect(message.reply).toBe(`r.${i}`)
      }
    })

    test('subjects beyond ASCII are subjects', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('straße.*')
      nc.publish('straße.é', 'there')
      const [message] = await collect(subscription, 1)
      expect(message.subject).toBe('straße.é')
    })

    test('of a queue one subscription gets each message', async () => {
      const nc = await connect()
      let count = 0
      for (let i = 0; i < 3; i++) nc.subscribe('work', { queue: 'workers', callback: () => count++ })
      for (let i = 0; i < 100; i++) nc.publish('work')
      await nc.flush()
      expect(count).toBe(100)
    })

    test('a subscription with max ends by itself', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('limited', { max: 3 })
      for (let i = 0; i < 10; i++) nc.publish('limited', `${i}`)
      expect((await collect(subscription)).map((message) => message.string())).toEqual(['0', '1', '2'])
      expect(subscription.isClosed()).toBe(true)
      expect(subscription.getReceived()).toBe(3)
      expect(await subscription.closed).toBeUndefined()
    })

    test('unsubscribe(max) counts from the beginning', async () => {
      const nc = await connect()
      let count = 0
      const subscription = nc.subscribe('later', { callback: () => count++ })
      nc.publish('later')
      await nc.flush()
      subscription.unsubscribe(2)
      expect(subscription.getMax()).toBe(2)
      for (let i = 0; i < 5; i++) nc.publish('later')
      await nc.flush()
      expect(count).toBe(2)
      expect(subscription.isClosed()).toBe(true)
    })

    test('unsubscribe in a callback ends it at once', async () => {
      const nc = await connect()
      let count = 0
      const subscription = nc.subscribe('once', {
        callback: () => {
          count++
          subscription.unsubscribe()
        },
      })
      for (let i = 0; i < 5; i++) nc.publish('once')
      await nc.flush()
      expect(count).toBe(1)
    })

    test('leaving an iteration unsubscribes', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('left')
      for (let i = 0; i < 5; i++) nc.publish('left')
      for await (const _ of subscription) break
      expect(subscription.isClosed()).toBe(true)
      expect(subscription.getPending()).toBe(0)
    })

    test('batches have all messages that are there', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('batch', { max: 100 })
      for (let i = 0; i < 100; i++) nc.publish('batch', `${i}`)
      const seen: string[] = []
      let batches = 0
      for await (const batch of subscription.batches()) {
        batches++
        for (const message of batch) seen.push(message.string())
      }
      expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`))
      expect(batches).toBeLessThan(100)
    })

    test('a subscription that hears nothing in time ends with TimeoutError', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('silence', { timeout: 20 })
      await expect(collect(subscription)).rejects.toBeInstanceOf(TimeoutError)
      expect(await subscription.closed).toBeInstanceOf(TimeoutError)
      const { promise, resolve } = Promise.withResolvers<Error | null>()
      nc.subscribe('silence', { timeout: 20, callback: (error) => resolve(error) })
      expect(await promise).toBeInstanceOf(TimeoutError)
    })

    test('the first message ends the wait for it', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('heard', { timeout: 15_000, max: 1 })
      nc.publish('heard')
      expect((await collect(subscription)).length).toBe(1)
    })

    test('a signal ends a subscription', async () => {
      const nc = await connect()
      const controller = new AbortController()
      const subscription = nc.subscribe('aborted', { signal: controller.signal })
      controller.abort()
      expect(await collect(subscription)).toEqual([])
      expect(nc.subscribe('aborted', { signal: AbortSignal.abort() }).isClosed()).toBe(true)
    })

    test('a subscription with a callback is not iterated over', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('called', { callback: () => undefined })
      expect(() => subscription[Symbol.asyncIterator]()).toThrow(InvalidOperationError)
    })

    test('drain of a subscription lets come what is on its way', async () => {
      const nc = await connect()
      const got: string[] = []
      const subscription = nc.subscribe('drained')
      const reading = (async () => {
        for await (const message of subscription) got.push(message.string())
      })()
      for (let i = 0; i < 100; i++) nc.publish('drained', `${i}`)
      await subscription.drain()
      await reading
      expect(got.length).toBe(100)
      expect(subscription.isClosed()).toBe(true)
      nc.publish('drained')
      await nc.flush()
      expect(subscription.getReceived()).toBe(100)
    })

    test('drain of a connection processes and sends everything, and closes', async () => {
      const [nc, other] = [await connect(), await connect()]
      let answered = 0
      other.subscribe('answers', { callback: () => answered++ })
      await other.flush()
      const subscription = nc.subscribe('questions')
      const answering = (async () => {
        for await (const _ of subscription) nc.publish('answers')
      })()
      await nc.flush()
      for (let i = 0; i < 1_000; i++) other.publish('questions')
      await other.flush()
      const draining = nc.drain()
      expect(() => nc.subscribe('more')).toThrow(DrainingConnectionError)
      await expect(nc.drain()).rejects.toBeInstanceOf(DrainingConnectionError)
      await draining
      await answering
      await other.flush()
      expect(answered).toBe(1_000)
      expect(nc.isClosed()).toBe(true)
      expect(() => nc.publish('more')).toThrow(ClosedConnectionError)
    })

    test('await using drains', async () => {
      const other = await connect()
      let count = 0
      other.subscribe('used', { callback: () => count++ })
      await other.flush()
      let closed: Promise<Error | undefined>
      {
        await using nc = await connect()
        closed = nc.closed()
        await using _subscription = nc.subscribe('unused')
        nc.publish('used')
      }
      expect(await closed).toBeUndefined()
      await other.flush()
      expect(count).toBe(1)
    })

    test('what a message is refused for leaves no trace on the wire', async () => {
      const nc = await connect()
      for (const wrong of ['', 'a b', 'a\r\nPUB b 0', 'a\tb', 'é b']) {
        expect(() => nc.publish(wrong), wrong).toThrow(InvalidSubjectError)
        expect(() => nc.subscribe(wrong), wrong).toThrow(InvalidSubjectError)
      }
      expect(() => nc.publish('a', '', { reply: 'b c' })).toThrow(InvalidSubjectError)
      expect(() => nc.publish('a', new Uint8Array(1024 * 1024 + 1))).toThrow(InvalidArgumentError)
      expect(() => nc.publish('a', 5 as unknown as string)).toThrow(InvalidArgumentError)
      expect(() => nc.subscribe('a', { queue: 'b c' })).toThrow(InvalidArgumentError)
      const h = headers()
      expect(() => h.set('a:b', 'c')).toThrow(InvalidArgumentError)
      expect(() => h.set('a', 'b\r\nc: d')).toThrow(InvalidArgumentError)
      const subscription = nc.subscribe('a')
      nc.publish('a', 'fine')
      expect((await collect(subscription, 1))[0].string()).toBe('fine')
    })

    test('with noEcho own messages do not come back', async () => {
      const nc = await client({ port: server.port, noEcho: true })
      let count = 0
      nc.subscribe('echo', { callback: () => count++ })
      nc.publish('echo')
      await nc.flush()
      expect(count).toBe(0)
    })

    test('more waiting messages than wanted are reported once, and beyond the bound dropped', async () => {
      const nc = await connect()
      const reported = nextStatus(nc, 'slowConsumer')
      const subscription = nc.subscribe('slow', { slow: 10, maxPending: 20 })
      for (let i = 0; i < 50; i++) nc.publish('slow', `${i}`)
      const { sub, pending } = await reported
      expect(sub).toBe(subscription)
      expect(pending).toBe(11)
      await nc.flush()
      expect(subscription.getPending()).toBe(20)
      expect(subscription.getDropped()).toBe(30)
      expect((await collect(subscription, 20)).map((message) => message.string())).toEqual(
        Array.from({ length: 20 }, (_, i) => `${i}`),
      )
    })

    test('statistics count both directions', async () => {
      const nc = await connect()
      nc.subscribe('counted', { callback: () => undefined })
      const before = nc.stats()
      for (let i = 0; i < 10; i++) nc.publish('counted', 'x')
      await nc.flush()
      const after = nc.stats()
      expect(after.outMsgs - before.outMsgs).toBe(10)
      expect(after.inMsgs - before.inMsgs).toBe(10)
      expect(after.outBytes).toBeGreaterThan(before.outBytes)
      expect(after.inBytes).toBeGreaterThan(before.inBytes)
      expect(await nc.rtt()).toBeGreaterThan(0)
      expect(nc.info?.max_payload).toBe(1024 * 1024)
      expect(nc.getServer()).toBe(`127.0.0.1:${server.port}`)
      expect(nc.bufferedAmount).toBe(0)
    })

    test('messages are handed on and answered whole', async () => {
      const nc = await connect()
      const copies = nc.subscribe('copies', { max: 1 })
      const answers = nc.subscribe('answers.here', { max: 1 })
      const subscription = nc.subscribe('copied', {
        callback: (_, message) => {
          nc.publishMessage({ ...whole(message), subject: 'copies' })
          expect(nc.respondMessage(message)).toBe(true)
        },
      })
      const h = headers()
      h.set('a', 'b')
      nc.publish('copied', 'data', { reply: 'answers.here', headers: h })
      const [[copy], [answer]] = await Promise.all([collect(copies), collect(answers)])
      for (const message of [copy, answer]) {
        expect(message.string()).toBe('data')
        expect(message.headers?.get('a')).toBe('b')
      }
      expect(copy.reply).toBe('answers.here')
      subscription.unsubscribe()
    })

    test('closing ends everything that waits', async () => {
      const nc = await connect()
      const subscription = nc.subscribe('ended')
      const reading = collect(subscription)
      const events = collect(nc.status())
      const request = rejection(nc.request('ended', '', { timeout: 10_000 }))
      await nc.close()
      expect((await request).cause).toBeInstanceOf(ClosedConnectionError)
      expect(await reading).toEqual([])
      expect((await events).at(-1)).toEqual({ type: 'close' })
      expect(await nc.closed()).toBeUndefined()
      expect(nc.isClosed()).toBe(true)
      expect(() => nc.publish('a')).toThrow(ClosedConnectionError)
      expect(() => nc.subscribe('a')).toThrow(ClosedConnectionError)
      await expect(nc.request('a')).rejects.toBeInstanceOf(ClosedConnectionError)
      await expect(nc.flush()).rejects.toBeInstanceOf(ClosedConnectionError)
      await expect(nc.rtt()).rejects.toBeInstanceOf(ClosedConnectionError)
      await expect(nc.drain()).rejects.toBeInstanceOf(ClosedConnectionError)
      await nc.close()
    })

    test('what was published before close is sent', async () => {
      const [nc, other] = [await connect(), await connect()]
      let count = 0
      other.subscribe('last', { callback: () => count++ })
      await other.flush()
      for (let i = 0; i < 10_000; i++) nc.publish('last', 'x'.repeat(50))
      await nc.close()
      await other.flush()
      expect(count).toBe(10_000)
    })
  })
}

/** The members of a message as a plain object. */
function whole(message: Msg): Msg {
  const { subject, sid, reply, data, headers: all } = message
  const methods = { respond: () => false, json: () => JSON.parse(''), string: () => '', size: () => 0 }
  return { subject, sid, reply, data, headers: all, ...methods }
}
