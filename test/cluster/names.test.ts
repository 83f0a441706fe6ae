// Names that would be something else in the lines of another protocol: a peer cannot write lines of its own into what
// this server says to others.

import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { until } from '../support/until.ts'
import { Party } from './parties.ts'
import { RoutePeer } from './route-peer.ts'
import { heddle, leafPortOf, start } from './servers.ts'

const CONFIG = `listen: "127.0.0.1:-1"
cluster { name: C, listen: "127.0.0.1:-1", compression: off }
leafnodes { listen: "127.0.0.1:-1", compression: off }`

describe.each([0, 2])('with %d workers', (workers) => {
  test.each(['a\r\nRS+\t$G\tstolen', 'a\tb', 'a\nb', 'a\0b', 'a b'])(
    'a cluster of leaf nodes named %j',
    async (cluster) => {
      const server = await start(heddle(workers), scratchDirectory(), 'HUB', CONFIG)
      const socket = connect(await leafPortOf(server), '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      let text = ''
      let isOver = false
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1')
      })
      socket.on('error', () => undefined)
      socket.on('close', () => {
        isOver = true
      })
      await until('INFO', () => text.includes('\r\n'))
      socket.write(
        `CONNECT ${JSON.stringify({ version: '2.15.3', server_id: 'NX', name: 'X', cluster, protocol: 2 })}\r\n`,
      )
      await until('the end of the link', () => isOver)
      expect(text).toContain("-ERR 'cluster name cannot contain spaces'\r\n")
    },
  )

  test('a subject with a byte of zero is that subject and no other', async () => {
    const server = await start(heddle(workers), scratchDirectory(), 'HUB', CONFIG)
    const [, port] = await server.until(/Listening for route connections on \S*:(\d+)/)
    const peer = await RoutePeer.join(Number(port))
    const party = await Party.at(server)
    await party.subscribe('a\0b')
    await party.subscribe('last')
    await until('interest', () => peer.text.includes('last\r\n'))
    expect(peer.text).toContain('RS+ $G a\0b\r\n')
  })
})

test('what another server calls itself makes no line of the log', async () => {
  const hub = await start(heddle(1), scratchDirectory(), 'HUB', CONFIG)
  const peer = new RoutePeer(await leafPortOf(hub))
  await peer.info()
  const names = { name: 'a\n[1] [INF] forged', remote_account: 'b\n[1] [INF] forged' }
  peer.send(`CONNECT ${JSON.stringify({ version: '2.15.3', server_id: 'NX', protocol: 2, ...names })}\r\n`)
  await hub.until(/Leafnode connection created for account: \$G, remote account: "b\\n\[1\] \[INF\] forged"/)
  peer.socket.destroy()
  await hub.until(/Leafnode connection closed: Client Closed - Remote: "a\\n\[1\] \[INF\] forged"/)
  expect(hub.stderr).not.toMatch(/^\[1\]/m)
})
