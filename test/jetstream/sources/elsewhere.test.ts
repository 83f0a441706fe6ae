// Origins that are elsewhere: in another domain, behind a leaf node, and in another account. Either end may be
// nats-server.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { heddle, type Kind, leafPortOf, NATS_SERVER, start } from '../../cluster/servers.ts'
import { missing } from '../../support/peers.ts'

const ANSWER_MS = 10_000
const PATIENCE = { timeout: 30_000, interval: 50 }

async function open(port: number, user?: string): Promise<NatsConnection> {
  const login = user === undefined ? {} : { user, pass: user }
  const connection = await connect({ port, ignoreClusterUpdates: true, ...login })
  onTestFinished(() => connection.close())
  return connection
}

async function ask<T>(connection: NatsConnection, subject: string, body: unknown = ''): Promise<T> {
  const payload = body === '' ? '' : JSON.stringify(body)
  return (await connection.request(subject, payload, { timeout: ANSWER_MS })).json()
}

interface Info {
  readonly error?: { readonly description: string }
  readonly state: { readonly messages: number }
}

/** Streams of `near` follow one of `far`, before and after it has messages. */
async function follow(far: NatsConnection, near: NatsConnection, external: object, filter: string): Promise<void> {
  const create = async (connection: NatsConnection, name: string, more: object): Promise<void> => {
    const { error } = await ask<Info>(connection, `$JS.API.STREAM.CREATE.${name}`, { name, storage: 'memory', ...more })
    expect(error).toBeUndefined()
  }
  await create(far, 'O', { subjects: ['o.>'] })
  for (const i of [1, 2, 3]) await ask(far, `o.${i}`, { i })
  await create(near, 'M', { mirror: { name: 'O', external } })
  await create(near, 'S', { subjects: ['s'], sources: [{ name: 'O', external, filter_subject: filter }] })
  const count = async (stream: string): Promise<number> => {
    return (await ask<Info>(near, `$JS.API.STREAM.INFO.${stream}`)).state.messages
  }
  await expect.poll(() => count('M'), PATIENCE).toBe(3)
  await expect.poll(() => count('S'), PATIENCE).toBe(1)
  await ask(far, 'o.2', { i: 4 })
  await expect.poll(() => count('M'), PATIENCE).toBe(4)
  await expect.poll(() => count('S'), PATIENCE).toBe(2)
  const { message } = await ask<{ message: { hdrs: string; subject: string } }>(near, '$JS.API.STREAM.MSG.GET.S', {
    seq: 2,
  })
  expect(message.subject).toBe('o.2')
  const told = Buffer.from(message.hdrs, 'base64').toString()
  expect(told).toMatch(/^NATS\/1.0\r\nNats-Stream-Source: O:\w{8} 4 o\.2 > o\.2 \w{8}\r\n\r\n$/)
}

const PAIRS: readonly [Kind, Kind][] = [
  [heddle(2), heddle(0)],
  [NATS_SERVER, heddle(2)],
  [heddle(2), NATS_SERVER],
]

describe.skipIf(missing('natsServer', 'origins in other domains'))('in another domain', () => {
  test.each(PAIRS.map(([hub, leaf]) => ({ hub, leaf })))(
    'of $hub.name, behind a leaf node, for $leaf.name',
    { timeout: 90_000 },
    async ({ hub, leaf }) => {
      const folder = mkdtempSync(join(tmpdir(), 'heddle-domains-'))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      const streams = (domain: string): string =>
        `jetstream { store_dir: "${join(folder, domain)}", domain: ${domain} }`
      const far = await start(hub, folder, 'hub', `${streams('hub')}\nleafnodes { listen: "127.0.0.1:-1" }`)
      const remote = `leafnodes { remotes: [ { url: "nats://127.0.0.1:${await leafPortOf(far)}" } ] }`
      const near = await start(leaf, folder, 'leaf', `${streams('leaf')}\n${remote}`)
      const connections = [await open(far.port), await open(near.port)]
      // The link is there when the other domain answers.
      const answers = (): Promise<boolean> =>
        connections[1].request('$JS.hub.API.INFO').then(
          () => true,
          () => false,
        )
      await expect.poll(answers, PATIENCE).toBe(true)
      await follow(connections[0], connections[1], { api: '$JS.hub.API', deliver: '' }, 'o.2')
    },
  )
})

describe.skipIf(missing('natsServer', 'origins in other accounts'))('in another account', () => {
  test.each([NATS_SERVER, heddle(0), heddle(2)])('of $name', { timeout: 60_000 }, async (kind) => {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-accounts-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const server = await start(
      kind,
      folder,
      'one',
      `jetstream { store_dir: "${folder}" }
       accounts {
         FAR {
           jetstream: enabled, users: [ { user: far, password: far } ]
           exports: [ { service: "$JS.API.>", response_type: stream }, { stream: "from.far.>" }, { service: "$JS.FC.>" } ]
         }
         NEAR {
           jetstream: enabled, users: [ { user: near, password: near } ]
           imports: [
             { service: { account: FAR, subject: "$JS.API.>" }, to: "far.api.>" }
             { stream: { account: FAR, subject: "from.far.>" } }
             { service: { account: FAR, subject: "$JS.FC.>" } }
           ]
         }
       }`,
    )
    const external = { api: 'far.api', deliver: 'from.far' }
    await follow(await open(server.port, 'far'), await open(server.port, 'near'), external, 'o.2')
  })
})
