// TLS on another thread than the one that accepts, as in Heddle.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { createSecureContext } from 'node:tls'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Authority } from './certificates.ts'
import { writeFiles } from './files.ts'
import { INFO, settingsOf } from './listener.ts'
import { Peer } from './peer.ts'

const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
const other = authority.issue({ subject: 'other', dnsNames: ['localhost'] })
const files = writeFiles({ cert: server.cert, key: server.key, otherCert: other.cert, otherKey: other.key })
const pair = { certificates: [{ certFile: files.cert, keyFile: files.key }] }
/** Made once: making it takes longer than a handshake. */
const trust = { secureContext: createSecureContext({ ca: authority.cert }) }
const THREADS = 2

let workers: Worker[]
let acceptor: Server
let port: number

async function start(settings = settingsOf({ ...pair, timeout: 20_000 }, true)): Promise<void> {
  const entry = new URL('./echo-thread.ts', import.meta.url)
  workers = Array.from({ length: THREADS }, () => new Worker(entry, { workerData: settings }))
  await Promise.all(workers.map((worker) => once(worker, 'online')))
  let next = 0
  acceptor = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
    const worker = workers[next++ % THREADS]
    worker.postMessage({ socket }, [socket as unknown as ArrayBuffer])
  })
  acceptor.listen(0, '127.0.0.1', 4096)
  await once(acceptor, 'listening')
  port = (acceptor.address() as AddressInfo).port
}

beforeEach(() => start())

afterEach(async () => {
  acceptor.close()
  await Promise.all(workers.map((worker) => worker.terminate()))
})

test('a connection accepted here is secured there', async () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const peer = await Peer.secure(port, { ...trust, maxVersion: version })
    await peer.echo(randomBytes(4 * 1024 * 1024))
    peer.tls?.end()
    expect(await peer.readToClose()).toBe('')
  }
})

test('plain ones stay plain', async () => {
  const peer = await Peer.connect(port)
  await peer.expect(INFO)
  await peer.echo(Buffer.concat([Buffer.from('P'), randomBytes(1024 * 1024)]))
  peer.close()
})

test('200 connections over both threads, each with its own bytes', async () => {
  const peers = await Promise.all(Array.from({ length: 200 }, () => Peer.connect(port)))
  await Promise.all(
    peers.map(async (peer) => {
      await peer.expect(INFO)
      await peer.startTls(trust)
      for (let i = 0; i < 5; i++) await peer.echo(randomBytes(10_000))
    }),
  )
  for (const peer of peers) peer.close()
})

test('a certificate renewed on every thread is shown to new connections, and old ones go on', async () => {
  const before = await Peer.secure(port, trust)
  await before.echo('x')
  const settings = settingsOf({ certificates: [{ certFile: files.otherCert, keyFile: files.otherKey }] }, true)
  for (const worker of workers) worker.postMessage({ settings })
  const subjects: (string | undefined)[] = []
  for (let i = 0; i < THREADS; i++) {
    const after = await Peer.secure(port, trust)
    subjects.push(after.tls?.getPeerX509Certificate()?.subject)
    after.close()
  }
  expect(subjects).toEqual(['CN=other', 'CN=other'])
  await before.echo('y')
  before.close()
})
