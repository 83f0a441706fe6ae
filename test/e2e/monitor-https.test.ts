// The pages over HTTPS, beside nats-server: by the certificates of the `tls` block, for whoever has the authority's.

import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import { dirname, join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { talk } from '../monitor/http.ts'
import { configuredServers, startConfiguredFor, startReloadable } from '../support/configured-servers.ts'
import type { ServerProgram } from '../support/server.ts'
import { within } from '../support/until.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const authority = new Authority()

interface PageAnswer {
  readonly status: number
  readonly body: string
  /** SHA-256 of the server's certificate. */
  readonly fingerprint: string
}

/** A page over HTTPS, on a connection of its own. Rejects if the server's certificate is not the authority's. */
function askSecurely(port: number, path: string, options: { maxVersion?: 'TLSv1.2' } = {}): Promise<PageAnswer> {
  const answer = new Promise<PageAnswer>((resolve, reject) => {
    const to = { host: '127.0.0.1', port, path, ca: authority.cert, servername: 'pages.example', agent: false }
    const sent = request({ ...to, ...options }, (response) => {
      const { fingerprint256 } = (response.socket as TLSSocket).getPeerCertificate()
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body += text
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, fingerprint: fingerprint256 }))
    })
    sent.on('error', reject)
    sent.end()
  })
  return within(`the answer to ${path}`, answer)
}

describe.each(configuredServers('HTTPS monitoring'))('$name', (server) => {
  const { cert, key } = authority.issue({ subject: 'pages', dnsNames: ['pages.example'] })
  const files = writeFiles({ cert, key, ca: authority.cert })
  const folder = dirname(files.cert)
  let program: ServerProgram
  let port = 0
  beforeAll(async () => {
    const config = `
      https: "127.0.0.1:-1"
      http_base_path: "/nats"
      ports_file_dir: "${folder}"
      tls { cert_file: "${files.cert}", key_file: "${files.key}", ca_file: "${files.ca}", verify: true }
    `
    program = await startConfiguredFor(server, config)
    const [, told] = await program.until(/\[INF\] Starting https monitor on 127\.0\.0\.1:(\d+)\n/)
    port = Number(told)
  })
  afterAll(() => program.stop())

  test('/varz tells of the port', async () => {
    const { status, body } = await askSecurely(port, '/nats/varz')
    expect(status).toBe(200)
    // nats-server tells what the file says.
    const told = server.name === 'nats-server' ? -1 : port
    expect(JSON.parse(body)).toMatchObject({ http_port: 0, https_port: told, http_base_path: '/nats' })
  })

  test('nobody is asked for a certificate, whatever clients need', async () => {
    expect((await askSecurely(port, '/nats/healthz')).body).toContain('"ok"')
    expect((await askSecurely(port, '/nats/healthz', { maxVersion: 'TLSv1.2' })).status).toBe(200)
  })

  test('plain HTTP is told so, and the log has it', async () => {
    const text = await talk(port, 'GET /nats/varz HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(text).toBe('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n')
    await program.until(
      /\[ERR\] monitoring: TLS handshake error from 127\.0\.0\.1:\d+: client sent an HTTP request to an HTTPS server\n/,
    )
  })

  test('what is neither is cut off', async () => {
    await talk(port, 'no TLS at all\r\n\r\n')
    await program.until(
      /monitoring: TLS handshake error from 127\.0\.0\.1:\d+: tls: first record does not look like a TLS handshake\n/,
    )
  })

  test('the ports file has its URL', () => {
    const name = readdirSync(folder).find((each) => each.endsWith('.ports')) ?? ''
    expect(JSON.parse(readFileSync(join(folder, name), 'utf8'))).toEqual({
      nats: [`tls://127.0.0.1:${program.port}`],
      monitoring: [`https://127.0.0.1:${port}`],
    })
  })

  test('the log says that clients need TLS', async () => {
    await program.until(/\[INF\] TLS required for client connections\n/)
  })
})

test.each(configuredServers('new certificates for HTTPS monitoring'))(
  '$name: a reload brings a new certificate',
  async (server) => {
    const pairs = ['one', 'two'].map((subject) => authority.issue({ subject, dnsNames: ['pages.example'] }))
    const [one, two] = pairs.map(({ cert, key }) => writeFiles({ cert, key }))
    const config = (pair: typeof one): string =>
      `https: "127.0.0.1:-1"\ntls { cert_file: "${pair.cert}", key_file: "${pair.key}" }`
    const { program, reload } = await startReloadable(server, config(one))
    const port = Number((await program.until(/Starting https monitor on \S+:(\d+)/))[1])
    const shown = async (): Promise<string> => (await askSecurely(port, '/varz')).fingerprint
    const [first, second] = pairs.map(({ cert }) => new X509Certificate(cert).fingerprint256)
    expect(await shown()).toBe(first)
    expect(await reload(config(two))).toContain('[INF] Reloaded server configuration')
    expect(await shown()).toBe(second)
  },
)
