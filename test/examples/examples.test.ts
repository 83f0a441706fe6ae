// The README and every example do what they say: their commands are run in order, as they stand there.

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { codeBlocks, replaced, runProgram, temporaryFolder } from '../support/code-blocks.ts'
import { missing } from '../support/peers.ts'
import { ROOT } from '../support/server.ts'
import { PROMISE, ShellSession } from '../support/shell-session.ts'

const examples = readdirSync(join(ROOT, 'examples'))

describe.each(examples)('examples/%s', (name) => {
  test('does what its README says', async () => {
    const blocks = codeBlocks(`examples/${name}/README.md`).filter(({ language }) => language === 'sh')
    expect(blocks.map(({ text }) => text).join()).toContain(PROMISE)
    const session = new ShellSession()
    for (const { text } of blocks) await session.run(text)
    await session.end()
  })
})

describe.skipIf(missing('nats', 'the first steps of the README'))('README', () => {
  test.each(['First messages', 'Users and TLS'])('%s', async (section) => {
    const folder = temporaryFolder()
    const session = new ShellSession()
    const blocks = codeBlocks('README.md').filter(({ heading }) => heading === section)
    expect(blocks.length).toBeGreaterThan(1)
    for (const { language, text: written } of blocks) {
      const text = replaced(written, { '/etc/heddle': folder })
      if (language === 'sh') await session.run(text)
      else if (language === 'conf') writeFileSync(join(folder, 'server.conf'), text)
      else expect(await runProgram(session.withPorts(text))).toBe('greet.joe Hello\n')
    }
    await session.end()
  })
})
