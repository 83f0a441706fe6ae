// The client that acts for an HTTP connection, against a server that says what a test makes it say, and when.

import { expect, test } from 'vitest'
import type { TransportEvents } from '../../src/client/transport.ts'
import { NatsClient } from '../../src/http/nats-client.ts'
import { isProblem } from '../../src/http/problems.ts'
import { until } from '../support/until.ts'

const INFO = { server_id: 'S', version: '2.12.0', proto: 1, headers: true, max_payload: 100, client_id: 1 }
const NOTHING = new Uint8Array(0)

/** Both ends of a connection without a network. */
class Stage {
  said = ''
  ends = 0
  isClosed = false
  private events: TransportEvents | undefined

  open(auth?: { user: string; pass: string }) {
    return NatsClient.open(
      { auth, name: 'n' },
      async ({ events }) => {
        this.events = events
        setImmediate(() => this.say(`INFO ${JSON.stringify(INFO)}\r\n`))
        return {
          isSecure: true,
          bufferedAmount: 0,
          write: (bytes, taken) => {
            this.said += Buffer.from(bytes).toString()
            taken()
          },
          defer: (callback) => void setImmediate(callback),
          close: () => this.hangUp(),
          destroy: () => this.hangUp(),
        }
      },
      () => void this.ends++,
    )
  }

  /** Has logged in. */
  async client(): Promise<NatsClient> {
    const opened = this.open()
    await until('CONNECT', () => this.said.endsWith('PING\r\n'))
    this.said = ''
    this.say('PONG\r\n')
    const client = await opened
    if (isProblem(client)) throw new Error(client.text)
    return client
  }

  say(text: string): void {
    this.events?.received(Buffer.from(text))
  }

  hangUp(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.events?.ended(new Error('the server closed the connection'))
  }
}

const message = (subject: string) => ({ subject, headers: undefined, payload: NOTHING })

/** Whether a promise has been settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open')
  await new Promise(setImmediate)
  return (await Promise.race([promise, Promise.resolve(open)])) !== open
}

test('a refused login is a problem', async () => {
  const stage = new Stage()
  const opened = stage.open({ user: 'u', pass: 'p' })
  await until('CONNECT', () => stage.said.endsWith('PING\r\n'))
  expect(stage.said).toMatch(/"user":"u","pass":"p"/)
  stage.say("-ERR 'Authorization Violation'\r\n")
  stage.hangUp()
  expect(await opened).toMatchObject({ status: 401, code: 'unauthorized' })
  expect(stage.ends).toBe(0)
})

test('a PONG is that of the operation that asked for it, also when a request has given up before', async () => {
  const stage = new Stage()
  const client = await stage.client()
  expect(await client.request(message('slow'), 1)).toMatchObject({ status: 504 })
  const published = client.publish(message('no'))
  stage.say('PONG\r\n')
  expect(await isSettled(published)).toBe(false)
  stage.say('-ERR \'Permissions Violation for Publish to "no"\'\r\nPONG\r\n')
  expect(await published).toMatchObject({ status: 403, code: 'permission_violation' })
  const again = client.publish(message('yes'))
  stage.say('PONG\r\n')
  expect(await again).toBeUndefined()
})

test('a late answer to one request is not taken for that to the next', async () => {
  const stage = new Stage()
  const client = await stage.client()
  expect(await client.request(message('a'), 1)).toMatchObject({ status: 504 })
  const next = client.request(message('b'), 60_000)
  stage.say('PONG\r\nMSG x 1 4\r\nlate\r\nPONG\r\n')
  expect(await isSettled(next)).toBe(false)
  stage.say('MSG x 2 2\r\nok\r\n')
  const answer = await next
  expect(isProblem(answer) ? answer : Buffer.from(answer.data).toString()).toBe('ok')
})

test('an error about no operation ends it, and so does the server', async () => {
  const removed = new Stage()
  const client = await removed.client()
  const subscribed = client.subscribe('news', '', () => undefined)
  removed.say('PONG\r\n')
  expect(await subscribed).toBeUndefined()
  removed.say('-ERR \'Permissions Violation for Subscription to "news" (sid "1")\'\r\n')
  expect([removed.ends, removed.isClosed, client.end?.status]).toEqual([1, true, 403])

  const lost = new Stage()
  const other = await lost.client()
  const asked = other.request(message('a'), 60_000)
  lost.say('PONG\r\n')
  lost.hangUp()
  expect(await asked).toMatchObject({ status: 503, code: 'unavailable' })
  expect(await other.publish(message('b'))).toMatchObject({ status: 503 })
  expect(lost.ends).toBe(1)
})

test('what INFO says of the largest payload holds', async () => {
  const stage = new Stage()
  const client = await stage.client()
  expect(client.payloadMax).toBe(100)
  stage.say(`INFO ${JSON.stringify({ ...INFO, max_payload: 7, headers: false })}\r\n`)
  expect([client.payloadMax, client.hasHeaders]).toEqual([7, false])
})
