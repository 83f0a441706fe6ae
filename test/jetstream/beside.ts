// A nats-server and a Heddle with streams, side by side.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { peers } from '../support/peers.ts'
import { type ServerProgram, startCommand, startNatsServer, startServer } from '../support/server.ts'
import { Talk } from './talk.ts'

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

/** Both with a configuration, in turn, for the test that calls this: what comes of each, nats-server's first. */
export async function withBoth<T>(config: string, workers: number, ask: (port: number) => Promise<T>): Promise<[T, T]> {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-beside-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const came: T[] = []
  for (const kind of ['nats-server', 'heddle'] as const) {
    const file = join(folder, `${kind}.conf`)
    writeFileSync(file, `store_dir: "${join(folder, kind)}"\n${config}`)
    const server = await (kind === 'heddle'
      ? startCommand(['-c', file, '--workers', String(workers)])
      : startNatsServer(peers.natsServer ?? '', ['-c', file]))
    try {
      came.push(await ask(server.port))
    } finally {
      await server.stop('SIGKILL')
    }
  }
  return [came[0], came[1]]
}

/** Holds a talk with both, at once: what they say is equal, word for word. The talk is about a stream S. */
export async function holdWithBoth(ports: readonly number[], hold: (talk: Talk) => Promise<void>): Promise<void> {
  const [theirs, ours] = await Promise.all(ports.map((port) => recordOf(port, hold)))
  for (const [i, heard] of theirs.entries()) {
    expect(JSON.stringify(ours[i], undefined, 1)).toBe(JSON.stringify(heard, undefined, 1))
  }
  expect(ours).toHaveLength(theirs.length)
}

/** Holds a talk with a server; an error is part of the record. */
async function recordOf(port: number, hold: (talk: Talk) => Promise<void>): Promise<readonly unknown[]> {
  const talk = await Talk.begin(port)
  await hold(talk).catch((error: unknown) => talk.record.push(String(error)))
  await talk.connection.request('$JS.API.STREAM.DELETE.S')
  await talk.end()
  return talk.record
}
