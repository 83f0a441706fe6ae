// What a reload may change, it changes everywhere: for each option that a reload can change there is a test that looks
// at its effect. Those of which no other file has one stand here.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { SETTINGS } from '../../src/config/table/table.ts'
import type { OptionName } from '../../src/options/options.ts'
import { StreamClient } from '../jetstream/client.ts'
import { configured } from '../support/configured.ts'
import { dial, open, ownServer } from '../support/harness.ts'
import { compressedFrame, DEFLATE, RawWebSocket } from '../support/websocket.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const HERE = 'e2e/reload-each.test.ts'
const RELOAD = 'e2e/reload.test.ts'
const IDENTITY = 'e2e/identity-reload.test.ts'
/** Of clusters, leaf nodes or profiles, which there are none of: nothing can be seen of it. */
const NO_EFFECT = 'none'

/** Where the test of an option is: the file, and a part of the test's name. */
const TESTS: Partial<Readonly<Record<OptionName, typeof NO_EFFECT | readonly [file: string, name: string]>>> = {
  clientAdvertise: [RELOAD, 'client_advertise is told'],
  pidFile: [RELOAD, 'pid_file and ports_file_dir move'],
  portsFileDir: [RELOAD, 'pid_file and ports_file_dir move'],
  noFastProducerStall: [RELOAD, 'no_fast_producer_stall: publishers are held'],
  serverTags: [RELOAD, 'tags, metadata and the time of loading'],
  serverMetadata: [RELOAD, 'tags, metadata and the time of loading'],
  connectErrorReports: NO_EFFECT,
  reconnectErrorReports: NO_EFFECT,
  maxConnections: [RELOAD, 'max_connections closes those who are too many'],
  maxControlLine: [RELOAD, 'max_control_line grows'],
  maxPayload: [HERE, 'max_payload holds for compressed messages'],
  slowConsumer: ['e2e/slow-consumer-policy.test.ts', 'a reload changes it for those who are there'],
  placement: ['primary/shards.test.ts', 'a reload spreads those that follow'],
  pingInterval: [RELOAD, 'ping_interval and ping_max'],
  pingMax: [RELOAD, 'ping_interval and ping_max'],
  writeDeadline: [RELOAD, 'write_deadline: a client that takes nothing'],
  debug: [RELOAD, 'debug and trace begin and end'],
  trace: [RELOAD, 'debug and trace begin and end'],
  traceVerbose: [HERE, 'log_format and trace_verbose'],
  traceHeaders: ['e2e/log.test.ts', 'their headers alone'],
  maxTracedMessageLength: ['e2e/log.test.ts', 'their headers alone'],
  logFile: [RELOAD, 'log_file, logtime and logtime_utc'],
  logTime: [RELOAD, 'log_file, logtime and logtime_utc'],
  logTimeUtc: [RELOAD, 'log_file, logtime and logtime_utc'],
  logFormat: [HERE, 'log_format and trace_verbose'],
  syslog: ['log/syslog-sink.test.ts', ''],
  remoteSyslog: ['log/syslog-sink.test.ts', ''],
  monitorUser: ['e2e/monitor-pages.test.ts', 'is another one after a reload'],
  monitorPassword: ['e2e/monitor-pages.test.ts', 'is another one after a reload'],
  profBlockRate: NO_EFFECT,
  authorization: [IDENTITY, 'are told so when their password'],
  accounts: [IDENTITY, 'import more or less'],
  mappings: [IDENTITY, 'map subjects by what the file says now'],
  tls: [HERE, 'connection_rate_limit'],
  ocsp: ['e2e/ocsp.test.ts', 'a reload turns it on and off'],
  ocspCache: ['tls/ocsp/peers.test.ts', 'is told by a reload'],
  resolver: ['e2e/ways-in.test.ts', 'orphaned by a reload'],
  resolverTls: ['e2e/url-resolver.test.ts', 'a reload'],
  resolverPreload: ['e2e/ways-in.test.ts', 'orphaned by a reload'],
  resolverPinnedAccounts: ['e2e/operator-start.test.ts', 'a reload with such a mistake'],
  defaultSentinel: ['e2e/ways-in.test.ts', 'orphaned by a reload'],
  jetstream: [HERE, 'max_mem of jetstream'],
  storeDir: ['config/changes.test.ts', 'jetstream storage directory'],
  proxies: ['e2e/ways-in-bounds.test.ts', 'trusted proxies are others after a reload'],
}

test('each option that a reload can change has a test that looks at its effect', () => {
  const missing = SETTINGS.flatMap(({ option, reload }) => {
    if (option === undefined || !reload) return []
    const at = TESTS[option]
    if (at === undefined) return [option]
    if (at === NO_EFFECT) return []
    const [file, name] = at
    const text = readFileSync(join(import.meta.dirname, '..', file), 'utf8')
    return text.includes(name) ? [] : [`${option}: ${file}: ${name}`]
  })
  expect(missing).toEqual([])
})

const BASE = { host: '127.0.0.1', port: -1, workers: 1 } as const

test('max_payload holds for compressed messages of WebSockets that are connected', async () => {
  const websocket = { host: '127.0.0.1', port: -1, noTls: true, compression: true }
  const server = await ownServer({ ...BASE, maxPayload: 1_000, websocket })
  const client = await RawWebSocket.open(server.webSocketPort as number, DEFLATE)
  client.say('CONNECT {"verbose":false}\r\nPING\r\n')
  await client.expectText(/PONG\r\n/)
  const publish = (size: number): void => {
    client.send(compressedFrame(Buffer.from(`PUB a ${size}\r\n${'x'.repeat(size)}\r\nPING\r\n`)))
  }
  await server.reload({ ...BASE, maxPayload: 100_000, websocket })
  publish(50_000)
  await client.expectText(/PONG\r\n/)
  await server.reload({ ...BASE, maxPayload: 1_000, websocket })
  publish(50_000)
  expect(await client.expectGoodbye()).toBe('1009 Maximum Message Payload Exceeded')
})

const authority = new Authority()
const issued = authority.issue({ subject: 'server', ips: ['127.0.0.1'] })
const files = writeFiles({ cert: issued.cert, key: issued.key })

/** Begins TLS on a connection that has been told INFO; answers whether it was let through. */
async function handshake(port: number): Promise<boolean> {
  const client = await dial(port)
  await client.readInfo()
  const socket = connectTls({ socket: client.socket, ca: authority.cert, host: '127.0.0.1' })
  onTestFinished(() => void socket.destroy())
  return new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}

test('connection_rate_limit holds from the next handshake on, and ends', async () => {
  const tls = { certFile: files.cert, keyFile: files.key }
  const server = await ownServer({ ...BASE, tls })
  const three = (): Promise<boolean[]> => Promise.all([1, 2, 3].map(() => handshake(server.port)))
  expect(await three()).toEqual([true, true, true])
  await server.reload({ tls: { connectionRateLimit: 1 } })
  expect(await three()).toContain(false)
  await server.reload({ tls: { connectionRateLimit: null } })
  expect(await three()).toEqual([true, true, true])
})

test('log_format and trace_verbose', async () => {
  const { port, program, reload } = await configured({ workers: 1, trace: true })
  await reload({ workers: 1, trace: true, logFormat: 'json' })
  await (await open(port)).sync()
  await program.until(/^\{.*<<- \[PING\]/m)
  await reload({ workers: 1, trace: true, traceVerbose: true })
  expect(program.stderr).toContain('trace_verbose = true')
})

test('max_mem of jetstream holds for the next stream', async () => {
  const storeDir = mkdtempSync(join(tmpdir(), 'heddle-streams-'))
  onTestFinished(() => rmSync(storeDir, { recursive: true }))
  const server = await ownServer({ ...BASE, jetstream: { storeDir, maxMem: 1_000 } })
  const client = await StreamClient.open(server.port)
  await expect(client.create('S', { max_bytes: 2_000 })).rejects.toThrow('insufficient memory')
  await server.reload({ jetstream: { maxMem: 3_000 } })
  await client.create('S', { max_bytes: 2_000 })
})
