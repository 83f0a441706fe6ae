// What pages say of leaf links, beside nats-server.

import { describe, expect, test } from 'vitest'
import { ask } from '../monitor/http.ts'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { type Answer, ask as askService, loginAs, PASSWORD } from '../support/system-users.ts'
import { until } from '../support/until.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { accounts, heddle, leafPortOf, NATS_SERVER, start } from './servers.ts'

const KINDS = [heddle(0), heddle(2), ...(missing('natsServer', '/leafz of nats-server') ? [] : [NATS_SERVER])]
const MONITOR = 'http: "127.0.0.1:-1"'

const credentials = (user: string) => ({ user, pass: PASSWORD })

interface Counts {
  readonly msgs: number
}

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

  test('an account counts its links and their traffic, with clients of its own or without', async () => {
    const folder = scratchDirectory()
    const atAll = `${accounts('A', 'B', 'SYS')}\n${MONITOR}`
    const hub = await start(kind, folder, 'HUB', `leafnodes { listen: "127.0.0.1:-1" }\n${atAll}`)
    const port = await leafPortOf(hub)
    const remote = (account: string): string =>
      `{ url: "nats://${account.toLowerCase()}:${PASSWORD}@127.0.0.1:${port}", account: ${account} }`
    const leaf = await start(
      kind,
      folder,
      'LEAF',
      `leafnodes { remotes: [ ${remote('A')}, ${remote('B')} ] }\n${atAll}`,
    )
    const [atHub, atLeaf] = [await Party.at(hub, credentials('a')), await Party.at(leaf, credentials('a'))]
    await untilLinked(atLeaf, atHub)
    await atHub.subscribe('up')
    await untilLinked(atLeaf, atHub)
    for (let i = 0; i < 100; i++) atLeaf.publish('up', 'four')
    await settled(atLeaf, atHub)

    const detail = async (account: string) =>
      (await page(hub, `/accountz?acc=${account}`))['account_detail'] as Record<string, unknown>
    const row = async (account: string, server = hub): Promise<Answer | undefined> =>
      ((await page(server, '/accstatz'))['account_statz'] as Answer[]).find(({ acc }) => acc === account)
    await until('the link of an account without clients', async () => (await row('B'))?.['leafnodes'] === 1)
    expect(await detail('A')).toMatchObject({ leafnode_connections: 1, client_connections: 1 })
    expect(await detail('B')).toMatchObject({ leafnode_connections: 1, client_connections: 0 })
    expect(await row('B')).toMatchObject({ conns: 0, leafnodes: 1, total_conns: 1 })
    const ofLinks = async (server: ServerProgram, direction: 'sent' | 'received') => {
      const { [direction]: messages } = (await row('A', server)) as { [name: string]: Counts & { leafs: Counts } }
      return { all: messages.msgs, leafs: messages.leafs.msgs }
    }
    expect((await ofLinks(hub, 'received')).leafs).toBeGreaterThanOrEqual(100)
    const sent = await ofLinks(leaf, 'sent')
    expect(sent.leafs).toBeGreaterThanOrEqual(100)
    expect(sent.all).toBeGreaterThanOrEqual(sent.leafs)

    const sys = await loginAs(hub, 'sys')
    const tell = async (subject: string): Promise<unknown> => (await askService(sys, subject))['data']
    expect(await tell('$SYS.REQ.ACCOUNT.B.INFO')).toMatchObject({ leafnode_connections: 1, client_connections: 0 })
    expect(await tell('$SYS.REQ.ACCOUNT.B.STATZ')).toMatchObject({ account_statz: [{ acc: 'B', leafnodes: 1 }] })
    expect(await askService(sys, '$SYS.REQ.ACCOUNT.NSUBS', { acc: 'B', subject: 'x' })).toBe(0)
    // Those of A, B and the system.
    expect(await askService(sys, '$SYS.REQ.SERVER.PING')).toMatchObject({ statsz: { active_accounts: 3 } })

    const before = await ofLinks(hub, 'received')
    await leaf.stop()
    await until('the end of the links', async () => (await detail('A'))['leafnode_connections'] === 0)
    expect(await row('A')).toMatchObject({ conns: 1, leafnodes: 0, total_conns: 1 })
    expect((await ofLinks(hub, 'received')).leafs).toBeGreaterThanOrEqual(before.leafs)
    await until('the end of the other one', async () => (await row('B')) === undefined)
  })
})
