// Leaf nodes over WebSocket, Heddle and nats-server at each end: frames masked or not, compressed or not, over TLS.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ask } from '../monitor/http.ts'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Authority } from '../tls/certificates.ts'
import { Line } from './line.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { heddle, type Kind, NATS_SERVER, start } from './servers.ts'

const PAIRS: readonly (readonly [hub: Kind, leaf: Kind])[] = [
  [heddle(2), heddle(0)],
  ...(missing('natsServer', 'leaf nodes over WebSocket beside nats-server')
    ? []
    : ([
        [NATS_SERVER, heddle(1)],
        [heddle(2), NATS_SERVER],
        [NATS_SERVER, NATS_SERVER],
      ] as const)),
]

const folder = mkdtempSync(join(tmpdir(), 'heddle-leaf-websocket-'))
afterAll(() => rmSync(folder, { recursive: true }))
const authority = new Authority()
const ca = write('ca.pem', authority.cert)
const { cert, key } = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
const TLS = `tls { cert_file: "${write('server.pem', cert)}", key_file: "${write('key.pem', key)}", timeout: 10 }`
const MONITOR = 'http: "127.0.0.1:-1"'
const NO_TLS = 'no_tls: true'

function write(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

async function webSocketPortOf(program: ServerProgram): Promise<number> {
  return Number((await program.until(/Listening for websocket clients on wss?:\S*:(\d+)/))[1])
}

async function page(server: ServerProgram, path: string): Promise<Record<string, unknown>> {
  const [, port] = await server.until(/Starting http monitor on \S*:(\d+)/)
  return JSON.parse((await ask(Number(port), path)).body)
}

interface More {
  readonly websocket?: string
  readonly leafnodes?: string
  readonly hub?: string
  readonly remote?: string
  /** `user:password@` in the URL. */
  readonly user?: string
  readonly path?: string
  readonly scheme?: string
}

function hubConfig({ websocket = NO_TLS, leafnodes = '', hub = '' }: More): string {
  return `websocket { listen: "127.0.0.1:-1", ${websocket} }
    leafnodes { listen: "127.0.0.1:-1"\n${leafnodes}\n}\n${MONITOR}\n${hub}`
}

function leafConfig(port: number, { remote = '', user = '', path = '', scheme = 'ws' }: More): string {
  const url = `${scheme}://${user}localhost:${port}${path}`
  return `leafnodes { reconnect: "100ms", remotes: [ { url: "${url}", first_info_timeout: "10s"\n${remote}\n} ] }\n${MONITOR}`
}

interface Linked {
  readonly hub: ServerProgram
  readonly leaf: ServerProgram
  readonly line: Line
}

async function link([hubKind, leafKind]: readonly [Kind, Kind], more: More = {}): Promise<Linked> {
  const place = scratchDirectory()
  const hub = await start(hubKind, place, 'HUB', hubConfig(more))
  const line = await Line.to(await webSocketPortOf(hub))
  return { hub, leaf: await start(leafKind, place, 'LEAF', leafConfig(line.port, more)), line }
}

/** Messages of these sizes go both ways, in order. */
async function checkLink(hub: ServerProgram, leaf: ServerProgram, sizes: readonly number[], user = {}): Promise<void> {
  const [atHub, atLeaf] = [await Party.at(hub, user), await Party.at(leaf)]
  for (const [from, to] of [
    [atHub, atLeaf],
    [atLeaf, atHub],
  ] as const) {
    await to.subscribe('x.*')
    await untilLinked(from, to)
    const payloads = sizes.map((size, i) => `${i}`.padEnd(size, 'abcdefghij'))
    for (const payload of payloads) from.publish('x.y', payload, 'r', 'NATS/1.0\r\nK: v\r\n\r\n')
    await settled(from, to)
    expect(to.on('x.y')).toEqual(payloads)
  }
}

const SIZES = [1, 100, 1000, 16_384, 65_536, 100_000, 500_000]
const MIB = 1024 * 1024

describe.each(PAIRS.map((kinds) => [kinds[0].name, kinds[1].name, kinds] as const))(
  'hub %s, leaf %s',
  (_h, _l, kinds) => {
    test('messages pass, the largest too, in masked frames, and pages tell of it', async () => {
      const { hub, leaf, line } = await link(kinds, { path: '/some/where/' })
      await checkLink(hub, leaf, [...SIZES, MIB - 22, MIB - 22, 3])
      const [{ out }] = line.passages
      const said = Buffer.concat(out)
      const head = said.toString('latin1', 0, said.indexOf('\r\n\r\n'))
      expect(head).toMatch(/^GET \/some\/where\/leafnode HTTP\/1\.1\r\n/)
      expect(head).not.toMatch(/no-masking|extensions/i)
      expect(said[said.indexOf('\r\n\r\n') + 5] & 0x80).toBe(0x80)
      // A Heddle does not compress around frames.
      const compression = kinds.every((kind) => kind === NATS_SERVER) ? expect.stringMatching(/^s2_/) : 'off'
      for (const server of [hub, leaf]) {
        expect(await page(server, '/leafz')).toMatchObject({ leafnodes: 1, leafs: [{ websocket: true, compression }] })
        expect(server.stderr).toMatch(/lid_ws:\d+ - Leafnode connection created/)
      }
      expect(await page(hub, '/varz')).toMatchObject({ leafnodes: 1 })
    })

    test('frames are not masked, and messages compressed, where both ends will', async () => {
      const { hub, leaf, line } = await link(kinds, {
        websocket: `${NO_TLS}, compression: true`,
        remote: 'ws_compression: true, ws_no_masking: true',
      })
      await checkLink(hub, leaf, SIZES)
      const said = Buffer.concat(line.passages[0].out)
      const head = said.toString('latin1', 0, said.indexOf('\r\n\r\n'))
      expect(head).toMatch(/Nats-No-Masking: true/i)
      expect(said[said.indexOf('\r\n\r\n') + 5] & 0x80).toBe(0)
      for (const server of [hub, leaf]) {
        expect(await page(server, '/leafz')).toMatchObject({ leafs: [{ websocket: true, compression: 'off' }] })
      }
    })

    test.each([
      ['compression at the leaf node alone', NO_TLS, 'ws_compression: true, compression: off'],
      ['compression at the hub alone, and masks', `${NO_TLS}, compression: true`, 'compression: s2_best'],
      ['a compressed WebSocket with masks', `${NO_TLS}, compression: true`, 'ws_compression: true'],
    ])('%s', async (_, websocket, remote) => {
      const { hub, leaf } = await link(kinds, { websocket, remote })
      await checkLink(hub, leaf, SIZES)
    })

    test('TLS, for the name in the URL', async () => {
      const { hub, leaf } = await link(kinds, { websocket: TLS, scheme: 'wss', remote: `tls { ca_file: "${ca}" }` })
      await checkLink(hub, leaf, SIZES)
    })

    test('no link by a certificate that the leaf node does not trust', async () => {
      const { leaf } = await link(kinds, { websocket: TLS, scheme: 'wss' })
      await leaf.until(/certificate[\s\S]*certificate/i)
      expect(await page(leaf, '/leafz')).toMatchObject({ leafnodes: 0 })
    })

    test('the user is one of leaf nodes over WebSocket, and another is none', async () => {
      const users = (type: string): string =>
        `accounts { A { users: [ {user: u, password: p, allowed_connection_types: ["${type}"]}, {user: a, password: a} ] } }`
      const { hub, leaf } = await link(kinds, { hub: users('LEAFNODE_WS'), user: 'u:p@' })
      await checkLink(hub, leaf, [1, 2], { user: 'a', pass: 'a' })
      const other = await link(kinds, { hub: users('LEAFNODE'), user: 'u:p@' })
      await other.leaf.until(/Authorization Violation[\s\S]*Authorization Violation/)
    })

    test('users of leaf nodes alone count, those of other WebSockets do not', async () => {
      const { hub, leaf } = await link(kinds, {
        websocket: `${NO_TLS}, authorization { user: other, password: other }`,
        leafnodes: 'authorization { user: u, password: p }',
        user: 'u:p@',
      })
      await checkLink(hub, leaf, [1, 2])
    })

    test('a link that is cut is made anew, and so is one that no PONG comes over', async () => {
      const { hub, leaf, line } = await link(kinds, { leafnodes: 'ping_interval: "200ms"' })
      await checkLink(hub, leaf, [1])
      line.reset()
      await until('another connection', () => line.passages.length > 1)
      await checkLink(hub, leaf, [2])
      line.hold('out')
      await hub.until(/Stale Connection/)
      line.reset()
      line.release()
      await checkLink(hub, leaf, [3])
    })
  },
)

test.each([...new Set(PAIRS.map(([, leaf]) => leaf))].map((kind) => [kind.name, kind] as const))(
  'what does not answer as a WebSocket costs the attempt: %s',
  async (_, kind) => {
    const place = scratchDirectory()
    const hub = await start(heddle(1), place, 'HUB', `leafnodes { listen: "127.0.0.1:-1" }\n${MONITOR}`)
    const [, port] = await hub.until(/Starting http monitor on \S*:(\d+)/)
    const leaf = await start(kind, place, 'LEAF', leafConfig(Number(port), {}))
    await leaf.until(/Error soliciting websocket connection: invalid websocket connection/)
    await Party.at(leaf)
  },
)

test.each([...new Set(PAIRS.map(([hub]) => hub))].map((kind) => [kind.name, kind] as const))(
  'a server without a port for leaf nodes takes none: %s',
  async (_, kind) => {
    const place = scratchDirectory()
    const hub = await start(kind, place, 'HUB', `websocket { listen: "127.0.0.1:-1", ${NO_TLS} }`)
    const leaf = await start(heddle(0), place, 'LEAF', leafConfig(await webSocketPortOf(hub), {}))
    await hub.until(/Not configured to accept leaf node connections/)
    expect(await page(leaf, '/leafz')).toMatchObject({ leafnodes: 0 })
  },
)

test.each([0, 2])('leaf nodes do not count as clients, and go with the hub (%s workers)', async (workers) => {
  const { hub, leaf, line } = await link([heddle(workers), heddle(2)], { hub: 'max_connections: 1' })
  const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
  await untilLinked(atHub, atLeaf)
  // They come where no client could.
  line.reset()
  await until('another connection', () => line.passages.length > 1)
  await untilLinked(atHub, atLeaf)
  await untilLinked(atLeaf, atHub)
  expect(await page(hub, '/varz')).toMatchObject({ leafnodes: 1, connections: 1 })
  expect((await hub.stop()).code).toBe(0)
  await leaf.until(/Leafnode connection closed/)
})
