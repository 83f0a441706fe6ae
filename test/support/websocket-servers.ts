// Servers with a WebSocket listener: Heddle with as many shards as asked for, and nats-server, each given the same
// options, so that what a test expects of the one is held against the other.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConfigData } from '../../src/options/options.ts'
import type { CertificatePair, WebSocketOptions } from '../../src/options/shapes.ts'
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
  const websocket = { host: '127.0.0.1', port: -1, ...inKeys(options) }
  const server = await startServer({ workers, websocket })
  return { port: server.webSocketPort as number, clientPort: server.port, stop: () => server.close() }
}

/** Our names of the options that tests use, and those of the configuration file. */
const KEYS = {
  sameOrigin: 'same_origin',
  allowedOrigins: 'allowed_origins',
  compression: 'compression',
  headers: 'headers',
} as const

/** What tests say of a listener; with a certificate it speaks TLS. */
export interface ListenerOptions extends Partial<Pick<WebSocketOptions, keyof typeof KEYS>> {
  readonly certificate?: CertificatePair
}

/** Options under the names of the configuration file. */
function inKeys(options: ListenerOptions): Record<string, ConfigData> {
  const { certificate } = options
  const entries = Object.entries(KEYS).flatMap(([name, key]) => {
    const value = options[name as keyof typeof KEYS]
    return value === undefined ? [] : [[key, value] as const]
  })
  const tls = certificate && { cert_file: certificate.certFile, key_file: certificate.keyFile }
  return { ...(tls === undefined ? { no_tls: true } : { tls }), ...Object.fromEntries(entries) }
}

async function startNats(file: string, options: ListenerOptions = {}): Promise<WebSocketServer> {
  const lines = Object.entries(inKeys(options)).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`)
  const directory = mkdtempSync(join(tmpdir(), 'heddle-'))
  const config = join(directory, 'nats.conf')
  writeFileSync(config, ['websocket {', '  host: 127.0.0.1', '  port: -1', ...lines, '}'].join('\n'))
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
