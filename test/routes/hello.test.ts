// INFO and CONNECT of routes, as they are read: each member with its type, and nothing else of a peer.

import { expect, test } from 'vitest'
import { poolIndexOf } from '../../src/routes/contract.ts'
import { readConnect, readHello } from '../../src/routes/hello.ts'
import { RouteRights } from '../../src/routes/route-rights.ts'

test('what is no object, or names no server, is no INFO', () => {
  for (const json of ['', '[]', 'null', '1', '"x"', '{', '{}', '{"server_id":7}', '{"server_id":""}']) {
    expect(readHello(json)).toBeUndefined()
  }
  for (const json of ['', '[]', 'null', '{']) expect(readConnect(json)).toBeUndefined()
})

test('members of another type count as missing', () => {
  const members = {
    server_id: 'N',
    server_name: 1,
    port: '6222',
    headers: 'true',
    route_pool_size: 1.5,
    route_pool_idx: '1',
    connect_urls: 'a:1',
    gossip_mode: null,
    ldm: 1,
    import: 'a',
    export: { allow: 'a', deny: [1, 'b'] },
  }
  expect(readHello(JSON.stringify(members))).toMatchObject({
    serverName: '',
    port: 0,
    headers: false,
    poolSize: 0,
    poolIndex: undefined,
    connectUrls: [],
    gossipMode: 0,
    isLameDuck: false,
    imports: undefined,
    exports: { deny: ['b'] },
  })
  const connect = readConnect('{"name":1,"user":{},"pass":[],"lang":"go","headers":1}')
  expect(connect).toMatchObject({ name: '', user: '', password: '', lang: 'go', headers: false })
})

test('lists of a peer are bounded', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => `s${i}`)
  const hello = readHello(JSON.stringify({ server_id: 'N', connect_urls: many, export: { allow: many } }))
  expect(hello?.connectUrls).toHaveLength(64)
  expect(hello?.exports?.allow).toHaveLength(4096)
})

test.each([
  [{}, [false, false, false]],
  [{ lnoc: true }, [true, false, false]],
  [{ lnoc: true, lnocu: true }, [true, true, false]],
  [{ ln: true }, [true, true, true]],
])('%j says which origins are understood', (members, expected) => {
  const hello = readHello(JSON.stringify({ server_id: 'N', ...members }))
  expect([hello?.takesOrigins, hello?.takesOriginsOnEnd, hello?.takesUnnamedOrigins]).toEqual(expected)
})

test('accounts have the places that nats-server gives them', () => {
  expect(['$G', '$SYS', 'A', 'X', 'P'].map((account) => poolIndexOf(account, 3))).toEqual([2, 0, 0, 2, 1])
  for (const size of [0, 1]) expect(poolIndexOf('A', size)).toBe(0)
})

test('interest is told where both servers allow it, and taken where this one exports it', () => {
  const own = { publish: { allow: ['a.>', 'b'], deny: ['a.no'] }, subscribe: { allow: ['x.*'] } }
  const theirs = readHello(JSON.stringify({ server_id: 'N', export: { allow: ['a.*'], deny: ['a.never'] } }))
  const rights = new RouteRights(own as never, theirs)
  const told = ['a.1', 'a.1.2', 'a.no', 'a.never', 'b', 'c'].filter((subject) => rights.maySendInterest(subject))
  expect(told).toEqual(['a.1'])
  expect(['x.1', 'x.>', 'y'].filter((subject) => rights.mayExport(subject))).toEqual(['x.1'])
  const open = new RouteRights(undefined, undefined)
  expect(open.maySendInterest('a') && open.mayExport('a')).toBe(true)
})
