// Switching from nats.js is a change of import: the same programs do the same with both.

import * as theirs from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import * as ours from '../../src/client/index.ts'
import { useServer } from '../support/harness.ts'

type Library = typeof ours

const running = useServer({ workers: 2 })

/** What a promise comes to, as texts: the names of errors and of what caused them. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise
  } catch (thrown) {
    const { name, message, cause } = thrown as Error & { cause?: Error }
    // The name of the class, but for one: there it is "NoResponders".
    return [name, message, cause?.constructor.name, cause?.message]
  }
}

const thrownBy = (act: () => unknown): Promise<unknown> => outcome(Promise.resolve().then(act))

/** Programs that answer what they saw. */
const PROGRAMS: Record<string, (lib: Library, options: ours.ConnectionOptions) => Promise<unknown>> = {
  async 'messages and their parts'({ connect, headers }, options) {
    const nc = await connect(options)
    const sub = nc.subscribe('a.>', { max: 3 })
    const h = headers()
    h.set('one', 'two')
    nc.publish('a.b', 'text', { reply: 'r' })
    nc.publish('a.c.d', new Uint8Array([1, 2]), { headers: h })
    nc.publish('a.e')
    const seen: unknown[] = []
    for await (const m of sub) {
      seen.push([m.subject, m.reply, [...m.data], m.headers?.get('one'), m.string(), m.sid])
    }
    seen.push(sub.isClosed(), sub.getReceived(), sub.getSubject())
    await nc.close()
    return [seen, nc.isClosed(), await nc.closed()]
  },

  async 'requests and how they fail'({ connect }, options) {
    const nc = await connect(options)
    nc.subscribe('q', { callback: (_, m) => void m.respond(m.string().toUpperCase()) })
    nc.subscribe('silent', { callback: () => undefined })
    return [
      (await nc.request('q', 'hello')).string(),
      (await nc.request('q', 'own', { timeout: 1_000, noMux: true })).string(),
      await outcome(nc.request('nobody')),
      await outcome(nc.request('silent', '', { timeout: 20 })),
      await outcome(nc.request('q', '', { timeout: 10, reply: 'x' })),
      await nc.close(),
      await outcome(nc.request('q')),
    ]
  },

  async 'what is refused'({ connect }, options) {
    const nc = await connect(options)
    const sub = nc.subscribe('cb', { callback: () => undefined })
    return [
      await thrownBy(() => nc.publish('')),
      await thrownBy(() => nc.publish('a b')),
      await thrownBy(() => nc.subscribe('a b')),
      await thrownBy(() => nc.publish('a', new Uint8Array(2 * 1024 * 1024))),
      await nc.drain(),
      await thrownBy(() => nc.publish('a')),
      await thrownBy(() => nc.subscribe('a')),
      await outcome(nc.drain()),
      await outcome(nc.flush()),
      sub.isClosed(),
    ]
  },

  async 'requestMany by each strategy'({ connect }, options) {
    const nc = await connect(options)
    for (const answer of ['1', '2', '']) nc.subscribe('many', { callback: (_, m) => void m.respond(answer) })
    const all: unknown[] = []
    for (const more of [
      { strategy: 'timer', maxWait: 500 },
      { strategy: 'count', maxMessages: 2, maxWait: 15_000 },
      { strategy: 'stall', stall: 300, maxWait: 15_000 },
    ] as const) {
      let count = 0
      for await (const _ of await nc.requestMany('many', '', more)) count++
      all.push(count)
    }
    await nc.close()
    return all
  },

  async draining({ connect }, options) {
    const nc = await connect(options)
    const got: string[] = []
    const sub = nc.subscribe('d')
    const done = (async () => {
      for await (const m of sub) got.push(m.string())
    })()
    for (let i = 0; i < 5; i++) nc.publish('d', `${i}`)
    await sub.drain()
    await done
    const draining = nc.drain()
    const refused = [await thrownBy(() => nc.subscribe('x')), await outcome(nc.request('x')), await outcome(nc.drain())]
    await draining
    return [got, refused, nc.isClosed()]
  },

  async 'a failed connect'({ connect }) {
    const [name] = (await outcome(connect({ servers: '127.0.0.1:1' }))) as unknown[]
    return [name, await outcome(connect({ servers: 'a', port: 1 }))]
  },

  async headers({ headers, canonicalMIMEHeaderKey, Match }) {
    const h = headers(404, 'not there')
    h.append('a', 'b')
    h.append('a', 'c')
    h.append('A', 'd')
    h.set('x-y', 'z', Match.CanonicalMIME)
    return [
      h.get('a'),
      h.last('a'),
      h.values('a', Match.IgnoreCase),
      h.has('b'),
      h.keys(),
      [...h],
      h.code,
      h.description,
      h.status,
      h.hasError,
      canonicalMIMEHeaderKey('content-type'),
      await thrownBy(() => h.set('a', 'b\r\n')).then((thrown) => (thrown as string[])[0] !== undefined),
    ]
  },

  async authenticators({ tokenAuthenticator, usernamePasswordAuthenticator }) {
    return [await tokenAuthenticator('t')(), await usernamePasswordAuthenticator('u', () => 'p')('nonce')]
  },

  async events({ connect }, options) {
    const nc = await connect({ ...options, reconnectTimeWait: 10, reconnectJitter: 1 })
    const types: string[] = []
    const watching = (async () => {
      for await (const { type } of nc.status()) {
        types.push(type)
        if (type === 'reconnect') await nc.close()
      }
    })()
    await nc.reconnect()
    await watching
    // There updates without a change are told as well, and the end only at times.
    return types.filter((type) => !['reconnecting', 'update', 'close'].includes(type))
  },
}

for (const [name, program] of Object.entries(PROGRAMS)) {
  test(name, async () => {
    const options = { port: running.port, timeout: 15_000 }
    expect(await program(ours, options)).toEqual(await program(theirs as unknown as Library, options))
  })
}

test('everything that this client has under a name of nats.js is a function or class there too', () => {
  const own = ['ReconnectBufferExceededError']
  const missing = Object.keys(ours).filter((name) => !(name in theirs) && !own.includes(name))
  expect(missing).toEqual([])
})
