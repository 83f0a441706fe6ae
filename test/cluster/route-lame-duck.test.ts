// Servers that are about to end: each tells the others, and clients are not sent there any more.

import { describe, expect, test } from 'vitest'
import { ask } from '../monitor/http.ts'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import { until } from '../support/until.ts'
import { Party } from './parties.ts'
import { info, PEER, RoutePeer } from './route-peer.ts'
import { heddle, NATS_SERVER, start } from './servers.ts'

const kinds = [heddle(1), heddle(2), ...(missing('natsServer', 'lame ducks of a cluster') ? [] : [NATS_SERVER])]

describe.each(kinds)('$name', (kind) => {
  async function startOne() {
    const config = 'listen: "127.0.0.1:-1", http: "127.0.0.1:-1", cluster { name: C, listen: "127.0.0.1:-1" }'
    const program = await start(kind, scratchDirectory(), 'S', config)
    const [, port] = await program.until(/Listening for route connections on \S*:(\d+)/)
    return { program, port: Number(port) }
  }

  test('tells other servers that it is a lame duck', async () => {
    const { program, port } = await startOne()
    // A nats-server without clients ends at once.
    await Party.at(program)
    const peer = await RoutePeer.join(port)
    peer.send('PING\r\n')
    await until('PONG', () => peer.text.includes('PONG\r\n'))
    expect(peer.text).not.toContain('"ldm":true')
    program.child.kill('SIGUSR2')
    await until('INFO of a lame duck', () => /^INFO .*"ldm":true/m.test(peer.text))
  })

  test('withdraws the addresses of another server that is one', async () => {
    const { program, port } = await startOne()
    const party = await Party.at(program, { protocol: 1 })
    const urls = (): string[][] =>
      party.lines
        .filter((line) => line.startsWith('INFO '))
        .map((line) => (JSON.parse(line.slice('INFO '.length)) as { connect_urls?: string[] }).connect_urls ?? [])
    const [, monitor] = await program.until(/Starting http monitor on \S*:(\d+)/)
    const onPage = async (): Promise<unknown> => JSON.parse((await ask(Number(monitor), '/varz')).body).connect_urls
    const own = `127.0.0.1:${program.port}`
    const theirs = '127.0.0.1:9'
    const peer = await RoutePeer.join(port, { connect_urls: [theirs] })
    await until('its address', () => urls().at(-1)?.includes(theirs) === true)
    expect(urls().at(-1)?.sort()).toEqual([own, theirs].sort())
    expect(await onPage()).toEqual([own, theirs])
    peer.send(info({ ...PEER, ldm: true }))
    await until('its address to be withdrawn', () => urls().at(-1)?.includes(theirs) === false)
    expect(urls().at(-1)).toEqual([own])
    expect(await onPage()).toEqual([own])
  })
})
