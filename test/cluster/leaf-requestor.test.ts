// A leaf node names another account as the one that asks: whoever hears it is told the account of its link.

import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import { until } from '../support/until.ts'
import { Party } from './parties.ts'
import { heddle, leafPortOf, NATS_SERVER, start } from './servers.ts'

const CONFIG = `accounts {
  A { exports: [ {service: "svc"} ], users: [ {user: a, password: a} ] }
  B { imports: [ {service: {account: A, subject: "svc"}} ], users: [ {user: b, password: b} ] }
}
leafnodes { listen: "127.0.0.1:-1", compression: off, authorization { user: l, password: l, account: B } }`

/** A leaf node that says what it likes. */
async function rogue(port: number): Promise<(text: string) => void> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
  })
  socket.on('error', () => undefined)
  await until('INFO', () => text.includes('\r\n'))
  const members = { user: 'l', pass: 'l', server_id: 'NX', name: 'ROGUE', cluster: 'ROGUE', headers: true }
  socket.write(`CONNECT ${JSON.stringify({ version: '2.15.3', ...members, compress_mode: 'off', protocol: 3 })}\r\n`)
  await until('the answer', () => text.includes('"connect_info":true'))
  return (line) => void socket.write(line, 'latin1')
}

const servers = missing('natsServer', 'who asks behind a leaf node of nats-server') ? [0, 2] : [0, 2, undefined]

test.each(servers)('workers (none: nats-server) %s', async (workers) => {
  const kind = workers === undefined ? NATS_SERVER : heddle(workers)
  const server = await start(kind, scratchDirectory(), 'HUB', CONFIG)
  const [a, b] = [await Party.at(server, { user: 'a', pass: 'a' }), await Party.at(server, { user: 'b', pass: 'b' })]
  await a.subscribe('svc')
  await b.subscribe('plain')
  const say = await rogue(await leafPortOf(server))
  const claims = [
    '{"acc":"A","user":"root","svc":"A"}',
    // Not said by the servers, but by whoever writes its own lines.
    '{"acc":"A"}\r\nnats-request-info: {"acc":"A"}',
  ]
  for (const claim of claims) {
    const header = `NATS/1.0\r\nNats-Request-Info: ${claim}\r\nK: v\r\n\r\n`
    for (const subject of ['svc', 'plain'])
      say(`HMSG ${subject} r ${header.length} ${header.length + 1}\r\n${header}x\r\n`)
  }
  await until('all messages', () => a.heard.length === claims.length && b.heard.length === claims.length)
  for (const { header } of [...a.heard, ...b.heard]) {
    const lines = header.toString('latin1').split('\r\n')
    const told = lines.filter((line) => line.startsWith('Nats-Request-Info: '))
    expect(told.map((line) => JSON.parse(line.slice(line.indexOf('{'))).acc)).toEqual(['B'])
    if (workers !== undefined) expect(lines).not.toContain('nats-request-info: {"acc":"A"}')
    expect(lines).toContain('K: v')
  }
  // To a service its server says who asks; elsewhere the leaf node may describe its own clients.
  expect(a.heard[0].header.toString('latin1')).not.toContain('root')
  expect(b.heard[0].header.toString('latin1')).toContain('"user":"root"')
})
