// The clock of the server, put forward.

import { connect } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { dial } from '../support/harness.ts'
import { ownTestServer } from './support.ts'

const MINUTE_MS = 60_000

describe.each([0, 2])('with %i worker threads', (workers) => {
  test('PINGs come, and a client that does not answer is closed as stale', async () => {
    const server = await ownTestServer({ workers, pingInterval: 2 * MINUTE_MS, pingMax: 2 })
    const silent = await dial(server.port, { keepPings: true })
    silent.send('CONNECT {"name":"silent"}\r\nPING\r\n')
    await silent.expectMatch(/PONG\r\n/)
    for (let pings = 1; pings <= 2; pings++) {
      await server.clock.advance(3 * MINUTE_MS)
      await silent.expect('PING\r\n')
    }
    await server.clock.advance(3 * MINUTE_MS)
    await silent.expect("-ERR 'Stale Connection'\r\n")
    await silent.expectClose()
  })

  test('a frozen client is closed by the server as stale; one that answers stays', async () => {
    const server = await ownTestServer({ workers })
    await using lost = await connect({ servers: server.url, name: 'lost', reconnect: false })
    await using fine = await connect({ servers: server.url, name: 'fine' })
    const frozen = await server.client('lost')
    frozen.freeze()
    for (let i = 0; i < 3; i++) {
      await server.clock.advance(3 * MINUTE_MS)
      await fine.flush()
    }
    await frozen.closedByServer
    expect(frozen.isConnected).toBe(true)
    expect(fine.isClosed()).toBe(false)
    frozen.resume()
    await lost.closed()
  })

  test('who sends no CONNECT in time is closed', async () => {
    const server = await ownTestServer({ workers, authorization: { token: 's3cret', timeout: 60 * MINUTE_MS } })
    const raw = await dial(server.port, { keepPings: true })
    await raw.readInfo()
    await server.clock.advance(59 * MINUTE_MS)
    expect(raw.isClosed).toBe(false)
    await server.clock.advance(2 * MINUTE_MS)
    await raw.expectMatch(/-ERR 'Authentication Timeout'/)
  })

  test('the login of a user ends when it is over', async () => {
    const server = await ownTestServer({
      workers,
      authenticate: ({ user }) => ({ user, expiresAtMs: Date.now() + 60 * MINUTE_MS }),
    })
    await using nc = await connect({ servers: server.url, user: 'joe', pass: 'x', reconnect: false })
    await server.clock.advance(59 * MINUTE_MS)
    await nc.flush()
    await server.clock.advance(2 * MINUTE_MS)
    expect(String(await nc.closed())).toMatch(/Authentication Expired/i)
  })
})

test('permission to answer ends', async () => {
  const permissions = { publish: { allow: ['ask.>'] }, allowResponses: { max: 10, expires: MINUTE_MS } }
  const server = await ownTestServer({
    authorization: { users: [{ user: 'joe', password: 'p', permissions }] },
  })
  const raw = await dial(server.port)
  raw.send('CONNECT {"user":"joe","pass":"p"}\r\nSUB > 1\r\nPUB ask.a in.1 0\r\n\r\n')
  await raw.expectMatch(/MSG ask.a 1 in.1 0\r\n/)
  raw.send('PUB in.1 0\r\n\r\n')
  await raw.expectMatch(/MSG in.1 1 0\r\n/)
  await server.clock.advance(2 * MINUTE_MS)
  raw.send('PUB in.1 0\r\n\r\n')
  await raw.expectMatch(/Permissions Violation for Publish to "in.1"/)
})

test('a clock goes forward only', async () => {
  const server = await ownTestServer()
  for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    await expect(server.clock.advance(ms)).rejects.toThrow(RangeError)
  }
  await server.clock.advance(0)
})
