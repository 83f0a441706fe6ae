// Leaf nodes of leaf nodes, circles, lines that break, and what a hub refuses.

import { describe, expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import { missing, peers } from '../support/peers.ts'
import { until } from '../support/until.ts'
import { Line } from './line.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { heddle, type Kind, leafPortOf, NATS_SERVER, start } from './servers.ts'

const HEDDLE = heddle(2)
const hasPeers = !missing('natsServer', 'leaf nodes beside nats-server') && peers.natsServer !== undefined

const HUB = 'leafnodes { listen: "127.0.0.1:-1" }'
const leafOf = (port: number, more = ''): string =>
  `leafnodes { listen: "127.0.0.1:-1", remotes: [ { url: "nats://127.0.0.1:${port}"\n${more} } ] }`

const CHAINS: readonly (readonly [Kind, Kind, Kind])[] = [
  [HEDDLE, HEDDLE, HEDDLE],
  ...(hasPeers
    ? ([
        [NATS_SERVER, HEDDLE, NATS_SERVER],
        [HEDDLE, NATS_SERVER, HEDDLE],
      ] as const)
    : []),
]

describe.each(CHAINS.map((kinds) => [kinds.map(({ name }) => name).join(' – '), kinds] as const))(
  'a chain of three: %s',
  (_, [top, middle, bottom]) => {
    test('messages pass from end to end, once each, and the queue groups of each server get their share', async () => {
      const folder = scratchDirectory()
      const a = await start(top, folder, 'A', HUB)
      const b = await start(middle, folder, 'B', leafOf(await leafPortOf(a)))
      const c = await start(bottom, folder, 'C', leafOf(await leafPortOf(b)))
      const parties = [await Party.at(a), await Party.at(b), await Party.at(c)]
      for (const party of parties) await party.subscribe('x')
      await parties[2].subscribe('work', 'q')
      for (const from of parties) for (const to of parties) if (from !== to) await untilLinked(from, to)
      for (const party of parties) party.heard.length = 0
      for (const [i, from] of parties.entries()) for (let n = 0; n < 50; n++) from.publish('x', `${i}.${n}`)
      for (let n = 0; n < 50; n++) parties[0].publish('work', `${n}`)
      for (const from of parties) for (const to of parties) if (from !== to) await settled(from, to)
      const all = parties.flatMap((__, i) => Array.from({ length: 50 }, (___, n) => `${i}.${n}`))
      for (const party of parties) expect(party.on('x').sort()).toEqual([...all].sort())
      expect(parties[2].on('work')).toHaveLength(50)
    })
  },
)

test('a circle of leaf nodes is found', async () => {
  const folder = scratchDirectory()
  const a = await start(HEDDLE, folder, 'A', HUB)
  const b = await start(HEDDLE, folder, 'B', leafOf(await leafPortOf(a)))
  // C is a leaf node of B, and A is one of C.
  const c = await start(HEDDLE, folder, 'C', leafOf(await leafPortOf(b)))
  const port = await leafPortOf(c)
  const d = await start(
    HEDDLE,
    folder,
    'D',
    `leafnodes { remotes: [ { url: "nats://127.0.0.1:${port}" }, { url: "nats://127.0.0.1:${await leafPortOf(a)}" } ] }`,
  )
  const found = /Loop detected for leafnode account="\$G". Delaying attempt to reconnect for 30s/
  await Promise.any([a, b, c, d].map((server) => server.until(found)))
})

test.skipIf(!hasPeers)('a circle with nats-server in it is found', async () => {
  const folder = scratchDirectory()
  const a = await start(NATS_SERVER, folder, 'A', HUB)
  const b = await start(HEDDLE, folder, 'B', leafOf(await leafPortOf(a)))
  const line = await Line.to(await leafPortOf(b))
  const c = await start(
    NATS_SERVER,
    folder,
    'C',
    `leafnodes { remotes: [ { url: "nats://127.0.0.1:${line.port}" }, { url: "nats://127.0.0.1:${await leafPortOf(a)}" } ] }`,
  )
  await Promise.any([a, b, c].map((server) => server.until(/Loop detected for leafnode account/)))
})

describe.each([HEDDLE, ...(hasPeers ? [NATS_SERVER] : [])].map((kind) => [kind.name, kind] as const))(
  'a line to a hub (%s) that breaks',
  (_, hubKind) => {
    test('heals when it is back, with all interest', async () => {
      const folder = scratchDirectory()
      const hub = await start(hubKind, folder, 'HUB', HUB)
      const line = await Line.to(await leafPortOf(hub))
      const leaf = await start(HEDDLE, folder, 'LEAF', leafOf(line.port))
      const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
      await atHub.subscribe('up')
      await atLeaf.subscribe('down')
      await untilLinked(atLeaf, atHub)
      for (let round = 0; round < 2; round++) {
        line.cut()
        await until('the connection to be gone', () => line.open.length === 0)
        await atLeaf.subscribe(`late.${round}`)
        line.mend()
        await untilLinked(atHub, atLeaf)
        await untilLinked(atLeaf, atHub)
        atHub.publish('down', `${round}`)
        atHub.publish(`late.${round}`, 'x')
        atLeaf.publish('up', `${round}`)
        await settled(atHub, atLeaf)
        await settled(atLeaf, atHub)
        expect(atLeaf.on('down').at(-1)).toBe(`${round}`)
        expect(atLeaf.on(`late.${round}`)).toEqual(['x'])
        expect(atHub.on('up').at(-1)).toBe(`${round}`)
      }
    })

    test('slices and delays change nothing', async () => {
      const folder = scratchDirectory()
      const hub = await start(hubKind, folder, 'HUB', HUB)
      const line = await Line.to(await leafPortOf(hub))
      line.sliceBytes = 7
      line.delayMs = 3
      const leaf = await start(HEDDLE, folder, 'LEAF', leafOf(line.port))
      const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
      await atHub.subscribe('up')
      await untilLinked(atLeaf, atHub)
      const payloads = Array.from({ length: 50 }, (__, i) => 'y'.repeat(i * 7))
      for (const payload of payloads) atLeaf.publish('up', payload)
      await settled(atLeaf, atHub)
      expect(atHub.on('up')).toEqual(payloads)
    })
  },
)

// ── What a hub refuses ──────────────────────────────────────────────────────────────────────────────────────────

const KINDS = [HEDDLE, ...(hasPeers ? [NATS_SERVER] : [])].map((kind) => [kind.name, kind] as const)
const USERS = 'leafnodes { listen: "127.0.0.1:-1", compression: off, authorization { user: u, password: p } }'
const connect = (members: object): string =>
  `CONNECT ${JSON.stringify({ version: '2.15.3', user: 'u', pass: 'p', server_id: 'N', name: 'L', cluster: 'L', headers: true, remote_account: '$G', ...members })}\r\n`

describe.each(KINDS)('%s as a hub', (_, kind) => {
  test.each([
    ['interest before CONNECT', 'LS+ a\r\n', 'Authorization Violation'],
    ['its end before CONNECT', 'LS- a\r\n', 'Authorization Violation'],
    ['a message before CONNECT', 'LMSG a 1\r\nx\r\n', 'Authorization Violation'],
    ['an error before CONNECT', "-ERR 'Loop detected'\r\n", 'Authorization Violation'],
    ['INFO before CONNECT', 'INFO {"compression":"off"}\r\n', 'Authorization Violation'],
    ['PING before CONNECT', 'PING\r\n', 'Authorization Violation'],
    ['noise', '\x16\x03\x01\x02\r\n', 'Authorization Violation'],
    ['a client', connect({ lang: 'go' }), 'attempted to connect to leaf node port'],
    ['a wrong password', connect({ pass: 'q' }), 'Authorization Violation'],
    ['no user', connect({ user: '', pass: '' }), 'Authorization Violation'],
    ['a cluster with a blank', connect({ cluster: 'a b' }), 'cluster name cannot contain spaces'],
    ['a reserved cluster', connect({ cluster: '_' }), 'cluster name is reserved'],
  ])('refuses %s, and serves others', async (__, text, expected) => {
    const hub = await start(kind, scratchDirectory(), 'HUB', USERS)
    const port = await leafPortOf(hub)
    const peer = await dial(port)
    await peer.readInfo()
    peer.send(text)
    expect((await peer.readToClose()).toString()).toContain(`-ERR '${expected}'\r\n`)
    const good = await dial(port)
    await good.readInfo()
    good.send(`${connect({})}PING\r\n`)
    await good.expectMatch(/PONG\r\n/)
    await Party.at(hub)
  })

  test.each([
    ['two fields of interest', 'LS+ a b\r\n', undefined],
    ['an unknown verb', 'XYZ\r\n', 'Unknown Protocol Operation'],
    ['a bad mark', 'LMSG a ? r q 1\r\nx\r\n', undefined],
    ['a payload that is too large', 'LMSG a 1048577\r\n', 'Maximum Payload Violation'],
    ['a line that is too long', `LS+ ${'a'.repeat(65_540)}\r\n`, 'maximum control line exceeded'],
    ['a wrong end', 'LMSG a 1\r\nxy\r\n', 'Unknown Protocol Operation'],
  ])('is not hurt by %s behind CONNECT', async (__, text, expected) => {
    const hub = await start(kind, scratchDirectory(), 'HUB', USERS)
    const peer = await dial(await leafPortOf(hub))
    await peer.readInfo()
    peer.send(`${connect({})}PING\r\n`)
    await peer.expectMatch(/PONG\r\n/)
    peer.send(text)
    const rest = (await peer.readToClose()).toString()
    if (expected === undefined) expect(rest).not.toContain('-ERR')
    else expect(rest).toContain(`-ERR '${expected}'`)
    const party = await Party.at(hub)
    await party.flush()
  })

  test('a subject that is none is refused, and the link stays', async () => {
    const hub = await start(kind, scratchDirectory(), 'HUB', USERS)
    const peer = await dial(await leafPortOf(hub))
    await peer.readInfo()
    peer.send(`${connect({})}PING\r\n`)
    await peer.expectMatch(/PONG\r\n/)
    peer.send('LS+ a..b\r\nLS+ ok\r\nLS- never\r\nPING\r\n')
    expect((await peer.expectMatch(/[\s\S]*PONG\r\n/))[0]).toContain("-ERR 'Invalid Subscription'\r\n")
    const party = await Party.at(hub)
    party.publish('ok', 'hi')
    await peer.expectMatch(/LMSG ok 2\r\nhi\r\n/)
  })

  test('of two links that are alike the older one is closed', async () => {
    const hub = await start(kind, scratchDirectory(), 'HUB', USERS)
    const port = await leafPortOf(hub)
    const [older, newer] = [await dial(port), await dial(port)]
    for (const peer of [older, newer]) {
      await peer.readInfo()
      peer.send(`${connect({})}PING\r\n`)
      await peer.expectMatch(/PONG\r\n/)
    }
    expect((await older.readToClose()).toString()).toContain("-ERR 'Duplicate Remote LeafNode Connection'\r\n")
    newer.send('PING\r\n')
    await newer.expectMatch(/PONG\r\n/)
  })

  test('a leaf node that says nothing is closed when its time is over', async () => {
    const hub = await start(kind, scratchDirectory(), 'HUB', USERS)
    const peer = await dial(await leafPortOf(hub))
    await peer.readInfo()
    expect((await peer.readToClose()).toString()).toContain("-ERR 'Authentication Timeout'\r\n")
  })
})
