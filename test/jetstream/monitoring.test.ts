// What pages, INFO and the log say of streams, beside nats-server: the members and their values.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { open, ownServer } from '../support/harness.ts'
import { missing, peers } from '../support/peers.ts'
import { type ServerProgram, startNatsServer } from '../support/server.ts'
import { StreamClient } from './client.ts'

type Page = { readonly [member: string]: unknown }

async function page(port: number, path: string): Promise<{ status: number; body: Page }> {
  const response = await fetch(`http://127.0.0.1:${port}/${path}`)
  return { status: response.status, body: (await response.json()) as Page }
}

/** Without what two servers have of their own. */
function common(value: unknown): unknown {
  const own = new Set(['server_id', 'now', 'created', 'first_ts', 'last_ts', 'max_storage', 'store_dir', 'leader'])
  // Agreed differences: Heddle syncs before it acknowledges, and shows no limit as 0.
  for (const name of ['sync_interval', 'sync_always', 'reserved_memory', 'reserved_storage', 'limits']) own.add(name)
  if (Array.isArray(value)) return value.map(common)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]) => (own.has(name) ? [] : [[name, common(item)]])),
  )
}

describe.skipIf(missing('natsServer', 'the pages about streams beside nats-server'))('pages about streams', () => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-streams-'))
  let nats: ServerProgram | undefined
  let natsPages = 0
  beforeAll(async () => {
    nats = await startNatsServer(peers.natsServer ?? '', ['-js', '-sd', join(folder, 'nats-server'), '-m', '-1'])
    natsPages = Number((await nats.until(/Starting http monitor on \S*:(\d+)/))[1])
  })
  afterAll(async () => {
    await nats?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test.each([0, 2])('are those of nats-server, with %i workers', async (workers) => {
    const heddle = await ownServer({
      workers,
      monitorPort: -1,
      jetstream: { storeDir: join(folder, `heddle-${workers}`) },
    })
    const name = `S${workers}`
    for (const port of [nats?.port ?? 0, heddle.port]) {
      const client = await StreamClient.open(port)
      await client.create(name, { storage: 'file', max_bytes: 10_000 })
      for (const subject of ['a', 'b']) await client.put(`${name}.${subject}`, 'text')
      const config = { name: 'c', durable_name: 'c', ack_policy: 'explicit' }
      await client.ask(`CONSUMER.CREATE.${name}.c`, { stream_name: name, config })
      onTestFinished(async () => {
        await client.ask(`STREAM.DELETE.${name}`)
      })
    }
    const paths = ['jsz?streams=1&config=1', 'jsz?accounts=1', 'jsz', 'jsz?acc=$G', 'jsz?acc=X&streams=1']
    paths.push(`healthz?account=$G&stream=${name}`, 'healthz?account=$G&stream=X', 'healthz?account=X')
    for (const consumer of ['c', 'X', 'X&details=1'])
      paths.push(`healthz?account=$G&stream=${name}&consumer=${consumer}`)
    paths.push('healthz?account=X&details=1', 'healthz?js-enabled-only=1')
    for (const path of paths) {
      const [theirs, ours] = [await page(natsPages, path), await page(heddle.monitorPort ?? 0, path)]
      if (path.startsWith('jsz')) for (const { body } of [theirs, ours]) delete (body as Record<string, unknown>)['api']
      const noCounts = (value: unknown) => JSON.stringify(common(value)).replaceAll(/"total":\d+,"errors":\d+/g, '')
      expect(noCounts(ours.body), path).toBe(noCounts(theirs.body))
      expect(ours.status, path).toBe(theirs.status)
    }
    const varz = await page(heddle.monitorPort ?? 0, 'varz')
    expect(varz.body['jetstream']).toMatchObject({
      stats: { accounts: 1, reserved_storage: 10_000, api: { level: 5 } },
    })
    const accountz = await page(heddle.monitorPort ?? 0, 'accountz?acc=$G')
    expect(accountz.body).toMatchObject({ account_detail: { jetstream_enabled: true } })
  })
})

test('INFO says that there are streams, and in which domain', async () => {
  const { port } = await ownServer({ workers: 1, jetstream: { domain: 'hub' } })
  const client = await open(port)
  expect(client.info).toMatchObject({ jetstream: true, domain: 'hub', api_lvl: 5 })
})

test('without streams, no request to the API has a responder, and INFO says nothing', async () => {
  const { port } = await ownServer({ workers: 1 })
  const client = await open(port, { headers: true, no_responders: true })
  expect(client.info).not.toHaveProperty('jetstream')
  client.send('SUB inbox 1\r\nPUB $JS.API.INFO inbox 0\r\n\r\n')
  await client.expect('HMSG inbox 1 44 44\r\nNATS/1.0 503\r\nNats-Subject: $JS.API.INFO\r\n\r\n\r\n')
})
