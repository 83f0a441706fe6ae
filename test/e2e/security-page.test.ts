// What docs/security.md shows to be copied works: each configuration file in it starts a server.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { configuredServers, startConfigured } from '../support/configured-servers.ts'
import { ROOT } from '../support/server.ts'

const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8')
const blocks = [...page.matchAll(/^```conf\n([\s\S]*?)^```$/gm)].map(([, text]) => text)

test('there are blocks to look at', () => {
  expect(blocks.length).toBeGreaterThan(4)
})

test.each(configuredServers('docs/security.md'))('each starts $name', async (server) => {
  for (const block of blocks) {
    const program = await startConfigured(server, block)
    expect(program.stderr).not.toMatch(/\[ERR\]|\[FTL\]/)
    await program.stop()
  }
})
