// Certificates of clients that are asked about (docs/reference/tls.md, "OCSP of client certificates"): who comes in,
// beside nats-server.

import { connect } from 'node:tls'
import { connect as connectClient } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type ConfiguredServer,
  configuredServers,
  HEDDLES,
  scratchDirectory,
  startConfigured,
} from '../support/configured-servers.ts'
import { OcspResponder } from '../support/ocsp-responder.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Authority, type Certificate, type OcspAnswerOrder } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const authority = new Authority('Test')
const issued = authority.issue({ subject: 'localhost', ips: ['127.0.0.1'] })
const files = writeFiles({ cert: issued.cert, key: issued.key, ca: authority.cert })
const tls = (peer: string, more = 'handshake_first: true'): string =>
  `tls { cert_file: "${files.cert}", key_file: "${files.key}", ca_file: "${files.ca}", verify: true, ${more}
         ocsp_peer ${peer} }
   ocsp_cache { local_store: "${scratchDirectory()}" }`

async function scene() {
  const responder = await OcspResponder.start()
  responder.takesPost = false
  const client = authority.issue({ subject: 'client', ocspUrl: responder.url })
  const says = (order?: OcspAnswerOrder): void => {
    responder.answer = authority.ocspAnswer(client, order)
  }
  says()
  return { responder, client, says }
}

/** Whether a client with this certificate gets INFO and a PONG. */
async function comesIn({ port }: ServerProgram, { cert, key }: Certificate): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, cert, key })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  let text = ''
  let isOver = false
  socket.on('data', (chunk: Buffer) => {
    text += chunk
  })
  socket.on('close', () => {
    isOver = true
  })
  // Sent before the server knows whether it may come in.
  socket.once('secureConnect', () => socket.write('CONNECT {"verbose":false}\r\nPING\r\n'))
  await until('an outcome', () => isOver || text.includes('PONG\r\n'))
  return text.startsWith('INFO {') && text.endsWith('PONG\r\n')
}

describe.each(configuredServers('OCSP of clients'))('$name', (server: ConfiguredServer) => {
  const start = (peer: string): Promise<ServerProgram> => startConfigured(server, tls(peer))

  test('a good certificate comes in, and is asked about once', async () => {
    const { client, responder } = await scene()
    const program = await start(': true')
    for (let i = 0; i < 5; i++) expect(await comesIn(program, client)).toBe(true)
    expect(responder.asked).toHaveLength(1)
  })

  test('the official client, which is told INFO first', async () => {
    const { client } = await scene()
    const program = await startConfigured(server, tls(': true', ''))
    const options = { servers: `127.0.0.1:${program.port}`, reconnect: false, tls: { ca: authority.cert, ...client } }
    const connection = await connectClient(options)
    onTestFinished(() => connection.close())
    await connection.flush()
    const unknown = authority.issue({ subject: 'unknown', ocspUrl: 'http://127.0.0.1:1' })
    await expect(connectClient({ ...options, tls: { ca: authority.cert, ...unknown } })).rejects.toThrow()
  })

  test('a certificate that names no responder comes in', async () => {
    const program = await start(': true')
    expect(await comesIn(program, authority.issue({ subject: 'plain' }))).toBe(true)
  })

  const OUT: readonly (readonly [name: string, order: OcspAnswerOrder, more: string, isIn: boolean])[] = [
    ['a revoked one', { status: 'revoked' }, '', false],
    ['an unknown one', { status: 'unknown' }, '', false],
    ['an unknown one where that is good', { status: 'unknown' }, 'unknown_is_good: true', true],
    ['a revoked one where it is only warned of', { status: 'revoked' }, 'warn_only: true', true],
    ['a good one of long ago', { nextUpdate: -60_000 }, '', false],
    ['a good one of just now', { nextUpdate: -5_000 }, '', true],
    ['a good one of just now without patience', { nextUpdate: -5_000 }, 'allowed_clockskew: 1', false],
    ['a good one of the future', { thisUpdate: 60_000 }, '', false],
  ]
  test.each(OUT)('%s', async (_name, order, more, isIn) => {
    const { client, says } = await scene()
    says(order)
    const program = await start(`{ verify: true, ${more} }`)
    expect(await comesIn(program, client)).toBe(isIn)
    if (order.status !== undefined && more !== 'unknown_is_good: true') {
      await program.until(new RegExp(`OCSP verify fail for \\[CN=client\\] with CA status \\[${order.status}\\]`))
    }
    if (!isIn) await program.until(/TLS handshake error: client not OCSP valid/)
  })

  test('where nobody answers, nobody comes in', async () => {
    const { client, responder } = await scene()
    responder.stop()
    expect(await comesIn(await start(': true'), client)).toBe(false)
    const lenient = await start('{ verify: true, allow_when_ca_unreachable: true }')
    expect(await comesIn(lenient, client)).toBe(true)
    await lenient.until(/Failed to obtain OCSP CA response for \[CN=client\] but AllowWhenCAUnreachable set; no cached/)
  })

  test('a responder that says nothing is waited for as long as configured', async () => {
    const { client, responder } = await scene()
    responder.answer = null
    const program = await start('{ verify: true, ca_timeout: 0.2 }')
    const before = performance.now()
    expect(await comesIn(program, client)).toBe(false)
    expect(performance.now() - before).toBeLessThan(1900)
  })

  test('what a stranger says, or what is garbage, is no answer', async () => {
    const { client, responder, says } = await scene()
    const program = await start('{ verify: true, allow_when_ca_unreachable: true }')
    says({ signer: new Authority('X').issue({ subject: 'x', signsOcsp: true }) })
    expect(await comesIn(program, client)).toBe(false)
    responder.answer = Buffer.from('garbage')
    expect(await comesIn(program, client)).toBe(false)
  })

  test('what is known outlives the server', async () => {
    const { client, responder, says } = await scene()
    says({ status: 'revoked' })
    const config = tls(': true')
    const first = await startConfigured(server, config)
    expect(await comesIn(first, client)).toBe(false)
    await first.stop()
    const second = await startConfigured(server, config)
    expect(await comesIn(second, client)).toBe(false)
    expect(responder.asked).toHaveLength(1)
  })

  test('the system account hears of those who are not let in', async () => {
    const { client, says } = await scene()
    says({ status: 'revoked' })
    const accounts = 'system_account: SYS, accounts: { SYS: { users: [ { user: sys, password: sys } ] } }'
    const program = await startConfigured(server, `${accounts}\n${tls(': true')}`)
    const operator = authority.issue({ subject: 'operator' })
    const system = await connectClient({
      servers: `127.0.0.1:${program.port}`,
      user: 'sys',
      pass: 'sys',
      tls: { ca: authority.cert, ...operator, handshakeFirst: true },
    })
    onTestFinished(() => system.close())
    const heard = new Map<string, unknown>()
    system.subscribe('$SYS.SERVER.*.OCSP.PEER.>', {
      callback: (_, message) => void heard.set(message.subject.split('.').slice(5).join('.'), message.json()),
    })
    await system.flush()
    expect(await comesIn(program, client)).toBe(false)
    await until('both events', () => heard.size === 2)
    const base64 = expect.stringMatching(/^[A-Za-z0-9+/]+=*$/)
    const peer = { subject: 'CN=client', issuer: 'CN=Test', fingerprint: base64, raw: base64 }
    const head = { id: expect.any(String), timestamp: expect.any(String), server: expect.any(Object) }
    expect(heard.get('LINK.INVALID')).toEqual({
      ...head,
      type: 'io.nats.server.advisory.v1.ocsp_peer_link_invalid',
      link: peer,
      peer,
      reason: 'Invalid OCSP response status: revoked',
    })
    expect(heard.get('CONN.REJECT')).toEqual({
      ...head,
      type: 'io.nats.server.advisory.v1.ocsp_peer_reject',
      kind: 'Client',
      peer,
      reason: 'client not OCSP valid',
    })
  })

  test('it needs certificates of clients', async () => {
    const config = tls(': true').replace('verify: true', 'verify: false')
    const text = 'OCSP peer verification for client connections requires TLS verify (mTLS) to be enabled'
    await expect(startConfigured(server, config)).rejects.toThrow(`nats-server: ${text}\n`)
  })
})

test.each(HEDDLES)('WebSocket clients are asked about, too: $name', async (server) => {
  const { client, says } = await scene()
  const other = authority.issue({ subject: 'plain' })
  const block = tls(': true', '').replace(/\n *ocsp_cache.*/, '')
  const program = await startConfigured(server, `websocket { listen: "127.0.0.1:-1", ${block} }`)
  const [, port] = await program.until(/Listening for websocket clients on wss:\/\/127\.0\.0\.1:(\d+)/)
  const answerTo = async ({ cert, key }: Certificate): Promise<string> => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', ca: authority.cert, cert, key })
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    let text = ''
    let isOver = false
    socket.on('data', (chunk: Buffer) => {
      text += chunk
    })
    socket.on('close', () => {
      isOver = true
    })
    const head = 'Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
    socket.write(`GET / HTTP/1.1\r\n${head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
    await until('an outcome', () => isOver || text.includes('INFO {'))
    return text
  }
  expect(await answerTo(other)).toMatch(/^HTTP\/1\.1 101 /)
  says({ status: 'revoked' })
  expect(await answerTo(client)).toBe('')
  await program.until(/client not OCSP valid/)
})
