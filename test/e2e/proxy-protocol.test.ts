// Connections by a load balancer that says for whom it speaks (`proxy_protocol`), the same scenes on nats-server.

import { connect as connectTls } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { configuredServers, HEDDLES, startConfigured } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import { monitorPage } from '../support/monitor-page.ts'
import { v1, v2 } from '../support/proxy-protocol.ts'
import { RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const V4 = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 0x04, 0x57, 0, 80])
const CONNECT = 'CONNECT {"verbose":false}\r\nPING\r\n'

const authority = new Authority()
const certificate = authority.issue({ subject: 'server', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
const files = writeFiles({ cert: certificate.cert, key: certificate.key })
const TLS = `cert_file: "${files.cert}", key_file: "${files.key}"`

const HEADERS: readonly (readonly [what: string, header: Buffer, address: RegExp])[] = [
  ['version 1', v1('TCP4 1.2.3.4 5.6.7.8 111 222'), /^1\.2\.3\.4 111$/],
  ['version 1, IPv6', v1('TCP6 2001:DB8::0001 ::1 111 222'), /^2001:db8::1 111$/],
  ['version 2', v2(0x21, 0x11, V4), /^1\.2\.3\.4 1111$/],
  ['version 2 with more behind', v2(0x21, 0x11, Buffer.concat([V4, Buffer.alloc(300)])), /^1\.2\.3\.4 1111$/],
  ['LOCAL', v2(0x20, 0x00), /^127\.0\.0\.1 /],
  ['UNKNOWN', v1('UNKNOWN'), /^127\.0\.0\.1 /],
  ['no header', Buffer.alloc(0), /^127\.0\.0\.1 /],
]

/** Where /connz says that a client is; without a number, the only one. */
async function addressOf(program: ServerProgram, cid?: number): Promise<string> {
  const [, port] = /Starting http monitor on \S*:(\d+)/.exec(program.stderr) ?? []
  const { text } = await monitorPage(Number(port), cid === undefined ? '/connz' : `/connz?cid=${cid}`)
  const { connections } = JSON.parse(text) as { connections: { ip: string; port: number }[] }
  expect(connections).toHaveLength(1)
  return `${connections[0].ip} ${connections[0].port}`
}

/** Speaks TLS over a connection on which the header has been sent. */
async function secured(client: RawClient): Promise<RawClient> {
  const { socket } = client
  socket.removeAllListeners('data')
  const tls = connectTls({ socket, ca: authority.cert, servername: 'localhost' })
  await new Promise<void>((resolve, reject) => {
    tls.once('secureConnect', resolve)
    tls.once('error', reject)
  })
  return RawClient.over(tls)
}

test.each(configuredServers('headers of the PROXY protocol that do not end').filter(({ name }) => !/4/.test(name)))(
  '$name: a header that does not come, or not whole, ends its connection and no other',
  async (server) => {
    const program = await startConfigured(server, 'proxy_protocol: true')
    const beginnings = [
      Buffer.alloc(0),
      v1('TCP4 1.2.3.4 5.6.7.8 111 222').subarray(0, 12),
      v2(0x21, 0x11, V4).subarray(0, 14),
    ]
    const late = await Promise.all(
      beginnings.map(async (beginning) => {
        const client = await dial(program.port)
        await client.readInfo()
        client.socket.write(beginning)
        return client
      }),
    )
    const prompt = await dial(program.port)
    prompt.socket.write(v1('TCP4 1.2.3.4 5.6.7.8 111 222'))
    await prompt.readInfo()
    for (const client of late) expect((await client.readToClose()).toString()).toBe('')
    const lines = /Error reading PROXY protocol header from 127\.0\.0\.1:\d+: failed to read /g
    await until('a line for each', () => program.stderr.match(lines)?.length === beginnings.length)
    prompt.send(CONNECT)
    await prompt.expect('PONG\r\n')
  },
)

describe.each(configuredServers('the PROXY protocol'))('$name', (server) => {
  const start = (more = '') => startConfigured(server, `proxy_protocol: true\nhttp: "127.0.0.1:-1"\n${more}`)

  test('says where a client is, by either version, whole or in pieces', async () => {
    const program = await start()
    for (const [what, header, address] of HEADERS) {
      const client = await dial(program.port)
      const info = await client.readInfo()
      expect(info, what).not.toHaveProperty('client_ip')
      client.send(header.subarray(0, 9))
      client.send(header.subarray(9), CONNECT)
      await client.expect('PONG\r\n')
      expect(await addressOf(program, info.client_id), what).toMatch(address)
    }
  })

  test('a header that is none ends the connection, and the log says why', async () => {
    const program = await start()
    const client = await dial(program.port)
    await client.readInfo()
    client.send(v1('TCP4 1.2.3 5.6.7.8 111 222'))
    await client.expectClose()
    const line =
      /\[WRN\] Error reading PROXY protocol header from 127\.0\.0\.1:\d+: invalid PROXY protocol header: invalid address\n/
    await until('the line', () => line.test(program.stderr))
    expect(program.stderr).toContain('[INF] PROXY protocol enabled for client connections\n')
  })

  test('the header comes before TLS', async () => {
    const program = await start(`tls { ${TLS} }`)
    const plain = await dial(program.port)
    await plain.readInfo()
    plain.send(v2(0x21, 0x11, V4))
    const client = await secured(plain)
    client.send(CONNECT)
    await client.expect('PONG\r\n')
    expect(await addressOf(program)).toBe('1.2.3.4 1111')
  })

  test('the header comes before TLS that comes before INFO', async () => {
    const program = await start(`tls { ${TLS}, handshake_first: true }`)
    const plain = await dial(program.port)
    plain.send(v1('TCP4 1.2.3.4 5.6.7.8 111 222'))
    const client = await secured(plain)
    expect(await client.readInfo()).toHaveProperty('client_ip', '1.2.3.4')
    client.send(CONNECT)
    await client.expect('PONG\r\n')
    expect(await addressOf(program)).toBe('1.2.3.4 111')
  })

  test('plain is allowed beside TLS behind a header', async () => {
    const program = await start(`tls { ${TLS} }\nallow_non_tls: true`)
    const client = await dial(program.port)
    await client.readInfo()
    client.send(v1('TCP4 1.2.3.4 5.6.7.8 111 222'), CONNECT)
    await client.expect('PONG\r\n')
    expect(await addressOf(program)).toBe('1.2.3.4 111')
  })
})

describe.each(HEDDLES)('$name alone', (server) => {
  test('its log names the client, not the proxy', async () => {
    const program = await startConfigured(server, 'proxy_protocol: true\ndebug: true')
    const client = await dial(program.port)
    client.send(v1('TCP4 1.2.3.4 5.6.7.8 111 222'), CONNECT)
    await client.readInfo()
    await client.expect('PONG\r\n')
    await client.close()
    await until('the line', () => /1\.2\.3\.4:111 - cid:\d+ - Client connection closed/.test(program.stderr))
  })

  test('connections whose header is due hold up neither clients nor the end', async () => {
    const program = await startConfigured(server, 'proxy_protocol: true')
    const silent = await Promise.all(Array.from({ length: 5 }, () => dial(program.port)))
    for (const one of silent) await one.readInfo()
    silent[0].send('PROXY TCP4')
    const client = await dial(program.port)
    await client.readInfo()
    client.send(CONNECT)
    await client.expect('PONG\r\n')
    expect(await program.stop()).toMatchObject({ code: 0 })
    for (const one of silent) await one.expectClose()
  })
})
