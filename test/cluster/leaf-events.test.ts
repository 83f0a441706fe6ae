// What the account of the system is told of leaf links, beside nats-server.

import { describe, expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import { type Answer, Listener, loginAs, PASSWORD } from '../support/system-users.ts'
import { Line } from './line.ts'
import { accounts, heddle, leafPortOf, NATS_SERVER, start } from './servers.ts'

const KINDS = [heddle(0), heddle(2), ...(missing('natsServer', 'events of leaf links') ? [] : [NATS_SERVER])]

const hubConfig = `leafnodes { listen: "127.0.0.1:-1" }\n${accounts('A', 'SYS')}`

const isOf =
  (subject: string, kind?: string) =>
  (one: string, event: Answer): boolean =>
    one === subject && (kind === undefined || (event['client'] as Answer)['kind'] === kind)

describe.each(KINDS.map((kind) => [kind.name, kind] as const))('%s', (_, kind) => {
  test('a link comes and goes, and both ends tell', async () => {
    const folder = scratchDirectory()
    const hub = await start(kind, folder, 'HUB', hubConfig)
    const line = await Line.to(await leafPortOf(hub))
    const remote = `{ url: "nats://a:${PASSWORD}@127.0.0.1:${line.port}", account: C }`
    const atHub = await Listener.start(await loginAs(hub, 'sys'), '$SYS.ACCOUNT.>')
    const leaf = await start(kind, folder, 'LEAF', `leafnodes { remotes: [ ${remote} ] }\n${accounts('C', 'SYS')}`)
    const atLeaf = await Listener.start(await loginAs(leaf, 'sys'), '$SYS.ACCOUNT.>')

    const { client: came, type } = await atHub.next('the connect', isOf('$SYS.ACCOUNT.A.CONNECT'))
    expect(type).toBe('io.nats.server.advisory.v1.client_connect')
    expect(came).toEqual({
      start: expect.any(String),
      host: '127.0.0.1',
      id: expect.any(Number),
      acc: 'A',
      user: 'a',
      name: 'LEAF',
      ver: '2.15.3',
      name_tag: 'A',
      kind: 'Leafnode',
    })
    const counted = (leafnodes: number) => (subject: string, event: Answer) =>
      subject === '$SYS.ACCOUNT.A.SERVER.CONNS' && event['leafnodes'] === leafnodes
    expect(await atHub.next('the count', counted(1))).toMatchObject({ acc: 'A', conns: 0, total_conns: 1 })

    line.cut()
    const gone = await atHub.next('the disconnect', isOf('$SYS.ACCOUNT.A.DISCONNECT'))
    expect(gone).toMatchObject({
      client: {
        id: (came as Answer)['id'],
        acc: 'A',
        user: 'a',
        name: 'LEAF',
        stop: expect.any(String),
        kind: 'Leafnode',
      },
      sent: { msgs: expect.any(Number) },
      received: { msgs: expect.any(Number) },
      reason: expect.any(String),
    })
    await atHub.next('the count without it', counted(0))
    const { client: hubGone } = await atLeaf.next('the hub to be gone', isOf('$SYS.ACCOUNT.C.DISCONNECT'))
    expect(hubGone).toMatchObject({ host: '127.0.0.1', acc: 'C', name_tag: 'C', kind: 'Leafnode' })
    line.mend()
    // What it is logged in as is known to the hub alone.
    const { client: again } = await atLeaf.next('the hub again', isOf('$SYS.ACCOUNT.C.CONNECT'))
    expect(again).toEqual({
      start: expect.any(String),
      host: '127.0.0.1',
      id: expect.any(Number),
      acc: 'C',
      name_tag: 'C',
      kind: 'Leafnode',
    })
  })

  test('a leaf node that is turned away is told of, without its secrets, and is in no account', async () => {
    const folder = scratchDirectory()
    const hub = await start(kind, folder, 'HUB', hubConfig)
    const sys = await loginAs(hub, 'sys')
    const listener = await Listener.start(sys, '$SYS.>')
    const url = `nats://a:hunter2@127.0.0.1:${await leafPortOf(hub)}`
    await start(kind, folder, 'LEAF', `leafnodes { remotes: [ { url: "${url}" } ] }`)
    const subject = `$SYS.SERVER.${sys.info?.server_id}.CLIENT.AUTH.ERR`
    expect(await listener.next('the refusal', isOf(subject, 'Leafnode'))).toMatchObject({
      type: 'io.nats.server.advisory.v1.client_disconnect',
      client: { host: '127.0.0.1', acc: 'N/A', user: 'a', name: 'LEAF', ver: '2.15.3' },
      reason: 'Authentication Failure',
    })
    expect(JSON.stringify(listener.heard)).not.toContain('hunter2')
    expect(listener.heard.filter(({ subject: one }) => one.endsWith('.DISCONNECT'))).toEqual([])
  })
})
