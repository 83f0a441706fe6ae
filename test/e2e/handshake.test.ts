// INFO and CONNECT (docs/reference/handshake.md).

import { describe, expect, test } from 'vitest'
import { dial, expectNothingMore, open, openInTurn, ownServer, useServer, WORKERS } from '../support/harness.ts'

describe.each(WORKERS)('the handshake with %i workers', (workers) => {
  const running = useServer({ workers, name: 'loom', maxPayload: 5000 })

  test('INFO comes first, with all members that clients rely on', async () => {
    const client = await dial(running.port)
    const info = await client.readInfo()
    expect(info).toMatchObject({
      server_id: running.server.id,
      server_name: 'loom',
      version: expect.stringMatching(/^2\.\d+\.\d+/),
      proto: 1,
      go: expect.any(String),
      host: '127.0.0.1',
      port: running.port,
      headers: true,
      max_payload: 5000,
      client_id: expect.any(Number),
      client_ip: '127.0.0.1',
    })
    expect(info.server_id).toMatch(/^N[A-Z2-7]{55}$/)
  })

  test('INFO leaves out what is false or empty', async () => {
    const client = await dial(running.port)
    const info = await client.readInfo()
    for (const member of ['auth_required', 'tls_required', 'tls_verify', 'nonce', 'cluster', 'ldm', 'jetstream']) {
      expect(info).not.toHaveProperty(member)
    }
  })

  test('every connection gets a client id of its own, counting up', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => open(running.port)))
    const ids = clients.map((client) => client.info?.client_id ?? 0)
    expect(new Set(ids).size).toBe(20)
    expect(Math.max(...ids) - Math.min(...ids)).toBe(19)
  })

  test('a client of protocol 1 gets a second INFO after its first PONG, naming its account', async () => {
    const client = await dial(running.port)
    await client.readInfo()
    client.send('CONNECT {"verbose":false,"protocol":1}\r\n')
    client.send('PING\r\n')
    await client.expect('PONG\r\n')
    const [, json] = await client.expectMatch(/^INFO (\{[^\r]*\}) \r\n/)
    expect(JSON.parse(json)).toMatchObject({
      server_id: running.server.id,
      client_id: client.info?.client_id,
      connect_info: true,
      remote_account: '$G',
    })
    await client.sync()
  })

  test('a PING before CONNECT is answered, and the second INFO still comes after the first PONG behind CONNECT', async () => {
    const client = await dial(running.port)
    await client.readInfo()
    client.send('PING\r\n')
    await client.expect('PONG\r\n')
    client.send('CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n')
    await client.expectMatch(/^PONG\r\nINFO [^\r]*"connect_info":true[^\r]*\r\n/)
    await client.sync()
  })

  test('a client that sends before INFO has come is understood', async () => {
    const client = await dial(running.port)
    client.send('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n')
    await client.readInfo()
    await client.expect('MSG a 1 2\r\nhi\r\n')
  })

  test('echo:false keeps a message from its sender only', async () => {
    const [silent, other, third] = await openInTurn(running.port, workers, 3, { echo: false })
    for (const client of [silent, other, third]) client.send('SUB echo.* 5\r\n')
    for (const client of [silent, other, third]) await client.sync()
    silent.send('PUB echo.x 2\r\nhi\r\n')
    await other.expect('MSG echo.x 5 2\r\nhi\r\n')
    await third.expect('MSG echo.x 5 2\r\nhi\r\n')
    await expectNothingMore(silent, other)
  })

  test('verbose answers each operation, wherever the receiver is', async () => {
    const [verbose, other] = await openInTurn(running.port, workers, 2, { verbose: true })
    other.send('SUB v 1\r\n')
    await other.expect('+OK\r\n')
    for (let i = 0; i < 3; i++) {
      verbose.send('PUB v 1\r\nx\r\n')
      await verbose.expect('+OK\r\n')
      await other.expect('MSG v 1 1\r\nx\r\n')
    }
  })

  test('verbose answers each of many PUBs sent at once', async () => {
    const client = await open(running.port, { verbose: true })
    client.send('PUB nobody 1\r\nx\r\n'.repeat(1000))
    await client.expect('+OK\r\n'.repeat(1000))
    await client.sync()
  })

  test('pedantic answers each PUB to a wildcard and still delivers it', async () => {
    const [pedantic, other] = await openInTurn(running.port, workers, 2, { pedantic: true })
    other.send('SUB p.> 1\r\n')
    await other.sync()
    pedantic.send('PUB p.* 1\r\nx\r\n'.repeat(3))
    await pedantic.expect("-ERR 'Invalid Publish Subject'\r\n".repeat(3))
    await other.expect('MSG p.* 1 1\r\nx\r\n'.repeat(3))
    await pedantic.sync()
  })

  test('a repeated CONNECT turns verbose on and off again', async () => {
    const client = await open(running.port)
    client.send('CONNECT {"verbose":true}\r\nPUB a 0\r\n\r\nCONNECT {"verbose":false}\r\nPUB a 0\r\n\r\nPING\r\n')
    await client.expect('+OK\r\n+OK\r\nPONG\r\n')
  })

  test('a repeated CONNECT turns headers on for a client that did without', async () => {
    const [client, sender] = await openInTurn(running.port, workers, 2, { headers: false })
    sender.send('CONNECT {"headers":true}\r\n')
    client.send('SUB h 1\r\nPING\r\n')
    await client.expect('PONG\r\n')
    sender.send('HPUB h 12 14\r\nNATS/1.0\r\n\r\nhi\r\n')
    await client.expect('MSG h 1 2\r\nhi\r\n')
    client.send('CONNECT {"headers":true}\r\nSUB h 1\r\n')
    await client.sync()
    sender.send('HPUB h 12 14\r\nNATS/1.0\r\n\r\nhi\r\n')
    await client.expect('HMSG h 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n')
  })

  test('a first CONNECT behind SUB decides on echo and headers of what is published then', async () => {
    const late = await dial(running.port)
    await late.readInfo()
    const other = await open(running.port, { headers: true })
    // Nobody has said yet that it does without an answer.
    late.send('SUB late 5\r\nPING\r\n')
    await late.expect('+OK\r\nPONG\r\n')
    other.send('SUB late 5\r\n')
    await other.sync()
    const header = 'HPUB late 12 14\r\nNATS/1.0\r\n\r\nhi\r\n'
    // Often enough for the server to remember who is to have it.
    for (let i = 0; i < 4; i++) {
      other.send(header)
      await late.expect('MSG late 5 2\r\nhi\r\n')
      await other.expect('HMSG late 5 12 14\r\nNATS/1.0\r\n\r\nhi\r\n')
    }
    late.send('CONNECT {"verbose":false,"headers":true,"echo":false}\r\n')
    await late.sync()
    other.send(header)
    await late.expect('HMSG late 5 12 14\r\nNATS/1.0\r\n\r\nhi\r\n')
    await other.expect('HMSG late 5 12 14\r\nNATS/1.0\r\n\r\nhi\r\n')
    late.send('PUB late 1\r\nx\r\n')
    await other.expect('MSG late 5 1\r\nx\r\n')
    await expectNothingMore(late, other)
  })
})

test('the server name is the server id unless it is given', async () => {
  const server = await ownServer({ workers: 0 })
  const client = await open(server.port)
  expect(client.info).toMatchObject({ server_id: server.id, server_name: server.id })
})
