// Requests and their replies.

import { describe, expect, test } from 'vitest'
import {
  createInbox,
  headers,
  InvalidArgumentError,
  type Msg,
  type NatsConnection,
  NoRespondersError,
  RequestError,
  TimeoutError,
} from '../../src/client/index.ts'
import { useServer } from '../support/harness.ts'
import { within } from '../support/until.ts'
import { client, collect, rejection } from './support.ts'

describe('requests', () => {
  const running = useServer({ workers: 1 })
  const connect = (options = {}) => client({ port: running.port, ...options })

  /** Answers each request with so many replies. */
  function respond(nc: NatsConnection, subject: string, ...replies: string[]): void {
    nc.subscribe(subject, {
      callback: (_, message) => {
        for (const reply of replies) message.respond(reply)
      },
    })
  }

  test('the first reply is the answer', async () => {
    const nc = await connect()
    respond(nc, 'q', 'one', 'two')
    expect((await nc.request('q')).string()).toBe('one')
    expect((await nc.request('q', 'payload', { timeout: 1_000 })).string()).toBe('one')
  })

  test('many at a time get each its own', async () => {
    const nc = await connect()
    nc.subscribe('double', { callback: (_, message) => message.respond(`${Number(message.string()) * 2}`) })
    const answers = await Promise.all(Array.from({ length: 1_000 }, (_, i) => nc.request('double', `${i}`)))
    expect(answers.map((message) => message.string())).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i * 2}`))
    expect(answers[7].subject).toMatch(/^_INBOX\.\w{22}\.\d+$/)
  })

  test('a prefix of inboxes may have any letters', async () => {
    const nc = await connect({ inboxPrefix: '_ПОЧТА.é' })
    respond(nc, 'q', 'one')
    expect((await nc.request('q')).string()).toBe('one')
  })

  test('an iteration answers as a callback does', async () => {
    const nc = await connect()
    const serving = (async () => {
      for await (const message of nc.subscribe('served', { max: 100 })) message.respond(message.data)
    })()
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => nc.request('served', `${i}`)))
    expect(answers.map((message) => message.string())).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`))
    await serving
  })

  test('headers go both ways', async () => {
    const nc = await connect()
    nc.subscribe('h', {
      callback: (_, message) => {
        const h = headers(200, 'fine')
        h.set('echo', message.headers?.get('ask') ?? '')
        message.respond('', { headers: h })
      },
    })
    const h = headers()
    h.set('ask', 'this')
    const answer = await nc.request('h', '', { timeout: 1_000, headers: h })
    expect(answer.headers?.get('echo')).toBe('this')
    expect(answer.headers?.code).toBe(200)
    expect(answer.headers?.description).toBe('fine')
    expect(answer.headers?.hasError).toBe(false)
  })

  test('without anybody to answer it fails at once', async () => {
    const nc = await connect()
    for (const options of [
      { timeout: 10_000 },
      { timeout: 10_000, noMux: true },
      { timeout: 10_000, noMux: true, reply: createInbox() },
    ]) {
      const error = await rejection(nc.request('nobody', '', options))
      expect(error).toBeInstanceOf(RequestError)
      expect((error as RequestError).isNoResponders()).toBe(true)
      expect(error.cause).toBeInstanceOf(NoRespondersError)
      expect(error.message).toBe("no responders: 'nobody'")
    }
  })

  test('a status 503 with a payload is an answer', async () => {
    const nc = await connect()
    nc.subscribe('busy', { callback: (_, message) => message.respond('later', { headers: headers(503, 'busy') }) })
    const answer = await nc.request('busy')
    expect(answer.string()).toBe('later')
    expect(answer.headers?.status).toBe('503 busy')
  })

  test('without an answer in time it fails with TimeoutError', async () => {
    const nc = await connect()
    nc.subscribe('silent', { callback: () => undefined })
    for (const noMux of [false, true]) {
      expect(await rejection(nc.request('silent', '', { timeout: 20, noMux }))).toBeInstanceOf(TimeoutError)
    }
  })

  test('timeouts of different lengths do not disturb each other', async () => {
    const nc = await connect()
    nc.subscribe('silent', { callback: () => undefined })
    respond(nc, 'quick', 'yes')
    const order: number[] = []
    const waits = [60, 15, 30].map((timeout) =>
      nc.request('silent', '', { timeout }).catch(() => {
        order.push(timeout)
      }),
    )
    expect((await nc.request('quick')).string()).toBe('yes')
    await Promise.all(waits)
    expect(order).toEqual([15, 30, 60])
  })

  test('an answer that comes too late is nobody’s', async () => {
    const nc = await connect()
    const late: Msg[] = []
    nc.subscribe('late', { callback: (_, message) => late.push(message) })
    await rejection(nc.request('late', '', { timeout: 15 }))
    late[0].respond('too late')
    respond(nc, 'next', 'in time')
    expect((await nc.request('next')).string()).toBe('in time')
  })

  test('a reply subject of one’s own is used', async () => {
    const nc = await connect()
    nc.subscribe('where', { callback: (_, message) => message.respond(message.reply) })
    const options = { timeout: 1_000, noMux: true, reply: 'over.here' }
    expect((await nc.request('where', '', options)).string()).toBe('over.here')
  })

  test('an inbox prefix is that of all reply subjects', async () => {
    const nc = await connect({ inboxPrefix: 'mine.only' })
    nc.subscribe('where', { callback: (_, message) => message.respond(message.reply) })
    for (const noMux of [false, true]) {
      expect((await nc.request('where', '', { timeout: 1_000, noMux })).string()).toMatch(/^mine\.only\.\w{22}/)
    }
    for (const inboxPrefix of ['', 'a b', 'a.*', 'a.>', '.a', 'a.']) {
      expect(await rejection(connect({ inboxPrefix })), inboxPrefix).toBeInstanceOf(InvalidArgumentError)
    }
  })

  test('a signal gives a request up with its reason', async () => {
    const nc = await connect()
    nc.subscribe('silent', { callback: () => undefined })
    const controller = new AbortController()
    const asked = rejection(nc.request('silent', '', { timeout: 10_000, signal: controller.signal }))
    controller.abort(new Error('no longer'))
    expect((await asked).message).toBe('no longer')
    const signal = AbortSignal.abort(new Error('never'))
    expect((await rejection(nc.request('silent', '', { timeout: 1_000, signal }))).message).toBe('never')
  })

  test('what cannot be asked is refused', async () => {
    const nc = await connect()
    const wrong = [
      nc.request('a', '', { timeout: 0 }),
      nc.request('a', '', { timeout: -1 }),
      nc.request('a', '', { timeout: 10, reply: 'b' }),
      nc.request('a', new Uint8Array(2 * 1024 * 1024)),
      nc.requestMany('a', '', { maxWait: 0 }),
      nc.requestMany('a', '', { strategy: 'count' }),
    ]
    for (const promise of wrong) expect(await rejection(promise)).toBeInstanceOf(InvalidArgumentError)
    expect((await rejection(nc.request('a b'))).name).toBe('InvalidSubjectError')
    expect((await rejection(nc.request(''))).name).toBe('InvalidSubjectError')
  })

  test('requestMany: until so many have come', async () => {
    const nc = await connect()
    respond(nc, 'many', 'a', 'b', 'c', 'd')
    for (const noMux of [false, true]) {
      const replies = await nc.requestMany('many', '', { strategy: 'count', maxMessages: 3, maxWait: 10_000, noMux })
      expect((await collect(replies)).map((message) => message.string())).toEqual(['a', 'b', 'c'])
    }
  })

  test('requestMany: until the time is over', async () => {
    const nc = await connect()
    respond(nc, 'many', 'a', 'b')
    respond(nc, 'many', 'c')
    const replies = await nc.requestMany('many', '', { maxWait: 500 })
    expect((await collect(replies)).length).toBe(3)
  })

  test('requestMany: until nothing came for a while', async () => {
    const nc = await connect()
    respond(nc, 'many', 'a', 'b')
    const replies = await nc.requestMany('many', '', { strategy: 'stall', stall: 300, maxWait: 15_000 })
    expect((await within('the stall', collect(replies))).length).toBe(2)
  })

  test('requestMany: until an empty message', async () => {
    const nc = await connect()
    respond(nc, 'many', 'a', 'b', '', 'c')
    const replies = await nc.requestMany('many', '', { strategy: 'sentinel', maxWait: 15_000 })
    expect((await collect(replies)).map((message) => message.string())).toEqual(['a', 'b'])
  })

  test('requestMany: nobody to answer, a signal, leaving', async () => {
    const nc = await connect()
    expect((await rejection(collect(await nc.requestMany('nobody')))).cause).toBeInstanceOf(NoRespondersError)
    respond(nc, 'many', 'a', 'b')
    const controller = new AbortController()
    const replies = await nc.requestMany('many', '', { maxWait: 15_000, signal: controller.signal })
    const reading = rejection(collect(replies))
    await nc.flush()
    controller.abort(new Error('enough'))
    expect((await reading).message).toBe('enough')
    for await (const message of await nc.requestMany('many', '', { maxWait: 15_000 })) {
      expect(message.string()).toBe('a')
      break
    }
  })

  test('what a callback throws is an uncaught exception, and the connection goes on', async () => {
    const nc = await connect()
    const before = process.rawListeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const thrown = new Promise<Error>((resolve) => process.once('uncaughtException', resolve))
    nc.subscribe('throws', {
      callback: () => {
        throw new Error('a bug')
      },
    })
    respond(nc, 'throws', 'still there')
    expect((await nc.request('throws')).string()).toBe('still there')
    expect((await thrown).message).toBe('a bug')
    for (const listener of before) process.on('uncaughtException', listener as (error: Error) => void)
  })
})
