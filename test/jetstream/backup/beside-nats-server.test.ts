// Backups beside nats-server: streams go from each server to each, and what is asked wrongly is answered alike.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, peers } from '../../support/peers.ts'
import { Program } from '../../support/server.ts'
import { useBoth } from '../beside.ts'
import { masked } from '../conversation.ts'
import { ask, bring, contentsOf, fill, take } from './transfers.ts'

const COUNT = 3000
const SERVERS = ['nats-server', 'Heddle'] as const

describe.skipIf(missing('natsServer', 'backups beside nats-server')).each([0, 2])('with %i workers', (workers) => {
  const ports = useBoth(workers)
  const connections: NatsConnection[] = []

  beforeAll(async () => {
    for (const port of ports()) connections.push(await connect({ port, ignoreClusterUpdates: true }))
  })
  afterAll(async () => {
    for (const connection of connections) await connection.close()
  })

  describe.each([
    [0, 1],
    [1, 0],
    [1, 1],
  ])('from server %i to server %i (0: nats-server)', (from, to) => {
    test.each(['file', 'memory'])('a %s stream is the same there', { timeout: 120_000 }, async (storage) => {
      const name = `T${from}${to}${storage}`
      await fill(connections[from], name, storage, COUNT)
      const contents = await contentsOf(connections[from], name)
      const { answer, chunks } = await take(connections[from], name, { chunk_size: 4096, window_size: 8192 })
      expect(chunks.at(-1)?.status).toBe('204 ')
      await ask(connections[to], `STREAM.DELETE.${name}`)
      const data = chunks.filter(({ bytes }) => bytes.length > 0).map(({ bytes }) => bytes)
      const restored = await bring(connections[to], name, answer['config'], data)
      expect(restored.error).toBeUndefined()
      expect(await contentsOf(connections[to], name)).toEqual(contents)
      // It goes on behind what was there.
      const ack = (await connections[to].request(`${name}.1`, 'more', { timeout: 10_000 })).json<{ seq: number }>()
      expect(ack.seq).toBe(5 + COUNT)
      for (const each of connections) await ask(each, `STREAM.DELETE.${name}`)
    })
  })

  test.each(SERVERS)('what is asked wrongly, of %s, is told apart', async (server) => {
    const connection = connections[SERVERS.indexOf(server)]
    expect(await refusalsOf(connection)).toEqual(await refusalsOf(connections[0]))
  })

  test('the messages of a snapshot are alike', async () => {
    const shapes: unknown[] = []
    for (const connection of connections) {
      await ask(connection, 'STREAM.CREATE.Shape', { name: 'Shape', subjects: ['shape'] })
      await connection.request('shape', 'one', { timeout: 10_000 })
      const { chunks } = await take(connection, 'Shape', { no_consumers: true })
      shapes.push(chunks.map(({ bytes, reply, status }) => [bytes.length > 0, reply, status]))
      const refused = await take(connection, 'Shape', { chunk_size: 1 })
      shapes.push(refused.chunks.length)
      await ask(connection, 'STREAM.DELETE.Shape')
    }
    expect(shapes.slice(2)).toEqual(shapes.slice(0, 2))
  })

  test.skipIf(missing('nats', 'backups by the nats command'))(
    'nats stream backup and restore work, and nats account backup and restore',
    { timeout: 120_000 },
    async () => {
      const scratch = mkdtempSync(join(tmpdir(), 'heddle-backup-'))
      const run = async (port: number, ...args: string[]): Promise<void> => {
        const command = ['-s', `nats://127.0.0.1:${port}`, ...args]
        const program = new Program(peers.nats ?? '', command, { ...process.env, XDG_CONFIG_HOME: scratch })
        const { code } = await program.exited
        expect(code, `${command.join(' ')}\n${program.stdout}${program.stderr}`).toBe(0)
      }
      try {
        const [theirs, ours] = ports()
        await fill(connections[0], 'ByCommand', 'file', 500)
        const contents = await contentsOf(connections[0], 'ByCommand')
        const stream = join(scratch, 'stream')
        await run(theirs, 'stream', 'backup', 'ByCommand', stream, '--no-progress', '--consumers')
        await run(ours, 'stream', 'restore', stream, '--no-progress')
        expect(await contentsOf(connections[1], 'ByCommand')).toEqual(contents)
        await ask(connections[0], 'STREAM.DELETE.ByCommand')
        const account = join(scratch, 'account')
        await run(ours, 'account', 'backup', account, '--force', '--consumers')
        await ask(connections[1], 'STREAM.DELETE.ByCommand')
        await run(ours, 'account', 'restore', account)
        expect(await contentsOf(connections[1], 'ByCommand')).toEqual(contents)
        await run(theirs, 'account', 'restore', account)
        expect(await contentsOf(connections[0], 'ByCommand')).toEqual(contents)
        for (const each of connections) await ask(each, 'STREAM.DELETE.ByCommand')
      } finally {
        rmSync(scratch, { recursive: true })
      }
    },
  )
})

/** What a server says to requests that make no sense. */
async function refusalsOf(connection: NatsConnection): Promise<unknown[]> {
  await ask(connection, 'STREAM.CREATE.Known', { name: 'Known', subjects: ['known'] })
  const requests: [string, unknown][] = [
    ['STREAM.SNAPSHOT.Nobody', ''],
    ['STREAM.SNAPSHOT.Nobody', { deliver_subject: 'x' }],
    ['STREAM.SNAPSHOT.Known', {}],
    ['STREAM.SNAPSHOT.Known', { deliver_subject: 'x.*' }],
    ['STREAM.SNAPSHOT.Known', { deliver_subject: '' }],
    ['STREAM.SNAPSHOT.Known', { deliver_subject: '$JS.API.INFO' }],
    ['STREAM.SNAPSHOT.Known', { deliver_subject: 'x', unknown: 1 }],
    ['STREAM.SNAPSHOT.Known', { deliver_subject: 7 }],
    ['STREAM.RESTORE.Known', ''],
    ['STREAM.RESTORE.Known', { config: { name: 'Other' } }],
    ['STREAM.RESTORE.Known', { config: { name: 'Known' } }],
    ['STREAM.RESTORE.New', { config: { max_age: -1 } }],
    ['STREAM.RESTORE.New', { config: { unknown: 1 } }],
    ['STREAM.RESTORE.New', { nothing: 1 }],
  ]
  const heard: unknown[] = []
  for (const [subject, body] of requests) heard.push([subject, body, masked(await ask(connection, subject, body))])
  await ask(connection, 'STREAM.DELETE.Known')
  // The last one was begun, and is left alone.
  return heard.map((each) => JSON.stringify(each).replace(/RESTORE\.(\w+)\.\w{22}/, 'RESTORE.$1.id'))
}
