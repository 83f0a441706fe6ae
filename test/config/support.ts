// Configuration files of the tests, and how both servers are asked about them.

import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { diffOptions } from '../../src/config/changes.ts'
import { parseFlags, type RunCommand } from '../../src/config/flags.ts'
import { check, type Loaded, load, type Refused } from '../../src/config/load.ts'
import { readFile, type Surroundings } from '../../src/config/surroundings.ts'
import type { OptionName, Options } from '../../src/options/options.ts'

/** The folder that paths in the files start from. */
export const FILES = fileURLToPath(new URL('files', import.meta.url))

/** Variables that the files refer to. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  HEDDLE_TEST_PORT: '4333',
  HEDDLE_TEST_AUTH: '{user: a, pass: b}',
  HEDDLE_TEST_LOOP_A: '$HEDDLE_TEST_LOOP_B',
  HEDDLE_TEST_LOOP_B: '$HEDDLE_TEST_LOOP_A',
  HEDDLE_TEST_BAD: '[1',
}

/** `good/x.conf` for each file of a folder. */
export function filesIn(folder: 'good' | 'bad'): string[] {
  const names = readdirSync(`${FILES}/${folder}`).sort()
  return names.map((name) => `${folder}/${name}`)
}

/** What reading needs, with paths that start from a folder. */
export function surroundingsIn(folder: string, environment = ENVIRONMENT): Surroundings {
  return {
    // Complaints name the path as it was given.
    readFile: (path) => {
      try {
        return readFile(path.startsWith('/') ? path : `${folder}/${path}`)
      } catch (error) {
        throw new Error((error as Error).message.replace(`${folder}/`, ''))
      }
    },
    environment: (name) => environment[name],
  }
}

/**
 * What -t tells about a file, and how it exits. Heddle's lack of features is ignored, and what has no effect is told by
 * `checkNotices`.
 */
export async function checkFile(
  path: string,
  surroundings = surroundingsIn(FILES),
  ...flags: string[]
): Promise<{ code: number; stderr: string }> {
  const result = await check(
    parseFlags(['-t', '-c', path, '--ignore-unsupported', ...flags]) as RunCommand,
    surroundings,
  )
  if ('refused' in result) return { code: result.restart ? 3 : 1, stderr: `nats-server: ${result.refused}\n` }
  return { code: 0, stderr: result.valid.map((line) => `nats-server: ${line}\n`).join('') }
}

/** What -t says of a good file's keys that have no effect. */
export async function checkNotices(path: string, surroundings = surroundingsIn(FILES)): Promise<readonly string[]> {
  const result = await check(parseFlags(['-t', '-c', path, '--ignore-unsupported']) as RunCommand, surroundings)
  return 'refused' in result ? [] : result.notices
}

/** What a server that runs by the options in force makes of a reload: what changes, or why all of it is refused. */
export async function reloadOver(
  inForce: Options,
  command: RunCommand,
  surroundings: Surroundings,
): Promise<(Loaded & { readonly changes: readonly OptionName[] }) | Refused> {
  const loaded = await load(command, surroundings)
  if ('refused' in loaded) return loaded
  const { changes, refusal } = diffOptions(inForce, loaded.options)
  return refusal === undefined ? { ...loaded, changes } : { refused: refusal }
}
