// What nats.js exports and this client does not is listed in docs/client.md, name by name.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as natsCore from '@nats-io/nats-core'
import { expect, test } from 'vitest'
import * as own from '../../src/client/index.ts'
import { ROOT } from '../support/server.ts'

const page = readFileSync(join(ROOT, 'docs/client.md'), 'utf8')
const [, listed = ''] = /^- These names are missing;([\s\S]*?), and the types/m.exec(page) ?? []
const names = new Set([...listed.matchAll(/`([A-Za-z]+)`/g)].map(([, name]) => name))
/** What a module of CommonJS has besides its own. */
const OF_THE_LOADER = ['default', '__esModule', 'module.exports']

test('every function and class of nats-core is exported under the same name, or listed', () => {
  const missing = Object.keys(natsCore).filter((name) => !(name in own) && !OF_THE_LOADER.includes(name))
  expect(missing.sort()).toEqual([...names].sort())
})
