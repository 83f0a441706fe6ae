import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NODE_WITH_TRANSFER, nodeObstacle, transferObstacle } from '../../src/base/node-version.ts'
import { ROOT } from '../support/server.ts'

test.each([
  ['20.20.2', true, true],
  ['22.14.9', true, true],
  ['22.15.0', false, true],
  ['24.20.9', false, true],
  ['24.21.0', false, false],
  ['26.0.0', false, false],
])('Node %s', (version, lacksAll, lacksTransfer) => {
  const [all, transfer] = [nodeObstacle(version), transferObstacle(version)]
  expect([all !== undefined, transfer !== undefined]).toEqual([lacksAll, lacksTransfer])
  if (lacksAll) expect(all).toContain(`this is ${version}`)
  if (lacksTransfer) expect(transfer).toContain(`this is ${version}`)
})

test('the installation adds a Node where the machine has an older one than workers need', () => {
  const [major, minor] = NODE_WITH_TRANSFER.split('.').map(Number)
  expect(readFileSync(join(ROOT, 'src/runtime/install.sh'), 'utf8')).toContain(`< ${major * 1000 + minor})`)
})
