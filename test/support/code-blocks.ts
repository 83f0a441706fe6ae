// Code blocks of a page, and their run as programs of their own.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { Program, ROOT } from './server.ts'

export interface CodeBlock {
  readonly language: string
  /** Of the first line of its text, in the page. */
  readonly line: number
  /** The heading above it. */
  readonly heading: string
  /** What `<!-- server: NAME -->` or `<!-- runner: NAME -->` in front of it says; else empty. */
  readonly mark: string
  readonly text: string
}

/** The blocks of a page between fences. */
export function codeBlocks(path: string): CodeBlock[] {
  const lines = readFileSync(join(ROOT, path), 'utf8').split('\n')
  const blocks: CodeBlock[] = []
  let heading = ''
  let mark = ''
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]
    if (line.startsWith('#')) heading = line.replace(/^#+ /, '')
    const named = /^<!-- (?:server|runner): (\w+) -->$/.exec(line)
    if (named !== null) mark = named[1]
    if (!line.startsWith('```')) continue
    const end = lines.indexOf('```', i + 1)
    if (end < 0) throw new Error(`${path}:${i + 1}: a block without end`)
    blocks.push({ language: line.slice(3), line: i + 2, heading, mark, text: lines.slice(i + 1, end).join('\n') })
    mark = ''
    i = end
  }
  return blocks
}

/** What programs import, and where it is: the package is run from its sources. */
const IMPORTS: Readonly<Record<string, string>> = {
  heddle: join(ROOT, 'src/index.ts'),
  'heddle/client': join(ROOT, 'src/client/index.ts'),
  'heddle/nats-core': join(ROOT, 'src/nats-core/index.ts'),
  'heddle/test': join(ROOT, 'src/test-kit/index.ts'),
  ...Object.fromEntries(
    ['jetstream', 'kv', 'nats-core', 'obj', 'transport-node']
      .map((name) => `@nats-io/${name}`)
      .map((name) => [name, fileURLToPath(import.meta.resolve(name))]),
  ),
}

/** `text` with each key in it replaced by its value. */
export function replaced(text: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce((result, [from, to]) => result.replaceAll(from, to), text)
}

/** A folder for the test that calls this. */
export function temporaryFolder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'heddle-block-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A program in a folder of its own, for the test that calls this; what it imports is found. Answers its path. */
export function programFile(text: string, name = 'program.mts'): string {
  const imports = Object.entries(IMPORTS).map(([from, to]) => [`'${from}'`, `'${to}'`] as const)
  const path = join(temporaryFolder(), name)
  writeFileSync(path, replaced(text, Object.fromEntries(imports)))
  return path
}

/** Runs it by Node; it has to end well, without a word on stderr. Answers what it printed. */
export async function runProgram(text: string): Promise<string> {
  const running = new Program(process.execPath, [programFile(text)])
  onTestFinished(async () => {
    await running.stop('SIGKILL')
  })
  const { code } = await running.exit()
  expect(running.stderr).toBe('')
  expect(code, running.stdout).toBe(0)
  return running.stdout
}

/** What `console.log(…) // text` in a program promises, in an object too: `console.info(…), // text`. */
export function promised(text: string): string[] {
  return [...text.matchAll(/console\.\w+\(.*\),? \/\/ (.*)$/gm)].map(([, said]) => said)
}
