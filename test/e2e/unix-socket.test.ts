// Clients on a Unix socket: real servers, sockets and files.

import { once } from 'node:events'
import { chmodSync, existsSync, lstatSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { connect as connectSocket, createServer as createNetServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { NatsConnectionImpl, setTransportFactory } from '@nats-io/transport-node'
import { NodeTransport, nodeResolveHost } from '@nats-io/transport-node/lib/node_transport.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { createServer, OptionError, type ServerOptions } from '../../src/index.ts'
import { scratchDirectory } from '../support/configured-servers.ts'
import { ownPrimary, ownServer } from '../support/harness.ts'
import { RawClient } from '../support/raw-client.ts'
import { connections, runCommand } from '../support/server.ts'
import { DEADLINE_MS, until } from '../support/until.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const ownPath = (): string => join(scratchDirectory(), 'heddle.sock')

async function dial(path: string): Promise<RawClient> {
  const socket = connectSocket(path)
  await once(socket, 'connect')
  const client = RawClient.over(socket)
  onTestFinished(() => client.close())
  return client
}

/** Has introduced itself. */
async function open(path: string, members = {}): Promise<RawClient> {
  const client = await dial(path)
  await client.readInfo()
  client.send(`CONNECT ${JSON.stringify({ verbose: false, ...members })}\r\nPING\r\n`)
  await client.expect('PONG\r\n')
  return client
}

async function ourClient(servers: string, options = {}) {
  const nc = await connect({ servers, reconnect: false, timeout: DEADLINE_MS, ...options })
  onTestFinished(() => nc.close())
  return nc
}

/** Why a server does not start with this path. */
async function refusal(unixSocket: string, more: ServerOptions = {}): Promise<string> {
  const server = createServer({ host: '127.0.0.1', port: -1, workers: 0, unixSocket, ...more })
  const error = await server.ready().then(
    () => undefined,
    (reason: Error) => reason,
  )
  await server.close()
  return error?.message ?? 'it starts'
}

describe.each([0, 1, 4])('with %i workers', (workers) => {
  test('clients on the socket and on the port talk to each other, on every shard', async () => {
    const path = ownPath()
    const server = await ownServer({ workers, unixSocket: path })
    const receivers = await Promise.all(Array.from({ length: 5 }, () => open(path)))
    for (const receiver of receivers) {
      receiver.send('SUB news 1\r\n')
      await receiver.sync()
    }
    const nc = await ourClient(server.url)
    nc.publish('news', 'by TCP')
    await nc.flush()
    for (const receiver of receivers) await receiver.expect('MSG news 1 6\r\nby TCP\r\n')
    receivers[0].send('PUB news 7\r\nby Unix\r\n')
    for (const receiver of receivers) await receiver.expect('MSG news 1 7\r\nby Unix\r\n')
  })

  test('the connections are taken in turn, and shown as what they are', async () => {
    const path = ownPath()
    const primary = await ownPrimary({ workers, unixSocket: path })
    for (let i = 0; i < 4; i++) await open(path)
    const rows = await connections(primary)
    expect(rows.map(({ ip, port, type }) => ({ ip, port, type }))).toEqual(
      Array.from({ length: 4 }, () => ({ ip: 'unix', port: 0, type: 'nats' })),
    )
    const states = primary.shardStates
    expect(states).toHaveLength(Math.max(1, workers))
    expect(primary.openConnections).toBe(4)
  })

  test('much data goes both ways through it', async () => {
    const path = ownPath()
    await ownServer({ workers, unixSocket: path })
    const nc = await ourClient(`unix://${path}`)
    nc.subscribe('echo', { callback: (_, message) => void message.respond(message.data) })
    const payload = 'x'.repeat(500_000)
    const answers = await Promise.all(Array.from({ length: 20 }, () => nc.request('echo', payload)))
    for (const answer of answers) expect(answer.string() === payload).toBe(true)
    expect(nc.getServer()).toBe(path)
  })

  test('lame duck mode removes the file and closes the clients', async () => {
    const path = ownPath()
    const server = await ownServer({ workers, unixSocket: path, lameDuckGracePeriod: 0, lameDuckDuration: 1 })
    const client = await open(path, { protocol: 1 })
    const over = server.lameDuck()
    await client.expectMatch(/INFO [^\r]*"ldm":true[^\r]*\r\n/)
    expect(existsSync(path)).toBe(false)
    await over
    await client.expectClose()
  })
})

test('users, passwords and limits hold for it', async () => {
  const path = ownPath()
  const authorization = { users: [{ user: 'a', password: 'b', permissions: { publish: 'ok' } }] }
  await ownServer({ workers: 0, unixSocket: path, authorization })
  const nc = await ourClient(`unix://a:b@${path}`)
  expect(nc.info?.client_ip).toBe('unix')
  const refused = await connect({ servers: `unix://a:c@${path}`, reconnect: false }).catch((error: Error) => error)
  expect(String(refused)).toContain('Authorization Violation')
  const allowed = await open(path, { user: 'a', pass: 'b' })
  allowed.send('PUB other 0\r\n\r\n')
  await allowed.expect(`-ERR 'Permissions Violation for Publish to "other"'\r\n`)
  const small = ownPath()
  await ownServer({ workers: 0, unixSocket: small, maxConnections: 1 })
  await open(small)
  const excess = await dial(small)
  await excess.readInfo()
  await excess.expect(`-ERR 'maximum connections exceeded'\r\n`)
})

test('nats.js talks over it, given a socket', async () => {
  const path = ownPath()
  await ownServer({ workers: 2, unixSocket: path })
  class UnixTransport extends NodeTransport {
    override async dial(): Promise<Socket> {
      const socket = connectSocket(path)
      await once(socket, 'connect')
      return socket
    }
  }
  setTransportFactory({ factory: () => new UnixTransport(), dnsResolveFn: nodeResolveHost })
  const [one, another] = await Promise.all([1, 2].map(() => NatsConnectionImpl.connect({ reconnect: false })))
  onTestFinished(async () => {
    await Promise.all([one.close(), another.close()])
  })
  one.subscribe('echo', { callback: (_, message) => void message.respond(message.data) })
  await one.flush()
  const answer = await another.request('echo', 'x'.repeat(100_000), { timeout: DEADLINE_MS })
  expect(answer.string()).toHaveLength(100_000)
})

test('no TLS comes over it, even where the port requires it', async () => {
  const authority = new Authority()
  const issued = authority.issue({ subject: 'server', dnsNames: ['localhost'] })
  const files = writeFiles({ cert: issued.cert, key: issued.key })
  const path = ownPath()
  await ownServer({ workers: 0, unixSocket: path, tls: { certFile: files.cert, keyFile: files.key } })
  const client = await dial(path)
  const info = await client.readInfo()
  expect(info).not.toHaveProperty('tls_required')
  const nc = await ourClient(`unix://${path}`)
  await nc.flush()
})

describe('the file', () => {
  test('has the permissions that were asked for: by default those of its owner alone', async () => {
    const [path, another] = [ownPath(), ownPath()]
    await ownServer({ workers: 0, unixSocket: path })
    expect(statSync(path).mode & 0o7777).toBe(0o600)
    await ownServer({ workers: 0, unixSocket: another, unixSocketMode: '660' })
    expect(statSync(another).mode & 0o7777).toBe(0o660)
  })

  test('goes with the server, and nothing else is left in its folder', async () => {
    const folder = scratchDirectory()
    const path = join(folder, 'heddle.sock')
    const server = await ownServer({ workers: 0, unixSocket: path })
    expect(readdirSync(folder)).toEqual(['heddle.sock'])
    await server.close()
    expect(readdirSync(folder)).toEqual([])
  })

  test('stays when it is another server’s by then', async () => {
    const path = ownPath()
    const first = await ownServer({ workers: 0, unixSocket: path })
    unlinkSync(path)
    await ownServer({ workers: 0, unixSocket: path })
    await first.close()
    await open(path)
  })

  test('of a server that was killed is replaced', async () => {
    const path = ownPath()
    const killed = runCommand(['-a', '127.0.0.1', '-p', '-1', '--workers', '1', '--unix_socket', path])
    await killed.untilReady()
    await open(path)
    await killed.stop('SIGKILL')
    expect(lstatSync(path).isSocket()).toBe(true)
    await ownServer({ workers: 0, unixSocket: path })
    await open(path)
  })

  test('of a server that listens is left alone, and so is one that is no socket', async () => {
    const path = ownPath()
    await ownServer({ workers: 0, unixSocket: path })
    expect(await refusal(path)).toBe(`Error listening on Unix socket: ${path}, somebody listens there`)
    await open(path)
    const file = join(scratchDirectory(), 'file')
    writeFileSync(file, 'precious')
    expect(await refusal(file)).toBe(`Error listening on Unix socket: ${file}, a file is there that is not a socket`)
    expect(statSync(file).size).toBe(8)
  })

  test('that cannot be made is refused, and the port is free again', async () => {
    const path = join(scratchDirectory(), 'none', 'heddle.sock')
    const probe = createNetServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as { port: number }
    await new Promise((resolve) => probe.close(resolve))
    expect(await refusal(path, { port })).toMatch(/listen unix .*no such file or directory.*ENOENT/)
    await ownServer({ workers: 0, port })
    const folder = scratchDirectory()
    expect(await refusal(join(folder, 'x'.repeat(200)))).toMatch(/a path may have \d+ bytes, not \d+$/)
    if (process.getuid?.() === 0) return
    chmodSync(folder, 0o500)
    expect(await refusal(join(folder, 's'))).toMatch(/permission denied/)
  })

  test('needs the main thread, which a server in a worker thread is told', async () => {
    const path = ownPath()
    const code = `
      const { createServer } = await import(${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)})
      const { parentPort } = await import('node:worker_threads')
      const server = createServer({ host: '127.0.0.1', port: -1, workers: 0, unixSocket: ${JSON.stringify(path)} })
      parentPort.postMessage(await server.ready().catch((error) => error.message))`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { stderr: true })
    onTestFinished(async () => void (await worker.terminate()))
    const [message] = await once(worker, 'message')
    expect(message).toBe(`Error listening on Unix socket: ${path}, only a server on the main thread of its process can`)
  })
})

test('bad permissions are refused by name', () => {
  const wrong = (unixSocketMode: string) => () => createServer({ unixSocket: 'x', unixSocketMode })
  for (const mode of ['', '9', '0800', 'rw', '07777']) {
    expect(wrong(mode), mode).toThrow(OptionError)
    expect(wrong(mode), mode).toThrow(`unix_socket_mode must be three octal digits, not "${mode}"`)
  }
})

test('in the file a number will do for the permissions', async () => {
  const folder = scratchDirectory()
  const [path, config] = [join(folder, 's'), join(folder, 'server.conf')]
  writeFileSync(config, `listen: "127.0.0.1:-1"\nunix_socket: "${path}"\nunix_socket_mode: 0666\n`)
  const program = runCommand(['-c', config, '--workers', '1'])
  onTestFinished(async () => void (await program.stop()))
  await program.untilReady()
  expect(program.stderr).toContain(`Listening for client connections on unix:${path}`)
  expect(statSync(path).mode & 0o777).toBe(0o666)
  // Neither may change while it runs.
  writeFileSync(config, `listen: "127.0.0.1:-1"\nunix_socket: "${path}"\nunix_socket_mode: 0600\n`)
  program.child.kill('SIGHUP')
  await program.until(/config reload not supported for UnixSocketMode: old=0?666, new=0?600/)
  await program.stop()
  await until('the file to go', () => !existsSync(path))
})
