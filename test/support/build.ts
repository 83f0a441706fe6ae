// Before all tests: what users run is built, if a source is newer than it (as heddle.sh finds out). Threads and
// processes that tests start are of the built files: they start in a third of the time.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BUILT = 'dist/src/main.cjs'
const SOURCES = ['src', 'workers', 'package.json', 'rolldown.config.ts']

export default function build(): void {
  const run = (command: string, args: readonly string[]) => execFileSync(command, args, { cwd: ROOT, encoding: 'utf8' })
  const isFresh = existsSync(`${ROOT}${BUILT}`) && run('find', [...SOURCES, '-newer', BUILT, '-print', '-quit']) === ''
  if (!isFresh) run('sh', ['src/build.sh', 'code'])
}
