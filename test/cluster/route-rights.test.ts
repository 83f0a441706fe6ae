// What a server tells another one that it wants, and what it takes of it: passwords, permissions, and very much at once.

import { describe, expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Party } from './parties.ts'
import { CONNECT, info, PEER, RoutePeer } from './route-peer.ts'
import { heddle, NATS_SERVER, start } from './servers.ts'

const kinds = [heddle(0), heddle(2), ...(missing('natsServer', 'rights of routes') ? [] : [NATS_SERVER])]
/** `pass`, hashed. */
const HASHED = '$2b$04$SLK86tAS.PVMSM0kQgMzfuKQ3Orniey4GGKdGTowxwNbQn00wo/6.'

describe.each(kinds)('$name', (kind) => {
  async function startWith(cluster: string): Promise<{ program: ServerProgram; port: number }> {
    const config = `listen: "127.0.0.1:-1", cluster { name: C, listen: "127.0.0.1:-1", ${cluster} }`
    const program = await start(kind, scratchDirectory(), 'S', config)
    const [, port] = await program.until(/Listening for route connections on \S*:(\d+)/)
    return { program, port: Number(port) }
  }

  /** What the server has told that it wants of $G, in this order. */
  const told = (peer: RoutePeer): string[] =>
    [...peer.text.matchAll(/^RS([+-]) \$G (\S+)\r$/gm)].map(([, sign, subject]) => `${sign}${subject}`)
  const pong = async (peer: RoutePeer): Promise<void> => {
    const before = peer.text.split('PONG\r\n').length
    peer.send('PING\r\n')
    await until('PONG', () => peer.text.split('PONG\r\n').length > before)
  }

  test.each(['pass', HASHED])('demands the user and the password %s of other servers', async (password) => {
    const { port } = await startWith(`authorization { user: route, password: ${JSON.stringify(password)} }`)
    const login = (user: string, pass: string): string => CONNECT.replace('{', `{"user":"${user}","pass":"${pass}",`)
    for (const [user, pass] of [
      ['route', 'wrong'],
      ['other', 'pass'],
      ['route', ''],
      ['', ''],
      ['route', HASHED],
    ]) {
      const stranger = await RoutePeer.join(port, {}, login(user, pass))
      expect(await stranger.refusal()).toBe('Authorization Violation')
    }
    const peer = await RoutePeer.join(port, {}, login('route', 'pass'))
    await pong(peer)
    expect(peer.text).not.toContain('-ERR')
  })

  test('tells what it imports and the other one exports, and later what that one exports then', async () => {
    const { program, port } = await startWith('permissions { import: { allow: [ "a.>", "b.>" ], deny: "a.no" } }')
    const party = await Party.at(program)
    for (const subject of ['a.1', 'a.no', 'b.1', 'c.1']) await party.subscribe(subject)
    const peer = await RoutePeer.join(port, { export: { allow: ['a.>', 'c.>'] } })
    await until('its interest', () => told(peer).length > 0)
    await pong(peer)
    // What the other one does not export, nats-server tells at once, in any order: it is not taken there.
    expect(told(peer).sort()).toEqual(kind === NATS_SERVER ? ['+a.1', '+b.1'] : ['+a.1'])
    peer.send(info({ ...PEER, export: { allow: ['b.>'] } }))
    await until('more interest', () => told(peer).includes('+b.1'))
    await pong(peer)
    const all = told(peer)
    expect(kind === NATS_SERVER ? [...new Set(all)].sort() : all).toEqual(['+a.1', '+b.1'])
  })

  test.each([1, 4])('waits for as many answers as ping_max of the block says: %d', async (most) => {
    const { port } = await startWith(`ping_interval: "50ms", ping_max: ${most}`)
    const peer = await RoutePeer.join(port)
    expect(await peer.refusal()).toBe('Stale Connection')
    expect(peer.text.match(/^PING\r$/gm)).toHaveLength(most)
  })

  test('takes no interest but in what it exports', async () => {
    const { program, port } = await startWith('permissions { export: { allow: "x.>" } }')
    const peer = await RoutePeer.join(port)
    peer.send('RS+ $G y\r\nRS+ $G x.*\r\n')
    await pong(peer)
    const party = await Party.at(program)
    await until('a message', () => {
      party.publish('y', 'no')
      party.publish('x.1', 'yes')
      return peer.text.includes('RMSG $G x.1 3\r\nyes')
    })
    expect(peer.text).not.toContain('RMSG $G y')
  })

  test('tells all of very much interest, and what changes meanwhile', async () => {
    const { program, port } = await startWith('')
    const party = await Party.at(program)
    const subjects = Array.from({ length: 20_000 }, (_, i) => `many.${i}`)
    party.client.send(subjects.map((subject, i) => `SUB ${subject} n${i}\r\n`).join(''))
    await party.flush()
    const peer = await RoutePeer.join(port)
    const left = new Set(subjects)
    for (let i = 0; i < subjects.length; i += 7) {
      party.client.send(`UNSUB n${i}\r\nSUB more.${i} m${i}\r\n`)
      left.delete(`many.${i}`)
      left.add(`more.${i}`)
      if (i % 2 === 0) {
        party.client.send(`SUB many.${i} again${i}\r\n`)
        left.add(`many.${i}`)
      }
    }
    await party.subscribe('last')
    left.add('last')
    await until('the last subscription', () => peer.text.includes('RS+ $G last\r\n'))
    const known = (): Set<string> => {
      const wanted = new Set<string>()
      for (const change of told(peer)) {
        if (change[0] === '+') wanted.add(change.slice(1))
        else wanted.delete(change.slice(1))
      }
      return wanted
    }
    await until('all subscriptions', () => known().size === left.size)
    expect([...known()].sort()).toEqual([...left].sort())
  })
})
