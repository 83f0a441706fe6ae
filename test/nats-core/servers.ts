// Servers with streams for the packages of nats.js: Heddle with several numbers of workers, and nats-server.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import type { ConnectionOptions } from '../../src/client/index.ts'
import { connect, type NatsConnection } from '../../src/nats-core/index.ts'
import { missing, peers } from '../support/peers.ts'
import { startNatsServer, startServer } from '../support/server.ts'
import { DEADLINE_MS } from '../support/until.ts'

interface Running {
  readonly port: number
  stop(): Promise<unknown>
}

export interface Kind {
  readonly name: string
  start(folder: string): Promise<Running>
}

async function startHeddle(workers: number, storeDir: string): Promise<Running> {
  const server = await startServer({ workers, jetstream: { storeDir } })
  return { port: server.port, stop: () => server.close() }
}

/** Those that are there. */
export function kinds(what: string): Kind[] {
  const heddles = [0, 1, 2].map((workers) => ({
    name: `Heddle with ${workers} workers`,
    start: (folder: string) => startHeddle(workers, folder),
  }))
  const { natsServer } = peers
  if (natsServer === undefined || missing('natsServer', what)) return heddles
  return [...heddles, { name: 'nats-server', start: (folder) => startNatsServer(natsServer, ['-js', '-sd', folder]) }]
}

/** A server for all tests of the describe that calls this. */
export function use(kind: Kind): {
  readonly port: number
  connect(options?: ConnectionOptions): Promise<NatsConnection>
} {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-nats-core-'))
  let running: Running | undefined
  beforeAll(async () => {
    running = await kind.start(folder)
  })
  afterAll(async () => {
    await running?.stop()
    rmSync(folder, { recursive: true })
  })
  return {
    get port() {
      return running?.port ?? 0
    },
    async connect(options = {}) {
      const quick = { timeout: DEADLINE_MS, reconnectTimeWait: 10, reconnectJitter: 5 }
      const nc = await connect({ servers: `127.0.0.1:${running?.port}`, ...quick, ...options })
      onTestFinished(() => nc.close())
      return nc
    },
  }
}

/** What an iteration has, up to `count` items. */
export async function take<T>(items: AsyncIterable<T>, count = Number.POSITIVE_INFINITY): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) {
    all.push(item)
    if (all.length >= count) break
  }
  return all
}
