// Staples (docs/reference/tls.md, "OCSP staples"): what clients are shown, when the server does not start and when it
// ends, beside nats-server.

import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type ConfiguredServer,
  configuredServers,
  HEDDLES,
  startConfigured,
  startReloadable,
} from '../support/configured-servers.ts'
import { OcspResponder } from '../support/ocsp-responder.ts'
import { Authority, type Certificate, type CertificateOrder, type OcspAnswerOrder } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const authority = new Authority('Test')
const ISSUER = authority.cert

interface Scene {
  readonly responder: OcspResponder
  readonly certificate: Certificate
  readonly tls: string
  /** Name of the certificate's file. */
  readonly file: string
  says(order?: OcspAnswerOrder): Buffer
}

async function scene(order: Partial<CertificateOrder> = {}): Promise<Scene> {
  const responder = await OcspResponder.start()
  const certificate = authority.issue({
    subject: 'localhost',
    dnsNames: ['localhost'],
    ips: ['127.0.0.1'],
    ocspUrl: responder.url,
    ...order,
  })
  const files = writeFiles({ cert: certificate.cert + ISSUER, key: certificate.key })
  const says = (answer: OcspAnswerOrder = {}): Buffer => {
    responder.answer = authority.ocspAnswer(certificate, answer)
    return responder.answer
  }
  says()
  const tls = `{ cert_file: "${files.cert}", key_file: "${files.key}", handshake_first: true }`
  return { responder, certificate, tls, file: files.cert, says }
}

/** What a client gets that asks for a staple; undefined: none. */
async function stapleAt(port: number): Promise<Buffer | undefined> {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', ca: ISSUER, requestOCSP: true })
  onTestFinished(() => void socket.destroy())
  const [[staple]] = await Promise.all([once(socket, 'OCSPResponse'), once(socket, 'secureConnect')])
  return staple ?? undefined
}

/** Requests of both, for the same certificate. */
const requests = new Map<string, Buffer>()
const shared = new Authority('Shared')
const sharedCertificate = shared.issue({ subject: 'localhost', ips: ['127.0.0.1'] })

describe.each(configuredServers('OCSP'))('$name', (server: ConfiguredServer) => {
  test('always: whoever asks gets a staple', async () => {
    const { tls, says, responder } = await scene()
    const staple = says()
    const program = await startConfigured(server, `tls ${tls}\nocsp { mode: always }`)
    expect(await stapleAt(program.port)).toEqual(staple)
    expect(await stapleAt(program.port)).toEqual(staple)
    expect(responder.asked).toHaveLength(1)
    expect(program.stderr).toContain('OCSP Stapling enabled for Client connections')
    await program.until(
      /Found OCSP status for Client certificate at '.*': good, next update 20\S+Z, checking again in /,
    )
  })

  test.each(['', 'ocsp: true', 'ocsp: false', 'ocsp { mode: must }'])(
    'a plain certificate has no staple where nobody demands it: %s',
    async (ocsp) => {
      const { tls, responder } = await scene()
      const program = await startConfigured(server, `tls ${tls}\n${ocsp}`)
      expect(await stapleAt(program.port)).toBeUndefined()
      expect(responder.asked).toEqual([])
    },
  )

  test.each(['', 'ocsp: true', 'ocsp { mode: must }'])('one that demands a staple has one: %s', async (ocsp) => {
    const { tls, says } = await scene({ mustStaple: true })
    const staple = says()
    const program = await startConfigured(server, `tls ${tls}\n${ocsp}`)
    expect(await stapleAt(program.port)).toEqual(staple)
  })

  test('unless the configuration says never', async () => {
    const { tls, file } = await scene({ mustStaple: true })
    const program = await startConfigured(server, `tls ${tls}\nocsp: false`)
    // nats-server says it before there is a log.
    const warning = `Certificate at '${file}' has MustStaple but OCSP is disabled`
    expect(program.stderr.includes(warning)).toBe(server.name !== 'nats-server')
    expect(await stapleAt(program.port)).toBeUndefined()
  })

  test('the configuration may name the responder, which may want GET', async () => {
    const { tls, says, responder } = await scene({ ocspUrl: 'http://127.0.0.1:1' })
    const staple = says()
    responder.takesPost = false
    const program = await startConfigured(server, `tls ${tls}\nocsp { mode: always, url: "${responder.url}" }`)
    expect(await stapleAt(program.port)).toEqual(staple)
  })

  test('WebSocket clients get one, too', async () => {
    const { tls, says } = await scene()
    const staple = says()
    const webSocket = `websocket { listen: "127.0.0.1:-1", tls ${tls.replace(', handshake_first: true', '')} }`
    const program = await startConfigured(server, `${webSocket}\nocsp { mode: always }`)
    const [, port] = await program.until(/Listening for websocket clients on wss:\/\/127\.0\.0\.1:(\d+)/)
    expect(await stapleAt(Number(port))).toEqual(staple)
  })

  test('a delegate of the issuer may answer', async () => {
    const { tls, says } = await scene()
    const staple = says({ signer: authority.issue({ subject: 'delegate', signsOcsp: true }) })
    const program = await startConfigured(server, `tls ${tls}\nocsp { mode: always }`)
    expect(await stapleAt(program.port)).toEqual(staple)
  })

  const NO_START: readonly (readonly [name: string, spoil: (scene: Scene) => void, text: RegExp])[] = [
    ['nobody answers', ({ responder }) => responder.stop(), /^bad OCSP status update for .*exhausted ocsp servers: /],
    ['the certificate is revoked', ({ says }) => void says({ status: 'revoked' }), /^found existing .*': revoked\n/],
    ['the certificate is unknown', ({ says }) => void says({ status: 'unknown' }), /^found existing .*': unknown\n/],
    [
      'the answer is old',
      ({ says }) => void says({ nextUpdate: -5000 }),
      /^bad .*invalid ocsp NextUpdate, is past time/,
    ],
    [
      'the answer is of the future',
      ({ says }) => void says({ thisUpdate: 60_000 }),
      /^bad .*ThisUpdate, is future time/,
    ],
    [
      'the answer is by a stranger',
      ({ says }) => void says({ signer: new Authority('X').issue({ subject: 'x' }) }),
      /^bad/,
    ],
    [
      'the answer is garbage',
      ({ responder }) => {
        responder.answer = Buffer.from('garbage')
      },
      /^bad .*exhausted ocsp servers: failed to get remote status from http:\/\/\S+: /,
    ],
    [
      'the responder has no time',
      ({ responder }) => {
        responder.answer = Buffer.from('30030a0103', 'hex')
      },
      /^bad .*exhausted ocsp servers: failed .* from http:\/\/\S+: ocsp: error from server: try later\n/,
    ],
    [
      'the answer is about another certificate',
      ({ responder }) => {
        responder.answer = authority.ocspAnswer(authority.issue({ subject: 'other' }))
      },
      /^bad .*no response matching the supplied certificate\n/,
    ],
  ]
  test.each(NO_START)('the server does not start where %s', async (name, spoil, text) => {
    // nats-server takes it, and shows it to clients.
    if (server.name === 'nats-server' && name.includes('another')) return
    const parts = await scene()
    spoil(parts)
    const start = startConfigured(server, `tls ${parts.tls}\nocsp { mode: always }`)
    const error: Error = await start.then(
      () => Promise.reject(new Error('it started')),
      (reason) => reason,
    )
    expect(error.message).not.toBe('it started')
    expect(/nats-server: ([\s\S]*)$/.exec(error.message)?.[1]).toMatch(text)
  })

  test('a certificate that is revoked later ends the server', async () => {
    const { tls, says, file } = await scene()
    says({ nextUpdate: 4000 })
    const program = await startConfigured(server, `tls ${tls}\nocsp { mode: always }`)
    says({ status: 'revoked' })
    expect(await program.exit()).toMatchObject({ signal: null })
    expect(program.stderr).toContain(`Received OCSP status for Client certificate '${file}': revoked`)
  })

  test('with auto it goes on', async () => {
    const { tls, says } = await scene({ mustStaple: true })
    says({ nextUpdate: 4000 })
    const program = await startConfigured(server, `tls ${tls}\nocsp: true`)
    says({ status: 'revoked' })
    await program.until(/Received OCSP status for Client certificate '.*': revoked/)
    await stapleAt(program.port)
    expect(program.hasEnded).toBe(false)
  })

  test('a staple is renewed in time', async () => {
    const { tls, says } = await scene()
    const first = says({ nextUpdate: 4000 })
    const program = await startConfigured(server, `tls ${tls}\nocsp { mode: always }`)
    expect(await stapleAt(program.port)).toEqual(first)
    const second = says()
    await program.until(/Received OCSP status for Client certificate '.*': good/)
    expect(await stapleAt(program.port)).toEqual(second)
  })

  test('a reload turns it on and off', async () => {
    const { tls, says } = await scene()
    const staple = says()
    const { program, reload } = await startReloadable(server, `tls ${tls}`)
    expect(await stapleAt(program.port)).toBeUndefined()
    expect(await reload(`tls ${tls}\nocsp { mode: always }`)).toContain('Reloaded server configuration')
    expect(await stapleAt(program.port)).toEqual(staple)
  })

  test('the responder is asked the same', async () => {
    const responder = await OcspResponder.start()
    responder.answer = shared.ocspAnswer(sharedCertificate)
    const files = writeFiles({ cert: sharedCertificate.cert + shared.cert, key: sharedCertificate.key })
    const tls = `tls { cert_file: "${files.cert}", key_file: "${files.key}" }`
    await startConfigured(server, `${tls}\nocsp { mode: always, url: "${responder.url}" }`)
    requests.set(server.name, responder.asked[0])
    expect(new Set([...requests.values()].map((bytes) => bytes.toString('hex')))).toHaveProperty('size', 1)
  })
})

describe.each(HEDDLES)('$name', (server) => {
  test('a reload needs no responder while the staple is good', async () => {
    const { tls, says, responder } = await scene()
    const staple = says()
    const config = `tls ${tls}\nocsp { mode: always }`
    const { program, reload } = await startReloadable(server, config)
    responder.stop()
    expect(await reload(`${config}\nping_max: 5`)).toContain('Reloaded server configuration')
    expect(await stapleAt(program.port)).toEqual(staple)
  })

  test('without news a staple ends, and clients are served without one', async () => {
    const { tls, says, responder } = await scene()
    says({ nextUpdate: 2500 })
    const program = await startConfigured(server, `tls ${tls}\nocsp { mode: always }`)
    responder.stop()
    await program.until(/Bad OCSP status update for certificate '.*': exhausted ocsp servers/)
    await expect.poll(() => stapleAt(program.port), { timeout: 10_000 }).toBeUndefined()
  })
})
