// Message tracing where shards are late or die; and the nats command's own look at it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { TRACES_AWAITED_MAX } from '../../src/base/constants.ts'
import type { Primary } from '../../src/primary/primary.ts'
import type { Die, Way } from '../support/faulty-ways.ts'
import { ownPrimary } from '../support/harness.ts'
import { missing, peers } from '../support/peers.ts'
import type { RawClient } from '../support/raw-client.ts'
import { Program, ROOT } from '../support/server.ts'
import { FAULTY_ENTRY, hostOf, openOn, untilReplaced } from '../support/shards.ts'
import { until } from '../support/until.ts'

interface Document {
  readonly events: readonly { readonly type: string; readonly name?: string }[]
}

async function named(primary: Primary, shard: number, name: string): Promise<RawClient> {
  const client = await openOn(primary, shard, { name, headers: true })
  onTestFinished(() => client.close())
  return client
}

/** Three shards with a receiver each, and somebody on the first who publishes and watches. */
async function company(): Promise<{ primary: Primary; publisher: RawClient; documents: Document[] }> {
  const primary = await ownPrimary({ workers: 3 }, FAULTY_ENTRY)
  for (const shard of [0, 1, 2]) {
    const receiver = await named(primary, shard, `on ${shard}`)
    receiver.onMessage = () => undefined
    receiver.send('SUB x 1\r\n')
    await receiver.sync()
  }
  const publisher = await named(primary, 0, 'publisher')
  const documents: Document[] = []
  publisher.onMessage = ({ payload }) => documents.push(JSON.parse(payload.toString()) as Document)
  publisher.send('SUB traces 1\r\n')
  await publisher.sync()
  return { primary, publisher, documents }
}

const HEADER = 'NATS/1.0\r\nNats-Trace-Dest: traces\r\n\r\n'
const TRACED = `HPUB x ${HEADER.length} ${HEADER.length}\r\n${HEADER}\r\n`

function receivers({ events }: Document): unknown[] {
  return events.filter(({ type }) => type === 'eg').map(({ name }) => name)
}

/** Begins to make a shard get stuck or die; resolves when it is about to. */
async function fail(primary: Primary, shard: number, way: Way): Promise<void> {
  const dying = new SharedArrayBuffer(4)
  const order: Die = { kind: 'die', way, dying }
  hostOf(primary, shard).thread.worker.postMessage(order)
  const word = new Int32Array(dying)
  await until('the shard to fail', () => Atomics.load(word, 0) === 1)
}

test('every shard tells what happened there', async () => {
  const { publisher, documents } = await company()
  for (let i = 0; i < 100; i++) publisher.send(TRACED)
  await until('the traces', () => documents.length === 100)
  for (const document of documents) expect(receivers(document).toSorted()).toEqual(['on 0', 'on 1', 'on 2'])
})

test('a shard that is stuck is not waited for', async () => {
  const { primary, publisher, documents } = await company()
  const { worker } = hostOf(primary, 2).thread
  await fail(primary, 2, 'Atomics.wait')
  publisher.send(TRACED)
  await until('the trace', () => documents.length === 1)
  expect(receivers(documents[0]).toSorted()).toEqual(['on 0', 'on 1'])
  await worker.terminate()
})

test('more traces than may wait for a stuck shard do not wait', async () => {
  const { primary, publisher, documents } = await company()
  const { worker } = hostOf(primary, 2).thread
  await fail(primary, 2, 'Atomics.wait')
  const count = TRACES_AWAITED_MAX + 100
  publisher.send(TRACED.repeat(count))
  // Two shards are asked about each: those for which there is no number left are published at once.
  await until('the first', () => documents.length >= 100)
  await until('all traces', () => documents.length === count)
  for (const document of documents) expect(receivers(document)).toContain('on 0')
  await worker.terminate()
})

test('a shard that dies tells nothing more', async () => {
  const { primary, publisher, documents } = await company()
  const host = hostOf(primary, 2)
  await fail(primary, 2, 'Atomics.wait')
  publisher.send(TRACED)
  await publisher.sync()
  void host.thread.worker.terminate()
  await until('the trace', () => documents.length === 1)
  expect(receivers(documents[0]).toSorted()).toEqual(['on 0', 'on 1'])
  await untilReplaced(primary, 2, host)
  publisher.send(TRACED)
  await until('the next', () => documents.length === 2)
  expect(receivers(documents[1]).toSorted()).toEqual(['on 0', 'on 1'])
})

test.skipIf(missing('nats', 'nats trace'))('nats trace', async () => {
  const { primary } = await company()
  const scratch = mkdtempSync(join(tmpdir(), 'heddle-nats-'))
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }))
  const url = `nats://127.0.0.1:${primary.identity.port}`
  const flags = ['--no-context', '-s', url, 'trace', 'x']
  const program = new Program(peers.nats as string, flags, { ...process.env, XDG_CONFIG_HOME: scratch }, ROOT)
  onTestFinished(() => void program.stop('SIGKILL'))
  expect(await program.exit()).toEqual({ code: 0, signal: null })
  for (const name of ['on 0', 'on 1', 'on 2'])
    expect(program.stdout).toMatch(new RegExp(`--C Client "${name}" cid:\\d+`))
  expect(program.stdout).toMatch(/Egress Count:\s+Client: 3/)
})
