// A whole server on a file system that fills up: publishers are told, everything else goes on, and streams work again
// when there is room. Nothing that was acknowledged is lost.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ownServer } from '../support/harness.ts'
import { until } from '../support/until.ts'
import { type Answer, StreamClient } from './client.ts'

/** A file system of so many MiB; undefined: none can be mounted here. */
function mountSmall(mebibytes: number): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'heddle-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'heddle-test', path], { stdio: 'ignore' })
  } catch {
    rmSync(path, { recursive: true })
    return undefined
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', path])
    rmSync(path, { recursive: true })
  })
  return path
}

const CONSUMER = { name: 'c', durable_name: 'c', ack_policy: 'explicit' }
const PAYLOAD = 'x'.repeat(20_000)

test.for([0, 2])('a disk that fills up, with %i workers', async (workers, { skip }) => {
  const mounted = mountSmall(64)
  if (mounted === undefined) {
    skip()
    return
  }
  // What may be removed later: most of the disk.
  const filler = join(mounted, 'filler')
  writeFileSync(filler, Buffer.alloc(56 * 1024 * 1024))
  const options = { workers, jetstream: { storeDir: join(mounted, 'streams'), maxFile: 2 ** 30 }, monitorPort: -1 }
  const server = await ownServer(options)
  const health = async (): Promise<[number, unknown]> => {
    const response = await fetch(`http://127.0.0.1:${server.monitorPort}/healthz`)
    return [response.status, await response.json()]
  }
  const client = await StreamClient.open(server.port)
  const streams = ['A', 'B', 'C']
  for (const name of streams) await client.create(name, { storage: 'file' })
  await client.create('M')
  const acknowledged = new Map(streams.map((name) => [name, 0]))
  const put = async (name: string): Promise<Answer> => {
    const answer = await client.put(`${name}.x`, `${acknowledged.get(name)} ${PAYLOAD}`)
    if (answer.error === undefined) acknowledged.set(name, (acknowledged.get(name) ?? 0) + 1)
    return answer
  }
  expect(await health()).toEqual([200, { status: 'ok' }])
  const full = new Map<string, Answer>()
  while (full.size < streams.length) {
    for (const name of streams) {
      const answer = await put(name)
      if (answer.error !== undefined) full.set(name, answer)
    }
  }
  for (const answer of full.values()) {
    expect(answer).toMatchObject({ error: { code: 503, err_code: 10023, description: 'insufficient resources' } })
  }
  const [status, { status: word, error }] = (await health()) as [number, { status: string; error: string }]
  expect([status, word]).toEqual([503, 'unavailable'])
  expect(error).toMatch(/^JetStream stream '\$G > [ABC]' write error: ENOSPC/)

  // Core NATS and streams in memory go on; what is on the disk can be read, and what cannot be kept is refused.
  const heard = await client.listen('core')
  client.connection.publish('core', 'hello')
  expect((await heard.next()).string()).toBe('hello')
  expect(await client.put('M.x')).toMatchObject({ seq: 1 })
  const last = await client.ask('STREAM.MSG.GET.A', { seq: acknowledged.get('A') })
  expect(last.error).toBeUndefined()
  writeFileSync(join(mounted, 'rest'), '')
  try {
    for (;;) writeFileSync(join(mounted, 'rest'), Buffer.alloc(4096), { flag: 'a' })
  } catch {
    // Not a page is left.
  }
  const made = await client.ask('STREAM.CREATE.D', { name: 'D', storage: 'file', subjects: ['D.>'] })
  expect(made.error).toMatchObject({ code: 500, err_code: 10049 })
  const consumer = await client.ask('CONSUMER.CREATE.A.c', { stream_name: 'A', config: CONSUMER })
  expect(consumer.error).toMatchObject({ code: 500, err_code: 10012 })

  // There is room again, and no restart.
  rmSync(filler)
  rmSync(join(mounted, 'rest'))
  for (const name of streams) {
    await until(`${name} takes messages`, async () => (await put(name)).error === undefined)
    expect(await put(name)).toMatchObject({ seq: acknowledged.get(name) })
  }
  await until('all is well', async () => (await health())[0] === 200)
  await client.create('D', { storage: 'file' })
  expect(await client.ask('CONSUMER.CREATE.A.c', { stream_name: 'A', config: CONSUMER })).toMatchObject({ name: 'c' })
  await client.connection.close()
  await server.close()

  const again = await ownServer({ ...options, workers: 1 })
  const reader = await StreamClient.open(again.port)
  for (const name of streams) {
    const count = acknowledged.get(name) ?? 0
    expect(await reader.info(name)).toMatchObject({ state: { messages: count, first_seq: 1, last_seq: count } })
    for (const seq of [1, count >> 1, count - 2, count - 1, count]) {
      const { message } = (await reader.ask(`STREAM.MSG.GET.${name}`, { seq })) as unknown as Record<
        string,
        { data: string }
      >
      expect(Buffer.from(message.data, 'base64').toString()).toBe(`${seq - 1} ${PAYLOAD}`)
    }
  }
  expect(await reader.ask('CONSUMER.NAMES.A')).toMatchObject({ consumers: ['c'] })
})
