// A bug costs one link to another server, and the primary, which dials it again, is told.

import { afterEach, describe, onTestFinished, test, vi } from 'vitest'
import { LeafLink } from '../../src/leaf/leaf-link.ts'
import type { ServerOptions } from '../../src/options/options.ts'
import type { Primary } from '../../src/primary/primary.ts'
import { RouteLink } from '../../src/routes/route-link.ts'
import { ServerLinks } from '../../src/shard/server-links.ts'
import { startPrimary } from '../support/server.ts'
import { localShard } from '../support/staged-peer.ts'
import { until } from '../support/until.ts'

type Method = (...args: never[]) => unknown

/** The next call of a method throws. */
function breakOnce(type: { readonly prototype: object }, method: string): () => boolean {
  const { prototype } = type as { prototype: Record<string, Method> }
  const spy = vi.spyOn(prototype, method).mockImplementationOnce(() => {
    throw new Error('a test has put this here')
  })
  return () => spy.mock.calls.length > 0
}

afterEach(() => void vi.restoreAllMocks())

async function start(options: ServerOptions): Promise<Primary> {
  const primary = await startPrimary({ workers: 0, ...options })
  onTestFinished(() => primary.close())
  return primary
}

const cluster = (routes: readonly string[]) => ({
  cluster: { name: 'links', host: '127.0.0.1', port: -1, poolSize: 1, routes },
})

/** Files have the block, embedding programs have not. */
const leafnodes = (block: object): ServerOptions => ({ leafnodes: block }) as ServerOptions

const places: readonly (readonly [string, { readonly prototype: object }, string])[] = [
  ['it is noted', ServerLinks, 'set'],
  ['it begins to read', RouteLink, 'start'],
]

describe('a route in which a bug is met before it reads is dialled again', () => {
  test.each(places)('where %s', async (_, type, method) => {
    const first = await start(cluster([]))
    const isMet = breakOnce(type, method)
    const second = await start(cluster([`nats://127.0.0.1:${first.identity.cluster?.port}`]))
    await until('the bug', isMet)
    for (const primary of [first, second]) {
      const { links } = localShard(primary)
      // There is one more for the system account.
      await until('the routes alone', () => primary.routes.length === 2 && links.size === 2)
    }
  })
})

describe('a leaf link in which a bug is met before it reads is dialled again', () => {
  test.each([...places.slice(0, 1), ['it begins to read', LeafLink, 'start'] as const])(
    'where %s',
    async (_, type, method) => {
      const hub = await start(leafnodes({ host: '127.0.0.1', port: -1 }))
      const isMet = breakOnce(type, method)
      const url = `nats://127.0.0.1:${hub.identity.leaf?.port}`
      const leaf = await start(leafnodes({ reconnect: 100, remotes: [{ url }] }))
      await until('the bug', isMet)
      for (const primary of [hub, leaf]) {
        const { links } = localShard(primary)
        await until('the link alone', () => primary.leafCount === 1 && links.size === 1)
      }
    },
  )
})
