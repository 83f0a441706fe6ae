// Lines to a syslog daemon, in the form that Go's log/syslog gives them, since nats-server uses that:
//
//     remote   <PRI>2026-11-21T13:54:46Z HOST TAG[PID]: text\n        over UDP, TCP, or a Unix stream socket
//     local    <PRI>Nov 21 13:54:46 TAG[PID]: text                    to /dev/log or what stands in its place
//
// Node cannot speak to a Unix datagram socket, which /dev/log nearly always is: there logger(1) does, fed by a pipe.
// Only the primary has such a sink. Lines that the daemon does not take are dropped: it must not slow the server.

import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { statSync } from 'node:fs'
import { connect, type NetConnectOpts } from 'node:net'
import { hostname } from 'node:os'
import { pid } from 'node:process'
import type { Writable } from 'node:stream'
import { PROGRAM } from '../base/constants.ts'
import { osErrorText, StartError } from '../base/errors.ts'
import type { Level } from './level.ts'
import type { LogSink } from './sink.ts'

const SEVERITY: Record<Level, number> = { fatal: 2, error: 3, warn: 4, info: 5, trace: 5, debug: 7 }
/** Facility of local lines; remote ones bear none, that is 0. */
const FACILITY_DAEMON = 3 << 3
/** Where a local daemon may listen. */
const LOCAL_SOCKETS = ['/dev/log', '/var/run/syslog', '/var/run/log']
/** Bytes that may wait for a daemon. */
const WAITING_MAX = 1024 * 1024
/** Datagrams that may wait to be sent: a name server may be slow to say where the daemon is. */
const DATAGRAMS_MAX = 1_024
/** A daemon that hung up is called again no sooner than this. */
const REDIAL_MS = 1_000
/** How long the end of the server waits for the daemon to take the last lines. */
const CLOSE_MS = 1_000

/** `remote` is an address such as `udp://localhost:514`; empty means the local daemon. Throws if it is none. */
export function createSyslogSink(remote: string, localSockets: readonly string[] = LOCAL_SOCKETS): LogSink {
  if (remote === '') return localSink(localSockets)
  let url: URL
  try {
    url = new URL(remote)
  } catch {
    throw new Error(`error invalid syslog address: ${JSON.stringify(remote)}`)
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  switch (url.protocol) {
    case 'udp:':
      if (url.port === '') throw cannotConnect(`dial udp: address ${url.hostname}: missing port in address`)
      return datagramSink(host, Number(url.port))
    case 'tcp:':
      if (url.port === '') throw cannotConnect(`dial tcp: address ${url.hostname}: missing port in address`)
      return streamSink({ host, port: Number(url.port) }, `tcp ${url.host}`)
    case 'unix:':
      return streamSink({ path: url.pathname }, `unix ${url.pathname}`)
    default:
      throw new Error(`error invalid network type: ${JSON.stringify(url.protocol.slice(0, -1))}`)
  }
}

function remoteLine(level: Level, text: string): string {
  const time = `${new Date().toISOString().slice(0, 19)}Z`
  return `<${SEVERITY[level]}>${time} ${hostname()} ${PROGRAM}[${process.pid}]: ${text.trimEnd()}\n`
}

function cannotConnect(reason: string, cause?: unknown): Error {
  return new StartError(`error connecting to syslog: ${JSON.stringify(reason)}`, cause)
}

function datagramSink(host: string, port: number): LogSink {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('error', () => undefined)
  socket.unref()
  let underway = 0
  let whenDone: (() => void) | undefined
  return {
    kind: 'syslog',
    ready: Promise.resolve(),
    write: (level, text) => {
      if (underway >= DATAGRAMS_MAX) return
      underway++
      socket.send(remoteLine(level, text), port, host, () => {
        if (--underway === 0) whenDone?.()
      })
    },
    close: async () => {
      if (underway > 0) await inTime(new Promise<void>((resolve) => (whenDone = resolve)))
      socket.close()
    },
  }
}

function streamSink(where: NetConnectOpts, name: string): LogSink {
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  ready.catch(() => undefined) // the code that awaits it handles it
  let failedMs = Number.NEGATIVE_INFINITY
  const dial = (): Writable => {
    const socket = connect(where, () => resolve())
    socket.unref()
    socket.on('error', (error) => reject(cannotConnect(`dial ${name}: ${osErrorText(error)}`, error)))
    socket.on('close', () => {
      failedMs = performance.now()
      if (stream === socket) stream = undefined
    })
    return socket
  }
  let stream: Writable | undefined
  stream = dial()
  return {
    kind: 'syslog',
    ready,
    write: (level, text) => {
      if (stream === undefined && performance.now() - failedMs > REDIAL_MS) stream = dial()
      put(stream, remoteLine(level, text))
    },
    close: () => end(stream),
  }
}

function localSink(sockets: readonly string[]): LogSink {
  const path = sockets.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isSocket() === true)
  if (path === undefined) throw cannotConnect('Unix syslog delivery error')
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  ready.catch(() => undefined) // the code that awaits it handles it
  let startedMs = performance.now()
  let logger = startLogger(path)
  logger.process.once('spawn', resolve)
  logger.process.once('error', (error) => reject(cannotConnect(`logger: ${error.message}`)))
  return {
    kind: 'syslog',
    ready,
    write: (level, text) => {
      // It may have been killed; another one takes its place, but not in a hurry.
      if (logger.hasEnded() && performance.now() - startedMs > REDIAL_MS) {
        startedMs = performance.now()
        logger = startLogger(path)
      }
      const prefix = `<${FACILITY_DAEMON | SEVERITY[level]}>`
      put(logger.process.stdin, `${prefix}${text.trimEnd().replaceAll('\n', `\n${prefix}`)}\n`)
    },
    close: async () => {
      logger.process.stdin.end()
      await inTime(logger.ended)
    },
  }
}

/** logger(1), fed by a pipe; each line that it is given begins with its priority. */
function startLogger(path: string) {
  const process = spawn('logger', ['--prio-prefix', '--tag', PROGRAM, `--id=${pid}`, '--socket', path], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  process.stdin.on('error', () => undefined)
  process.on('error', () => undefined)
  process.unref()
  let hasEnded = false
  const ended = new Promise<void>((resolve) => {
    process.once('close', () => {
      hasEnded = true
      resolve()
    })
  })
  return { process, ended, hasEnded: () => hasEnded }
}

function put(stream: Writable | undefined, line: string): void {
  if (stream?.writable === true && stream.writableLength < WAITING_MAX) stream.write(line)
}

/** Resolves when everything is written. */
async function end(stream: Writable | undefined): Promise<void> {
  if (stream === undefined || stream.destroyed) return
  await inTime(new Promise<void>((resolve) => stream.end(resolve)))
  stream.destroy()
}

async function inTime(promise: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, CLOSE_MS)
  await Promise.race([promise, late])
  clearTimeout(timer)
}
