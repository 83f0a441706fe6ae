// Leaf nodes over TLS, Heddle and nats-server at each end: after INFO and before it, with certificates of one end and of
// both, and users by certificate.

import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Authority, type CertificateOrder } from '../tls/certificates.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { heddle, type Kind, leafPortOf, NATS_SERVER, start } from './servers.ts'

const PAIRS: readonly (readonly [hub: Kind, leaf: Kind])[] = [
  [heddle(2), heddle(0)],
  ...(missing('natsServer', 'TLS of leaf nodes beside nats-server')
    ? []
    : ([
        [NATS_SERVER, heddle(2)],
        [heddle(2), NATS_SERVER],
        [NATS_SERVER, NATS_SERVER],
      ] as const)),
]

const folder = mkdtempSync(join(tmpdir(), 'heddle-leaf-tls-'))
afterAll(() => rmSync(folder, { recursive: true }))
const authority = new Authority()
const ca = write('ca.pem', authority.cert)
const otherCa = write('other.pem', new Authority('another').cert)
const server = issue('server', { subject: 'server', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
const elsewhere = issue('elsewhere', { subject: 'elsewhere', dnsNames: ['example.com'] })
const joe = issue('joe', { subject: 'joe', emails: ['joe@example.com'] })

function write(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

/** Lines of a `tls` block. */
function issue(name: string, order: CertificateOrder): string {
  const { cert, key } = authority.issue(order)
  return `cert_file: "${write(`${name}.pem`, cert)}", key_file: "${write(`${name}-key.pem`, key)}"`
}

/** Of the public key of a certificate that was issued here. */
function pinOf(name: string): string {
  const { publicKey } = new X509Certificate(readFileSync(join(folder, `${name}.pem`)))
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

interface Link {
  /** Of the listener, and of the remote; empty: no block. */
  readonly tls: string
  readonly remoteTls: string
  readonly hub?: string
  readonly leafnodes?: string
  readonly url?: string
  /** Of the leaf node’s own listener, without its certificate; empty: none. */
  readonly ofLeaf?: string
}

async function link(
  [hubKind, leafKind]: readonly [Kind, Kind],
  { tls, remoteTls, hub = '', leafnodes = '', url = 'nats://localhost', ofLeaf = '' }: Link,
): Promise<readonly [ServerProgram, ServerProgram]> {
  const place = scratchDirectory()
  const listener = `leafnodes { listen: "127.0.0.1:-1", tls { ${tls}, timeout: 10 }\n${leafnodes} }`
  const atHub = await start(hubKind, place, 'HUB', `${listener}\n${hub}`)
  const block = remoteTls === '' ? '' : `tls { ${remoteTls}, timeout: 10 }`
  const remote = `{ url: "${url}:${await leafPortOf(atHub)}", first_info_timeout: "10s"\n${block} }`
  const own = ofLeaf === '' ? '' : `tls { ${server}, ${ofLeaf} }`
  const config = `leafnodes { reconnect: "100ms", remotes: [ ${remote} ]\n${own}\n}`
  return [atHub, await start(leafKind, place, 'LEAF', config)]
}

/** Messages of every size go both ways. */
async function checkLink(hub: ServerProgram, leaf: ServerProgram, credentials = {}): Promise<void> {
  const [atHub, atLeaf] = [await Party.at(hub, credentials), await Party.at(leaf)]
  for (const [from, to] of [
    [atHub, atLeaf],
    [atLeaf, atHub],
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
  'hub %s, leaf %s',
  (_h, _l, kinds) => {
    test.each(['tls://localhost', 'nats://127.0.0.1'])('TLS comes after INFO: %s', async (url) => {
      await checkLink(...(await link(kinds, { tls: server, remoteTls: `ca_file: "${ca}"`, url })))
    })

    test('TLS comes before INFO', async () => {
      const remoteTls = `ca_file: "${ca}", handshake_first: true`
      await checkLink(...(await link(kinds, { tls: `${server}, handshake_first: true`, remoteTls })))
    })

    test('a hub that waits for TLS a while says INFO then', async () => {
      const remoteTls = `ca_file: "${ca}"`
      await checkLink(...(await link(kinds, { tls: `${server}, handshake_first: "50ms"`, remoteTls })))
    })

    test('both ends have certificates, and that of the leaf node is its user', async () => {
      const tls = `${server}, ca_file: "${ca}", verify_and_map: true`
      const remoteTls = `${joe}, ca_file: "${ca}"`
      const hub = 'accounts { A { users: [ {user: a, password: a} ] } }'
      const leafnodes = 'authorization { users: [ {user: "joe@example.com", account: A} ] }'
      await checkLink(...(await link(kinds, { tls, remoteTls, hub, leafnodes })), { user: 'a', pass: 'a' })
    })

    test('the certificate is a user of the server', async () => {
      const tls = `${server}, ca_file: "${ca}", verify_and_map: true`
      const remoteTls = `${joe}, ca_file: "${ca}"`
      const hub = `accounts {
        A { users: [ {user: a, password: a}, {user: "joe@example.com"} ] }
        B { users: [ {user: b, password: b} ] }
      }`
      await checkLink(...(await link(kinds, { tls, remoteTls, hub })), { user: 'a', pass: 'a' })
    })

    test.each([
      ['of another authority', server, () => `ca_file: "${otherCa}"`],
      ['for another name', elsewhere, () => `ca_file: "${ca}"`],
      ['of an authority that the leaf node does not know, as it says nothing', server, () => ''],
    ])('no link by a certificate %s', async (_, tls, remoteTls) => {
      const [hub, leaf] = await link(kinds, { tls, remoteTls: remoteTls() })
      await leaf.until(/certificate[\s\S]*certificate/i)
      const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
      await atHub.subscribe('x')
      atLeaf.publish('x')
      await atLeaf.flush()
      await atHub.flush()
      expect(atHub.count('x')).toBe(0)
    })

    test('the keys that are pinned at either end are taken, and no others', async () => {
      const pins = (...names: string[]): string =>
        `pinned_certs: [ ${names.map((name) => `"${pinOf(name)}"`).join(', ')} ]`
      const tls = (...names: string[]): string => `${server}, ca_file: "${ca}", verify: true, ${pins(...names)}`
      const remoteTls = `${joe}, ca_file: "${ca}"`
      await checkLink(...(await link(kinds, { tls: tls('joe'), remoteTls, ofLeaf: pins('elsewhere', 'server') })))
      const [hub] = await link(kinds, { tls: tls('server'), remoteTls })
      await hub.until(/certificate not pinned/)
      const [, leaf] = await link(kinds, { tls: tls('joe'), remoteTls, ofLeaf: pins('joe') })
      await leaf.until(/certificate not pinned/)
      if (kinds[1] === NATS_SERVER) return
      // Pins of the remote itself, which nats-server ignores.
      const [, own] = await link(kinds, { tls: tls('joe'), remoteTls: `${remoteTls}, ${pins('joe')}` })
      await own.until(/certificate not pinned/)
    })

    test('no link without the certificate that the hub demands', async () => {
      const [hub, leaf] = await link(kinds, {
        tls: `${server}, ca_file: "${ca}", verify: true`,
        remoteTls: `ca_file: "${ca}"`,
      })
      await hub.until(/TLS leafnode handshake error|TLS handshake error/)
      await Party.at(leaf)
    })
  },
)

test.each([0, 2])('what is no TLS costs its connection alone (%s workers)', async (workers) => {
  const [hub, leaf] = await link([heddle(workers), heddle(0)], { tls: server, remoteTls: `ca_file: "${ca}"` })
  const port = await leafPortOf(hub)
  for (const bytes of ['CONNECT {}\r\n', `\x16\x03\x01\x00\x05hello`, '', 'x'.repeat(100_000)]) {
    const socket = connect(port, '127.0.0.1')
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
    await until('INFO', () => text.includes('"tls_required":true'))
    socket.write(bytes, 'latin1')
    if (bytes === '') socket.end()
    await until('the end', () => isClosed)
    expect(text).not.toContain('connect_info')
  }
  await checkLink(hub, leaf)
})
