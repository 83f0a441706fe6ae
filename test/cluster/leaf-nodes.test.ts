// A hub and its leaf node, Heddle and nats-server at each end: what is published at one end reaches the other.

import { describe, expect, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { heddle, type Kind, leafPortOf, NATS_SERVER, start } from './servers.ts'

const HEDDLES = [heddle(1), heddle(2)] as const
const PAIRS: readonly (readonly [hub: Kind, leaf: Kind])[] = [
  [HEDDLES[1], HEDDLES[1]],
  ...(missing('natsServer', 'leaf nodes beside nats-server')
    ? []
    : ([
        [NATS_SERVER, HEDDLES[0]],
        [NATS_SERVER, HEDDLES[1]],
        [HEDDLES[0], NATS_SERVER],
        [HEDDLES[1], NATS_SERVER],
        [NATS_SERVER, NATS_SERVER],
      ] as const)),
]

/** More of the configurations, as text. */
interface More {
  readonly hub?: string
  readonly leafnodes?: string
  readonly leaf?: string
  readonly remote?: string
  /** `user:password` in the URL of the remote. */
  readonly user?: string
}

async function link(
  [hubKind, leafKind]: readonly [Kind, Kind],
  { hub = '', leafnodes = '', leaf = '', remote = '', user = '' }: More = {},
): Promise<{ hub: ServerProgram; leaf: ServerProgram }> {
  const folder = scratchDirectory()
  const atHub = await start(hubKind, folder, 'HUB', `leafnodes { listen: "127.0.0.1:-1"\n${leafnodes}\n}\n${hub}`)
  const url = `nats://${user === '' ? '' : `${user}@`}127.0.0.1:${await leafPortOf(atHub)}`
  const config = `leafnodes { remotes: [ { url: "${url}"\n${remote}\n} ] }\n${leaf}`
  return { hub: atHub, leaf: await start(leafKind, folder, 'LEAF', config) }
}

const NAMED = PAIRS.map((kinds) => [kinds[0].name, kinds[1].name, kinds] as const)

describe.each(NAMED)('hub %s, leaf %s', (_hub, _leaf, kinds) => {
  test('messages go both ways, with reply subjects, headers, and once each', async () => {
    const { hub, leaf } = await link(kinds)
    const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
    for (const [from, to] of [
      [atHub, atLeaf],
      [atLeaf, atHub],
    ] as const) {
      const sids = [await to.subscribe('a.*'), await to.subscribe('a.b')]
      await untilLinked(from, to)
      const payloads = Array.from({ length: 200 }, (_, i) => `${i} ${'x'.repeat(i)}`)
      for (const payload of payloads) from.publish('a.b', payload, 'answers', 'NATS/1.0\r\nK: v\r\n\r\n')
      await settled(from, to)
      const got = to.heard.filter(({ subject }) => subject === 'a.b')
      // Once for each of the two subscriptions.
      expect(got).toHaveLength(400)
      const once = got.filter((_, i) => got[i].sid === got[0].sid)
      expect(once.map(({ payload }) => payload.toString())).toEqual(payloads)
      expect(new Set(got.map(({ reply }) => reply))).toEqual(new Set(['answers']))
      for (const sid of sids) await to.unsubscribe(sid)
    }
  })

  test('a request is answered, wherever the responder is, and has none when it is gone', async () => {
    const { hub, leaf } = await link(kinds)
    const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
    for (const [asker, responder] of [
      [atHub, atLeaf],
      [atLeaf, atHub],
    ] as const) {
      const service = await responder.subscribe('service')
      await asker.subscribe('inbox.*')
      await untilLinked(asker, responder)
      await untilLinked(responder, asker)
      asker.publish('service', 'question', 'inbox.1')
      const [question] = await until('the question', () => {
        const found = responder.heard.filter(({ payload }) => payload.toString() === 'question')
        return found.length > 0 ? found : undefined
      })
      responder.publish(question.reply, 'answer')
      await until('the answer', () => asker.on('inbox.1').includes('answer'))
      await responder.unsubscribe(service)
      responder.heard.length = 0
      asker.heard.length = 0
    }
  })

  test('of a queue group that is at both ends one member gets each message, one that is near', async () => {
    const { hub, leaf } = await link(kinds)
    const [atHub, atLeaf, other] = [await Party.at(hub), await Party.at(leaf), await Party.at(leaf)]
    await atHub.subscribe('work', 'q')
    await atLeaf.subscribe('work', 'q')
    await untilLinked(atHub, atLeaf)
    await untilLinked(other, atHub)
    for (let i = 0; i < 50; i++) other.publish('work', `${i}`)
    await settled(other, atHub)
    expect(atLeaf.count('work')).toBe(50)
    expect(atHub.count('work')).toBe(0)
  })

  test('members of a queue group at the far end get what nobody near takes, each a share', async () => {
    const { hub, leaf } = await link(kinds)
    const [atHub, atLeaf, more] = [await Party.at(hub), await Party.at(leaf), await Party.at(leaf)]
    await atLeaf.subscribe('work', 'q')
    await more.subscribe('work', 'q')
    await more.subscribe('work', 'p')
    await untilLinked(atHub, more)
    for (let i = 0; i < 200; i++) atHub.publish('work', `${i}`)
    await settled(atHub, more)
    await settled(atHub, atLeaf)
    const q = atLeaf.count('work') + more.heard.filter(({ subject, sid }) => subject === 'work' && sid === '1').length
    expect(q).toBe(200)
    expect(atLeaf.count('work')).toBeGreaterThan(40)
    expect(more.heard.filter(({ subject, sid }) => subject === 'work' && sid === '2')).toHaveLength(200)
  })

  test('each account has its own link', async () => {
    const accounts = 'accounts { A { users: [ {user: a, password: a} ] }, B { users: [ {user: b, password: b} ] } }'
    const { hub, leaf } = await link(kinds, {
      hub: accounts,
      leaf: accounts,
      user: 'a:a',
      remote: 'account: B',
    })
    const a = await Party.at(hub, { user: 'a', pass: 'a' })
    const elsewhere = await Party.at(hub, { user: 'b', pass: 'b' })
    const b = await Party.at(leaf, { user: 'b', pass: 'b' })
    await elsewhere.subscribe('x')
    await a.subscribe('x')
    await untilLinked(b, a)
    b.publish('x', 'over')
    await settled(b, a)
    expect(a.on('x')).toEqual(['over'])
    expect(elsewhere.on('x')).toEqual([])
  })

  test.each([
    ['s2_best', 's2_better'],
    ['accept', 's2_fast'],
    ['s2_fast', 'accept'],
    ['off', 's2_best'],
  ])('compression %s at the hub and %s at the leaf node', async (atThere, atHere) => {
    const { hub, leaf } = await link(kinds, { leafnodes: `compression: ${atThere}`, remote: `compression: ${atHere}` })
    const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
    for (const [from, to] of [
      [atHub, atLeaf],
      [atLeaf, atHub],
    ] as const) {
      await to.subscribe('big')
      await untilLinked(from, to)
      const payloads = Array.from({ length: 60 }, (_, i) => `${i} ${'so it goes on and on '.repeat(1 + i * i)}`)
      for (const payload of payloads) from.publish('big', payload)
      await settled(from, to)
      expect(to.on('big').filter((text) => text !== '')).toEqual(payloads)
      to.heard.length = 0
    }
  })

  test('denies of a remote hold both ways', async () => {
    const { hub, leaf } = await link(kinds, { remote: 'deny_imports: ["in.>"], deny_exports: ["out.>"]' })
    const [atHub, atLeaf] = [await Party.at(hub), await Party.at(leaf)]
    for (const party of [atHub, atLeaf])
      for (const subject of ['in.a', 'out.a', 'x.a', '*.b']) await party.subscribe(subject)
    await untilLinked(atHub, atLeaf)
    await untilLinked(atLeaf, atHub)
    for (const subject of ['in.a', 'out.a', 'x.a', 'in.b', 'out.b', 'x.b']) {
      atHub.publish(subject, 'down')
      atLeaf.publish(subject, 'up')
    }
    await settled(atHub, atLeaf)
    await settled(atLeaf, atHub)
    const heard = (party: Party, text: string): string[] =>
      party.heard.filter(({ payload }) => payload.toString() === text).map(({ subject }) => subject)
    expect(heard(atLeaf, 'down').sort()).toEqual(['out.a', 'out.b', 'x.a', 'x.b'])
    expect(heard(atHub, 'up').sort()).toEqual(['in.a', 'in.b', 'x.a', 'x.b'])
  })
})
