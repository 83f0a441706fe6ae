// Every block of code on a page is run by a test, or says why it is none to run.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type CodeBlock, codeBlocks } from '../support/code-blocks.ts'
import { ROOT } from '../support/server.ts'

const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path}`),
  ...readdirSync(join(ROOT, 'examples')).map((name) => `examples/${name}/README.md`),
]

/** Who runs the blocks of a page: a test file that names the page. */
const RUN_BY: readonly { readonly page: RegExp; readonly by: string; readonly only?: (block: CodeBlock) => boolean }[] =
  [
    { page: /^examples\//, by: 'test/examples/examples.test.ts' },
    {
      page: /^README\.md$/,
      by: 'test/examples/examples.test.ts',
      only: ({ heading }) => ['First messages', 'Users and TLS'].includes(heading),
    },
    { page: /^README\.md$/, by: 'test/package.sh', only: ({ heading }) => heading === 'Embed' },
    { page: /^docs\/client\.md$/, by: 'test/client/page.test.ts' },
    { page: /^docs\/embedding\.md$/, by: 'test/embedding/page.test.ts' },
    { page: /^docs\/http\.md$/, by: 'test/e2e/http-page.test.ts' },
    { page: /^docs\/security\.md$/, by: 'test/e2e/security-page.test.ts' },
    { page: /^docs\/testing\.md$/, by: 'test/test-kit/page.test.ts' },
    { page: /^docs\/(tuning|clusters|system|websocket|configuration)\.md$/, by: 'test/docs/pages.test.ts' },
  ]

/** Blocks that no test can run as they stand, and why. */
const NOT_RUN: readonly {
  readonly page: RegExp
  readonly only: (block: CodeBlock) => boolean
  readonly why: string
}[] = [
  { page: /./, only: ({ language }) => language === '' || language === 'text', why: 'a drawing, or output' },
  {
    page: /^README\.md$/,
    only: ({ heading }) => ['Heddle', 'Install'].includes(heading),
    why: 'they install: `.ci/run` and test/package.sh do what they do',
  },
  {
    page: /^README\.md$/,
    only: ({ heading }) => heading === 'Docker and systemd',
    why: 'they change the machine: test/deploy.sh tries the files that they name',
  },
  { page: /^docs\/monitoring\.md$/, only: ({ language }) => language === 'yaml', why: 'of Prometheus' },
]

const isCovered = (page: string, block: CodeBlock): boolean =>
  [...RUN_BY, ...NOT_RUN].some((each) => each.page.test(page) && (each.only?.(block) ?? true))

test('each block is run, or known as one that is not', () => {
  const others = PAGES.flatMap((page) =>
    codeBlocks(page).flatMap((block) => (isCovered(page, block) ? [] : [`${page}:${block.line} (${block.language})`])),
  )
  expect(others).toEqual([])
})

test.each(RUN_BY)('$by names the pages of which it runs blocks', ({ page, by }) => {
  const text = readFileSync(join(ROOT, by), 'utf8')
  for (const name of PAGES.filter((each) => page.test(each))) {
    expect(text).toContain(name.startsWith('examples/') ? 'examples/' : name)
  }
})

test.each(NOT_RUN)('there are blocks that are not run: $why', ({ page, only }) => {
  expect(PAGES.some((each) => page.test(each) && codeBlocks(each).some(only))).toBe(true)
})
