// A bug in whatever an event loop calls costs one connection or one request: a throw, or a rejection, is put into each
// entry in turn, and those who have nothing to do with it go on. The server is on this thread, so that a bug that gets
// through to the loop fails the run.

import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { connect as connectTls } from 'node:tls'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import WebSocket from 'ws'
import { Client } from '../../src/connection/client.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { KeepAlive } from '../../src/net/keep-alive.ts'
import { Outbound } from '../../src/net/outbound.ts'
import { Clients } from '../../src/primary/clients.ts'
import type { Primary } from '../../src/primary/primary.ts'
import { Admission } from '../../src/shard/admission.ts'
import { ConnectionEvents } from '../../src/system/shard/connection-events.ts'
import { TlsUpgrader } from '../../src/tls/upgrade.ts'
import { FrameReader } from '../../src/websocket/frame-reader.ts'
import { Handshake } from '../../src/websocket/handshake.ts'
import { dial, open } from '../support/harness.ts'
import { RawClient } from '../support/raw-client.ts'
import { startPrimary } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const BUG = 'a test has put this here'

let primary: Primary
let logFile: string

type Method = (...args: never[]) => unknown

/** The next call of a method throws, or answers a promise that is rejected. */
function breakOnce(type: { readonly prototype: object }, method: string, how: 'throw' | 'reject' = 'throw'): void {
  const { prototype } = type as { prototype: Record<string, Method> }
  expect(prototype[method], method).toBeTypeOf('function')
  const spy = vi.spyOn(prototype, method).mockImplementationOnce(() => {
    if (how === 'reject') return Promise.reject(new Error(BUG))
    throw new Error(BUG)
  })
  onTestFinished(() => {
    expect(spy).toHaveBeenCalled()
    spy.mockRestore()
  })
}

interface Insides {
  readonly shards: { readonly answerers: Record<string, Method>; readonly clients: Clients }
}

const status = (path: string): Promise<number | string | undefined> =>
  new Promise((resolve) => {
    get({ port: primary.monitorPort, host: '127.0.0.1', path, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })

async function webSocketCloses(): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${primary.identity.webSocket?.port}`)
  await new Promise<void>((resolve) => {
    socket.on('error', () => undefined)
    socket.on('message', () => socket.send('PING\r\n'))
    socket.on('close', () => resolve())
  })
}

async function closes(credentials = ''): Promise<void> {
  const client = await dial(primary.port)
  client.send(`CONNECT {"verbose":false${credentials}}\r\nPING\r\n`)
  await until('the close', () => client.isClosed)
}

const reload = (changes: object): Promise<void> => primary.reload({ ...primary.options, ...changes })

/** Each entry: what goes wrong in it, and what makes it happen. */
const ENTRIES: readonly (readonly [name: string, provoke: () => Promise<unknown>])[] = [
  [
    'a monitoring query',
    async () => {
      const spy = vi.spyOn(Client.prototype, 'rttMs', 'get').mockImplementationOnce(() => {
        throw new Error(BUG)
      })
      onTestFinished(() => spy.mockRestore())
      expect(await status('/connz')).not.toBe(200)
      expect(await status('/connz')).toBe(200)
    },
  ],
  [
    'a request for a page',
    async () => {
      breakOnce(Monitor, 'httpOnRequest')
      expect(await status('/varz')).toBe('ECONNRESET')
      expect(await status('/varz')).toBe(200)
    },
  ],
  [
    'a reload, at one client',
    async () => {
      const victim = await open(primary.port)
      await victim.close()
      breakOnce(Admission, 'optionsChanged', 'reject')
      await reload({ maxPayload: primary.options.maxPayload + 1 })
    },
  ],
  [
    'a reload, as it begins',
    async () => {
      breakOnce(Admission, 'optionsChanged')
      await reload({ maxPayload: primary.options.maxPayload + 1 })
    },
  ],
  [
    'claims that have changed',
    async () => {
      breakOnce(Admission, 'claimsChanged', 'reject')
      primary.claimsChanged(['A'])
    },
  ],
  [
    'what is told in the system account',
    async () => {
      breakOnce(ConnectionEvents, 'tellConnect')
      await open(primary.port)
    },
  ],
  [
    'a login',
    () => {
      breakOnce(Admission, 'identify')
      return closes()
    },
  ],
  [
    'a login that takes a while',
    () => {
      breakOnce(Admission, 'identify', 'reject')
      return closes()
    },
  ],
  [
    'an answer of the primary',
    async () => {
      const { answerers } = (primary as unknown as Insides).shards
      const { password } = answerers
      answerers['password'] = () => Promise.reject(new Error(BUG))
      onTestFinished(() => {
        answerers['password'] = password
      })
      await closes(',"user":"u","pass":"p"')
    },
  ],
  [
    'the first words to a client',
    () => {
      breakOnce(Client, 'greet')
      return closes()
    },
  ],
  [
    'the start of a client',
    () => {
      breakOnce(Client, 'start')
      return closes()
    },
  ],
  [
    'the choice of a shard',
    () => {
      breakOnce(Clients, 'pickSlot')
      return closes()
    },
  ],
  ...['socketOnEnd', 'socketOnClose'].map(
    (method) =>
      [
        `the ${method} of a client`,
        async () => {
          const victim = await open(primary.port)
          breakOnce(Client, method)
          victim.socket.end()
          await until('the close', () => victim.isClosed)
        },
      ] as const,
  ),
  [
    'the error of a socket',
    async () => {
      const victim = await open(primary.port)
      breakOnce(Client, 'socketOnError')
      victim.socket.resetAndDestroy()
    },
  ],
  [
    'the end of a turn',
    async () => {
      const victim = await open(primary.port)
      breakOnce(Outbound, 'flush')
      // Whichever receiver is written first meets it.
      victim.send('PING\r\n')
    },
  ],
  [
    'the close of a client',
    async () => {
      const victim = await open(primary.port)
      breakOnce(Client, 'close')
      victim.send('X\r\n')
      await until('the close', () => victim.isClosed)
    },
  ],
  [
    'the release of a client',
    async () => {
      const victim = await open(primary.port)
      breakOnce(Client, 'release')
      victim.send('X\r\n')
      await until('the close', () => victim.isClosed)
    },
  ],
  [
    'an eviction',
    async () => {
      await open(primary.port)
      breakOnce(Client, 'close')
      ;(primary as unknown as Insides).shards.clients.evict([0], 'connections')
    },
  ],
  [
    'news of the server',
    async () => {
      await open(primary.port, { protocol: 1 })
      breakOnce(Client, 'identityChanged')
      await reload({ clientAdvertise: '127.0.0.1:1' })
    },
  ],
  [
    'a PING that is due',
    async () => {
      await open(primary.port)
      breakOnce(KeepAlive, 'due')
    },
  ],
  [
    'a sweep',
    async () => {
      await open(primary.port)
      breakOnce(Client, 'sweep')
    },
  ],
  [
    'a read',
    async () => {
      const victim = await open(primary.port)
      breakOnce(KeepAlive, 'heard')
      victim.send('PING\r\n')
      await until('the close', () => victim.isClosed)
    },
  ],
  [
    'a WebSocket handshake',
    () => {
      breakOnce(Handshake, 'judge')
      return webSocketCloses()
    },
  ],
  [
    'frames of a WebSocket',
    () => {
      breakOnce(FrameReader, 'push')
      return webSocketCloses()
    },
  ],
]

/** Those who speak TLS, and say nothing else. */
const TLS_ENTRIES: readonly (readonly [name: string, provoke: () => Promise<unknown>])[] = [
  [
    'the first bytes of a TLS handshake',
    () => {
      breakOnce(TlsUpgrader, 'enqueue')
      return securedCloses()
    },
  ],
  [
    'the start of a client, when it is secured',
    () => {
      breakOnce(Client, 'start')
      return securedCloses()
    },
  ],
  [
    'the deadline of a login',
    () => {
      breakOnce(Client, 'close')
      return securedCloses()
    },
  ],
]

async function securedCloses(): Promise<void> {
  const plain = await dial(primary.port)
  await plain.readInfo()
  plain.socket.removeAllListeners('data')
  const socket = connectTls({ socket: plain.socket, rejectUnauthorized: false })
  socket.on('error', () => undefined)
  socket.resume()
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
}

/** Provokes it; the log tells of it once, and all others but one at most are there as before. */
async function expectOneLost(provoke: () => Promise<unknown>, connect: () => Promise<RawClient>): Promise<void> {
  const before = readFileSync(logFile, 'utf8').length
  const others = [await connect(), await connect(), await connect()]
  await provoke()
  const told = (): string[] => readFileSync(logFile, 'utf8').slice(before).split(BUG).slice(1)
  await until('the log to tell of it', () => told().length > 0)
  // Its stack.
  expect(told()[0]).toMatch(/^\n {4}at /)
  const isOpen = await Promise.all(
    others.map((client) =>
      client.sync().then(
        () => true,
        () => false,
      ),
    ),
  )
  // One of them may be the one that it cost.
  expect(isOpen.filter((one) => one).length).toBeGreaterThanOrEqual(others.length - 1)
  expect(told().length).toBe(1)
  await (await connect()).sync()
}

describe('a bug is met in', () => {
  beforeAll(async () => {
    logFile = writeFiles({ log: '' }).log
    primary = await startPrimary({
      workers: 0,
      log: 'stderr',
      logFile,
      monitorPort: -1,
      pingInterval: 200,
      writeDeadline: 400,
      websocket: { host: '127.0.0.1', port: -1, noTls: true },
      authorization: {
        users: [
          { user: 'u', password: hashSync('p', 4) },
          { user: 'n', password: 'n' },
        ],
        timeout: 500,
      },
      noAuthUser: 'n',
    })
  })
  afterAll(() => primary?.close())

  test.each(ENTRIES)('%s', (_, provoke) => expectOneLost(provoke, () => open(primary.port)))
})

describe('where there is TLS, a bug is met in', () => {
  beforeAll(async () => {
    const { cert, key } = new Authority().issue({ subject: 'server', dnsNames: ['localhost'] })
    const files = writeFiles({ cert, key, log: '' })
    logFile = files.log
    primary = await startPrimary({
      workers: 0,
      log: 'stderr',
      logFile,
      tls: { certFile: files.cert, keyFile: files.key },
      authorization: { user: 'u', password: 'p', timeout: 300 },
    })
  })
  afterAll(() => primary?.close())

  test.each(TLS_ENTRIES)('%s', (_, provoke) => expectOneLost(provoke, secured))
})

async function secured(): Promise<RawClient> {
  const plain = await dial(primary.port)
  await plain.readInfo()
  plain.socket.removeAllListeners('data')
  const socket = connectTls({ socket: plain.socket, rejectUnauthorized: false })
  const client = RawClient.over(socket)
  client.send('CONNECT {"verbose":false,"user":"u","pass":"p"}\r\nPING\r\n')
  await client.expect('PONG\r\n')
  return client
}
