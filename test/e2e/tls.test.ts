// The client port with TLS: official clients, and what they are told.

import { connect } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { HEDDLES, startConfigured } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import type { ServerProgram } from '../support/server.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
const alice = authority.issue({ subject: 'alice', emails: ['alice@example.com'] })
const files = writeFiles({
  ca: authority.cert,
  cert: server.cert,
  key: server.key,
})
const PAIR = `cert_file: "${files.cert}", key_file: "${files.key}"`

async function echo(program: ServerProgram, tls: Record<string, string | boolean>): Promise<void> {
  const nc = await connect({ servers: `127.0.0.1:${program.port}`, tls })
  onTestFinished(() => nc.close())
  nc.subscribe('echo', { callback: (_, message) => void message.respond(message.data) })
  const answer = await nc.request('echo', 'x'.repeat(100_000))
  expect(answer.string()).toBe('x'.repeat(100_000))
}

describe.each(HEDDLES)('$name', (heddle) => {
  test('a client comes in by TLS', async () => {
    const program = await startConfigured(heddle, `tls { ${PAIR} }`)
    await echo(program, { ca: authority.cert })
  })

  test('TLS may come first', async () => {
    const program = await startConfigured(heddle, `tls { ${PAIR}, handshake_first: true }`)
    await echo(program, { ca: authority.cert, handshakeFirst: true })
  })

  test('a certificate stands for a user', async () => {
    const program = await startConfigured(
      heddle,
      `tls { ${PAIR}, ca_file: "${files.ca}", verify_and_map: true }
       authorization { users: [ { user: "alice@example.com" } ] }`,
    )
    await echo(program, { ca: authority.cert, cert: alice.cert, key: alice.key })
    const nameless = {
      servers: `127.0.0.1:${program.port}`,
      tls: { ca: authority.cert },
      timeout: 1000,
      reconnect: false,
    }
    await expect(connect(nameless)).rejects.toThrow()
  })

  test('of too many handshakes in a second the log says how many', async () => {
    const program = await startConfigured(heddle, `tls { ${PAIR}, connection_rate_limit: 1 }`)
    const clients = await Promise.all(Array.from({ length: 3 }, () => dial(program.port)))
    for (const client of clients) {
      await client.readInfo()
      client.send('\x16\x03\x01')
    }
    await program.until(/\[WRN\] Rejected \d connections due to TLS rate limiting\n/)
  })

  test('who does not speak TLS is not let in, unless that is allowed', async () => {
    const strict = await startConfigured(heddle, `tls { ${PAIR} }`)
    const refused = await dial(strict.port)
    expect(await refused.readInfo()).toMatchObject({ tls_required: true })
    refused.send('CONNECT {}\r\nPING\r\n')
    await refused.expectClose()

    const open = await startConfigured(heddle, `allow_non_tls: true, tls { ${PAIR} }`)
    const plain = await dial(open.port)
    expect(await plain.readInfo()).toMatchObject({ tls_available: true })
    plain.send('CONNECT {"verbose":false}\r\nPING\r\n')
    await plain.expect('PONG\r\n')
    await echo(open, { ca: authority.cert })
  })
})
