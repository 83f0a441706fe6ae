// TLS: on Heddle and on nats-server.

import { describe, expect, test } from 'vitest'
import type { ConnectionOptions } from '../../src/client/index.ts'
import { configuredServers, startConfigured } from '../support/configured-servers.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'
import { client, nextStatus, rejection } from './support.ts'

const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
const alice = authority.issue({ subject: 'alice', emails: ['alice@example.com'] })
const files = writeFiles({
  ca: authority.cert,
  cert: server.cert,
  key: server.key,
  aliceCert: alice.cert,
  aliceKey: alice.key,
})
const PAIR = `cert_file: "${files.cert}", key_file: "${files.key}"`
const CA = { ca: authority.cert }

async function echo(options: ConnectionOptions): Promise<void> {
  const nc = await client(options)
  nc.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
  const payload = 'x'.repeat(200_000)
  expect((await nc.request('echo', payload)).string()).toBe(payload)
}

const servers = configuredServers('TLS of the client').filter(({ name }) => !name.includes('4 shards'))

describe.each(servers)('on $name', (kind) => {
  test('a connection is secured after INFO', async () => {
    const { port } = await startConfigured(kind, `tls { ${PAIR} }`)
    await echo({ port, tls: CA })
    await echo({ port, tls: { caFile: files.ca } })
    await echo({ servers: `tls://localhost:${port}`, tls: CA })
    await echo({ port, tls: { ca: authority.cert, servername: 'localhost' } })
    await echo({ port, tls: { rejectUnauthorized: false } })
    const untrusted = await rejection(client({ port, tls: {} }))
    expect(untrusted.message).toContain('certificate')
    // The server requires it; nobody said whom to trust.
    expect((await rejection(client({ port }))).message).toContain('certificate')
    expect((await rejection(client({ port, tls: { ...CA, servername: 'example.com' } }))).message).toContain('example')
    expect((await rejection(client({ port, tls: null }))).message).toBe("server requires 'tls'")
    expect((await rejection(client({ port, tls: { caFile: '/nowhere' } }))).message).toContain('ENOENT')
  })

  test('a connection is secured before INFO', async () => {
    const { port } = await startConfigured(kind, `tls { ${PAIR}, handshake_first: true }`)
    await echo({ port, tls: { ...CA, handshakeFirst: true } })
    const wrong = await rejection(client({ port, tls: { handshakeFirst: true } }))
    expect(wrong.message).toContain('certificate')
  })

  test('a certificate says who the client is', async () => {
    const config = `tls { ${PAIR}, ca_file: "${files.ca}", verify: true }`
    const { port } = await startConfigured(kind, config)
    await echo({ port, tls: { ...CA, cert: alice.cert, key: alice.key } })
    await echo({ port, tls: { caFile: files.ca, certFile: files.aliceCert, keyFile: files.aliceKey } })
    await rejection(client({ port, tls: CA, timeout: 5_000 }))
  })

  test('a server without TLS is not taken for one with it', async () => {
    const { port } = await startConfigured(kind, '')
    expect((await rejection(client({ port, tls: {} }))).message).toBe("server does not support 'tls'")
    expect((await rejection(client({ servers: `tls://127.0.0.1:${port}` }))).message).toBe(
      "server does not support 'tls'",
    )
    await echo({ port, tls: null })
  })

  test('a lost connection is secured again', async () => {
    const { port } = await startConfigured(kind, `tls { ${PAIR} }`)
    const nc = await client({ port, tls: CA, reconnectJitterTLS: 5 })
    const reconnected = nextStatus(nc, 'reconnect')
    await nc.reconnect()
    await reconnected
    expect(await nc.rtt()).toBeGreaterThan(0)
  })
})
