// docs/testing.md: its code blocks are run as they stand there, by Node and by vitest. That for Jest, which is none of
// the project's own packages, is run by test/package.sh.

import { symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  type CodeBlock,
  codeBlocks,
  programFile,
  replaced,
  runProgram,
  temporaryFolder,
} from '../support/code-blocks.ts'
import { Program, ROOT } from '../support/server.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const blocks = codeBlocks('docs/testing.md').filter(({ language }) => language !== 'text')
const [{ text: first }] = blocks
const IMPORTS = first.slice(0, first.indexOf('\n\n'))

const authority = new Authority()
const issued = authority.issue({ subject: 'server', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
const CERTIFICATES = writeFiles({
  '/etc/app/server.pem': issued.cert,
  '/etc/app/key.pem': issued.key,
  '/etc/app/ca.pem': authority.cert,
})

const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')

/** How each kind of block is run. */
const RUNS: Readonly<Record<string, (block: CodeBlock) => Promise<void>>> = {
  '': async ({ text }) => {
    const program = text.startsWith('import ') ? text : `${IMPORTS}\n${text}`
    const printed = await runProgram(replaced(program, { '/tmp/': `${temporaryFolder()}/`, ...CERTIFICATES }))
    const tests = text.match(/^test\(/gm)?.length
    expect(printed).toMatch(new RegExp(`^. pass ${tests}$`, 'm'))
    expect(printed).toMatch(/^. fail 0$/m)
  },
  vitest: async ({ text }) => {
    const path = programFile(text, 'orders.test.ts')
    symlinkSync(join(ROOT, 'node_modules'), join(dirname(path), 'node_modules'))
    const program = new Program(process.execPath, [VITEST, 'run', '--root', dirname(path)])
    onTestFinished(async () => {
      await program.stop('SIGKILL')
    })
    const { code } = await program.exit()
    expect(code, program.stdout + program.stderr).toBe(0)
    expect(program.stdout).toContain('2 passed')
  },
}

test('the page has its recipes', () => {
  expect(blocks.length).toBeGreaterThan(10)
  expect(blocks.filter(({ mark }) => mark !== '').map(({ mark }) => mark)).toEqual(['vitest', 'jest'])
})

for (const block of blocks) {
  if (block.mark === 'jest') continue // test/package.sh runs it
  test(`${block.heading}, line ${block.line}`, () => RUNS[block.mark](block))
}
