// docs/embedding.md, and what docs/security.md has of programs: the code blocks are run as they stand there.

import { expect, test } from 'vitest'
import { codeBlocks, promised, runProgram } from '../support/code-blocks.ts'

const inSecurity = codeBlocks('docs/security.md').filter(({ language }) => language === 'ts')
const blocks = [...codeBlocks('docs/embedding.md'), ...inSecurity]

test('all blocks are programs', () => {
  expect(blocks.length).toBeGreaterThan(7)
  for (const { language, text } of blocks) expect(`${language}: ${text}`).toMatch(/^ts: import \{ createServer/)
  expect(blocks.flatMap(({ text }) => promised(text)).length).toBeGreaterThan(10)
})

for (const { heading, line, text } of blocks) {
  test(`${heading}, line ${line}`, async () => {
    const said = await runProgram(text)
    for (const promise of promised(text)) expect(said).toContain(promise)
  })
}
