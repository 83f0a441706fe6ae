import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { Log } from '../../src/log/log.ts'
import { createSyslogSink } from '../../src/log/syslog-sink.ts'
import { ownFolder } from '../support/configured.ts'
import { missing, peers } from '../support/peers.ts'
import { Program } from '../support/server.ts'
import { until } from '../support/until.ts'

const place = () => ({ name: 'primary', opened: new SharedArrayBuffer(4) })

function logTo(remoteSyslog: string): Log {
  return new Log(normaliseOptions({ log: 'stderr', remoteSyslog, debug: true, trace: true }), place())
}

function sayAll(log: Log): void {
  log.info('an info')
  log.warn('a warning')
  log.error('an error')
  log.fatal('the end')
  log.debug('a detail')
  log.trace('a trace')
}

const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
const EXPECTED = [
  [5, 'an info'],
  [4, 'a warning'],
  [3, 'an error'],
  [2, 'the end'],
  [7, 'a detail'],
  [5, 'a trace'],
].map(([priority, text]) => `<${priority}>TIME ${hostname()} nats-server[${process.pid}]: ${text}\n`)

const anyTime = (line: string): string => line.replace(new RegExp(time, 'g'), 'TIME')

test('over UDP each line is a datagram', async () => {
  const daemon = createSocket('udp4')
  onTestFinished(() => void daemon.close())
  const got: string[] = []
  daemon.on('message', (message) => got.push(anyTime(message.toString())))
  daemon.bind(0, '127.0.0.1')
  await once(daemon, 'listening')
  const log = logTo(`udp://127.0.0.1:${daemon.address().port}`)
  await log.ready()
  sayAll(log)
  await log.close()
  await until('all lines', () => got.length === 6)
  expect(got).toEqual(EXPECTED)
})

/** What a daemon at a stream socket has been told. */
async function daemonAt(listen: (server: Server) => void): Promise<{ server: Server; text: () => string }> {
  let text = ''
  const server = createServer((socket) => socket.on('data', (bytes) => (text += bytes.toString())))
  onTestFinished(() => void server.close())
  listen(server)
  await once(server, 'listening')
  return { server, text: () => anyTime(text) }
}

test('over TCP and over a Unix socket lines stand one behind the other', async () => {
  const tcp = await daemonAt((server) => server.listen(0, '127.0.0.1'))
  const path = join(ownFolder(), 'syslog')
  const unix = await daemonAt((server) => server.listen(path))
  const port = (tcp.server.address() as AddressInfo).port
  for (const [address, daemon] of [
    [`tcp://127.0.0.1:${port}`, tcp],
    [`unix://${path}`, unix],
  ] as const) {
    const log = logTo(address)
    await log.ready()
    sayAll(log)
    await log.close()
    await until('all lines', () => daemon.text().length >= EXPECTED.join('').length)
    expect(daemon.text()).toBe(EXPECTED.join(''))
  }
})

test('a daemon that does not answer, or an address that is none, is told', async () => {
  const path = join(ownFolder(), 'nobody')
  await expect(logTo(`unix://${path}`).ready()).rejects.toThrow(
    /^error connecting to syslog: "dial unix .*no such file/,
  )
  expect(() => logTo('http://127.0.0.1:1')).toThrow('error invalid network type: "http"')
  expect(() => logTo('udp://localhost')).toThrow('missing port in address')
  expect(() => logTo('tcp://localhost')).toThrow('missing port in address')
  expect(() => logTo('nonsense')).toThrow('error invalid syslog address: "nonsense"')
  expect(() => createSyslogSink('', [path])).toThrow('error connecting to syslog: "Unix syslog delivery error"')
})

/** A daemon as most are: at a Unix datagram socket, which Node itself cannot make. */
const DAEMON = `
import socket, sys
daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
daemon.bind(sys.argv[1])
print('listening', flush=True)
while True: print(daemon.recv(65536).decode(), flush=True)
`
const noLogger = spawnSync('logger', ['--version']).error !== undefined
if (noLogger) process.stderr.write('skipped: local syslog, because there is no logger(1) on this machine\n')

test.skipIf(noLogger || missing('python', 'local syslog'))('the local daemon is told by logger(1)', async () => {
  const path = join(ownFolder(), 'log')
  const daemon = new Program(peers.python as string, ['-c', DAEMON, path])
  onTestFinished(() => void daemon.stop('SIGKILL'))
  await daemon.until(/listening/)
  const sink = createSyslogSink('', [path])
  await sink.ready
  sink.write('info', 'an info')
  sink.write('error', 'an error\nof two lines\n')
  await sink.close()
  await daemon.until(/of two lines\n/)
  // Facility 3 (daemon): 3 * 8 + 5, 3 * 8 + 3.
  expect(daemon.stdout).toMatch(new RegExp(`<29>\\S+ +\\d+ [\\d:]+ .*nats-server\\[${process.pid}\\]: an info`))
  expect(daemon.stdout).toMatch(/<27>.*: an error\n<27>.*: of two lines\n/)
})
