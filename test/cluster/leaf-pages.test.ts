// What pages say of leaf links, beside nats-server.

import { describe, expect, test } from 'vitest'
import { ask } from '../monitor/http.ts'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { Party, untilLinked } from './parties.ts'
import { heddle, leafPortOf, NATS_SERVER, start } from './servers.ts'

const KINDS = [heddle(2), ...(missing('natsServer', '/leafz of nats-server') ? [] : [NATS_SERVER])]
const MONITOR = 'http: "127.0.0.1:-1"'

async function page(server: ServerProgram, path: string): Promise<Record<string, unknown>> {
  const [, port] = await server.until(/Starting http monitor on \S*:(\d+)/)
  return JSON.parse((await ask(Number(port), path)).body)
}

describe.each(KINDS.map((kind) => [kind.name, kind] as const))('%s', (_, kind) => {
  test('/leafz and /varz name the links of hub and leaf node', async () => {
    const folder = scratchDirectory()
    const hub = await start(kind, folder, 'HUB', `leafnodes { listen: "127.0.0.1:-1" }\n${MONITOR}`)
    const url = `nats://127.0.0.1:${await leafPortOf(hub)}`
    const leaf = await start(
      kind,
      folder,
      'LEAF',
      `leafnodes { remotes: [ { url: "${url}", deny_imports: "x" } ] }\n${MONITOR}`,
    )
    const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
    await untilLinked(atHub, atLeaf)
    await untilLinked(atLeaf, atHub)
    const [ofHub, ofLeaf] = [await page(hub, '/leafz?subs=1'), await page(leaf, '/leafz')]
    for (const { leafnodes } of [ofHub, ofLeaf]) expect(leafnodes).toBe(1)
    const [atTheHub] = ofHub['leafs'] as Record<string, unknown>[]
    const [atTheLeaf] = ofLeaf['leafs'] as Record<string, unknown>[]
    expect(atTheHub).toMatchObject({
      name: 'LEAF',
      is_spoke: false,
      account: '$G',
      compression: expect.stringMatching(/^s2_/),
    })
    expect(atTheLeaf).toMatchObject({ name: 'HUB', is_spoke: true, account: '$G', ip: '127.0.0.1' })
    expect(atTheHub['subscriptions_list']).toContain('$SYS.REQ.USER.INFO')
    expect(atTheLeaf['subscriptions_list']).toBeUndefined()
    expect(await page(hub, '/varz')).toMatchObject({ leafnodes: 1, leaf: { host: '127.0.0.1', auth_timeout: 2 } })
    expect(await page(leaf, '/varz')).toMatchObject({
      leafnodes: 1,
      leaf: { remotes: [{ local_account: '$G', deny: { imports: ['x'] } }] },
    })
    expect(await page(hub, '/leafz?acc=OTHER')).toMatchObject({ leafnodes: 0, leafs: [] })
  })
})
