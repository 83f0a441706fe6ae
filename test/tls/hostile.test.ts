// Peers that mean no good. Whatever they send, the server closes them, forgets them, and goes on serving others.

import { createSecureContext } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { chooseSeed, Random } from '../support/random.ts'
import { until } from '../support/until.ts'
import { Authority } from './certificates.ts'
import { writeFiles } from './files.ts'
import { INFO, Listener, settingsOf } from './listener.ts'
import { clientHello, Peer } from './peer.ts'

const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
const sales = authority.issue({ subject: 'sales', dnsNames: ['sales.test'] })
const files = writeFiles({
  cert: server.cert,
  key: server.key,
  salesCert: sales.cert,
  salesKey: sales.key,
  ca: authority.cert,
})
const withCertificate = { ca: authority.cert, cert: sales.cert, key: sales.key }
/** Made once: making it takes longer than a handshake. */
const trust = { secureContext: createSecureContext({ ca: authority.cert }) }

let listener: Listener
let honest: Peer

beforeEach(async () => {
  // Several certificates, so that the choice by name has its share; and certificates are asked for.
  const certificates = [
    { certFile: files.cert, keyFile: files.key },
    { certFile: files.salesCert, keyFile: files.salesKey },
  ]
  const options = { certificates, timeout: 10_000, verify: true, caFile: files.ca }
  listener = await Listener.start(settingsOf(options))
  honest = await Peer.secure(listener.port, withCertificate)
  await honest.echo('before')
})

afterEach(async () => {
  await honest.echo('after')
  honest.close()
  await until('every connection to be forgotten', () => listener.echo.upgrader.pending === 0)
  await until('every socket to be closed', () => listener.sockets.size === 0)
  await listener.close()
})

/** Sends bytes and waits until the server closes. */
async function send(bytes: Buffer): Promise<void> {
  const peer = await Peer.connect(listener.port)
  await peer.expect(INFO)
  peer.send(bytes)
  peer.socket.end()
  await peer.readToClose()
}

test('300 ClientHellos with some bytes changed', async () => {
  const random = new Random(chooseSeed('hello'))
  const hello = await clientHello({ servername: 'sales.test' })
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 30 }, () => {
        const bytes = Buffer.from(hello)
        for (let i = random.below(6); i >= 0; i--) bytes[1 + random.below(bytes.length - 1)] = random.below(256)
        return send(bytes)
      }),
    )
  }
})

test('a ClientHello cut at every 20th place', async () => {
  const hello = await clientHello()
  const lengths = Array.from({ length: Math.floor(hello.length / 20) }, (_, i) => 1 + i * 20)
  await Promise.all(lengths.map((length) => send(hello.subarray(0, length))))
})

test('garbage behind the header of a record, of every kind of record', async () => {
  const random = new Random(chooseSeed('garbage'))
  const records = [0x14, 0x15, 0x16, 0x17, 0x18].flatMap((type) =>
    [0, 1, 64, 16_384, 17_000, 65_535].map((length) => {
      const body = Buffer.from(Array.from({ length }, () => random.below(256)))
      return Buffer.concat([Buffer.from([type, 3, 1, length >> 8, length & 0xff]), body])
    }),
  )
  await Promise.all(records.map(send))
})

test('a handshake message that claims to be larger than any', async () => {
  const peer = await Peer.connect(listener.port)
  await peer.expect(INFO)
  const before = process.memoryUsage().rss
  // 16 MiB are announced, and sent as fast as they are taken.
  const record = Buffer.concat([Buffer.from([0x16, 3, 1, 0x40, 0]), Buffer.alloc(16_384)])
  const first = Buffer.from(record)
  first.set([1, 0xff, 0xff, 0xff], 5)
  peer.send(first)
  for (let i = 0; i < 1_000; i++) peer.send(record)
  await peer.readToClose()
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
})

test('an alert that is not encrypted, after the handshake', async () => {
  const peer = await Peer.secure(listener.port, withCertificate)
  await peer.echo('x')
  peer.socket.write(Buffer.from([0x15, 3, 3, 0, 2, 1, 0]))
  await peer.readToClose()
})

test('1,000 handshakes at once', async () => {
  listener.echo.upgrader.reload(
    settingsOf({ certificates: [{ certFile: files.cert, keyFile: files.key }], timeout: 25_000 }),
  )
  const peers = await Promise.all(Array.from({ length: 1_000 }, () => Peer.connect(listener.port)))
  await Promise.all(
    peers.map(async (peer, i) => {
      await peer.expect(INFO)
      await peer.startTls(trust)
      await peer.echo(`hello ${i}`)
    }),
  )
  for (const peer of peers) peer.close()
})

test('500 that begin and stop, and one that does not', async () => {
  listener.echo.upgrader.reload(
    settingsOf({ certificates: [{ certFile: files.cert, keyFile: files.key }], timeout: 500 }),
  )
  const hello = await clientHello()
  const idle = await Promise.all(Array.from({ length: 500 }, () => Peer.connect(listener.port)))
  for (const [i, peer] of idle.entries()) if (i % 2 === 0) peer.send(hello.subarray(0, 200))
  const peer = await Peer.secure(listener.port, trust)
  await peer.echo('x')
  peer.close()
  await Promise.all(idle.map((each) => each.readToClose()))
})
