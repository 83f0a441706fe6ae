// Certificates and keys in files, for the tests of a file.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll } from 'vitest'

const directories: string[] = []
afterAll(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

/** Files in a directory of their own, removed after the tests of the file. Answers their paths. */
export function writeFiles<Name extends string>(contents: Record<Name, string>): Record<Name, string> {
  const directory = mkdtempSync(join(tmpdir(), 'heddle-tls-'))
  directories.push(directory)
  const paths = {} as Record<Name, string>
  for (const name of Object.keys(contents) as Name[]) {
    paths[name] = join(directory, basename(name))
    writeFileSync(paths[name], contents[name])
  }
  return paths
}
