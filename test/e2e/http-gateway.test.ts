// HTTP for clients without NATS, from outside: real servers, Node's fetch, NATS clients beside it.

import { connect as connectSocket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { headers as messageHeaders } from '../../src/client/index.ts'
import type { AuthorizationBlock } from '../../src/index.ts'
import { HEDDLES, startConfigured } from '../support/configured-servers.ts'
import { EVENTS, end, Gateway, refusal } from '../support/http-gateway.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import { until } from '../support/until.ts'

const basic = (user: string, password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

describe.each([0, 1, 4])('with %i workers', (workers) => {
  test('a message is published', async () => {
    const way = await Gateway.start({ workers })
    const nc = await way.nats()
    const subscription = nc.subscribe('orders.>', { max: 2 })
    await nc.flush()
    const response = await way.post('/v1/subjects/orders.new', 'one', {
      'nats-msg-id': '7',
      'nats-header-tenant': 'å',
      'Nats-Header-camelCase': 'x',
      'nats-ttl': '1h',
      'x-secret': 'not for them',
    })
    expect(response.status).toBe(204)
    expect((await way.post('/v1/subjects/orders.b%C3%A9')).status).toBe(204)
    const got = []
    for await (const { subject, headers } of subscription) got.push([subject, Object.fromEntries(headers ?? [])])
    expect(got).toEqual([
      ['orders.new', { 'Nats-Msg-Id': ['7'], Tenant: ['å'], camelCase: ['x'], 'Nats-TTL': ['1h'] }],
      ['orders.bé', {}],
    ])
  })

  test('a request is answered', async () => {
    const way = await Gateway.start({ workers })
    const nc = await way.nats()
    nc.subscribe('echo', {
      callback: (_, message) => {
        const headers = messageHeaders()
        for (const name of ['content-type', 'Nats-Service', 'Tenant', 'Set-Cookie']) headers.set(name, `${name}/a`)
        message.respond(message.data, { headers })
      },
    })
    await nc.flush()
    const response = await way.post('/v1/requests/echo?timeout=20s', 'hello')
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('hello')
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'content-type/a',
      'nats-service': 'Nats-Service/a',
      'nats-header-tenant': 'Tenant/a',
      'nats-header-set-cookie': 'Set-Cookie/a',
      'content-security-policy': "default-src 'none'; sandbox",
    })
    expect(response.headers.getSetCookie()).toEqual([])
  })

  test('messages come as events, each in one line, to one of a queue group or to all', async () => {
    const way = await Gateway.start({ workers })
    const nc = await way.nats()
    const [all, one, another] = await Promise.all([
      way.events('/v1/subjects/orders.%3E'),
      way.events('/v1/subjects/orders.*?queue=q'),
      way.events('/v1/subjects/orders.*?queue=q'),
    ])
    expect(all.response.status).toBe(200)
    expect(all.response.headers.get('content-type')).toBe('text/event-stream')
    expect(await all.block()).toBe(': subscribed')
    nc.publish('orders.new', 'line one\n\ndata: two')
    const headers = messageHeaders()
    headers.append('A', 'b')
    nc.publish('orders.raw', new Uint8Array([255, 0]), { reply: 'r', headers })
    expect(await all.message()).toEqual({ subject: 'orders.new', payload: 'line one\n\ndata: two' })
    const raw = { subject: 'orders.raw', reply: 'r', headers: { A: ['b'] }, payload_base64: '/wA=' }
    expect(await all.message()).toEqual(raw)
    for (let i = 0; i < 20; i++) nc.publish('orders.n', `${i}`)
    nc.publish('orders.end')
    await nc.flush()
    // Each member has some of them in order; together they have all.
    const seen: unknown[] = []
    const read = async (events: typeof one): Promise<void> => {
      while (seen.length < 23) seen.push((await events.message())['payload'] ?? 'raw')
    }
    await Promise.race([Promise.all([read(one), read(another)]), until('all of them', () => seen.length === 23)])
    expect(new Set(seen).size).toBe(23)
  })
})

describe('refusals', () => {
  test.each([
    ['POST', '/', 404, 'not_found'],
    ['POST', '/v1/subjects/', 404, 'not_found'],
    ['POST', '/v1/subjects/a/b', 404, 'not_found'],
    ['PUT', '/v1/subjects/a', 405, 'method_not_allowed'],
    ['GET', '/v1/requests/a', 405, 'method_not_allowed'],
    ['GET', '/v1/subjects/a', 406, 'not_acceptable'],
    ['POST', '/v1/subjects/a.*', 400, 'bad_request'],
    ['POST', '/v1/subjects/a%20b', 400, 'bad_request'],
    ['POST', '/v1/subjects/a%0D%0APUB%20b%200', 400, 'bad_request'],
    ['POST', '/v1/subjects/a..b', 400, 'bad_request'],
    ['POST', '/v1/subjects/%FF', 400, 'bad_request'],
    ['POST', '/v1/subjects/a?timout=1s', 400, 'bad_request'],
    ['POST', '/v1/requests/a?timeout=1', 400, 'bad_request'],
    ['POST', '/v1/requests/a?timeout=-1s', 400, 'bad_request'],
    ['POST', '/v1/requests/a?timeout=11m', 400, 'bad_request'],
    ['POST', '/v1/requests/a?timeout=1s&timeout=2s', 400, 'bad_request'],
  ])('%s %s', async (method, path, status, code) => {
    const way = await Gateway.start()
    const response = await way.fetch(path, { method, ...(method === 'GET' ? {} : { body: 'x' }) })
    expect(response.headers.get('content-type')).toBe('application/json')
    expect((await refusal(response)).slice(0, 2)).toEqual([status, code])
    // The connection goes on.
    expect((await way.post('/v1/subjects/fine')).status).toBe(204)
  })

  test('bad queue groups and filters', async () => {
    const way = await Gateway.start()
    for (const path of ['/v1/subjects/a?queue=a%20b', '/v1/subjects/a.%3E.b', '/v1/subjects/a?queue=a&queue=b']) {
      expect((await refusal(way.fetch(path, { headers: EVENTS })))[1], path).toBe('bad_request')
    }
  })

  test('a request that nobody answers: nobody is there, or nobody in time', async () => {
    const way = await Gateway.start()
    expect(await refusal(way.post('/v1/requests/nobody'))).toEqual([
      503,
      'no_responders',
      'nobody is subscribed to nobody',
    ])
    const nc = await way.nats()
    let request: { respond(payload: string): boolean } | undefined
    nc.subscribe('silent', {
      callback: (_, message) => {
        request = message
      },
    })
    await nc.flush()
    expect(await refusal(way.post('/v1/requests/silent?timeout=20ms'))).toEqual([
      504,
      'timeout',
      'no answer came in 20 ms',
    ])
    // An answer that comes too late is nobody's.
    request?.respond('late')
    nc.subscribe('quick', { callback: (_, message) => void message.respond('in time') })
    await nc.flush()
    expect(await (await way.post('/v1/requests/quick')).text()).toBe('in time')
  })

  test('the default time of a request is that of the block', async () => {
    const way = await Gateway.start({}, { requestTimeout: 30 })
    const nc = await way.nats()
    nc.subscribe('silent', { callback: () => undefined })
    await nc.flush()
    expect(await refusal(way.post('/v1/requests/silent'))).toEqual([504, 'timeout', 'no answer came in 30 ms'])
  })

  test('a payload that is too large is not read', async () => {
    const way = await Gateway.start({ maxPayload: 1000 })
    const told = [413, 'payload_too_large', 'headers and body may have 1000 bytes']
    expect((await way.post('/v1/subjects/a', 'x'.repeat(1000))).status).toBe(204)
    expect(await refusal(way.post('/v1/subjects/a', 'x'.repeat(1001)))).toEqual(told)
    expect(await refusal(way.post('/v1/subjects/a', 'x'.repeat(990), { 'nats-a': 'b' }))).toEqual(told)
    expect(await refusal(way.post('/v1/subjects/a', 'x'.repeat(10_000_000)))).toEqual(told)
  })

  test('a body without an end is not read to its end', async () => {
    const way = await Gateway.start({ maxPayload: 1000 })
    const socket = connectSocket(way.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString()
    })
    const piece = Buffer.from(`${(10_000).toString(16)}\r\n${'x'.repeat(10_000)}\r\n`)
    const pump = (): void => {
      while (socket.writable && socket.write(piece));
    }
    socket.on('drain', pump)
    socket.write('POST /v1/subjects/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', pump)
    await end(socket)
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
    expect(text).toContain('"code":"payload_too_large"')
    expect(text).toContain('Connection: close')
  })
})

describe('who may do what', () => {
  const authorization: AuthorizationBlock = {
    users: [
      { user: 'a', password: 'secret', permissions: { publish: 'ok.>', subscribe: ['_INBOX.>', 'ok.>'] } },
      { user: 'b', password: 'secret' },
      { user: 'n', password: 'secret', allowedConnectionTypes: ['STANDARD'] },
      { user: 'h', password: 'secret', allowedConnectionTypes: ['HTTP'] },
    ],
  }

  test('users come by Basic, and others are refused', async () => {
    const way = await Gateway.start({ authorization })
    expect((await way.post('/v1/subjects/ok.a', '', basic('a', 'secret'))).status).toBe(204)
    const refused = [{}, basic('a', 'wrong'), basic('c', 'secret'), basic('n', 'secret'), { authorization: 'Basic !' }]
    for (const headers of [...refused, { authorization: 'Digest x' }, { authorization: 'Bearer secret' }]) {
      const response = await way.post('/v1/subjects/ok.a', '', headers)
      expect(response.headers.get('www-authenticate')).toBe('Basic realm="heddle", charset="UTF-8"')
      expect((await refusal(response)).slice(0, 2)).toEqual([401, 'unauthorized'])
    }
    expect((await way.post('/v1/subjects/ok.a', '', basic('h', 'secret'))).status).toBe(204)
    await expect(way.nats({ user: 'h', pass: 'secret' })).rejects.toThrow('Authorization Violation')
  })

  test('permissions are those of the user', async () => {
    const way = await Gateway.start({ authorization })
    const told = (error: string) => [403, 'permission_violation', error]
    const by = basic('a', 'secret')
    const forPublish = told('Permissions Violation for Publish to "no"')
    expect(await refusal(way.post('/v1/subjects/no', '', by))).toEqual(forPublish)
    expect(await refusal(way.post('/v1/requests/no', '', by))).toEqual(forPublish)
    expect(await refusal(way.fetch('/v1/subjects/no', { headers: { ...EVENTS, ...by } }))).toEqual(
      told('Permissions Violation for Subscription to "no"'),
    )
    expect((await way.post('/v1/subjects/ok.1', '', by)).status).toBe(204)
  })

  test('two users take turns on one connection', async () => {
    const way = await Gateway.start({ authorization })
    const request = (path: string, user: string, more = ''): string =>
      `POST /v1/subjects/${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nAuthorization: ${basic(user, 'secret')['authorization']}\r\n${more}\r\n`
    const text = await way.raw(
      request('no', 'a') + request('no', 'b') + request('ok.1', 'a') + request('no', 'b', 'Connection: close\r\n'),
    )
    expect(text.match(/^HTTP\/1\.1 (\d+)/gm)).toEqual(['HTTP/1.1 403', 'HTTP/1.1 204', 'HTTP/1.1 204', 'HTTP/1.1 204'])
  })

  test('a token comes by Bearer', async () => {
    const way = await Gateway.start({ authorization: { token: 't0ken' } })
    expect((await way.post('/v1/subjects/a', '', { authorization: 'Bearer t0ken' })).status).toBe(204)
    expect((await way.post('/v1/subjects/a', '', { authorization: 'Bearer other' })).status).toBe(401)
  })

  test('in operator mode the bearer of a JWT comes in, and who would have to sign does not', async () => {
    const [operator, account] = [new TestOperator(), new TestAccount('A')]
    await operator.sign(account)
    const block = 'http_gateway { listen: "127.0.0.1:-1", no_tls: true }'
    const program = await startConfigured(HEDDLES[0], `${await operator.config()}\n${block}`)
    const [, url] = await program.until(/Listening for HTTP clients on (\S+)/)
    const [bearer, signer] = [await account.user({ bearer_token: true }), await account.user()]
    const post = async (jwt: string): Promise<number> => {
      const headers = { authorization: `Bearer ${jwt}` }
      return (await fetch(`${url}/v1/subjects/a`, { method: 'POST', headers })).status
    }
    expect(await post(bearer.jwt)).toBe(204)
    expect(await post(signer.jwt)).toBe(401)
    expect(await post('a.b.c')).toBe(401)
  })

  test('who says nothing is no_auth_user', async () => {
    const options = { noAuthUser: 'a', authorization }
    const way = await Gateway.start(options)
    expect((await way.post('/v1/subjects/ok.a')).status).toBe(204)
    expect((await way.post('/v1/subjects/no')).status).toBe(403)
    expect((await way.post('/v1/subjects/no', '', basic('b', 'secret'))).status).toBe(204)
  })
})
