// The life of HTTP connections: limits, slow readers, reloads, the end of the server, pages and events about them, TLS,
// web pages of other origins.

import { once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import { connect as connectSocket } from 'node:net'
import { connect as connectSecure } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ServerOptions } from '../../src/index.ts'
import { EVENTS, Gateway, refusal } from '../support/http-gateway.ts'
import { until, within } from '../support/until.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

interface Row {
  readonly cid: number
  readonly kind: string
  readonly type: string
  readonly ip: string
  readonly lang: string
  readonly name: string
  readonly authorized_user?: string
  readonly reason?: string
  readonly subscriptions_list?: string[]
  readonly num_connections: number
}

async function rows({ server }: Gateway, query = ''): Promise<Row[]> {
  const page = await fetch(`http://127.0.0.1:${server.monitorPort}/connz?subs=1&auth=1&${query}`)
  return ((await page.json()) as { connections: Row[] }).connections
}

const monitored = (more: object = {}): ServerOptions => ({ monitorPort: -1, ...more })

describe.each([0, 2])('with %i workers', (workers) => {
  test('pages show a connection as the client that it is', async () => {
    const authorization = { users: [{ user: 'a', password: 'b' }] }
    const way = await Gateway.start(monitored({ workers, authorization }))
    const headers = { authorization: `Basic ${btoa('a:b')}`, 'user-agent': 'reader/1' }
    const events = await way.events('/v1/subjects/news', headers)
    const [row, ...others] = await rows(way)
    expect(others).toEqual([])
    expect(row).toMatchObject({ kind: 'Client', type: 'http', ip: '127.0.0.1', lang: 'heddle.http', name: 'reader/1' })
    expect(row).toMatchObject({ authorized_user: 'a', subscriptions_list: ['news'] })
    events.close()
    await until('it to go', async () => (await rows(way)).length === 0)
    await until('it among the closed', async () => (await rows(way, 'state=closed'))[0]?.reason === 'Client Closed')
  })

  test('the end of the server ends what is open', async () => {
    const way = await Gateway.start({ workers })
    const nc = await way.nats()
    nc.subscribe('silent', { callback: () => undefined })
    await nc.flush()
    const events = await way.events('/v1/subjects/news')
    const asked = way.post('/v1/requests/silent?timeout=10m')
    await until('the request to come', () => nc.stats().inMsgs === 1)
    const idle = connectSocket(way.port, '127.0.0.1')
    await once(idle, 'connect')
    idle.resume()
    const gone = once(idle, 'close')
    await way.server.close()
    expect((await refusal(asked)).slice(0, 2)).toEqual([503, 'unavailable'])
    expect(await events.block()).toBe(': subscribed')
    expect(await events.block()).toMatch(/^event: error\ndata: \{"code":"unavailable"/)
    expect(await events.block()).toBeUndefined()
    await within('the idle connection', gone)
  })

  test('lame duck mode ends streams and takes nobody new', async () => {
    const way = await Gateway.start({ workers, lameDuckGracePeriod: 1, lameDuckDuration: 50 })
    const events = await way.events('/v1/subjects/news')
    const { port } = way
    const over = way.server.lameDuck()
    await events.block()
    expect(await events.block()).toMatch(/^event: error\n/)
    await over
    await expect(fetch(`http://127.0.0.1:${port}/v1/subjects/a`, { method: 'POST' })).rejects.toThrow('fetch failed')
  })

  test('connections are counted, and too many refused', async () => {
    const way = await Gateway.start({ workers, maxConnections: 2 })
    const [one] = [await way.events('/v1/subjects/a'), await way.events('/v1/subjects/b')]
    expect(await refusal(way.post('/v1/subjects/a'))).toEqual([503, 'unavailable', 'maximum connections exceeded'])
    one.close()
    await until('room for another', async () => (await way.post('/v1/subjects/a')).status === 204)
  })

  test('a reader that is slow is a slow consumer, and nobody else is', async () => {
    const way = await Gateway.start(monitored({ workers, maxPending: 200_000, maxPayload: 100_000 }))
    const fast = await way.events('/v1/subjects/news')
    const slow = connectSocket(way.port, '127.0.0.1')
    onTestFinished(() => void slow.destroy())
    slow.on('error', () => undefined)
    slow.write('GET /v1/subjects/news HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n')
    await once(slow, 'readable')
    const nc = await way.nats()
    const payload = 'x'.repeat(50_000)
    const closed = async (): Promise<Row[]> => rows(way, 'state=closed')
    await until('it to be cut', async () => {
      for (let i = 0; i < 20; i++) {
        nc.publish('news', payload)
        expect((await fast.message())['payload']).toBe(payload)
      }
      return (await closed()).length > 0
    })
    expect((await closed()).map(({ type, reason }) => [type, reason])).toEqual([
      ['http', 'Slow Consumer (Pending Bytes)'],
    ])
  })
})

test('limits of an account are those of its HTTP clients, too', async () => {
  const users = [{ user: 'a', password: 'a' }]
  const way = await Gateway.start({ accounts: { A: { users, limits: { maxConnections: 1, maxPayload: 10 } } } })
  const by = { authorization: `Basic ${btoa('a:a')}`, connection: 'close' }
  const told = [413, 'payload_too_large', 'headers and body may have 10 bytes']
  expect(await refusal(way.post('/v1/subjects/x', 'x'.repeat(11), by))).toEqual(told)
  await until('that connection to be gone', async () => (await way.post('/v1/subjects/x', '', by)).status === 204)
  let events = await way.fetch('/v1/subjects/news', { headers: { ...EVENTS, ...by } })
  await until('the stream to be the only one', async () => {
    if (events.status !== 200) events = await way.fetch('/v1/subjects/news', { headers: { ...EVENTS, ...by } })
    return events.status === 200
  })
  const full = [503, 'unavailable', 'maximum account active connections exceeded']
  expect(await refusal(way.post('/v1/subjects/x', '', by))).toEqual(full)
  await events.body?.cancel()
})

test('the system account hears of them', async () => {
  const accounts = {
    SYS: { users: [{ user: 's', password: 's' }] },
    A: { users: [{ user: 'a', password: 'a' }] },
  }
  const way = await Gateway.start({ systemAccount: 'SYS', accounts })
  const nc = await way.nats({ user: 's', pass: 's' })
  const heard: string[] = []
  nc.subscribe('$SYS.ACCOUNT.A.*', {
    callback: (_, message) => {
      const { client } = message.json<{ client: { client_type: string; host: string } }>()
      heard.push(`${message.subject} ${client.client_type} ${client.host}`)
    },
  })
  await nc.flush()
  const headers = { authorization: `Basic ${btoa('a:a')}`, connection: 'close' }
  expect((await way.post('/v1/subjects/x', '', headers)).status).toBe(204)
  await until('both events', () => heard.length === 2)
  expect(heard).toEqual(['$SYS.ACCOUNT.A.CONNECT http 127.0.0.1', '$SYS.ACCOUNT.A.DISCONNECT http 127.0.0.1'])
})

describe('a reload', () => {
  const users = (...names: string[]) => ({ users: names.map((user) => ({ user, password: 'x' })) })

  test('that forgets a user ends its stream, and leaves that of another', async () => {
    const way = await Gateway.start({ authorization: users('a', 'b') })
    const by = (user: string) => ({ authorization: `Basic ${btoa(`${user}:x`)}` })
    const [mine, other] = [await way.events('/v1/subjects/n', by('a')), await way.events('/v1/subjects/n', by('b'))]
    await Promise.all([mine.block(), other.block()])
    await way.server.reload({ authorization: users('b') })
    expect(await mine.block()).toMatch(/^event: error\ndata: \{"code":"unauthorized"|^event: error/)
    const nc = await way.nats({ user: 'b', pass: 'x' })
    nc.publish('n', 'still there')
    expect((await other.message())['payload']).toBe('still there')
    expect((await way.post('/v1/subjects/n', '', by('a'))).status).toBe(401)
  })

  test('that takes a permission away ends the stream that needs it', async () => {
    const withPermission = (subscribe: string) => ({
      authorization: { users: [{ user: 'a', password: 'x', permissions: { subscribe } }] },
    })
    const way = await Gateway.start(withPermission('news'))
    const events = await way.events('/v1/subjects/news', { authorization: `Basic ${btoa('a:x')}` })
    await events.block()
    await way.server.reload(withPermission('other'))
    expect(await events.block()).toMatch(/^event: error\ndata: \{"code":"permission_violation".*\\"news\\"/)
    expect(await events.block()).toBeUndefined()
  })

  test('cannot change the block', async () => {
    const way = await Gateway.start()
    await expect(way.server.reload({ httpGateway: { heartbeat: 1000 } })).rejects.toThrow(
      'config reload not supported for HTTPGateway: old=[REDACTED], new=[REDACTED]',
    )
  })
})

test('streams show signs of life, and say that nothing is kept', async () => {
  const way = await Gateway.start({}, { heartbeat: 20 })
  const events = await way.events('/v1/subjects/news', { 'last-event-id': '7' })
  expect(await events.block()).toBe(
    ': messages are not stored: those published since your last event are lost\n: subscribed',
  )
  expect(await events.block()).toBe(':')
  expect(await events.block()).toBe(':')
})

test('pages of listed origins may use it, and no others', async () => {
  const way = await Gateway.start({}, { allowedOrigins: ['https://app.example'] })
  const nc = await way.nats()
  let seen = 0
  nc.subscribe('a', { callback: () => void seen++ })
  await nc.flush()
  for (const origin of ['https://evil.example', `http://127.0.0.1:${way.port}`, 'null', 'http://app.example']) {
    const response = await way.post('/v1/subjects/a', '', { origin })
    expect(response.headers.has('access-control-allow-origin')).toBe(false)
    expect((await refusal(response)).slice(0, 2)).toEqual([403, 'origin_not_allowed'])
  }
  await nc.flush()
  expect(seen).toBe(0)
  const origin = 'https://app.example'
  const allowed = await way.post('/v1/subjects/a', '', { origin })
  expect(allowed.status).toBe(204)
  expect(allowed.headers.get('access-control-allow-origin')).toBe(origin)
  expect(allowed.headers.has('access-control-allow-credentials')).toBe(false)
  const asked = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
  const preflight = await way.fetch('/v1/subjects/a', { method: 'OPTIONS', headers: asked })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization')
  expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, POST')
})

describe('TLS', () => {
  const authority = new Authority()
  const issued = authority.issue({ subject: 'server', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
  const joe = authority.issue({ subject: 'joe', emails: ['joe@example.com'] })
  const files = writeFiles({ cert: issued.cert, key: issued.key, ca: authority.cert })
  const tls = { certFile: files.cert, keyFile: files.key, caFile: files.ca }

  function post(port: number, more: object = {}): Promise<number | string> {
    return within(
      'the answer',
      new Promise((resolve) => {
        const options = {
          method: 'POST',
          port,
          host: '127.0.0.1',
          path: '/v1/subjects/a',
          ca: authority.cert,
          agent: false,
          ...more,
        }
        const request = httpsRequest(options, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
        request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
        request.end('hello')
      }),
    )
  }

  test.each([0, 1])('of its own block, with %i workers', async (workers) => {
    const way = await Gateway.start(monitored({ workers }), { tls, noTls: false })
    expect(await post(way.port)).toBe(204)
    await expect(fetch(`http://127.0.0.1:${way.port}/v1/subjects/a`)).rejects.toThrow('fetch failed')
    await until('its connection to go', async () => (await rows(way, 'state=closed')).length > 0)
    expect((await rows(way, 'state=closed&tls=1'))[0]).toMatchObject({ type: 'http', tls_version: '1.3' })
  })

  test('with certificates that are the users', async () => {
    const authorization = { users: [{ user: 'joe@example.com', permissions: { publish: 'a' } }] }
    const way = await Gateway.start(
      { authorization },
      {
        tls: { ...tls, verifyAndMap: true },
        noTls: false,
      },
    )
    expect(await post(way.port, { cert: joe.cert, key: joe.key })).toBe(204)
    expect(await post(way.port, { cert: joe.cert, key: joe.key, path: '/v1/subjects/b' })).toBe(403)
    expect(await post(way.port)).not.toBe(204)
  })

  test('changes with a reload, for connections that come then', async () => {
    const other = authority.issue({ subject: 'other', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
    const { cert, key } = writeFiles({ cert: other.cert, key: other.key })
    const way = await Gateway.start({}, { tls, noTls: false })
    const subject = async (): Promise<string> => {
      const socket = connectSecure({ port: way.port, host: '127.0.0.1', ca: authority.cert })
      onTestFinished(() => void socket.destroy())
      await within('the handshake', once(socket, 'secureConnect'))
      return String(socket.getPeerCertificate().subject.CN)
    }
    expect(await subject()).toBe('server')
    await way.server.reload({ httpGateway: { tls: { certFile: cert, keyFile: key } } })
    expect(await subject()).toBe('other')
  })

  test('or none, which has to be said', async () => {
    await expect(Gateway.start({}, { noTls: false })).rejects.toThrow('http_gateway requires TLS configuration')
    await expect(Gateway.start({}, { port: 70_000 })).rejects.toThrow('http_gateway port 70000 is out of range')
    await expect(Gateway.start({}, { allowedOrigins: ['app.example'] })).rejects.toThrow(
      'unable to parse allowed origin',
    )
    await expect(Gateway.start({}, { heartbeat: 0 })).rejects.toThrow('http_gateway heartbeat must be more than 0')
    await expect(Gateway.start({}, { requestTimeout: 0 })).rejects.toThrow('request_timeout must be more than 0')
    await expect(Gateway.start({}, { hartbeat: 1000 })).rejects.toThrow('hartbeat')
  })
})
