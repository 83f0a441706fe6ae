import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { CloseReason } from '../../src/base/errors.ts'
import { readProxyHeader } from '../../src/shard/proxy-entry.ts'
import { v1, v2 } from '../support/proxy-protocol.ts'
import { arrival, EntryShard, HELLO } from './entries.ts'

async function behindProxy(shard = new EntryShard()) {
  const arrived = await arrival(shard)
  readProxyHeader(shard, arrived.client, arrived.socket)
  return { shard, ...arrived }
}

test('INFO does not wait for the header, and does not name an address that may be the proxy’s', async () => {
  const { come, until } = await behindProxy()
  await until('INFO', () => come.text.endsWith('\r\n'))
  expect(come.text).toMatch(/^INFO /)
  expect(come.text).not.toContain('client_ip')
})

test.each([
  ['version 1', v1('TCP4 1.2.3.4 5.6.7.8 111 222'), '1.2.3.4:111'],
  ['version 2', v2(0x21, 0x11, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 0, 111, 0, 80])), '1.2.3.4:111'],
])('a header of %s says for whom the connection speaks; what follows are operations', async (_, header, who) => {
  const { client, peer, come, until } = await behindProxy()
  peer.write(header)
  peer.write(HELLO)
  await until('the PONG', () => come.text.endsWith('PONG\r\n'))
  expect(client.peer).toBe(who)
  expect(client.label).toContain(who)
})

test('one that has no header speaks for itself, and nothing of what it sent is lost', async () => {
  const { client, peer, come, until, socket } = await behindProxy()
  const { remotePort } = socket
  peer.write(HELLO)
  await until('the PONG', () => come.text.endsWith('PONG\r\n'))
  expect([client.ip, client.port]).toEqual(['127.0.0.1', remotePort])
})

test('a header that is cut anywhere is the same header', async () => {
  const { client, peer, come, until } = await behindProxy()
  for (const byte of v1('TCP4 1.2.3.4 5.6.7.8 111 222')) {
    peer.write(Buffer.of(byte))
    await new Promise(setImmediate)
  }
  peer.write(HELLO)
  await until('the PONG', () => come.text.endsWith('PONG\r\n'))
  expect(client.ip).toBe('1.2.3.4')
})

test('a header that is wrong closes the connection without a word, and the log says why', async () => {
  const { shard, client, peer, come, until } = await behindProxy()
  peer.write(v1('TCP4 1.2.3 5.6.7.8 111 222'))
  peer.write(HELLO)
  await until('the end', () => come.closed)
  expect(come.text).toMatch(/^INFO [^\n]*\n$/)
  expect(shard.log.warnings).toEqual([
    `Error reading PROXY protocol header from ${client.peer}: invalid PROXY protocol header: invalid address`,
  ])
  expect(shard.events[0]).toBe(`closed: ${CloseReason.protocolViolation}`)
})

test.each([
  ['ends', (peer: Socket) => peer.end('PROXY TCP4 1.2')],
  ['breaks off', (peer: Socket) => peer.resetAndDestroy()],
])('a peer that %s before the header is whole is closed and forgotten, once', async (_, leave) => {
  const { shard, peer, until } = await behindProxy()
  leave(peer)
  await until('it is forgotten', () => shard.events.includes('forgotten'))
  expect(shard.events).toEqual([`closed: ${CloseReason.protocolViolation}`, 'forgotten'])
  expect(shard.log.warnings).toHaveLength(1)
  expect(shard.bugs).toEqual([])
})

test('a connection that the server closes meanwhile is none that the log complains of', async () => {
  const { shard, client, peer, until } = await behindProxy()
  client.close({ text: undefined, reason: CloseReason.serverShutdown })
  await until('it is released', () => client.closing)
  peer.destroy()
  await until('it is forgotten', () => shard.events.includes('forgotten'))
  expect(shard.log.warnings).toEqual([])
})

test('where there is TLS the header’s end begins it, with what came behind', async () => {
  const shard = new EntryShard()
  shard.tls.isOn = true
  const { peer, until, client, come } = await behindProxy(shard)
  peer.write(Buffer.concat([v1('TCP4 1.2.3.4 5.6.7.8 111 222'), Buffer.from([0x16, 3, 1])]))
  await until('TLS', () => shard.secured.length > 0)
  const [{ socket, greeted, client: whose }] = shard.secured
  expect([whose, greeted, client.ip]).toEqual([client, true, '1.2.3.4'])
  expect(socket.read()).toEqual(Buffer.from([0x16, 3, 1]))
  await until('INFO', () => come.text.startsWith('INFO'))
})

test('where TLS comes first there is no INFO before it', async () => {
  const shard = new EntryShard()
  Object.assign(shard.tls, { isOn: true, greetingMs: undefined })
  const { peer, until, come } = await behindProxy(shard)
  peer.write(v1('UNKNOWN'))
  await until('TLS', () => shard.secured.length > 0)
  expect([shard.secured[0].greeted, come.text]).toEqual([false, ''])
})

test('… or it comes a while later, unless the peer begins', async () => {
  const [silent, quick] = [new EntryShard(), new EntryShard()]
  Object.assign(silent.tls, { isOn: true, greetingMs: 1 })
  Object.assign(quick.tls, { isOn: true, greetingMs: 100_000 })
  const one = await behindProxy(silent)
  await one.until('INFO', () => one.come.text.startsWith('INFO'))
  one.peer.write(v1('UNKNOWN'))
  const other = await behindProxy(quick)
  other.peer.write(v1('UNKNOWN'))
  await other.until('TLS', () => silent.secured.length > 0 && quick.secured.length > 0)
  expect([silent.secured[0].greeted, quick.secured[0].greeted]).toEqual([true, false])
})
