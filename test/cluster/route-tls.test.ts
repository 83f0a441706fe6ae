// Routes over TLS, Heddle and nats-server at each end: certificates of both sides, names, refusals that cost a link and
// nothing else, and lines that break.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { askJson } from '../monitor/http.ts'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Authority, type CertificateOrder } from '../tls/certificates.ts'
import { Line } from './line.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { heddle, type Kind, NATS_SERVER, start } from './servers.ts'

const PAIRS: readonly (readonly [accepts: Kind, dials: Kind])[] = [
  [heddle(2), heddle(0)],
  ...(missing('natsServer', 'TLS of routes beside nats-server')
    ? []
    : ([
        [NATS_SERVER, heddle(2)],
        [heddle(1), NATS_SERVER],
        [NATS_SERVER, NATS_SERVER],
      ] as const)),
]
/** A pool of three, and one of the system account. */
const ROUTES_OF_A_PAIR = 4

const folder = mkdtempSync(join(tmpdir(), 'heddle-route-tls-'))
afterAll(() => rmSync(folder, { recursive: true }))
const authority = new Authority()
const foreign = new Authority('another')
const ca = `ca_file: "${write('ca.pem', authority.cert)}"`
const server = issue('server', { subject: 'server', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
const named = issue('named', { subject: 'named', dnsNames: ['localhost'] })
const elsewhere = issue('elsewhere', { subject: 'elsewhere', dnsNames: ['example.com'], ips: ['10.0.0.1'] })
const stranger = issue('stranger', { subject: 'stranger', dnsNames: ['localhost'], ips: ['127.0.0.1'] }, foreign)

function write(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

/** Lines of a `tls` block, and the pin of the certificate. */
function issue(
  name: string,
  order: CertificateOrder,
  by = authority,
): { readonly lines: string; readonly pin: string } {
  const { cert, key, pin } = by.issue(order)
  const lines = `cert_file: "${write(`${name}.pem`, cert)}", key_file: "${write(`${name}-key.pem`, key)}"`
  return { lines, pin }
}

const tlsOf = (lines: string): string => (lines === '' ? '' : `tls { ${lines}, timeout: 10 }`)
const good = tlsOf(`${server.lines}, ${ca}`)
const pinned = tlsOf(`${server.lines}, ${ca}, pinned_certs: ["${elsewhere.pin}"]`)

interface Member {
  readonly program: ServerProgram
  readonly clusterPort: number
  readonly monitorPort: number
  /** Reloads with other lines in its block; resolves with what the log says of it. */
  reload(lines: string): Promise<string>
}

let names = 0

/** A server of the cluster, whose block has these lines. */
async function member(kind: Kind, lines: string, routes: readonly string[] = []): Promise<Member> {
  const urls = routes.map((route) => JSON.stringify(route)).join(', ')
  const configOf = (more: string): string => `listen: "127.0.0.1:-1", http: "127.0.0.1:-1"
    cluster { name: C, listen: "127.0.0.1:-1", routes: [ ${urls} ]\n${more} }`
  const [place, name] = [scratchDirectory(), `S${++names}`]
  const program = await start(kind, place, name, configOf(lines))
  const monitorPort = Number((await program.until(/Starting http monitor on \S*:(\d+)/))[1])
  const clusterPort = Number((await program.until(/Listening for route connections on \S*:(\d+)/))[1])
  const reload = async (more: string): Promise<string> => {
    const from = program.stderr.length
    writeFileSync(join(place, `${name}.conf`), `server_name: ${name}\n${configOf(more)}\n`)
    program.child.kill('SIGHUP')
    return until('the end of a reload', () => {
      const said = program.stderr.slice(from)
      return /Reloaded server configuration|Failed to reload/.test(said) ? said : undefined
    })
  }
  return { program, clusterPort, monitorPort, reload }
}

const urlOf = ({ clusterPort }: Pick<Member, 'clusterPort'>, host = '127.0.0.1', user = ''): string =>
  `nats://${user}${host}:${clusterPort}`

async function routesOf({ monitorPort }: Member): Promise<number> {
  return (await askJson<{ num_routes: number }>(monitorPort, '/routez')).num_routes
}

const untilRoutes = (one: Member, count = ROUTES_OF_A_PAIR): Promise<unknown> =>
  until(`${count} routes`, async () => (await routesOf(one)) === count)

/** Messages of every size go both ways. */
async function checkRoutes(one: Member, other: Member): Promise<void> {
  const [here, there] = [await Party.at(one.program), await Party.at(other.program)]
  for (const [from, to] of [
    [here, there],
    [there, here],
  ] as const) {
    await to.subscribe('x.*')
    await untilLinked(from, to)
    const payloads = [0, 1, 1000, 16_384, 100_000, 900_000].map((size) => 'x'.repeat(size))
    for (const payload of payloads) from.publish('x.y', payload)
    await settled(from, to)
    expect(to.on('x.y')).toEqual(payloads)
  }
}

describe.each(PAIRS.map((kinds) => [kinds[0].name, kinds[1].name, kinds] as const))(
  '%s is dialled by %s',
  (_a, _d, [accepts, dials]) => {
    test.each(['', 'compression: s2_fast', 'pool_size: -1', 'pool_size: 5'])(
      'messages go both ways: %j',
      async (more) => {
        const one = await member(accepts, `${good}\n${more}`)
        const other = await member(dials, `${good}\n${more}`, [urlOf(one)])
        await checkRoutes(one, other)
        const pages = await Promise.all(
          [one, other].map(({ monitorPort }) => askJson<{ cluster: Record<string, unknown> }>(monitorPort, '/varz')),
        )
        for (const { cluster } of pages) {
          expect(cluster).toMatchObject({ tls_timeout: 10, tls_required: true, tls_verify: true })
          expect(cluster['tls_cert_not_after']).toMatch(/^\d{4}-.*Z$/)
          expect(cluster['auth_timeout']).toBe(11)
        }
      },
    )

    const unverified = 'tls: failed to verify certificate: x509:'
    test.each([
      [
        'the side that dials has no certificate',
        good,
        tlsOf(ca),
        'accepts',
        "tls: client didn't provide a certificate",
      ],
      [
        'its certificate is of another authority',
        good,
        tlsOf(`${stranger.lines}, ${ca}`),
        'accepts',
        // A Go program shows no certificate that it knows not to be wanted.
        dials === NATS_SERVER
          ? "tls: client didn't provide a certificate"
          : `${unverified} certificate signed by unknown`,
      ],
      ['its certificate is not pinned', pinned, good, 'accepts', 'certificate not pinned'],
      ['it is plain', good, '', 'accepts', 'tls: first record does not look like a TLS handshake'],
      ['the other one is plain', '', good, 'dials', 'tls: first record does not look like a TLS handshake'],
      [
        'the other certificate is of another authority',
        tlsOf(`${stranger.lines}, ${ca}`),
        good,
        'dials',
        `${unverified} certificate signed by unknown authority`,
      ],
      [
        'the other certificate is for another address',
        tlsOf(`${elsewhere.lines}, ${ca}`),
        good,
        'dials',
        `${unverified} certificate is valid for 10.0.0.1, not 127.0.0.1`,
      ],
      [
        'the other certificate is for no address',
        tlsOf(`${named.lines}, ${ca}`),
        good,
        'dials',
        `${unverified} cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs`,
      ],
      ['the other certificate is not pinned', good, pinned, 'dials', 'certificate not pinned'],
    ] as const)('no route where %s, and the log says so', async (_, ofOne, ofOther, who, text) => {
      const one = await member(accepts, ofOne)
      const other = await member(dials, ofOther, [urlOf(one)])
      const teller = (who === 'accepts' ? one : other).program
      await until('a line of the log', () => teller.stderr.includes(`TLS route handshake error: ${text}`))
      expect([await routesOf(one), await routesOf(other)]).toEqual([0, 0])
      // Both serve on, and the one that accepts has routes to others.
      await Party.at(one.program)
      await Party.at(other.program)
      if (ofOne !== good) return
      const third = await member(heddle(1), good, [urlOf(one)])
      await untilRoutes(third)
      await checkRoutes(one, third)
    })

    test('the name is asked for, and is that of servers with nothing but addresses too', async () => {
      const lines = tlsOf(`${named.lines}, ${ca}`)
      const one = await member(accepts, lines)
      const others = [
        await member(dials, lines, [urlOf(one, 'localhost')]),
        await member(dials, lines, [urlOf(one, 'localhost')]),
      ]
      for (const each of [one, ...others]) await untilRoutes(each, 2 * ROUTES_OF_A_PAIR)
      await checkRoutes(others[0], others[1])
    })

    test('another name is refused', async () => {
      const one = await member(accepts, tlsOf(`${elsewhere.lines}, ${ca}`))
      const other = await member(dials, good, [urlOf(one, 'localhost')])
      await other.program.until(
        /TLS route handshake error: tls: failed to verify certificate: x509: certificate is valid for example\.com, not localhost/,
      )
      expect(await routesOf(one)).toBe(0)
    })

    test('an insecure one dials any server, and is warned', async () => {
      const one = await member(accepts, tlsOf(`${elsewhere.lines}, ${ca}`))
      const other = await member(dials, tlsOf(`${server.lines}, ${ca}, insecure: true`), [urlOf(one)])
      await other.program.until(
        /TLS certificate chain and hostname of solicited routes will not be verified\. DO NOT USE IN/,
      )
      await checkRoutes(one, other)
    })

    test('certificates are users where they are mapped, and passwords count for nothing', async () => {
      const mapped = tlsOf(`${server.lines}, ${ca}, verify_and_map: true`)
      const one = await member(accepts, `${mapped}\nauthorization { user: "CN=server", password: p }`)
      const other = await member(dials, good, [urlOf(one)])
      await untilRoutes(other)
      const third = await member(dials, tlsOf(`${named.lines}, ${ca}`), [urlOf(one, '127.0.0.1', 'CN=server:p@')])
      await third.program.until(/Route(?:r)? Error 'Authorization Violation'/)
      await untilRoutes(third, 0)
    })

    test('certificates of known hosts are taken, no others', async () => {
      const known = tlsOf(`${server.lines}, ${ca}, verify_cert_and_check_known_urls: true`)
      const one = await member(accepts, known, ['nats://localhost:1'])
      const other = await member(dials, tlsOf(`${named.lines}, ${ca}`), [urlOf(one)])
      await untilRoutes(other)
      const third = await member(dials, tlsOf(`${elsewhere.lines}, ${ca}`), [urlOf(one)])
      await third.program.until(/Route(?:r)? Error 'Authorization Violation'/)
      await untilRoutes(third, 0)
    })

    test('other certificates and pins come by a reload: routes that are there stay, but for the pins', async () => {
      const one = await member(accepts, good)
      const line = await Line.to(one.clusterPort)
      const other = await member(dials, good, [urlOf({ clusterPort: line.port })])
      await untilRoutes(other)
      expect(await one.reload(tlsOf(`${elsewhere.lines}, ${ca}`))).toContain('Reloaded: cluster')
      expect(await routesOf(other)).toBe(ROUTES_OF_A_PAIR)
      line.reset()
      await other.program.until(/TLS route handshake error: .*certificate is valid for 10\.0\.0\.1, not 127\.0\.0\.1/)
      await one.reload(good)
      await untilRoutes(other)
      await one.reload(pinned)
      await one.program.until(/Disconnect \d clients due to pinned certs reload/)
      await one.program.until(/TLS route handshake error: certificate not pinned/)
      await one.reload(good)
      await checkRoutes(one, other)
    })

    test('a line that is cut is mended', async () => {
      const one = await member(accepts, good)
      const line = await Line.to(one.clusterPort)
      const other = await member(dials, good, [urlOf({ clusterPort: line.port })])
      await untilRoutes(other)
      const [here, there] = [await Party.at(one.program), await Party.at(other.program)]
      await there.subscribe('x')
      await untilLinked(here, there)
      line.cut()
      await until('all routes to be gone', async () => (await routesOf(other)) === 0)
      line.mend()
      await untilRoutes(other)
      await untilLinked(here, there)
      here.publish('x', 'again')
      await settled(here, there)
      expect(there.on('x')).toEqual(['again'])
    })
  },
)

test.each([0, 1, 2])('what is no TLS costs its connection alone (%s workers)', async (workers) => {
  const one = await member(heddle(workers), good)
  const other = await member(heddle(0), good, [urlOf(one)])
  for (const bytes of ['CONNECT {}\r\n', `\x16\x03\x01\x00\x05hello`, '', 'x'.repeat(100_000)]) {
    const socket = connect(one.clusterPort, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let isClosed = false
    let text = ''
    socket.on('error', () => undefined)
    socket.on('close', () => {
      isClosed = true
    })
    socket.on('data', (data) => {
      text += data.toString('latin1')
    })
    socket.write(bytes, 'latin1')
    if (bytes === '') socket.end()
    await until('the end', () => isClosed)
    expect(text).not.toContain('INFO')
  }
  await checkRoutes(one, other)
})
