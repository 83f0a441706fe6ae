// Servers with a WebSocket listener: Heddle with as many shards as asked for, and nats-server, each given the same
// options, so that what a test expects of the one is held against the other.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WebSocketBlock } from '../../src/options/blocks.ts'
import type { CertificatePair } from '../../src/options/shapes.ts'
import { missing, peers } from './peers.ts'
import { startNatsServer, startServer } from './server.ts'

export interface WebSocketServer {
  /** WebSocket port, and that for other clients. */
  readonly port: number
  readonly clientPort: number
  stop(): Promise<unknown>
}

export interface WebSocketServerKind {
  readonly name: string
  start(options?: ListenerOptions): Promise<WebSocketServer>
}

export async function startHeddle(workers: number, options: ListenerOptions = {}): Promise<WebSocketServer> {
  const websocket = { host: '127.0.0.1', port: -1, ...blockOf(options) }
  const server = await startServer({ workers, websocket })
  return { port: server.webSocketPort as number, clientPort: server.port, stop: () => server.close() }
}

/** What tests say of a listener; with a certificate it speaks TLS. */
export interface ListenerOptions
  extends Pick<WebSocketBlock, 'sameOrigin' | 'allowedOrigins' | 'compression' | 'headers'> {
  readonly certificate?: CertificatePair
}

/** Options of createServer(). */
function blockOf({ certificate, ...options }: ListenerOptions): WebSocketBlock {
  const tls = certificate && { certFile: certificate.certFile, keyFile: certificate.keyFile }
  return { ...(tls === undefined ? { noTls: true } : { tls }), ...options }
}

/** The same for a configuration file. */
function inFile({ certificate, sameOrigin, allowedOrigins, compression, headers }: ListenerOptions): string {
  const tls = certificate && { cert_file: certificate.certFile, key_file: certificate.keyFile }
  return JSON.stringify({
    host: '127.0.0.1',
    port: -1,
    ...(tls === undefined ? { no_tls: true } : { tls }),
    ...{ same_origin: sameOrigin, allowed_origins: allowedOrigins, compression, headers },
  })
}

async function startNats(file: string, options: ListenerOptions = {}): Promise<WebSocketServer> {
  const directory = mkdtempSync(join(tmpdir(), 'heddle-'))
  const config = join(directory, 'nats.conf')
  writeFileSync(config, `websocket: ${inFile(options)}\n`)
  try {
    const program = await startNatsServer(file, ['-c', config])
    const [, port] = await program.until(/Listening for websocket clients on wss?:\S*:(\d+)/)
    return { port: Number(port), clientPort: program.port, stop: () => program.stop() }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Those that a test of `what` runs on. */
export function webSocketServers(what: string, shards: readonly number[] = [0, 1, 4]): readonly WebSocketServerKind[] {
  const heddles = shards.map((workers) => ({
    name: `heddle, ${workers} shards`,
    start: (options?: ListenerOptions) => startHeddle(workers, options),
  }))
  const { natsServer } = peers
  if (natsServer === undefined || missing('natsServer', `${what} on nats-server`)) return heddles
  return [...heddles, { name: 'nats-server', start: (options) => startNats(natsServer, options) }]
}
