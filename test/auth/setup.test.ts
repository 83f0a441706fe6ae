import { expect, test } from 'vitest'
import { hasPlainPassword } from '../../src/auth/setup.ts'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import type { ServerOptions } from '../../src/options/options.ts'

const HASH = '$2a$04$ZZZZZZZZZZZZZZZZZZZZZuQmYcLZUzzzzzzzzzzzzzzzzzzzzzzzz'
const NKEY = 'UC6NLCN7AS34YOJVCYD4PJ3QB7QGLYG5B5IMBT25VW5K4TNUJODM7BOX'

test.each<[ServerOptions, boolean]>([
  [{}, false],
  [{ authorization: { user: 'a', password: 'b' } }, true],
  [{ authorization: { user: 'a', password: HASH } }, false],
  [{ authorization: { token: 'a' } }, false],
  [{ authorization: { users: [{ user: 'a', password: HASH }, { nkey: NKEY }] } }, false],
  [
    {
      authorization: {
        users: [
          { user: 'a', password: HASH },
          { user: 'b', password: 'c' },
        ],
      },
    },
    true,
  ],
  [{ accounts: { A: { users: [{ user: 'a', password: 'b' }] } } }, true],
  [{ authorization: { users: [{ user: 'a' }] } }, true],
])('%j has a plain password: %s', (options, expected) => {
  expect(
    hasPlainPassword(
      normaliseOptions(
        options,
        blockReader(() => ''),
      ),
    ),
  ).toBe(expected)
})
