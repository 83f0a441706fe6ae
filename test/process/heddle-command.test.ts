// src/heddle.sh: which files of the program it runs.

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ROOT } from '../support/server.ts'

/** A folder like the project's, whose programs say which they are. Times are in seconds. */
function project(times: Readonly<Record<string, number>>): string {
  const root = mkdtempSync(join(tmpdir(), 'heddle-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const folder of ['src', 'workers', 'dist/src']) mkdirSync(join(root, folder), { recursive: true })
  for (const script of ['heddle.sh', 'node.sh']) copyFileSync(join(ROOT, 'src', script), join(root, 'src', script))
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  for (const name of Object.keys(times)) writeFileSync(join(root, name), `process.stdout.write('${name}')\n`)
  for (const name of ['package.json', 'src/heddle.sh', 'src/node.sh', 'src', 'workers'])
    utimesSync(join(root, name), 1, 1)
  for (const [name, time] of Object.entries(times)) utimesSync(join(root, name), time, time)
  return root
}

function run(root: string): string {
  const env = { ...process.env, PATH: `${join(process.execPath, '..')}:${process.env['PATH']}`, NODE_COMPILE_CACHE: '' }
  return execFileSync('sh', [join(root, 'src', 'heddle.sh')], { encoding: 'utf8', env })
}

test.each([
  ['a package', { 'dist/src/main.cjs': 2 }, 'dist/src/main.cjs'],
  ['a checkout that was built', { 'src/main.ts': 1, 'dist/src/main.cjs': 2 }, 'dist/src/main.cjs'],
  ['a checkout that was not built', { 'src/main.ts': 1 }, 'src/main.ts'],
  ['a checkout with a newer source', { 'src/main.ts': 1, 'workers/a.ts': 3, 'dist/src/main.cjs': 2 }, 'src/main.ts'],
  ['a checkout where a source was removed', { 'src/main.ts': 1, src: 3, 'dist/src/main.cjs': 2 }, 'src/main.ts'],
])('%s runs', (_, times, expected) => {
  const { src, ...files } = times as Record<string, number>
  const root = project(files)
  if (src !== undefined) utimesSync(join(root, 'src'), src, src)
  expect(run(root)).toBe(expected)
})
