// `verify: optional`, beside nats-server: who has no certificate comes in, who has one needs a good one.

import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { configuredServers, startConfiguredFor } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import type { ServerProgram } from '../support/server.ts'
import { within } from '../support/until.ts'
import { Authority, selfSigned } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['server.example'] })
const files = writeFiles({ cert: server.cert, key: server.key, ca: authority.cert })
const good = authority.issue({ subject: 'good' })
const stranger = selfSigned({ subject: 'stranger' })

/** What a client hears that secures its connection: PONG, or the alert with which it is refused. */
async function enter(port: number, options: ConnectionOptions): Promise<string> {
  const client = await dial(port)
  const info = await client.readInfo()
  expect(info).toMatchObject({ tls_required: true })
  expect(info).not.toHaveProperty('tls_verify')
  const { socket } = client
  socket.removeAllListeners()
  const heard = new Promise<string>((resolve) => {
    const secured: TLSSocket = connect({ socket, ca: authority.cert, servername: 'server.example', ...options })
    secured.on('secureConnect', () => secured.write('CONNECT {"verbose":false}\r\nPING\r\n'))
    secured.on('data', (bytes: Buffer) => resolve(String(bytes)))
    secured.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    secured.on('close', () => resolve('closed'))
  })
  const text = await within('the answer to a handshake', heard)
  socket.destroy()
  return text
}

describe.each(configuredServers('verify: optional'))('$name', ({ start }) => {
  const pair = `cert_file: "${files.cert}", key_file: "${files.key}", ca_file: "${files.ca}"`
  const flags = ['--tls', '--tlscert', files.cert, '--tlskey', files.key, '--tlscacert', files.ca]
  const starts: readonly (readonly [string, () => Promise<ServerProgram>])[] = [
    ['in the file', () => startConfiguredFor({ name: '', start }, `tls { ${pair}, verify: Optional }`)],
    ['by the flag', () => start([...flags, '--tlsverify=optional'])],
  ]

  describe.each(starts)('%s', (_, begin) => {
    let program: ServerProgram
    beforeAll(async () => {
      program = await begin()
    })
    afterAll(() => program.stop())

    test.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', async (version) => {
      const only = { minVersion: version, maxVersion: version }
      expect(await enter(program.port, only)).toBe('PONG\r\n')
      expect(await enter(program.port, { ...only, cert: good.cert, key: good.key })).toBe('PONG\r\n')
      const refused = await enter(program.port, { ...only, cert: stranger.cert, key: stranger.key })
      expect(refused).toBe('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA')
      await program.until(/TLS handshake error: tls: failed to verify certificate: x509: certificate signed by unknown/)
    })
  })
})
