import { expect, test } from 'vitest'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import type { ServerOptions } from '../../src/options/options.ts'
import { reloadLines } from '../../src/primary/reload.ts'

const readBlocks = blockReader(() => '')
const lines = (before: ServerOptions, next: ServerOptions): string[] =>
  reloadLines(normaliseOptions(before, readBlocks), normaliseOptions(next, readBlocks))

const NKEY = 'UC6NLCN7AS34YOJVCYD4PJ3QB7QGLYG5B5IMBT25VW5K4TNUJODM7BOX'

test.each<[ServerOptions, ServerOptions, string[]]>([
  [{ authorization: { user: 'a' } }, { authorization: { user: 'a' } }, []],
  [
    { authorization: { user: 'a', password: 'b' } },
    { authorization: { user: 'c', password: 'd', timeout: 5000 } },
    ['Reloaded: authorization username', 'Reloaded: authorization password', 'Reloaded: authorization timeout = 5'],
  ],
  [{ authorization: { token: 'a' } }, { authorization: { token: 'b' } }, ['Reloaded: authorization token']],
  [
    { authorization: { users: [{ user: 'a', password: 'b' }] } },
    { authorization: { users: [{ user: 'a', password: 'c' }, { nkey: NKEY }] } },
    ['Reloaded: authorization nkey users', 'Reloaded: authorization users'],
  ],
  [{}, { accounts: { A: {} } }, ['Reloaded: accounts']],
  [
    {},
    { accounts: { A: { users: [{ user: 'a', password: 'b' }] } } },
    ['Reloaded: authorization users', 'Reloaded: accounts'],
  ],
  [
    { pingMax: 3 },
    { pingMax: 4, slowConsumer: 'drop_oldest' },
    ['Reloaded: ping_max = 4', 'Reloaded: slow_consumer = drop_oldest'],
  ],
])('from %j to %j', (before, next, expected) => {
  expect(lines(before, next)).toEqual(expected)
})
