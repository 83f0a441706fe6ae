// A nats-server and a Heddle with streams, side by side.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { peers } from '../support/peers.ts'
import { type ServerProgram, startNatsServer, startServer } from '../support/server.ts'

/** Both run for the tests of the suite that calls this. Answers their ports: nats-server's first. */
export function useBoth(workers: number): () => readonly [theirs: number, ours: number] {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-beside-'))
  let nats: ServerProgram | undefined
  let heddle: Awaited<ReturnType<typeof startServer>> | undefined
  beforeAll(async () => {
    nats = await startNatsServer(peers.natsServer ?? '', ['-js', '-sd', join(folder, 'nats-server')])
    heddle = await startServer({ workers, jetstream: { storeDir: join(folder, 'heddle') } })
  })
  afterAll(async () => {
    await Promise.all([nats?.stop(), heddle?.close()])
    rmSync(folder, { recursive: true })
  })
  return () => [nats?.port ?? 0, heddle?.port ?? 0]
}
