// Archives that somebody has made up or damaged: each costs one request. Nothing of it stays, and the server goes on.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { END, entryHead, MAGIC } from '../../../src/jetstream/backup/archive.ts'
import { writeS2 } from '../../../src/s2/writer.ts'
import { startServer } from '../../support/server.ts'
import { ask, bring, contentsOf, fill, take } from './transfers.ts'

const NOW_US = 1_700_000_000_000_000
const NAME = 'Restored'
const CONFIG = { name: NAME, subjects: ['r.>'], max_msg_size: 100 }

const state = (more: object = {}): Buffer => entry('state.json', JSON.stringify({ first_seq: 1, last_seq: 3, ...more }))

function entry(name: string, payload: string, seq = 0, headers = ''): Buffer {
  const bytes = Buffer.from(headers + payload, 'latin1')
  return Buffer.concat([entryHead(name, NOW_US, seq, headers.length, bytes.length - headers.length), bytes])
}

const message = (seq: number, payload = 'x', headers = ''): Buffer => entry('r.1', payload, seq, headers)
const packed = (...pieces: readonly Uint8Array[]): Buffer[] => [writeS2([MAGIC, ...pieces], true)]

/** As long as a varint may be, and longer. */
const endless = Buffer.alloc(40, 0xff)
const consumer = (name: string, body: object | string): Buffer =>
  entry(`consumers/${name}`, typeof body === 'string' ? body : JSON.stringify(body))
const described = { config: { ack_policy: 'explicit' }, state: { delivered: {}, ack_floor: {} } }

/** What is sent, and what is said about it. */
const HOSTILE: Readonly<Record<string, [chunks: readonly Uint8Array[], words: RegExp]>> = {
  nothing: [[], /EOF/],
  'what is no S2': [[Buffer.from('not compressed at all, whatever it is')], /s2: corrupt input/],
  'another archive': [[writeS2([Buffer.from('something else, and longer')], false)], /invalid archive/],
  'only the beginning': [packed(), /unexpected EOF/],
  'no end': [packed(state(), message(1)), /unexpected EOF/],
  'a wrong checksum': [packed(state(), message(1), END).map(flipped), /s2: corrupt input/],
  'messages first': [packed(message(1), END), /expected state\.json first/],
  'a state that is no JSON': [packed(entry('state.json', '{'), END), /error in state\.json/],
  'a state of another kind': [packed(entry('state.json', '{"first_seq":"x"}'), END), /error in state\.json/],
  'more bytes than there is room': [packed(state({ bytes: 2 ** 52 }), END), /insufficient storage/],
  'an endless number': [packed(state(), endless), /invalid archive/],
  'a name that never ends': [
    packed(state(), entryHead('', NOW_US, 1, 0, 0).fill(0xff, 0, 3), endless),
    /invalid archive/,
  ],
  'a length beyond all bounds': [packed(state(), entryHead('r.1', NOW_US, 1, 0, 2 ** 50)), /invalid archive/],
  'a message that is too large': [packed(state(), message(1, 'x'.repeat(200)), END), /exceeds maximum message size/],
  'messages out of order': [packed(state(), message(2), message(1), END), /out of order/],
  'a message without a sequence': [packed(state(), message(0), END), /expected message sequence/],
  'a message on a wildcard': [packed(state(), entry('r.*', 'x', 1), END), /no valid subject/],
  'a message on a subject with a line end': [packed(state(), entry('r.1\r\nPING', 'x', 1), END), /no valid subject/],
  'consumers that do not come': [packed(state({ consumer_count: 2 }), message(1), END), /expected consumer/],
  'a consumer without a state': [
    packed(state({ consumer_count: 1 }), consumer('C', { config: {} }), END),
    /failed to decode/,
  ],
  'a consumer that is no JSON': [packed(state({ consumer_count: 1 }), consumer('C', 'x'), END), /failed to decode/],
  'a consumer with a path for a name': [
    packed(state({ consumer_count: 1 }), consumer('../../../etc', described), END),
    /failed to add consumer/,
  ],
  'a consumer with a name of the server’s own': [
    packed(state({ consumer_count: 1 }), consumer('.sources', described), END),
    /failed to add consumer/,
  ],
  'two consumers of one name': [
    packed(state({ consumer_count: 2 }), consumer('C', described), consumer('C', described), END),
    /failed to add consumer/,
  ],
  'a consumer with a wrong configuration': [
    packed(state({ consumer_count: 1 }), consumer('C', { ...described, config: { backoff: [-1] } }), END),
    /failed to add consumer/,
  ],
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy[copy.length - 3] ^= 1
  return copy
}

describe.each([0, 2])('with %i workers', (workers) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-hostile-'))
  let server: Awaited<ReturnType<typeof startServer>>
  let connection: NatsConnection

  beforeAll(async () => {
    server = await startServer({ workers, jetstream: { storeDir: folder } })
    connection = await connect({ port: server.port, ignoreClusterUpdates: true })
  })
  afterAll(async () => {
    await connection.close()
    await server.close()
    rmSync(folder, { recursive: true })
  })

  const isGone = async (): Promise<void> => {
    expect((await ask(connection, `STREAM.INFO.${NAME}`)).error?.err_code).toBe(10059)
    const folders = join(folder, 'jetstream', 'streams')
    await expect.poll(() => readdirSync(folders, { recursive: true }).length).toBe(0)
  }

  test.each(Object.entries(HOSTILE))('%s is refused', async (_what, [chunks, words]) => {
    const answer = await bring(connection, NAME, CONFIG, chunks)
    expect(answer.error?.err_code).toBe(10062)
    expect(answer.error?.description).toMatch(words)
    await isGone()
  })

  test('a backup that is cut anywhere is refused, and one in pieces of any size is not', {
    timeout: 60_000,
  }, async () => {
    await fill(connection, NAME, 'file', 150)
    const contents = await contentsOf(connection, NAME)
    const { answer, chunks } = await take(connection, NAME)
    const whole = Buffer.concat(chunks.map(({ bytes }) => bytes))
    await ask(connection, `STREAM.DELETE.${NAME}`)
    for (let end = 1; end < whole.length; end += 301) {
      const refused = await bring(connection, NAME, answer['config'], [whole.subarray(0, end)])
      expect(refused.error?.err_code, `cut at ${end}`).toBe(10062)
    }
    await isGone()
    for (const size of [1, 7, 1000]) {
      const count = Math.ceil(whole.length / size)
      const pieces = Array.from({ length: count }, (_, i) => whole.subarray(i * size, (i + 1) * size))
      expect((await bring(connection, NAME, answer['config'], pieces)).error, `pieces of ${size}`).toBeUndefined()
      expect(await contentsOf(connection, NAME)).toEqual(contents)
      await ask(connection, `STREAM.DELETE.${NAME}`)
    }
  })

  test('a few bytes that become many hold nobody up', { timeout: 60_000 }, async () => {
    const same = Buffer.alloc(32 * 1024 * 1024, 'b')
    const bomb = writeS2([MAGIC, state(), entryHead('r.1', NOW_US, 1, 0, 100), same], true)
    const answer = await bring(connection, NAME, CONFIG, [bomb.subarray(0, 1024 * 1024), bomb.subarray(1024 * 1024)])
    expect(answer.error?.err_code).toBe(10062)
    await isGone()
  })

  test('of two restorations of one name, the second to end is refused', async () => {
    const begun = await ask(connection, `STREAM.RESTORE.${NAME}`, { config: CONFIG, state: {} })
    await ask(connection, `STREAM.CREATE.${NAME}`, { ...CONFIG, storage: 'memory' })
    const [chunk] = packed(state(), message(1), END)
    const subject = String(begun['deliver_subject'])
    await connection.request(subject, chunk, { timeout: 10_000 })
    const ended = (await connection.request(subject, '', { timeout: 10_000 })).json<{ error?: { err_code: number } }>()
    expect(ended.error?.err_code).toBe(10130)
    await ask(connection, `STREAM.DELETE.${NAME}`)
    await isGone()
  })
  test('of a restoration that was interrupted by the end of the server, nothing is left', async () => {
    const storeDir = mkdtempSync(join(tmpdir(), 'heddle-hostile-'))
    const first = await startServer({ workers, jetstream: { storeDir } })
    const client = await connect({ port: first.port, ignoreClusterUpdates: true })
    const begun = await ask(client, `STREAM.RESTORE.${NAME}`, { config: CONFIG, state: {} })
    const [chunk] = packed(state(), message(1), message(2), message(3))
    await client.request(String(begun['deliver_subject']), chunk, { timeout: 10_000 })
    await client.close()
    await first.close()
    const folders = join(storeDir, 'jetstream', 'streams')
    expect(readdirSync(folders)).toHaveLength(1)
    const second = await startServer({ workers, jetstream: { storeDir } })
    expect(readdirSync(folders)).toHaveLength(0)
    await second.close()
    rmSync(storeDir, { recursive: true })
  })
})
